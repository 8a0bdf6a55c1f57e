"""Rows of features on disk: hashed Parquet shards and the manifest that says which of them can be trusted."""

import contextlib
import hashlib
import io
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet

from toktts.data.atomic import write_atomically
from toktts.data.encoding import Encoded, Features
from toktts.data.prosody import Track
from toktts.data.rejects import Rejected
from toktts.data.scan import ScannedClip
from toktts.errors import CacheError

MANIFEST_FILE = "manifest.json"
COLUMNS = {
    "id": pyarrow.string(),
    "text": pyarrow.string(),
    "speaker": pyarrow.string(),
    "copy": pyarrow.int32(),
    "n_samples": pyarrow.int64(),
    "codes": pyarrow.list_(pyarrow.list_(pyarrow.int16())),
    "mel": pyarrow.list_(pyarrow.list_(pyarrow.float16())),
    "pitch": pyarrow.list_(pyarrow.float32()),
    "energy": pyarrow.list_(pyarrow.float32()),
    "phones": pyarrow.list_(pyarrow.string()),
    "phone_frames": pyarrow.list_(pyarrow.int32()),
}
"""Every column there can be, in its order; a shard has either codes or mel."""
ALWAYS = ("id", "text", "speaker", "copy", "n_samples")


@dataclass(frozen=True)
class CachedRow:
    """One row of the token cache.

    Args:
        id: of the utterance.
        text: what is said.
        speaker: who says it.
        copy: 0 is clean, 1.. carry noise.
        n_samples: at the codec's rate.
        features: int16 codes (n_codebooks, n_frames), or float16 mel (n_mels, n_frames).
        pitch: Hz, 0 where there is none, (n_frames,); None = not asked for.
        energy: (n_frames,); None = not asked for.
        phones: symbols of what is said; None = not known.
        phone_frames: frames of each.
    """

    id: str
    text: str
    speaker: str
    copy: int
    n_samples: int
    features: Features
    pitch: Track | None = None
    energy: Track | None = None
    phones: tuple[str, ...] | None = None
    phone_frames: tuple[int, ...] | None = None


def rows_of(clip: ScannedClip, encoded: Encoded) -> list[CachedRow]:
    """Make a row of each copy of a clip."""
    tracks = {} if encoded.prosody is None else {"pitch": encoded.prosody.pitch, "energy": encoded.prosody.energy}
    symbols, frames = (None, None) if encoded.phones is None else encoded.phones
    return [
        CachedRow(
            clip.id,
            clip.text,
            clip.speaker,
            copy,
            encoded.n_samples,
            features,
            **tracks,
            phones=symbols,
            phone_frames=frames,
        )
        for copy, features in enumerate(encoded.features)
    ]


@dataclass(frozen=True)
class Shard:
    """What the manifest knows of one file.

    Args:
        name: of the file.
        sha256: of its bytes.
        n_clips: that it holds, without their copies.
        rejected: the clips left out.
        findings: how often something was noticed and accepted.
    """

    name: str
    sha256: str
    n_clips: int
    rejected: tuple[Rejected, ...]
    findings: dict[str, int]


@dataclass(frozen=True)
class Manifest:
    """Facts of a cache and its finished shards, by index.

    Args:
        facts: what the cache was made with; for readers, nothing is derived from it.
        n_shards: that a complete cache has.
        shards: finished ones.
    """

    facts: dict[str, Any]
    n_shards: int
    shards: dict[int, Shard]

    @property
    def is_complete(self) -> bool:
        """Whether no shard is missing."""
        return len(self.shards) == self.n_shards

    def write(self, folder: Path) -> None:
        """Write `manifest.json` with a checksum of itself; the same content gives the same bytes."""
        body = {
            "facts": self.facts,
            "n_shards": self.n_shards,
            "shards": {str(index): asdict(shard) for index, shard in sorted(self.shards.items())},
        }
        text = json.dumps({"body": body, "sha256": _checksum(body)}, indent=1, sort_keys=True)
        with disk_faults(folder):
            write_atomically(folder / MANIFEST_FILE, text.encode("utf-8"))

    @classmethod
    def read(cls, folder: Path) -> "Manifest | None":
        """Read `manifest.json`; None if there is none or it is damaged, as its shards must then be made again."""
        try:
            content = json.loads((folder / MANIFEST_FILE).read_bytes())
            body = content["body"]
            if content["sha256"] != _checksum(body):
                return None
        except (OSError, ValueError, KeyError, TypeError):
            return None
        shards = {int(index): _shard(fields) for index, fields in body["shards"].items()}
        return cls(body["facts"], body["n_shards"], shards)


