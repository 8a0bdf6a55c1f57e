"""Which voice speaks where none is named."""

import importlib.resources
import shutil
from pathlib import Path

import numpy as np
import pytest
import transformers
from tiny_run import save_run

import toktts
from toktts.errors import ModelError
from toktts.inference.voices import default_voice, voice_folder

VOICE = Path(__file__).parents[2] / "toktts" / "assets" / "voice"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package without a voice, and an empty folder to stand in."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setattr(importlib.resources, "files", lambda _: tmp_path / "package")
    return tmp_path / "package"


def test_a_package_without_a_voice_says_what_to_do(package: Path) -> None:
    with pytest.raises(ModelError, match="came without a voice; install toktts again, or train one with `toktts demo`"):
        toktts.bundled_voice()
    with pytest.raises(ModelError, match="--model: no voice in runs/demo, and none came with toktts; train one with"):
        default_voice()
    assert not package.exists()


def test_the_voice_of_the_package_speaks(package: Path) -> None:
    folder = save_run(package / "assets" / "voice", "toknar")
    assert toktts.bundled_voice() == str(folder)
    stock = transformers.pipeline("text-to-speech", model=toktts.bundled_voice())
    assert stock("Hello.")["audio"].size > 0


def test_a_voice_trained_here_goes_before_the_one_of_the_package(package: Path) -> None:
    save_run(package / "assets" / "voice", "toknar")
    assert default_voice() == str(package / "assets" / "voice")
    save_run(Path("runs/demo"), "toknar")
    assert default_voice() == "runs/demo"
    shutil.rmtree("runs/demo")
    Path("runs/demo/checkpoints").mkdir(parents=True)  # a training that has just begun
    assert default_voice() == str(package / "assets" / "voice")


@pytest.mark.skipif(not (VOICE / "model.safetensors").exists(), reason="the package holds no voice yet")
def test_the_bundled_voice_loads_and_speaks() -> None:
    stock = transformers.pipeline("text-to-speech", model=toktts.bundled_voice())
    speech = stock("Hello.")
    assert speech["sampling_rate"] == 24_000
    assert 0.2 < len(speech["audio"]) / 24_000 < 2.0
    assert np.abs(speech["audio"]).max() > 0.05
    ours = toktts.pipeline(toktts.bundled_voice())("Hello.")
    assert ours["flaws"] == []
    assert {parameter.dtype for parameter in stock.model.parameters()} == {stock.model.dtype}


@pytest.mark.skipif(not (VOICE / "model.safetensors").exists(), reason="the package holds no voice yet")
def test_voice_and_codec_take_at_most_24_mib_together() -> None:
    files = [path for name in ("voice", "codec") for path in (VOICE.parent / name).rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 24 * 2**20
    assert "CARD.md" in {path.name for path in files if path.parent == VOICE}


def test_a_voice_is_found_by_its_folder_before_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert str(voice_folder("bundled")) == toktts.bundled_voice()
    (tmp_path / "bundled").mkdir()
    assert voice_folder("bundled").resolve() == (tmp_path / "bundled").resolve()
    with pytest.raises(ModelError, match="nowhere: no such folder; name a run folder, a checkpoint in one, or bundled"):
        voice_folder("nowhere")
