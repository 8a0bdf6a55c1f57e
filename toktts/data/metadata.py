"""Tables of transcripts: lines -> rows -> ids that are safe and sound that is there, each fault with its line."""

import csv
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from toktts.data.rejects import Rejected
from toktts.errors import CorpusError

SOUND_SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3")
# English read aloud has about 15. One letter in a second, or digits that are long words, still lie inside.
CHARACTERS_PER_SECOND = (1.0, 50.0)


@dataclass(frozen=True)
class Row:
    """One line of a table.

    Args:
        line: 1-based.
        fields: as many as the table has columns.
    """

    line: int
    fields: tuple[str, ...]


def read_lines(path: Path) -> list[str]:
    """Read a text file into lines, dropping a byte order mark, carriage returns and empty lines at the end.

    Only line feeds end a line: a transcript may hold U+2028 or form feeds.

    Raises:
        CorpusError: missing, empty, or a byte that is not UTF-8, with its line and column.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CorpusError(f"cannot be read ({error.strerror}); name the table of transcripts", file=path) from error
    lines = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    while lines and not lines[-1].strip():
        lines.pop()
    if not lines:
        raise CorpusError("is empty; write one line per clip", file=path)
    return [_decode(line.removesuffix(b"\r"), path, number) for number, line in enumerate(lines, 1)]


def _decode(line: bytes, path: Path, number: int) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CorpusError(
            f"byte 0x{line[error.start]:02x} at column {error.start + 1} is not UTF-8; save the file as UTF-8",
            file=path,
            line=number,
        ) from error


def split_rows(lines: Sequence[str], path: Path, *, delimiter: str, n_fields: int) -> list[Row]:
    """Cut lines at every delimiter: quotes are letters like any other, so there are as many rows as lines.

    Args:
        lines: as `read_lines` gives them.
        path: where they are from, for errors.
        delimiter: one character.
        n_fields: fields that every line must have.
    Raises:
        CorpusError: the first line with another number of fields.
    """
    rows = [Row(number, tuple(line.split(delimiter))) for number, line in enumerate(lines, 1)]
    for row in rows:
        if len(row.fields) != n_fields:
            raise _wrong_width(row, n_fields, path, delimiter)
    return rows


def split_csv(lines: Sequence[str], path: Path) -> list[Row]:
    """Cut lines at commas, with quotes around fields that hold commas or line breaks (RFC 4180), header included.

    Raises:
        CorpusError: the first row with another number of fields than the header, or a quote that never ends.
    """
    reader = csv.reader((line + "\n" for line in lines), strict=True)
    rows: list[Row] = []
    start = 1
    try:
        for fields in reader:
            rows.append(Row(start, tuple(fields)))
            if len(fields) != len(rows[0].fields):
                raise _wrong_width(rows[-1], len(rows[0].fields), path, ",")
            start = reader.line_num + 1
    except csv.Error as error:
        raise CorpusError(f"is no CSV from here on ({error}); close the quotes", file=path, line=start) from error
    return rows


def _wrong_width(row: Row, n_fields: int, path: Path, delimiter: str) -> CorpusError:
    return CorpusError(
        f"{len(row.fields)} fields between {delimiter!r}, expected {n_fields}; write one clip a line",
        file=path,
        line=row.line,
    )


def check_unique(ids: Iterable[tuple[str, int]], path: Path) -> None:
    """Refuse an id that comes twice.

    Args:
        ids: (id, line).
        path: where they are from, for the error.
    Raises:
        CorpusError: with both lines.
    """
    seen: dict[str, int] = {}
    for id_, line in ids:
        if id_ in seen:
            raise CorpusError(f"id {id_!r} is in line {seen[id_]} already; rename one", file=path, line=line)
        seen[id_] = line


def find_sound(folder: Path) -> dict[str, Path]:
    """List the sound files of one folder by name without ending, sorted.

    Raises:
        CorpusError: the folder cannot be read, or two files differ only in their ending.
    """
    found: dict[str, Path] = {}
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise CorpusError(f"cannot be read ({error.strerror}); put the sound files there", file=folder) from error
    for name in names:
        path = folder / name
        if path.suffix.lower() not in SOUND_SUFFIXES or name.startswith("."):
            continue
        if path.stem in found:
            raise CorpusError(f"{found[path.stem].name!r} has the same id; remove one", file=path)
        found[path.stem] = path
    return found


def without_row(sound: dict[str, Path], ids: Iterable[str], table: Path) -> list[Rejected]:
    """Report the sound files that no row names."""
    known = set(ids)
    reason = f"has no row in {table.name}; write one or remove the file"
    return [Rejected(id_, os.fspath(path), reason) for id_, path in sound.items() if id_ not in known]


def text_fault(text: str) -> str | None:
    """Say why a text cannot be spoken, or None.

    >>> text_fault(" ... ")
    'has no letter or digit in its text; write what is said'
    """
    if any(letter.isalnum() for letter in text):
        return None
    return "has no letter or digit in its text; write what is said"


def speaking_rate_fault(
    text: str, *, duration_s: float, characters_per_second: tuple[float, float] = CHARACTERS_PER_SECOND
) -> str:
    """Say why a text cannot be what is said in a clip, one word for 20 s or a page for one; "" if it can be.

    Args:
        text: as it is read.
        duration_s: seconds of the whole clip.
        characters_per_second: lowest and highest rate allowed.
    """
    low, high = characters_per_second
    rate = len(text) / duration_s if duration_s > 0 else float("inf")
    if low <= rate <= high:
        return ""
    return (
        f"has {len(text)} characters for {duration_s:.1f} s ({rate:.1f} a second, expected {low:g} to {high:g}); "
        "check that the text is what is said"
    )
