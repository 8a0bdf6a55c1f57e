"""Any dataset with text and sound, from the Hugging Face Hub or from disk, read by `datasets` without decoding."""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import datasets
import soundfile

from toktts.data.corpora._base import Corpus, Utterance, check_id, tiny_clip
from toktts.data.corpora._hub import load_split
from toktts.data.metadata import text_fault
from toktts.data.rejects import Rejected
from toktts.errors import CorpusError


class HuggingFace(Corpus):
    """A dataset with a column of text and one of sound (an `Audio` feature, or paths of files).

    Sound stays encoded until it is read, so that torchcodec is not needed.

    Args:
        path: a name on the Hub, a folder that `save_to_disk` wrote, or a file or folder of Parquet, JSON lines or CSV.
        licence: SPDX name or the terms in words: what the dataset's card says.
        consent: how the speakers agreed to a synthetic voice.
        speaker: a name for the voice, where there is no `speaker_column`.
        language: BCP 47 tag, as `en`.
        name: the dataset's configuration, if it has several.
        split: which split.
        revision: branch, tag or commit on the Hub; a commit never changes.
        text_column: what is said.
        audio_column: the sound.
        id_column: ids; None numbers the rows as `row-00000000`.
        speaker_column: who speaks.
        cache_dir: where `datasets` keeps what it converts; None = its own place.
    Raises:
        CorpusError: no licence or consent, no such column, or an id that is unsafe or comes twice.
        DownloadError: the Hub cannot be reached, or does not have it.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        licence: str | None = None,
        consent: str | None = None,
        speaker: str = "unnamed",
        language: str = "en",
        name: str | None = None,
        split: str = "train",
        revision: str | None = None,
        text_column: str = "text",
        audio_column: str = "audio",
        id_column: str | None = None,
        speaker_column: str | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
    ) -> None:
        self.path = os.fspath(path)
        self._licence = self._required(licence, "licence", "the terms on the dataset's card")
        self._consent = self._required(consent, "consent", "how the speakers agreed to a synthetic voice")
        self._speaker, self._language = speaker, language
        rows = load_split(self.path, name=name, split=split, revision=revision, cache_dir=cache_dir)
        texts = self._strings(rows, text_column, "text_column")
        self._speakers = self._strings(rows, speaker_column, "speaker_column") if speaker_column else []
        self._ids = self._read_ids(rows, id_column)
        self._audio, self._audio_column = self._encoded(rows, audio_column), audio_column
        self._texts = [text or "" for text in texts]
        self.rejected = tuple(
            Rejected(id_, None, fault)
            for id_, text in zip(self._ids, self._texts, strict=True)
            if (fault := text_fault(text))
        )

    def __iter__(self) -> Iterator[Utterance]:
        left_out = {row.id for row in self.rejected}
        for index, (id_, text) in enumerate(zip(self._ids, self._texts, strict=True)):
            if id_ not in left_out:
                yield Utterance(
                    id=id_,
                    text=text,
                    audio=self._sound(self._audio[index][self._audio_column]),
                    speaker=(self._speakers[index] if self._speakers else None) or self._speaker,
                    language=self._language,
                    licence=self._licence,
                    consent=self._consent,
                )

    def __len__(self) -> int:
        return len(self._ids) - len(self.rejected)

    @classmethod
    def tiny(cls, path: str | os.PathLike[str]) -> Self:
        """Write four clips with `save_to_disk` and open them."""
        texts = ["good morning", 'he said "no', "we all went home", "the end"]
        audio = [{"bytes": _wav_bytes(index), "path": f"{index}.wav"} for index in range(len(texts))]
        # Cast afterwards: building an Audio column takes torchcodec, even from bytes.
        rows = datasets.Dataset.from_dict({"text": texts, "audio": audio})
        rows.cast_column("audio", datasets.Audio(decode=False)).save_to_disk(path)
        return cls(path, licence="CC0-1.0", consent="made by a formula")

    def _required(self, value: str | None, key: str, meaning: str) -> str:
        if value is None or not value.strip():
            raise CorpusError(f"no {key}; write {meaning} there", file=self.path, key=key)
        return value.strip()

    def _strings(self, rows: datasets.Dataset, column: str, key: str) -> list[str | None]:
        """Read a whole column of text, refusing other types."""
        self._check_column(rows, column, key)
        feature = rows.features[column]
        if getattr(feature, "dtype", None) not in ("string", "large_string", "int64", "int32"):
            raise CorpusError(
                f"column {column!r} holds {feature}, expected text; name another", file=self.path, key=key
            )
        return [None if value is None else str(value) for value in rows.select_columns(column)[:][column]]

    def _read_ids(self, rows: datasets.Dataset, column: str | None) -> list[str]:
        if column is None:
            return [f"row-{index:08d}" for index in range(len(rows))]
        seen: dict[str, int] = {}
        for number, value in enumerate(self._strings(rows, column, "id_column"), 1):
            id_ = check_id(value or "", file=self.path, line=number)
            if id_ in seen:
                raise CorpusError(f"id {id_!r} is in row {seen[id_]} already; rename one", file=self.path, line=number)
            seen[id_] = number
        return list(seen)

    def _encoded(self, rows: datasets.Dataset, column: str) -> datasets.Dataset:
        """Keep the column of sound alone, as bytes or paths."""
        self._check_column(rows, column, "audio_column")
        kept = rows.select_columns(column)
        if isinstance(kept.features[column], datasets.Audio):
            return kept.cast_column(column, datasets.Audio(decode=False))
        return kept

    def _check_column(self, rows: datasets.Dataset, column: str, key: str) -> None:
        if column not in rows.column_names:
            raise CorpusError(
                f"no column {column!r}; use one of {', '.join(rows.column_names)}", file=self.path, key=key
            )

    def _sound(self, audio: object) -> Path | bytes:
        """Bytes where there are any, else the file; nothing for a row without sound, which its reader rejects."""
        if isinstance(audio, dict):
            if audio.get("bytes") is not None:
                return bytes(audio["bytes"])
            audio = audio.get("path")
        if isinstance(audio, bytes):
            return audio
        if not isinstance(audio, str) or not audio:
            return b""
        base = Path(self.path)
        return (base.parent if base.is_file() else base) / audio if base.exists() else Path(audio)


def _wav_bytes(index: int) -> bytes:
    clip = tiny_clip(index)
    buffer = io.BytesIO()
    soundfile.write(buffer, clip.samples[0].numpy(), clip.sampling_rate, format="WAV", subtype="PCM_16")
    return buffer.getvalue()
