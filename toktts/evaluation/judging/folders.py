"""Folders of NAME.wav and NAME.txt -> what is judged, and recordings found by what is said in them."""

from pathlib import Path

import torch

from toktts.audio import Waveform
from toktts.errors import AudioError
from toktts.evaluation._base import Sample
from toktts.evaluation._words import words


def sound_files(folder: Path) -> list[Path]:
    """All sound of a folder, in order of name.

    Raises:
        AudioError: not a folder, or without a WAV file.
    """
    if not folder.is_dir():
        raise AudioError("is not a folder; name a folder of NAME.wav and NAME.txt, or a run folder", file=folder)
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".wav" and not path.name.startswith("."))
    if not found:
        raise AudioError("holds no .wav file; name a folder of NAME.wav and NAME.txt, or a run folder", file=folder)
    return found


def load_sounds(folder: Path, *, limit: int | None = None) -> tuple[Waveform, ...]:
    """Load sound of a folder, the first `limit` files of it."""
    return tuple(load_sound(path) for path in sound_files(folder)[:limit])


def load_sound(path: Path) -> Waveform:
    """Load a file to judge; one without a frame is silence, for a voice that says nothing has failed, not the judge."""
    try:
        return Waveform.load(path)
    except AudioError as error:
        if "0 frames" not in error.message:
            raise
        return Waveform(torch.zeros(0), 16_000)


def text_beside(wav: Path) -> str | None:
    """What is said in a file, if it is known.

    Raises:
        AudioError: a text that is not UTF-8.
    """
    file = wav.with_suffix(".txt")
    try:
        return file.read_text(encoding="utf-8-sig").strip() if file.is_file() else None
    except UnicodeDecodeError as error:
        raise AudioError(f"byte {error.start} is not UTF-8; save the text as UTF-8", file=file) from error


def read_samples(folder: Path, *, limit: int | None = None) -> list[Sample]:
    """Load a folder as it is, with the text beside each file."""
    return [Sample(id=wav.stem, speech=load_sound(wav), text=text_beside(wav)) for wav in sound_files(folder)[:limit]]


class Originals:
    """Recordings of a folder, by what is said in them, or where that is not known by name.

    Args:
        folder: of NAME.wav and NAME.txt; None = there are none.
    """

    def __init__(self, folder: Path | None) -> None:
        self._by_words: dict[tuple[str, ...], Path] = {}
        self._by_name: dict[str, Path] = {}
        for wav in [] if folder is None else sound_files(folder):
            text = text_beside(wav)
            if text is None:
                self._by_name[wav.stem] = wav
            else:
                self._by_words.setdefault(tuple(words(text)), wav)

    def find(self, *, name: str, text: str | None) -> Waveform | None:
        """Load the recording of a sentence."""
        wav = self._by_words.get(tuple(words(text))) if text is not None else None
        wav = wav or self._by_name.get(name)
        return None if wav is None else Waveform.load(wav)
