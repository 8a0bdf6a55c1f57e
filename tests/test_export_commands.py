"""A voice becomes one file from the command line, or one line says why not."""

from collections.abc import Callable
from pathlib import Path

import pytest

from toktts import TextToSpeechSynthesizer
from toktts.models.fastspeech2 import FastSpeech2
from toktts.models.toknar import Toknar
from toktts.tokens import build_tokenizer

Run = Callable[..., tuple[int, str, str]]


def saved(model: Toknar | FastSpeech2, folder: Path) -> Path:
    model.save_pretrained(folder)
    build_tokenizer("bytes").save_pretrained(folder)
    return folder


def test_a_voice_speaks_from_the_one_file_it_was_exported_to(tmp_path: Path, run: Run) -> None:
    voice, file = saved(Toknar.tiny(), tmp_path / "voice"), tmp_path / "TTS.safetensors"
    code, out, _ = run("export-synthesizer", voice, file)
    assert (code, out.split()[-1]) == (0, str(file))
    assert TextToSpeechSynthesizer(file, md5=out.split()[1]).synthesize_from_text("hi").shape[1] > 0
    message = f"toktts: error: {file}: exists already; choose another name, or replace it with --force\n"
    assert run("export-synthesizer", voice, file)[::2] == (2, message)


@pytest.mark.medium
def test_only_fastspeech2_is_exported_as_onnx(tmp_path: Path, run: Run) -> None:
    pytest.importorskip("onnx")
    assert run("export-onnx", saved(FastSpeech2.tiny(), tmp_path / "one"), tmp_path / "one.onnx")[0] == 0
    assert (tmp_path / "one.onnx").stat().st_size > 1000
    code, _, error = run("export-onnx", saved(Toknar.tiny(), tmp_path / "other"), tmp_path / "other.onnx")
    last = error.splitlines()[-1]
    assert (code, last) == (
        2,
        f"toktts: error: {tmp_path / 'other'}: is a toknar voice; only fastspeech2 can be exported",
    )
    assert not (tmp_path / "other.onnx").exists()
