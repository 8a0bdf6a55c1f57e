"""The first rows of any corpus, for quick tries."""

import os
from collections.abc import Iterator

from toktts.data.corpora._base import Corpus, Utterance
from toktts.data.corpora.demo import Demo


class LimitedCorpus(Corpus):
    """The first rows of a corpus."""

    def __init__(self, corpus: Corpus, n_rows: int) -> None:
        self.corpus, self.n_rows = corpus, n_rows
        self.rejected = corpus.rejected

    def __iter__(self) -> Iterator[Utterance]:
        for _, utterance in zip(range(self.n_rows), self.corpus, strict=False):
            yield utterance

    @classmethod
    def tiny(cls, path: str | os.PathLike[str]) -> "LimitedCorpus":
        """Limit the tiny demo corpus to two rows."""
        return cls(Demo.tiny(path), 2)