def shard_name(index: int) -> str:
    """File name of a shard."""
    return f"shard-{index:05d}.parquet"


def schema_of(names: Collection[str]) -> pyarrow.Schema:
    """The schema of a shard with these columns."""
    return pyarrow.schema([(name, kind) for name, kind in COLUMNS.items() if name in names])


def write_shard(path: Path, rows: Sequence[CachedRow], *, columns: Sequence[str] = ("codes",)) -> str:
    """Write rows to a Parquet file, whole or not at all.

    Args:
        path: of the file.
        rows: with everything that the columns name.
        columns: those besides the usual ones; the first is that of the features, `codes` or `mel`.
    Returns:
        The sha256 of its bytes.
    Raises:
        CacheError: the disk is full or the folder cannot be written.
    """
    feature, *tracks = columns
    values: dict[str, Any] = {name: [getattr(row, name) for row in rows] for name in (*ALWAYS, *tracks)}
    values[feature] = _nested([row.features for row in rows], np.int16 if feature == "codes" else np.float16)
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(values, schema=schema_of(values)), buffer, compression="zstd")
    with disk_faults(path.parent):
        write_atomically(path, buffer.getvalue())
    return hashlib.sha256(buffer.getvalue()).hexdigest()


def is_intact(folder: Path, shard: Shard) -> bool:
    """Whether a shard's file has the bytes that were written."""
    try:
        return hashlib.sha256((folder / shard.name).read_bytes()).hexdigest() == shard.sha256
    except OSError:
        return False


def read_shard(folder: Path, shard: Shard) -> pyarrow.Table:
    """Read a shard, refusing bytes other than those written.

    Raises:
        CacheError: missing or damaged.
    """
    path = folder / shard.name
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CacheError(f"cannot be read ({error.strerror}); build the cache again", file=path) from error
    if hashlib.sha256(content).hexdigest() != shard.sha256:
        raise CacheError("is damaged (sha256 differs); build the cache again, only this shard is encoded", file=path)
    table = pyarrow.parquet.read_table(pyarrow.BufferReader(content))
    return table.cast(schema_of(table.column_names))


@contextlib.contextmanager
def disk_faults(folder: Path) -> Iterator[None]:
    """Turn what the operating system says while writing to a cache into one line.

    Raises:
        CacheError: an `OSError` in the `with` block.
    """
    try:
        yield
    except OSError as error:
        raise CacheError(
            f"cannot be written ({error.strerror}); free some space or set TOKTTS_CACHE", file=folder
        ) from error


def _nested(features: list[Features], dtype: type[np.generic]) -> pyarrow.Array:
    """List of lists without a Python object for every value."""
    flat = np.concatenate([np.zeros(0, dtype), *(clip.ravel() for clip in features)])
    frames = np.cumsum([0, *(clip.shape[1] for clip in features for _ in clip)], dtype=np.int32)
    books = np.cumsum([0, *(len(clip) for clip in features)], dtype=np.int32)
    return pyarrow.ListArray.from_arrays(books, pyarrow.ListArray.from_arrays(frames, pyarrow.array(flat)))


def _checksum(body: object) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode("utf-8")).hexdigest()


def _shard(fields: dict[str, Any]) -> Shard:
    rejected = tuple(Rejected(**row) for row in fields.pop("rejected"))
    return Shard(**fields, rejected=rejected)
