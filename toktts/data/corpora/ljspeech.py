"""LJ Speech 1.1: 24 hours of one reader, public domain (Ito and Johnson 2017, https://keithito.com/LJ-Speech-Dataset)."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, Self, get_args

from toktts.data.corpora._base import Corpus, Utterance, check_id, tiny_clip
from toktts.data.download import Archive, fetch
from toktts.data.metadata import Row, check_unique, find_sound, read_lines, split_rows, text_fault, without_row
from toktts.data.rejects import Rejected
from toktts.data.unpack import unpack_tar
from toktts.errors import CorpusError

Column = Literal["raw", "normalized"]

ARCHIVE = Archive(
    url="https://data.keithito.com/data/speech/LJSpeech-1.1.tar.bz2",
    sha256="be1a30453f28eb8dd26af4101ae40cbf2c50413b1bb21936cbcdc6fae3de8aa5",
    n_bytes=2_748_572_632,
    root="LJSpeech-1.1",
)
TABLE = "metadata.csv"


class LJSpeech(Corpus):
    """A folder in the layout of LJSpeech-1.1: `metadata.csv` (`id|raw|normalized`, no quoting) and `wavs/<id>.wav`.

    Args:
        path: the folder, or the one that holds `LJSpeech-1.1`.
        column: which transcript to use; `normalized` has numbers and abbreviations written out.
        download: fetch and unpack the corpus below `path` if it is not there (2.7 GB, 6.6 GB with what is in it).
    Raises:
        CorpusError: missing, or metadata that cannot be trusted, with its line.
        DownloadError: asked to download, and it failed.
    """

    def __init__(self, path: str | os.PathLike[str], *, column: Column = "normalized", download: bool = False) -> None:
        if column not in get_args(Column):
            raise CorpusError(f"no column {column!r}; use one of {', '.join(get_args(Column))}", key="column")
        self.folder = self._find(Path(path), download)
        table = self.folder / TABLE
        rows = split_rows(read_lines(table), table, delimiter="|", n_fields=3)
        for row in rows:
            check_id(row.fields[0], file=table, line=row.line)
        check_unique(((row.fields[0], row.line) for row in rows), table)
        sound = find_sound(self.folder / "wavs")
        self._utterances: list[Utterance] = []
        faults = [self._add(row, column, sound.get(row.fields[0])) for row in rows]
        orphans = without_row(sound, (row.fields[0] for row in rows), table)
        self.rejected = (*(fault for fault in faults if fault), *orphans)

    def __iter__(self) -> Iterator[Utterance]:
        return iter(self._utterances)

    def __len__(self) -> int:
        return len(self._utterances)

    @classmethod
    def download(cls, folder: str | os.PathLike[str], *, archive: Archive = ARCHIVE) -> Path:
        """Fetch the archive, check it, and unpack it to `folder/LJSpeech-1.1`; what is there stays as it is.

        Returns:
            The unpacked folder. The archive stays beside it and may be deleted.
        Raises:
            DownloadError: the network, the hash, the disk or the archive.
        """
        target = Path(folder) / archive.root
        if not (target / TABLE).exists():
            unpack_tar(fetch(archive, Path(folder)), target, root=archive.root)
        return target

    @classmethod
    def tiny(cls, path: str | os.PathLike[str]) -> Self:
        """Write four clips in the same layout and open them."""
        folder = Path(path)
        (folder / "wavs").mkdir(parents=True, exist_ok=True)
        texts = ("in 1 moment|in one moment", 'he said, "wait|he said, "wait', "quite so|quite so", "the end|the end")
        lines = [f"LJ001-{index:04d}|{text}\n" for index, text in enumerate(texts, 1)]
        (folder / TABLE).write_text("".join(lines), encoding="utf-8", newline="\n")
        for index, line in enumerate(lines):
            tiny_clip(index).save(folder / "wavs" / f"{line.split('|')[0]}.wav")
        return cls(folder)

    @classmethod
    def _find(cls, path: Path, download: bool) -> Path:
        for folder in (path, path / ARCHIVE.root):
            if (folder / TABLE).exists():
                return folder
        if download:
            return cls.download(path)
        raise CorpusError(
            f"no {TABLE} in this folder; unpack {ARCHIVE.root} there, or set download to true to fetch 2.7 GB",
            file=path,
        )

    def _add(self, row: Row, column: Column, audio: Path | None) -> Rejected | None:
        """Keep a row, or say why not."""
        id_, raw, normalized = row.fields
        text = raw if column == "raw" else normalized
        fault = text_fault(text)
        if audio is None:
            return Rejected(id_, os.fspath(self.folder / "wavs" / f"{id_}.wav"), "is missing; copy the file there")
        if fault:
            return Rejected(id_, f"{self.folder / TABLE}:{row.line}", fault)
        self._utterances.append(
            Utterance(
                id=id_,
                text=text,
                audio=audio,
                speaker="LJ",
                language="en",
                licence="public domain",
                consent="LibriVox volunteer, public domain",
            )
        )
        return None
