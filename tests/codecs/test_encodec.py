import json
import shutil
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import DacConfig, DacModel, EncodecConfig, EncodecModel, GPT2Config, GPT2Model, MimiConfig, MimiModel

from toktts.audio import Waveform
from toktts.codecs._random_encodec import random_encodec, small_config, tiny_config
from toktts.codecs.encodec import HuggingFaceCodec
from toktts.errors import CodecError

CODEC = HuggingFaceCodec.tiny()


def noise(n_samples: int, *, batch: int = 1, sampling_rate: int = 24_000) -> Waveform:
    samples = torch.rand(batch, n_samples, generator=torch.Generator().manual_seed(n_samples)) - 0.5
    return Waveform(samples, sampling_rate)


def tiny_dac() -> HuggingFaceCodec:
    """At 24 kHz and a hop of 320, as descript/dac_24khz: the stride of 5 makes its decoder a few samples short."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = DacConfig(
            encoder_hidden_size=4,
            decoder_hidden_size=32,
            downsampling_ratios=[2, 4, 5, 8],
            n_codebooks=3,
            codebook_size=16,
            sampling_rate=24_000,
        )
        return HuggingFaceCodec(DacModel(config))


def tiny_mimi() -> HuggingFaceCodec:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = MimiConfig(
            num_filters=2,
            hidden_size=32,
            codebook_size=16,
            codebook_dim=8,
            vector_quantization_hidden_dimension=8,
            num_quantizers=4,
            num_hidden_layers=1,
            num_attention_heads=2,
            num_key_value_heads=2,
            intermediate_size=32,
            upsample_groups=32,
            sliding_window=50,
        )
        model = MimiModel(config)
        for key, buffer in model.named_buffers():
            if key.endswith("embed_sum"):
                buffer.normal_()
        return HuggingFaceCodec(model)


@settings(max_examples=25)
@given(st.integers(8 * 320, 60_000))
def test_padding_to_whole_seconds_leaves_the_codes_as_padding_to_whole_frames(n_samples: int) -> None:
    """From 8 frames on: EnCodec's 7-wide reflection at the start lets shorter clips see behind their end."""
    clip = noise(n_samples)
    n_frames = CODEC.n_frames(n_samples)
    framed = torch.nn.functional.pad(clip.samples, (0, n_frames * 320 - n_samples))
    with torch.inference_mode():
        expected = CODEC._model.encode(framed[:, None], bandwidth=0.6).audio_codes[0]
    assert torch.equal(CODEC.encode(clip), expected)


def test_the_model_sees_whole_seconds_only() -> None:
    """Every length has its own plan in oneDNN's cache; that grew by hundreds of megabytes over a corpus."""
    codec = HuggingFaceCodec(random_encodec(tiny_config(), seed=0))
    seen = set()
    codec._model.encoder.register_forward_pre_hook(lambda _, inputs: seen.add(inputs[0].shape[-1]))
    codec._model.decoder.register_forward_pre_hook(lambda _, inputs: seen.add(inputs[0].shape[-1] * 320))
    for n_samples in range(1, 48_001, 4000):
        codec.decode(codec.encode(noise(n_samples)))
    assert seen == {24_000, 48_000}


@pytest.mark.parametrize("build", [tiny_dac, tiny_mimi])
def test_dac_and_mimi_keep_the_laws_of_length_and_batch(build: type) -> None:
    codec: HuggingFaceCodec = build()
    lengths = [codec.sampling_rate, 5000, codec.hop_length, 0]
    batch = Waveform(noise(lengths[0], batch=4).samples, codec.sampling_rate, torch.tensor(lengths))
    codes = codec.encode(batch)
    assert codes.shape == (4, codec.n_codebooks, codec.n_frames(lengths[0]))
    assert len(codes.unique()) > 4
    counts = torch.tensor([codec.n_frames(length) for length in lengths])
    sound = codec.decode(codes, n_frames=counts)
    assert sound.row_lengths.tolist() == (counts * codec.hop_length).tolist()
    for row, count, clip, one_sound in zip(codes, counts.tolist(), batch, sound, strict=True):
        alone = codec.encode(clip)
        assert torch.equal(row[None, :, :count], alone)
        assert torch.allclose(one_sound.samples, codec.decode(alone).samples, atol=1e-5)


