"""The Montreal Forced Aligner, if it is installed: called as a program, on a folder of its own."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from toktts.alignment._textfile import write_text
from toktts.data.corpora._pairs import TRANSCRIPT, Pair
from toktts.errors import AlignmentError, MissingPackageError

PROGRAM = "mfa"
ACOUSTIC_MODEL = "english_us_arpa"
Pronounced = Sequence[tuple[str, Sequence[str]]]
"""Words and their phonemes, in the order they are said."""


def is_installed() -> bool:
    """Whether there is a program `mfa`."""
    return shutil.which(PROGRAM) is not None


def align_with_mfa(clips: Mapping[Pair, Pronounced], *, acoustic_model: str = ACOUSTIC_MODEL) -> list[Pair]:
    """Let it align clips, and put its TextGrids where the corpus looks for them.

    It gets the words in plain letters and a dictionary of just these words, so that none is unknown to it.

    Args:
        clips: with what is said in them.
        acoustic_model: a model of ARPAbet with stress: a name that `mfa model download acoustic` knows, or a file.
    Returns:
        Clips that it gave no TextGrid for.
    Raises:
        MissingPackageError: it is not installed.
        AlignmentError: it failed; with the last line that it wrote.
    """
    program = shutil.which(PROGRAM)
    if program is None:
        raise MissingPackageError(
            "is not installed; conda install -c conda-forge montreal-forced-aligner, or align with pocketsphinx",
            key=PROGRAM,
        )
    with tempfile.TemporaryDirectory(prefix="toktts-mfa-") as name:
        corpus, output, dictionary = Path(name, "corpus"), Path(name, "aligned"), Path(name, "words.dict")
        _lay_out(clips, corpus, dictionary)
        command = [program, "align", "--clean", "--output_format", "long_textgrid"]
        _run([*command, os.fspath(corpus), os.fspath(dictionary), acoustic_model, os.fspath(output)])
        return [pair for pair in clips if not _fetch(pair, output)]


def _lay_out(clips: Mapping[Pair, Pronounced], corpus: Path, dictionary: Path) -> None:
    entries: set[str] = set()
    for pair, words in clips.items():
        place = corpus / pair.speaker
        place.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(pair.sound, place / pair.sound.name)
        write_text(place / f"{pair.sound.stem}{TRANSCRIPT}", " ".join(word for word, _ in words) + "\n")
        entries |= {f"{word}\t{' '.join(symbols)}" for word, symbols in words}
    write_text(dictionary, "".join(f"{entry}\n" for entry in sorted(entries)))


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", errors="replace", check=False)
    if done.returncode:
        lines = [line.strip() for line in f"{done.stdout}\n{done.stderr}".splitlines() if line.strip()]
        last = lines[-1][:150].replace(";", ",") if lines else "it wrote nothing"
        raise AlignmentError(
            f"ended with code {done.returncode} ({last}); mend that, as by mfa model download acoustic {command[-2]}",
            file=command[0],
        )


def _fetch(pair: Pair, output: Path) -> bool:
    made = output / pair.speaker / pair.textgrid.name
    if not made.is_file():
        return False
    pair.textgrid.parent.mkdir(exist_ok=True)
    shutil.copyfile(made, pair.textgrid)
    return True
