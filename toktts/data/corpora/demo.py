"""The embedded corpus: half an hour of everyday English in one synthetic voice, so that nothing needs downloading."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

from toktts.data.corpora._base import Corpus, Utterance, check_id
from toktts.data.metadata import check_unique, read_lines, split_rows, text_fault
from toktts.data.rejects import Rejected
from toktts.errors import CorpusError

ASSETS = Path(__file__).resolve().parents[2] / "assets" / "demo"
DEMO_FILE = ASSETS / "demo.parquet"
UNSEEN_FILE = ASSETS / "unseen.txt"
DEMO_SHA256 = "46ef7b293c4bbb7e7e4b0a9a952c9ac51b5cc787ae08c90b8a6214d8d3515528"
COLUMNS = ("id", "text", "audio", "speaker", "language", "licence", "consent")
REINSTALL = "reinstall toktts: pip install --force-reinstall --no-deps toktts"
REWRITE = "write it with scripts/make_demo_corpus"
BATCH_ROWS = 64
TINY_ROWS = 8


class Demo(Corpus):
    """Reads a Parquet file that `scripts/make_demo_corpus` wrote; audio is the bytes of an Ogg Opus or FLAC file.

    Args:
        path: another such file, spoken from other text; None is the embedded one, which must have its known hash.
    Raises:
        CorpusError: missing, damaged, without one of the columns, or with an unsafe or repeated id.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self.path = DEMO_FILE if path is None else Path(path)
        if path is None:
            check_embedded(self.path)
        rows = [(str(row["id"]), str(row["text"])) for row in _read_rows(self.path, ("id", "text"))]
        check_unique(((check_id(id_, file=self.path), number) for number, (id_, _) in enumerate(rows, 1)), self.path)
        faults = ((id_, text_fault(text)) for id_, text in rows)
        self.rejected = tuple(Rejected(id_, os.fspath(self.path), fault) for id_, fault in faults if fault)
        self._n_rows = len(rows)

    def __iter__(self) -> Iterator[Utterance]:
        """Yield the rows in the order of the file, some at a time, so that memory stays flat however long it is."""
        left_out = {fault.id for fault in self.rejected}
        for row in _read_rows(self.path, COLUMNS):
            audio = row.pop("audio")
            facts = {name: str(value) for name, value in row.items()}
            if not isinstance(audio, bytes):
                raise CorpusError(f"audio must be bytes; {REWRITE}", file=self.path, key=facts["id"])
            if facts["id"] not in left_out:
                yield Utterance(audio=audio, phones=None, **facts)

    def __len__(self) -> int:
        """Count the utterances."""
        return self._n_rows - len(self.rejected)

    @classmethod
    def tiny(cls, path: str | os.PathLike[str]) -> Self:
        """Write the first eight rows below `path` and open them: for tests."""
        target = Path(path, "tiny.parquet")
        target.parent.mkdir(parents=True, exist_ok=True)
        with pq.ParquetFile(DEMO_FILE) as file:
            pq.write_table(file.read_row_group(0).slice(0, TINY_ROWS), target)
        return cls(target)


def _read_rows(path: Path, columns: Sequence[str]) -> Iterator[dict[str, str | bytes]]:
    """Yield some columns of a Parquet file, 64 rows in memory at a time."""
    try:
        with pq.ParquetFile(path) as file:
            missing = [name for name in COLUMNS if name not in file.schema_arrow.names]
            if missing:
                raise CorpusError(f"has no column {missing[0]!r}; {REWRITE}", file=path)
            for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=list(columns)):
                yield from batch.to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise CorpusError(f"cannot be read ({error}); {REWRITE}", file=path) from error


def check_embedded(path: Path) -> None:
    """Refuse an embedded corpus that is missing or not, byte for byte, the one this version was released with."""
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise CorpusError(f"cannot be read ({error.strerror}); {REINSTALL}", file=path) from error
    if digest != DEMO_SHA256:
        raise CorpusError(f"is damaged: sha256 {digest[:12]}, expected {DEMO_SHA256[:12]}; {REINSTALL}", file=path)


def unseen_sentences() -> list[tuple[str, str]]:
    """Give `(id, text)` of forty sentences of the same kind that are not in the corpus.

    >>> unseen_sentences()[0]
    ('unseen-01', 'The pool is closed until the end of May.')
    """
    rows = split_rows(read_lines(UNSEEN_FILE), UNSEEN_FILE, delimiter="|", n_fields=2)
    return [(row.fields[0], row.fields[1]) for row in rows]
