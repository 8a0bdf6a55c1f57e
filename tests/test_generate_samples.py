"""The surface that others script against: `generate_samples.py --texts FILE --out DIR`, as a process."""

import subprocess
import sys
from pathlib import Path

import pytest
import soundfile
from tiny_run import save_run

from toktts.errors import ToktsError
from toktts.evaluation.samples.generate import main

pytestmark = pytest.mark.medium


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_run(tmp_path_factory.mktemp("runs") / "tiny")


def speak(root: Path, run: Path, lines: str, out: Path) -> subprocess.CompletedProcess[str]:
    texts = out.with_suffix(".txt")
    texts.write_text(lines, encoding="utf-8")
    words = ["--with-model", str(run), "--texts", str(texts), "--out", str(out)]
    command = [sys.executable, str(root / "generate_samples.py"), *words]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=600, check=False)


def test_texts_become_sounds(root: Path, run: Path, tmp_path: Path) -> None:
    done = speak(root, run, "one|hello friend\ntwo|no\n", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    expected = {f"{name}.{ending}" for name in ("one", "two") for ending in ("json", "txt", "wav")}
    assert {path.name for path in (tmp_path / "out").iterdir()} == expected
    assert soundfile.info(tmp_path / "out" / "one.wav").samplerate == 24000


def test_a_bad_line_is_one_line_on_stderr_and_code_2(root: Path, run: Path, tmp_path: Path) -> None:
    done = speak(root, run, "one|hello\n../two|no\n", tmp_path / "out")
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith(f"toktts: error: {tmp_path / 'out.txt'}:2: id '../two' is not safe as a file name")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_line_without_words_is_refused_before_anything_is_written(run: Path, tmp_path: Path) -> None:
    texts = tmp_path / "out.txt"
    texts.write_text("one|hello\ntwo|...\n", encoding="utf-8")
    with pytest.raises(ToktsError, match=f"^{texts}:2: text holds nothing to speak"):
        main(["--with-model", str(run), "--texts", str(texts), "--out", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()
