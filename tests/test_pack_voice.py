"""A run folder becomes the voice that comes with the package: small, complete, and silent about its machine."""

import importlib.machinery
import importlib.util
import json
import shutil
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

import toktts
from toktts.codecs import load_codec, refer_to_bundled
from toktts.errors import CodecError, ModelError
from toktts.inference.loading import load_model
from toktts.models.toknar import Toknar, ToknarConfig
from toktts.tokens import build_tokenizer

SMALL = {"hidden_size": 32, "num_attention_heads": 2, "encoder_layers": 1, "intermediate_size": 32}
SMALL |= {"decoder_layers": 1, "decoder_intermediate_size": 32, "fine_layers": 1, "max_frames_per_unit": 8}


@pytest.fixture(scope="module")
def packing(root: Path) -> ModuleType:
    """`scripts/pack_voice`, imported."""
    loader = importlib.machinery.SourceFileLoader("pack_voice", str(root / "scripts" / "pack_voice"))
    spec = importlib.util.spec_from_loader("pack_voice", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run with the bundled codec, as training leaves it."""
    folder = tmp_path_factory.mktemp("runs") / "mine"
    torch.manual_seed(0)
    tokenizer = build_tokenizer("phonemes", lexicon={"toktts": "T AA1 K"})
    model = Toknar(ToknarConfig(text_vocab_size=len(tokenizer), **SMALL)).eval()
    model.attach_codec(load_codec("bundled")).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "config.yaml").write_text(
        f"text: {{normalizer: basic}}\ndata: {{path: {folder}}}\ntraining: {{output_dir: {folder}}}\n", encoding="utf-8"
    )
    (folder / "checkpoints" / "checkpoint-1").mkdir(parents=True)
    (folder / "trainer_state.json").write_text("{}", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def packed(packing: ModuleType, run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("package") / "assets" / "voice"
    packing.pack(run, out)
    return out


def test_it_holds_what_speaking_needs_and_nothing_else(packed: Path) -> None:
    names = {path.relative_to(packed).as_posix() for path in packed.rglob("*") if path.is_file()}
    assert names == {
        "codec/codec.json",
        "config.json",
        "config.yaml",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    assert (packed / "config.yaml").read_text(encoding="utf-8") == "text:\n  normalizer: basic\n"
    assert json.loads((packed / "config.json").read_text(encoding="utf-8"))["dtype"] == "float32"
    assert {path.stat().st_mode & 0o777 for path in packed.rglob("*") if path.is_file()} == {0o644}


def test_nothing_in_it_names_a_place(packed: Path, run: Path) -> None:
    for path in packed.rglob("*"):
        if path.is_file():
            assert str(run).encode() not in path.read_bytes()
            assert b"/home" not in path.read_bytes()


def test_the_file_is_in_half_precision_and_every_loader_gives_single(packed: Path, run: Path) -> None:
    halved = load_file(packed / "model.safetensors")
    assert {tensor.dtype for tensor in halved.values()} == {torch.float16}
    models = [
        load_model(packed),
        transformers.AutoModelForTextToWaveform.from_pretrained(packed),
        transformers.AutoModelForTextToWaveform.from_pretrained(packed, dtype="auto"),
        transformers.pipeline("text-to-speech", model=str(packed)).model,
        toktts.pipeline(packed).model,
    ]
    for model in models:
        for name, parameter in model.state_dict().items():
            assert parameter.dtype == torch.float32
            assert torch.equal(parameter, halved[name].float())
    original = load_file(run / "model.safetensors")
    assert all(torch.equal(original[name].half(), tensor) for name, tensor in halved.items())


def test_another_precision_is_given_to_whoever_names_it(packed: Path) -> None:
    model = transformers.AutoModelForTextToWaveform.from_pretrained(packed, dtype=torch.float16)
    assert model.dtype == torch.float16


def test_single_precision_does_not_hang_on_what_the_config_says(packed: Path, tmp_path: Path) -> None:
    shutil.copytree(packed, tmp_path / "voice")
    file = tmp_path / "voice" / "config.json"
    for dtype in ({}, {"dtype": "float16"}):
        facts = json.loads((packed / "config.json").read_text(encoding="utf-8"))
        del facts["dtype"]
        file.write_text(json.dumps(facts | dtype), encoding="utf-8")
        assert load_model(tmp_path / "voice").dtype == torch.float32
        stock = transformers.pipeline("text-to-speech", model=str(tmp_path / "voice"))
        assert stock.model.dtype == torch.float32


def test_it_speaks_as_the_run_with_rounded_weights_does(packed: Path, run: Path) -> None:
    rounded = load_model(run)
    rounded.load_state_dict({name: tensor.half().float() for name, tensor in rounded.state_dict().items()})
    spoken = toktts.pipeline(rounded)("Hello.")["audio"]
    np.testing.assert_array_equal(toktts.pipeline(packed)("Hello.")["audio"], spoken)
    stock = transformers.pipeline("text-to-speech", model=str(packed))("Hello.")["audio"]
    np.testing.assert_array_equal(stock, spoken)


def test_it_refers_to_the_bundled_codec(packed: Path) -> None:
    facts = json.loads((packed / "codec" / "codec.json").read_text(encoding="utf-8"))
    assert facts == {"codec": "bundled", "identity": load_codec("bundled").identity}
    assert load_model(packed).codec.identity == facts["identity"]


def test_a_voice_saved_again_carries_its_codec(packed: Path, packing: ModuleType, tmp_path: Path, root: Path) -> None:
    model = load_model(packed)
    assert model.codec.n_codebooks == 2
    model.save_pretrained(tmp_path)
    assert packing._same_codec(tmp_path / "codec", root / "toktts/assets/codec")


def test_a_codec_that_was_trained_on_is_copied(packing: ModuleType, run: Path, tmp_path: Path) -> None:
    tuned = tmp_path / "tuned"
    shutil.copytree(run, tuned)
    weights = load_file(tuned / "codec" / "model.safetensors")
    weights["vocoder.norm.weight" if "vocoder.norm.weight" in weights else sorted(weights)[-1]] *= 0.5
    save_file(weights, tuned / "codec" / "model.safetensors")
    packing.pack(tuned, tmp_path / "voice", limit_bytes=2**25)
    assert json.loads((tmp_path / "voice/codec/codec.json").read_text(encoding="utf-8"))["codec"] == "melrvq"
    with pytest.raises(ModelError, match=r"takes [\d,]+ bytes, at most [\d,]+ are free; train a smaller model"):
        packing.pack(tuned, tmp_path / "voice", limit_bytes=2**23)


def test_packing_again_keeps_the_card_and_gives_the_same_bytes(
    packing: ModuleType, packed: Path, run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "voice"
    shutil.copytree(packed, out)
    (out / "CARD.md").write_text("# Card\n", encoding="utf-8")
    (out / "special_tokens_map.json").write_text("{}", encoding="utf-8")
    packing.pack(run, out)
    assert (out / "CARD.md").read_text(encoding="utf-8") == "# Card\n"
    assert not (out / "special_tokens_map.json").exists()
    assert packing.card_rows(out) == packing.card_rows(packed)
    assert packing.card_rows(out)[0].startswith("| codec/codec.json | sha256 ")
    assert list(tmp_path.iterdir()) == [out]


def test_a_folder_of_other_things_is_left_alone(packing: ModuleType, run: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years", encoding="utf-8")
    with pytest.raises(ModelError, match=r"holds thesis\.txt, which is not of a packed voice; name another folder"):
        packing.pack(run, tmp_path)
    with pytest.raises(ModelError, match="is not of a packed voice; name another folder"):
        packing.pack(run, tmp_path / "thesis.txt")
    assert (tmp_path / "thesis.txt").read_text(encoding="utf-8") == "years"


def test_weights_beyond_half_precision_are_named(packing: ModuleType, run: Path, tmp_path: Path) -> None:
    loud = tmp_path / "loud"
    shutil.copytree(run, loud)
    weights = load_file(loud / "model.safetensors")
    weights["durations.0.bias"][0] = 1e6
    save_file(weights, loud / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"durations\.0\.bias is beyond what half precision holds; train with weight"):
        packing.pack(loud, tmp_path / "voice")
    assert not (tmp_path / "voice").exists()


def test_a_run_that_is_not_finished_is_refused(packing: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with pytest.raises(ModelError, match=r"holds no model\.safetensors"):
        packing.pack(tmp_path / "run", tmp_path / "voice")


def test_a_reference_to_another_codec_is_refused(tmp_path: Path) -> None:
    refer_to_bundled(tmp_path)
    assert load_codec(tmp_path).identity == load_codec("bundled").identity
    (tmp_path / "codec.json").write_text('{"codec": "bundled", "identity": "melrvq-1-old"}', encoding="utf-8")
    with pytest.raises(
        CodecError,
        match=r"codec.json identity: wants the codec 'melrvq-1-old', this version of toktts holds 'melrvq-1-\w{16}'; "
        "use the version of toktts that the voice was made with",
    ):
        load_codec(tmp_path)