@pytest.mark.parametrize(("build", "frame_rate", "n_codebooks"), [(tiny_dac, 75.0, 3), (tiny_mimi, 12.5, 4)])
def test_dac_and_mimi_have_the_rates_of_their_papers(build: type, frame_rate: float, n_codebooks: int) -> None:
    codec: HuggingFaceCodec = build()
    assert (codec.frame_rate, codec.n_codebooks) == (frame_rate, n_codebooks)


def test_one_and_a_half_kbps_are_two_codebooks_of_encodec() -> None:
    """75 frames/s x 10 bits = 0.75 kbps a codebook."""
    model = EncodecModel(small_config())
    assert HuggingFaceCodec(model).n_codebooks == 2
    assert HuggingFaceCodec(model, bandwidth_kbps=3.0).n_codebooks == 4


def test_any_bandwidth_below_the_largest_gives_whole_codebooks_of_mimi() -> None:
    """12.5 frames/s x 4 bits = 0.05 kbps a codebook."""
    model = tiny_mimi()._model
    assert HuggingFaceCodec(model, bandwidth_kbps=0.1).n_codebooks == 2
    codec = HuggingFaceCodec(model, bandwidth_kbps=0.12)
    assert codec.n_codebooks == 2
    assert codec.encode(noise(24_000)).shape[1] == 2


@pytest.mark.parametrize("kbps", [0.04, 0.3, -1.0, float("nan")])
def test_a_bandwidth_that_mimi_does_not_have_is_refused(kbps: float) -> None:
    with pytest.raises(CodecError, match=r"no \S+ kbps; choose 0.05 to 0.2, in steps of 0.05"):
        HuggingFaceCodec(tiny_mimi()._model, bandwidth_kbps=kbps)


def test_a_bandwidth_that_encodec_was_not_trained_for_is_refused() -> None:
    with pytest.raises(CodecError, match="no 2 kbps; choose 1.5, 3") as caught:
        HuggingFaceCodec(EncodecModel(small_config()), bandwidth_kbps=2.0)
    assert caught.value.key == "codec.bandwidth_kbps"


def test_codebooks_without_content_are_refused() -> None:
    codec = HuggingFaceCodec(EncodecModel(tiny_config()))
    with pytest.raises(CodecError, match="codebooks are all zero"):
        codec.encode(noise(1000))


@pytest.mark.parametrize("change", [{"audio_channels": 2}, {"normalize": True}, {"chunk_length_s": 1.0}])
def test_codecs_whose_codes_alone_do_not_give_the_sound_back_are_refused(change: dict[str, object]) -> None:
    """EnCodec 48 kHz is stereo, normalised and chunked."""
    config = EncodecConfig(**(tiny_config().to_dict() | change))
    with pytest.raises(CodecError, match="use a .*as facebook/encodec_24khz"):
        HuggingFaceCodec(EncodecModel(config))


def test_weights_that_give_no_finite_sound_are_reported() -> None:
    codec = HuggingFaceCodec(random_encodec(tiny_config(), seed=0))
    codec._model.decoder.layers[0].conv.bias.data.fill_(float("nan"))
    with pytest.raises(CodecError, match="decoded sound is not finite"):
        codec.decode(torch.zeros(1, 2, 3, dtype=torch.long))


