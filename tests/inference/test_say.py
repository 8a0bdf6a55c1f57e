from pathlib import Path

import pytest
import soundfile
from tiny_run import save_run

from toktts.errors import AudioError, TextError
from toktts.inference import say


@pytest.fixture(scope="module", params=["tokar", "tokflat"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_run(tmp_path_factory.mktemp("runs") / request.param, request.param)


@pytest.fixture(scope="module")
def tokar_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_run(tmp_path_factory.mktemp("runs") / "tokar")


def test_the_same_text_and_seed_write_the_same_bytes(run: Path, tmp_path: Path) -> None:
    for name in ("a.wav", "b.wav"):
        say("hello friend", model=run, output=tmp_path / name)
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()
    assert soundfile.info(tmp_path / "a.wav").samplerate == 24000


def test_a_file_is_replaced_only_by_force(tokar_run: Path, tmp_path: Path) -> None:
    target = tmp_path / "a.wav"
    target.write_bytes(b"mine")
    with pytest.raises(AudioError, match="a.wav: exists already; choose another name, or replace it with --force"):
        say("hello", model=tokar_run, output=target)
    assert target.read_bytes() == b"mine"
    say("hello", model=tokar_run, output=target, force=True)
    assert soundfile.info(target).frames > 0


def test_text_that_cannot_be_spoken_leaves_no_file(tokar_run: Path, tmp_path: Path) -> None:
    with pytest.raises(TextError, match="text is empty"):
        say("", model=tokar_run, output=tmp_path / "a.wav")
    assert not list(tmp_path.iterdir())
