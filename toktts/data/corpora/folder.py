"""Anybody's voice: a table of transcripts beside sound files, with the speaker's consent and a licence."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Self

from toktts.data.corpora._base import Corpus, Utterance, check_id, tiny_clip
from toktts.data.corpora._facts import FACTS_FILE, complete_facts
from toktts.data.metadata import (
    Row,
    check_unique,
    find_sound,
    read_lines,
    split_csv,
    split_rows,
    text_fault,
    without_row,
)
from toktts.data.rejects import Rejected
from toktts.errors import CorpusError

TABLES = ("metadata.csv", "metadata.tsv")


@dataclass(frozen=True)
class _Entry:
    """What one row of the table says: where the sound is, as `name` without ending or as `file_name`."""

    line: int
    id: str
    text: str
    file_name: str | None
    speaker: str | None


class Folder(Corpus):
    """A folder with `metadata.csv` (or `.tsv`) and its sound in `wavs/`, or beside it.

    The table is one of: lines `id|text`; lines `id|raw|text`; commas or tabs with a header line that has `text`, and
    `id` or `file_name` (relative to the folder), and maybe `speaker`. Quotes mean something only between commas.

    Args:
        path: the folder.
        speaker: a name for the voice.
        language: BCP 47 tag, as `en`.
        licence: SPDX name or the terms in words.
        consent: how the speaker agreed to a synthetic voice. These four may stand in `corpus.yaml` instead; what is
            given here comes first.
    Raises:
        CorpusError: a table that cannot be trusted, with its line, or one of the four facts is missing.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        speaker: str | None = None,
        language: str | None = None,
        licence: str | None = None,
        consent: str | None = None,
    ) -> None:
        self.folder = Path(path)
        given = {"speaker": speaker, "language": language, "licence": licence, "consent": consent}
        self._facts = complete_facts(given, self.folder / FACTS_FILE)
        self._table = _find_table(self.folder)
        entries = _read_table(self._table)
        check_unique(
            ((check_id(entry.id, file=self._table, line=entry.line), entry.line) for entry in entries), self._table
        )
        self._place = self.folder / "wavs" if (self.folder / "wavs").is_dir() else self.folder
        self._sound = find_sound(self._place)
        self._utterances: list[Utterance] = []
        faults = [self._add(entry) for entry in entries]
        orphans = without_row(self._sound, (entry.id for entry in entries), self._table)
        self.rejected = (*(fault for fault in faults if fault), *orphans)

    def __iter__(self) -> Iterator[Utterance]:
        return iter(self._utterances)

    def __len__(self) -> int:
        return len(self._utterances)

    @classmethod
    def tiny(cls, path: str | os.PathLike[str]) -> Self:
        """Write four clips, a table and `corpus.yaml`, and open them."""
        folder = Path(path)
        (folder / "wavs").mkdir(parents=True, exist_ok=True)
        texts = ("good morning", 'he said "no', "we all went home", "the end")
        lines = [f"clip-{index}|{text}\n" for index, text in enumerate(texts)]
        (folder / TABLES[0]).write_text("".join(lines), encoding="utf-8", newline="\n")
        facts = "speaker: nobody\nlanguage: en\nlicence: CC0-1.0\nconsent: made by a formula\n"
        (folder / FACTS_FILE).write_text(facts, encoding="utf-8", newline="\n")
        for index in range(len(texts)):
            tiny_clip(index).save(folder / "wavs" / f"clip-{index}.wav")
        return cls(folder)

    def _add(self, entry: _Entry) -> Rejected | None:
        """Keep a row, or say why not."""
        audio = self._audio_of(entry)
        if audio is None:
            expected = self._place / (entry.file_name or f"{entry.id}.wav")
            return Rejected(entry.id, os.fspath(expected), "is missing; copy the file there")
        fault = text_fault(entry.text)
        if fault:
            return Rejected(entry.id, f"{self._table}:{entry.line}", fault)
        facts = self._facts | ({"speaker": entry.speaker} if entry.speaker else {})
        self._utterances.append(Utterance(id=entry.id, text=entry.text, audio=audio, phones=None, **facts))
        return None

    def _audio_of(self, entry: _Entry) -> Path | None:
        if entry.file_name is None:
            return self._sound.get(entry.id)
        named = PurePosixPath(entry.file_name)
        if named.is_absolute() or ".." in named.parts or "\\" in entry.file_name or "\0" in entry.file_name:
            raise CorpusError(
                f"file_name {entry.file_name[:60]!r} leaves the folder; write it relative to the folder",
                file=self._table,
                line=entry.line,
            )
        places = (self.folder / named, self._place / named)
        return next((place for place in places if place.exists()), None)


def _find_table(folder: Path) -> Path:
    found = [folder / name for name in TABLES if (folder / name).exists()]
    if len(found) == 1:
        return found[0]
    what = "no" if not found else "more than one"
    raise CorpusError(f"{what} table of transcripts here; write one {' or '.join(TABLES)}", file=folder)


def _read_table(path: Path) -> list[_Entry]:
    lines = read_lines(path)
    first = lines[0]
    if "\t" in first:
        return _with_header(split_rows(lines, path, delimiter="\t", n_fields=first.count("\t") + 1), path)
    if "|" in first:
        rows = split_rows(lines, path, delimiter="|", n_fields=first.count("|") + 1)
        return _with_header(rows, path) if "text" in _names(rows[0]) else _without_header(rows, path)
    return _with_header(split_csv(lines, path), path)


def _names(row: Row) -> list[str]:
    return [field.strip().lower() for field in row.fields]


def _without_header(rows: list[Row], path: Path) -> list[_Entry]:
    if len(rows[0].fields) not in (2, 3):
        raise CorpusError(
            f"{len(rows[0].fields)} fields between '|', expected id|text or id|raw|text; write one clip a line",
            file=path,
            line=1,
        )
    return [_Entry(row.line, row.fields[0], row.fields[-1], None, None) for row in rows]


def _with_header(rows: list[Row], path: Path) -> list[_Entry]:
    names = _names(rows[0])
    if "text" not in names or not {"id", "file_name"} & set(names):
        raise CorpusError(
            f"columns {', '.join(names)[:80]}; name 'text' and 'id' or 'file_name' in line 1, or write id|text",
            file=path,
            line=1,
        )
    return [_entry(row, dict(zip(names, row.fields, strict=True))) for row in rows[1:]]


def _entry(row: Row, fields: dict[str, str]) -> _Entry:
    file_name = fields.get("file_name") or None
    id_ = fields["id"] if "id" in fields else PurePosixPath(file_name or "").stem
    return _Entry(row.line, id_, fields["text"], file_name, fields.get("speaker", "").strip() or None)
