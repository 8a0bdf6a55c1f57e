"""Recordings as a step wants them, made of the demo corpus: real enough to be aligned."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Self

from toktts.data.corpora._base import Corpus, Utterance
from toktts.data.corpora.demo import Demo
from toktts.data.rejects import Rejected
from toktts.data.steps.prepare import prepare_dataset
from toktts.text.basic import BasicNormalizer


class Some(Corpus):
    """A few utterances."""

    def __init__(self, rows: list[Utterance], rejected: tuple[Rejected, ...] = ()) -> None:
        self.rows, self.rejected = rows, rejected

    def __iter__(self) -> Iterator[Utterance]:
        return iter(self.rows)

    @classmethod
    def tiny(cls, path: object) -> Self:
        raise NotImplementedError


def demo_rows(n_rows: int) -> list[Utterance]:
    rows = (row for row in Demo() if 20 < len(row.text) < 50)
    return [replace(row, speaker="anna") for _, row in zip(range(n_rows), rows, strict=False)]


def prepared(folder: Path, n_rows: int = 2) -> Path:
    prepare_dataset(Some(demo_rows(n_rows)), folder, normalizer=BasicNormalizer())
    return folder