def test_identity_follows_weights_bandwidth_and_revision_but_not_the_folder(tmp_path: Path) -> None:
    model = random_encodec(small_config(), seed=0)
    codec = HuggingFaceCodec(model)
    for folder in ("one", "two"):
        codec.save_pretrained(tmp_path / folder)
        assert HuggingFaceCodec.from_pretrained(tmp_path / folder).identity == codec.identity
    others = [
        HuggingFaceCodec(model, bandwidth_kbps=3.0),
        HuggingFaceCodec(model, name="a/b", revision="0" * 40),
        HuggingFaceCodec(random_encodec(small_config(), seed=1)),
    ]
    assert len({codec.identity, *(other.identity for other in others)}) == 4


def test_name_revision_and_bandwidth_survive_saving(tmp_path: Path) -> None:
    model = random_encodec(small_config(), seed=0)
    HuggingFaceCodec(model, bandwidth_kbps=3.0, name="a/b", revision="0" * 40).save_pretrained(tmp_path)
    loaded = HuggingFaceCodec.from_pretrained(tmp_path)
    assert (loaded.name, loaded.revision, loaded.bandwidth_kbps) == ("a/b", "0" * 40, 3.0)
    assert HuggingFaceCodec.from_pretrained(tmp_path, bandwidth_kbps=1.5).n_codebooks == 2


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    CODEC._model.save_pretrained(tmp_path)
    return tmp_path


def edit_config(folder: Path, **fields: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | fields), encoding="utf-8")


@pytest.mark.parametrize("field", ["auto_map", "trust_remote_code", "_attn_implementation_internal"])
def test_a_config_that_asks_to_run_code_is_refused_and_names_the_field(saved: Path, field: str) -> None:
    edit_config(saved, **{field: {"AutoModel": "evil.Model"}})
    with pytest.raises(CodecError, match="asks to run code") as caught:
        HuggingFaceCodec.from_pretrained(saved)
    assert caught.value.key == field


def test_pickled_weights_are_never_opened(saved: Path) -> None:
    (saved / "model.safetensors").unlink()
    (saved / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'touch hacked'\ntR.")
    with pytest.raises(CodecError, match="is a pickle, which can run code") as caught:
        HuggingFaceCodec.from_pretrained(saved)
    assert caught.value.file == str(saved / "pytorch_model.bin")


@pytest.mark.parametrize("kept", [0, 100, 5000])
def test_truncated_weights_are_refused(saved: Path, kept: int) -> None:
    weights = saved / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:kept])
    with pytest.raises(CodecError, match="cannot be loaded"):
        HuggingFaceCodec.from_pretrained(saved)


def test_missing_weights_are_counted_instead_of_drawn_at_random(saved: Path) -> None:
    """Transformers only warns, and goes on with random ones."""
    edit_config(saved, num_residual_layers=2)
    with pytest.raises(CodecError, match=r"lacks \d+ weights, first '|cannot be loaded"):
        HuggingFaceCodec.from_pretrained(saved)


def test_a_text_model_is_no_codec(tmp_path: Path) -> None:
    GPT2Model(GPT2Config(n_layer=1, n_embd=8, n_head=1, vocab_size=10)).save_pretrained(tmp_path)
    with pytest.raises(CodecError, match="holds a 'gpt2', not an audio codec; use EnCodec, DAC or Mimi"):
        HuggingFaceCodec.from_pretrained(tmp_path)


def test_an_empty_folder_is_no_codec(tmp_path: Path) -> None:
    with pytest.raises(CodecError, match="holds no codec.json and no config.json"):
        HuggingFaceCodec.from_pretrained(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"model_type": "no_such_model"}'])
def test_a_broken_config_is_one_line(saved: Path, text: str) -> None:
    (saved / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(CodecError) as caught:
        HuggingFaceCodec.from_pretrained(saved)
    assert len(caught.value.one_line().splitlines()) == 1


def test_a_folder_saved_by_transformers_alone_is_a_codec(saved: Path) -> None:
    loaded = HuggingFaceCodec.from_pretrained(saved)
    assert not (saved / "codec.json").exists()
    assert loaded.identity == CODEC.identity
    shutil.rmtree(saved)
    clip = noise(4000)
    assert torch.equal(loaded.encode(clip), CODEC.encode(clip))
