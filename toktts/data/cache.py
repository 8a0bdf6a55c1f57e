"""Corpus -> features on disk, once: a folder named by everything that shapes them."""

import contextlib
import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow

from toktts.codecs._base import Codec
from toktts.data.atomic import scratch_path, sweep
from toktts.data.corpora._base import Corpus, Utterance
from toktts.data.encoding import (
    CHUNK_CLIPS,
    Arrangement,
    Clip,
    ClipSettings,
    Encoded,
    Outcome,
    encode_chunk,
)
from toktts.data.locks import FolderLock
from toktts.data.prosody import check_estimator
from toktts.data.rejects import Rejected, Rejects
from toktts.data.scan import ScannedClip, scan_corpus
from toktts.data.shards import Manifest, Shard, disk_faults, is_intact, read_shard, rows_of, shard_name, write_shard
from toktts.data.workers import WorkerPool
from toktts.errors import CodecError, CorpusError
from toktts.places import cache_folder

if TYPE_CHECKING:
    from datasets import Dataset

KEY = "codec.name_or_path"
FRONT_END_VERSION = 1  # raise it whenever the same files and settings would give other codes
REJECTED_FILE = "rejected.jsonl"
PROSODY_VERSION = 1  # the same, of pitch and energy
MAX_CODEBOOK_SIZE = 2**15  # codes are stored as int16

Encode = Callable[[Sequence[Clip], Callable[[int], None]], list[Outcome]]


@dataclass(frozen=True)
class TokenCache:
    """A complete token cache.

    Args:
        folder: where it lies.
        manifest: what is in it.
    """

    folder: Path
    manifest: Manifest

    @property
    def ids(self) -> list[str]:
        """Ids of the clips that have features, in the order of the corpus."""
        return list(dict.fromkeys(self._table().column("id").to_pylist()))

    @property
    def n_clips(self) -> int:
        """Clips that have features, without their copies."""
        return sum(shard.n_clips for shard in self.manifest.shards.values())

    @property
    def rejected(self) -> list[Rejected]:
        """The clips that could not be encoded, in the order of the corpus."""
        return [row for _, shard in sorted(self.manifest.shards.items()) for row in shard.rejected]

    @property
    def findings(self) -> Counter[str]:
        """How many clips were accepted although something was noticed, by what it was."""
        counts: Counter[str] = Counter()
        for shard in self.manifest.shards.values():
            counts.update(shard.findings)
        return counts

    def load(self) -> "Dataset":
        """Read all rows: `id, text, speaker, copy, n_samples`, and the features as lists of lists.

        These are `codes`, int16 (n_codebooks, n_frames), or `mel`, float16 (n_mels, n_frames); where prosody was asked
        for, there are `pitch` (Hz, 0 = none) and `energy`, float32 (n_frames,), too, and where the corpus knows them,
        `phones` (symbols) and `phone_frames`, which add up to n_frames.

        The hash of every shard is checked. The fingerprint is the cache's own: equal rows, equal fingerprint.

        Raises:
            CacheError: a shard is missing or damaged since the cache was built.
        """
        # Here, because it takes seconds and the processes that encode never need it.
        import datasets

        table = self._table()
        features = datasets.Features.from_arrow_schema(table.schema)
        info = datasets.DatasetInfo(features=features)
        return datasets.Dataset(table, info=info, fingerprint=self.folder.name)

    def _table(self) -> pyarrow.Table:
        shards = [shard for _, shard in sorted(self.manifest.shards.items())]
        return pyarrow.concat_tables([read_shard(self.folder, shard) for shard in shards])


