"""One file speaks: text, phonemes, durations to the frame, and nothing that was altered."""

import hashlib
import json
import subprocess
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from toktts.codecs.griffin_lim import GriffinLim
from toktts.errors import ModelError, TextError
from toktts.inference.synthesizer import (
    TextToSpeechSynthesizer,
    checkpoint_metadata,
    export_synthesizer,
)
from toktts.models import ToktsModel
from toktts.models.fastspeech2 import FastSpeech2
from toktts.models.nonattentive import NonAttentive, NonAttentiveConfig
from toktts.models.tokar import Tokar
from toktts.models.toknar import Toknar
from toktts.tokens import build_tokenizer

HELLO = ["HH", "AH0", "L", "OW1", "pau"]
SPARTA = ["DH", "IH1", "S", "pau", "IH1", "Z", "pau", "S", "P", "AA1", "AA1", "AA1", "AA1", "R", "T", "AH0"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    tokenizer, codec = build_tokenizer("phonemes"), GriffinLim.tiny()
    tiny = NonAttentive.tiny().config.to_dict() | {"text_vocab_size": len(tokenizer), "text_limit": 600}
    torch.manual_seed(0)
    options = {name: value for name, value in tiny.items() if hasattr(NonAttentiveConfig, name)}
    NonAttentive(NonAttentiveConfig(**options)).attach_codec(codec).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def file(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("file") / "TTS.safetensors"
    export_synthesizer(run, path)
    return path


@pytest.fixture(scope="module")
def speaker(file: Path) -> TextToSpeechSynthesizer:
    return TextToSpeechSynthesizer(file)


def test_phonemes_with_durations_give_exactly_their_frames(speaker: TextToSpeechSynthesizer) -> None:
    durations = [3, 0, 7, 12, 4]
    audio = speaker.synthesize_from_phonemes(HELLO, durations)
    assert audio.dtype == torch.float32
    assert audio.shape == (1, sum(durations) * 64)
    assert float(audio.abs().max()) <= 1.0


def test_phonemes_alone_and_text_are_spoken_as_long_as_the_model_says(speaker: TextToSpeechSynthesizer) -> None:
    for audio in (speaker.synthesize_from_phonemes(SPARTA), speaker.synthesize_from_text("This is Sparta!")):
        assert audio.dtype == torch.float32
        assert audio.shape[0] == 1
        assert audio.shape[1] > 0
        assert audio.shape[1] % 64 == 0


def test_four_hundred_phonemes_are_neither_refused_nor_cut(speaker: TextToSpeechSynthesizer) -> None:
    durations = [3] * 400
    assert speaker.synthesize_from_phonemes((SPARTA * 25)[:400], durations).shape == (1, 1200 * 64)


def test_a_file_and_the_run_it_was_made_of_speak_alike(run: Path, speaker: TextToSpeechSynthesizer) -> None:
    folder = TextToSpeechSynthesizer(run)
    assert folder.sampling_rate == speaker.sampling_rate == 8000
    assert folder.phonemes == speaker.phonemes
    assert torch.equal(folder.synthesize_from_text("hello"), speaker.synthesize_from_text("hello"))


def test_the_header_says_what_the_voice_is(file: Path, speaker: TextToSpeechSynthesizer) -> None:
    with safe_open(file, framework="pt") as opened:
        header = opened.metadata()
    assert json.loads(header["vocabulary"]) == speaker.phonemes
    assert json.loads(header["config"])["model_type"] == "nonattentive"
    assert json.loads(header["codec"])["mel"]["hop_length"] == 64


def test_the_digest_is_the_one_that_md5sum_checks(file: Path) -> None:
    metadata = checkpoint_metadata(file)
    assert len(metadata.md5) == 32
    assert metadata.link == file.resolve().as_uri()
    subprocess.run(["md5sum", "--check", f"{file.name}.md5"], cwd=file.parent, check=True, capture_output=True)


def test_an_altered_byte_is_refused_in_one_line(file: Path, tmp_path: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-5] ^= 1
    altered = tmp_path / file.name
    altered.write_bytes(content)
    (tmp_path / f"{file.name}.md5").write_bytes((file.parent / f"{file.name}.md5").read_bytes())
    for check in (TextToSpeechSynthesizer, checkpoint_metadata):
        with pytest.raises(ModelError, match=r"has md5 [0-9a-f]{32}, expected [0-9a-f]{32}; it was altered") as caught:
            check(altered)
        assert len(caught.value.one_line().splitlines()) == 1
    with pytest.raises(ModelError, match="it was altered"):
        TextToSpeechSynthesizer(file, md5="0" * 32)


def test_a_file_without_its_digest_wants_it_or_its_value(file: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone.safetensors"
    alone.write_bytes(file.read_bytes())
    with pytest.raises(ModelError, match=r"has no alone\.safetensors\.md5 beside it; copy that too, or pass its md5"):
        TextToSpeechSynthesizer(alone)
    assert TextToSpeechSynthesizer(alone, md5=checkpoint_metadata(file).md5).sampling_rate == 8000


def test_files_of_another_kind_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such file; write it with export_synthesizer, or name a run folder"):
        TextToSpeechSynthesizer(tmp_path / "none.safetensors")
    other = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(2)}, other)
    md5 = hashlib.md5(other.read_bytes()).hexdigest()
    with pytest.raises(ModelError, match="is not of the format toktts-synthesizer-1; write it with"):
        TextToSpeechSynthesizer(other, md5=md5)
    with pytest.raises(ModelError, match=r"holds no config\.json; name a run folder of a finished training"):
        export_synthesizer(tmp_path, tmp_path / "x.safetensors")


def test_a_header_that_names_files_elsewhere_is_refused(tmp_path: Path) -> None:
    evil = tmp_path / "evil.safetensors"
    files = json.dumps({"../outside.txt": "x"})
    save_file(
        {"model.safetensors:w": torch.zeros(1)}, evil, metadata={"format": "toktts-synthesizer-1", "files": files}
    )
    with pytest.raises(ModelError, match=r"names a file '\.\./outside\.txt' outside of its folder; do not use it"):
        TextToSpeechSynthesizer(evil, md5=hashlib.md5(evil.read_bytes()).hexdigest())


@pytest.mark.parametrize(
    ("phonemes", "durations", "error", "message"),
    [
        ([], None, TextError, "phonemes must be a list with at least one symbol"),
        ("HH AY1", None, TextError, "phonemes must be a list with at least one symbol"),
        (["HH", "AY4"], None, TextError, "no phoneme 'AY4', number 2; the nearest one is 'AY"),
        (["HH", "AY1"], [3], ModelError, "durations: are 1 for 2 phonemes; give one each"),
        (["HH", "AY1"], [3, -1], ModelError, "durations: must be whole numbers of frames, 0 or more"),
        (["HH", "AY1"], [3, 1.5], ModelError, "durations: must be whole numbers of frames, 0 or more"),
        (["HH", "AY1"], [0, 0], ModelError, "durations: are all 0; give at least one frame"),
    ],
)
def test_what_cannot_be_said_is_refused(
    speaker: TextToSpeechSynthesizer, phonemes: list[str], durations: list[int] | None, error: type, message: str
) -> None:
    with pytest.raises(error, match=message):
        speaker.synthesize_from_phonemes(phonemes, durations)


@pytest.mark.parametrize("family", [FastSpeech2, Toknar])
def test_one_file_of_any_family_that_takes_durations_is_told_them(family: type[ToktsModel], tmp_path: Path) -> None:
    tiny, tokenizer = family.tiny(), build_tokenizer("phonemes")
    sizes = tiny.config.to_dict() | {"text_vocab_size": len(tokenizer)}
    torch.manual_seed(0)
    known = {name: value for name, value in sizes.items() if hasattr(family.config_class, name)}
    family(family.config_class(**known)).attach_codec(tiny.codec).save_pretrained(tmp_path / "run")
    tokenizer.save_pretrained(tmp_path / "run")
    export_synthesizer(tmp_path / "run", tmp_path / "TTS.safetensors")
    speaker = TextToSpeechSynthesizer(tmp_path / "TTS.safetensors")
    for durations in ([3, 0, 7, 12, 4], [40] * 5):
        audio = speaker.synthesize_from_phonemes(HELLO, durations)
        assert audio.shape == (1, sum(durations) * tiny.config.codec_hop_length)


def test_a_family_that_chooses_its_durations_says_which_does_not(tmp_path: Path) -> None:
    Tokar.tiny().save_pretrained(tmp_path)
    build_tokenizer("phonemes").save_pretrained(tmp_path)
    message = "durations: tokar chooses its own; leave them out, or use a nonattentive, fastspeech2 or toknar voice"
    with pytest.raises(ModelError, match=f"^{message}$"):
        TextToSpeechSynthesizer(tmp_path).synthesize_from_phonemes(["HH", "AY1"], [3, 4])
