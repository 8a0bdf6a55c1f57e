"""The rows a corpus loses, written down one by one, and the limit on how many may be lost."""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from toktts.data.atomic import write_atomically
from toktts.errors import CorpusError

KEY = "data.max_rejected_fraction"


@dataclass(frozen=True)
class Rejected:
    """One row that is left out.

    Args:
        id: of the utterance, or the name of a file that no row names.
        file: where the fault is; None for sound inside a dataset.
        reason: `<what>; <fix>`.
    """

    id: str
    file: str | None
    reason: str


class Rejects:
    """Collects rejected rows, writes them to a file, and stops the run when they are too many.

    Args:
        path: the file, usually `rejected.jsonl`; one JSON object `{id, file, reason}` a line, in the order they came.
        max_rejected_fraction: share of all rows that may be rejected, in [0, 1].
    """

    def __init__(self, path: str | os.PathLike[str], *, max_rejected_fraction: float = 0.01) -> None:
        self.path = Path(path)
        self.max_rejected_fraction = max_rejected_fraction
        self.rows: list[Rejected] = []

    def __len__(self) -> int:
        return len(self.rows)

    def add(self, id_: str, *, file: str | os.PathLike[str] | None, reason: str) -> None:
        """Note one row."""
        self.rows.append(Rejected(id_, None if file is None else os.fspath(file), reason))

    def extend(self, rows: Iterable[Rejected]) -> None:
        """Note the rows that a corpus left out by itself (`Corpus.rejected`)."""
        self.rows.extend(rows)

    def finish(self, n_accepted: int) -> None:
        """Write the file in one piece, even when nothing was rejected, then hold the share against the limit.

        Args:
            n_accepted: rows that went on.
        Raises:
            CorpusError: more than `max_rejected_fraction` of all rows are rejected, none is left, or the file cannot be
                written.
        """
        self._write()
        n_rows = n_accepted + len(self)
        if self.rows and (n_accepted == 0 or len(self) > self.max_rejected_fraction * n_rows):
            first = self.rows[0]
            raise CorpusError(
                f"{len(self)} of {n_rows} rows rejected ({len(self) / n_rows:.1%}, allowed are "
                f"{self.max_rejected_fraction:.1%}), the first, {first.id!r}, because it {first.reason.split(';')[0]}; "
                "mend them or raise the limit",
                file=self.path,
                key=KEY,
            )

    def _write(self) -> None:
        # A file name may hold bytes that are not UTF-8; Python gives them as surrogates.
        lines = "".join(json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in self.rows)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self.path, lines.encode("utf-8", errors="backslashreplace"))
        except OSError as error:
            raise CorpusError(f"cannot be written ({error.strerror}); choose another place", file=self.path) from error
