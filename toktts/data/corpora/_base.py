"""The contract of every corpus, and the record it yields."""

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

ID_PATTERN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9_-])?\Z")


@dataclass(frozen=True)
class Utterance:
    """One clip and what is said in it.

    Args:
        id: unique in the corpus and safe as a file name (see `ID_PATTERN`).
        text: what is said, as it should be read.
        audio: a file, or the bytes of one.
        speaker: who speaks.
        language: BCP 47 tag, as `en`.
        licence: SPDX name or the terms in words; never empty.
        consent: how the speaker agreed to a synthetic voice; never empty.
    """

    id: str
    text: str
    audio: Path | bytes
    speaker: str
    language: str
    licence: str
    consent: str


class Corpus(ABC):
    """Yields utterances in an order that never changes, with unique ids."""

    @abstractmethod
    def __iter__(self) -> Iterator[Utterance]: ...

    @classmethod
    @abstractmethod
    def tiny(cls, path: str | os.PathLike[str]) -> Self:
        """Write a corpus of a few one-second clips below `path` and open it: for tests."""
