"""The contract of every corpus, and the record it yields."""

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch

from toktts.alignment import Alignment
from toktts.audio import Waveform
from toktts.data.rejects import Rejected
from toktts.errors import CorpusError

ID_PATTERN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9_-])?\Z")
_WINDOWS_DEVICES = re.compile(r"(?:CON|PRN|AUX|NUL|COM\d|LPT\d)(?:\.|\Z)", re.IGNORECASE)


@dataclass(frozen=True)
class Utterance:
    """One clip and what is said in it.

    Args:
        id: unique in the corpus and safe as a file name (see `ID_PATTERN`).
        text: what is said, as it should be read.
        audio: a file, or the bytes of one. A file that ends in `.npy` holds log-mel frames (n_mels, n_frames) instead.
        speaker: who speaks.
        language: BCP 47 tag, as `en`.
        licence: SPDX name or the terms in words; never empty.
        consent: how the speaker agreed to a synthetic voice; never empty.
        phones: what is said when, as units that touch each other; the clip is cut to them. None = not known.
    """

    id: str
    text: str
    audio: Path | bytes
    speaker: str
    language: str
    licence: str
    consent: str
    phones: Alignment | None = None


class Corpus(ABC):
    """Yields utterances in an order that never changes, with unique ids.

    Opening one reads and checks all metadata; sound is read by whoever needs it.
    """

    rejected: tuple[Rejected, ...] = ()
    """Rows that were left out when the corpus was opened, with the reason."""

    @abstractmethod
    def __iter__(self) -> Iterator[Utterance]: ...

    @classmethod
    @abstractmethod
    def tiny(cls, path: str | os.PathLike[str]) -> Self:
        """Write a corpus of a few one-second clips below `path` and open it: for tests."""


def check_id(id_: str, *, file: str | os.PathLike[str] | None = None, line: int | None = None) -> str:
    """Refuse an id that is not safe as a file name on every system, and return it.

    Raises:
        CorpusError: anything that could leave its folder, name a device, or be read as two different names.
    """
    if not ID_PATTERN.match(id_) or _WINDOWS_DEVICES.match(id_):
        shown = repr(id_ if len(id_) <= 60 else id_[:60] + "…")
        raise CorpusError(
            f"id {shown} is not safe as a file name; use 1 to 128 of A-Z a-z 0-9 . _ -, from a letter or digit on",
            file=file,
            line=line,
        )
    return id_


def tiny_clip(index: int, *, sampling_rate: int = 22050) -> Waveform:
    """Make a second of sound that is a little like a voice, different for every index: for `Corpus.tiny`."""
    seconds = torch.arange(sampling_rate) / sampling_rate
    pitch_hz = 110.0 + 17.0 * index + 30.0 * torch.sin(2 * torch.pi * 1.5 * seconds)
    phase = 2 * torch.pi * torch.cumsum(pitch_hz, 0) / sampling_rate
    harmonics = torch.stack([torch.sin(phase * order) / order for order in range(1, 9)]).sum(0)
    syllables = torch.sin(2 * torch.pi * 2 * seconds).square()
    return Waveform(0.3 * harmonics * syllables, sampling_rate)