def build_token_cache(
    corpus: Corpus,
    codec: Codec,
    *,
    settings: ClipSettings,
    is_training: Callable[[str], bool] = lambda _: True,
    cache_dir: str | os.PathLike[str] | None = None,
    arrangement: Arrangement | None = None,
    shard_rows: int = 512,
    max_rejected_fraction: float = 0.01,
    wait_seconds: float = 3600.0,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> TokenCache:
    """Encode a corpus, or find that it is encoded already.

    A killed build goes on with the shard it was at, damaged shards are made again, and the final bytes are the same
    whatever happened on the way and however the work was spread.

    Args:
        corpus: gone through twice; its ids must be unique.
        codec: of any kind.
        settings: see `ClipSettings`.
        is_training: whether a clip of this id may be augmented; the same sound may not be on both sides.
        cache_dir: parent of all caches; None = `TOKTTS_CACHE`, else the user's cache folder.
        arrangement: processes, batch size, threads, device; None = one process, one clip at a time.
        shard_rows: rows of a file, at most; what a kill can cost.
        max_rejected_fraction: share of clips that may be left out.
        wait_seconds: how long to wait for another process that builds the same cache.
        on_progress: gets clips done and clips in all, after each chunk.
    Raises:
        CorpusError: empty, an id or a sound twice, changed on the way, or too many clips rejected.
        CodecError: a codec with codebooks too large for int16, or whose mel is not finite.
        CacheError: the folder cannot be written or stays in use.
        MissingPackageError: of `settings.pitch_estimator`, where there is something to encode.
    """
    _check_codec(codec)
    arrangement = arrangement or Arrangement()
    clips = scan_corpus(corpus, n_copies=max(1, settings.augmentation_copies), is_training=is_training)
    shard_clips = max(1, shard_rows // max(1, settings.augmentation_copies))
    facts = _facts(codec, settings, shard_clips)
    root = cache_folder(cache_dir) / "tokens"
    folder = root / _key(facts, clips)
    with FolderLock(folder, "encodes tokens", wait_seconds=wait_seconds):
        sweep(root)
        _write_rejects(folder, corpus.rejected, len(clips), max_rejected_fraction)
        manifest = _verified(folder, facts, n_shards=-(-len(clips) // shard_clips))
        if not manifest.is_complete:
            if settings.prosody:
                check_estimator(settings.pitch_estimator)
            with _encoder(codec, settings, arrangement, root) as encode:
                _fill(
                    manifest, folder, corpus, clips, _columns(codec, settings, clips), shard_clips, encode, on_progress
                )
        on_progress(len(clips), len(clips))
        cache = TokenCache(folder, manifest)
        _write_rejects(folder, [*corpus.rejected, *cache.rejected], cache.n_clips, max_rejected_fraction)
    return cache


def _check_codec(codec: Codec) -> None:
    if codec.codebook_size > MAX_CODEBOOK_SIZE:
        raise CodecError(
            f"has {codec.codebook_size} codes a codebook, the cache holds {MAX_CODEBOOK_SIZE}; use another", key=KEY
        )


def _facts(codec: Codec, settings: ClipSettings, shard_clips: int) -> dict[str, Any]:
    """Everything but the clips that shapes the bytes of a cache."""
    shown = asdict(settings)
    estimator = shown.pop("pitch_estimator")
    prosody: dict[str, Any] = {"prosody_version": PROSODY_VERSION} if shown.pop("prosody") else {}
    if prosody and estimator != "own":
        prosody["pitch_estimator"] = estimator
    if settings.augmentation_copies <= 1:
        shown = {key: value for key, value in shown.items() if not key.startswith("augmentation_")}
    sizes = ("n_codebooks", "codebook_size") if codec.feature_kind == "codes" else ("n_mels",)
    return {
        "front_end_version": FRONT_END_VERSION,
        "codec": codec.identity,
        "sampling_rate": codec.sampling_rate,
        "hop_length": codec.hop_length,
        **{name: getattr(codec, name) for name in sizes},
        **prosody,
        "settings": shown,
        "shard_clips": shard_clips,
    }


def _columns(codec: Codec, settings: ClipSettings, clips: list[ScannedClip]) -> tuple[str, ...]:
    """Columns of the shards, besides those that are always there."""
    prosody = ("pitch", "energy") if settings.prosody else ()
    return (codec.feature_kind, *prosody, *(("phones", "phone_frames") if clips[0].phones_hash else ()))


def _key(facts: dict[str, Any], clips: list[ScannedClip]) -> str:
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode("utf-8"))
    for clip in clips:
        *usual, phones = asdict(clip).values()
        digest.update(json.dumps([*usual, *([phones] if phones else [])]).encode("utf-8"))
    return digest.hexdigest()[:24]


def _verified(folder: Path, facts: dict[str, Any], *, n_shards: int) -> Manifest:
    """The manifest with only those shards whose bytes are right."""
    found = Manifest.read(folder)
    shards = found.shards if found else {}
    return Manifest(facts, n_shards, {index: shard for index, shard in shards.items() if is_intact(folder, shard)})


def _fill(
    manifest: Manifest,
    folder: Path,
    corpus: Corpus,
    clips: list[ScannedClip],
    columns: Sequence[str],
    shard_clips: int,
    encode: Encode,
    on_progress: Callable[[int, int], None],
) -> None:
    """Make the shards that are missing, one after the other, so that a kill costs one at most."""
    utterances = iter(corpus)
    for index in range(manifest.n_shards):
        start = index * shard_clips
        scanned = clips[start : start + shard_clips]
        sounds = list(islice(utterances, len(scanned)))
        if index not in manifest.shards:

            def report(done: int, start: int = start) -> None:
                on_progress(start + done, len(clips))

            outcomes = encode(_pair(scanned, sounds), report)
            manifest.shards[index] = _store(folder / shard_name(index), scanned, outcomes, columns)
            manifest.write(folder)
        on_progress(start + len(scanned), len(clips))


def _write_rejects(folder: Path, rows: Iterable[Rejected], n_accepted: int, max_rejected_fraction: float) -> None:
    rejects = Rejects(folder / REJECTED_FILE, max_rejected_fraction=max_rejected_fraction)
    rejects.extend(rows)
    rejects.finish(n_accepted)


def _pair(scanned: list[ScannedClip], utterances: list[Utterance]) -> list[Clip]:
    if [clip.id for clip in scanned] != [utterance.id for utterance in utterances]:
        raise CorpusError("changed while it was being encoded; run again")
    return [
        Clip(clip.id, utterance.audio, clip.audio_hash, clip.n_copies, utterance.phones)
        for clip, utterance in zip(scanned, utterances, strict=True)
    ]


def _store(path: Path, scanned: list[ScannedClip], outcomes: list[Outcome], columns: Sequence[str]) -> Shard:
    pairs = list(zip(scanned, outcomes, strict=True))
    encoded = [(clip, outcome) for clip, outcome in pairs if isinstance(outcome, Encoded)]
    rows = [row for clip, outcome in encoded for row in rows_of(clip, outcome)]
    return Shard(
        name=path.name,
        sha256=write_shard(path, rows, columns=columns),
        n_clips=len(encoded),
        rejected=tuple(outcome for outcome in outcomes if isinstance(outcome, Rejected)),
        findings=dict(Counter(finding for _, outcome in encoded for finding in outcome.findings)),
    )


@contextlib.contextmanager
def _encoder(codec: Codec, settings: ClipSettings, arrangement: Arrangement, root: Path) -> Iterator[Encode]:
    if arrangement.workers <= 1:
        yield lambda clips, on_done: _encode_here(clips, codec, settings, arrangement, on_done)
        return
    saved = scratch_path(root, "codec")
    try:
        with disk_faults(root):
            codec.save_pretrained(saved)
        with WorkerPool(type(codec), saved, settings, arrangement) as pool:
            yield lambda clips, on_done: pool.encode(clips, on_done=on_done)
    finally:
        shutil.rmtree(saved, ignore_errors=True)


def _encode_here(
    clips: Sequence[Clip],
    codec: Codec,
    settings: ClipSettings,
    arrangement: Arrangement,
    on_done: Callable[[int], None],
) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for start in range(0, len(clips), CHUNK_CLIPS):
        outcomes += encode_chunk(clips[start : start + CHUNK_CLIPS], codec, settings, arrangement)
        on_done(len(outcomes))
    return outcomes
