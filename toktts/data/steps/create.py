"""Step three: aligned clips -> the feature cache with durations, pitch and energy, and what they are like over all."""

import json
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from toktts.codecs._base import Codec
from toktts.data.atomic import write_atomically
from toktts.data.cache import TokenCache, build_token_cache
from toktts.data.corpora.textgrid import TextGrid
from toktts.data.encoding import Arrangement, ClipSettings
from toktts.errors import CorpusError

METADATA_FILE = "metadata.json"
Progress = Callable[[int, int], None]


def create_dataset(
    folder: Path,
    codec: Codec,
    *,
    settings: ClipSettings,
    cache_dir: str | None = None,
    arrangement: Arrangement | None = None,
    shard_rows: int = 512,
    max_rejected_fraction: float = 0.01,
    on_progress: Progress = lambda _done, _total: None,
) -> TokenCache:
    """Make features, durations, pitch and energy of every clip, or find them made, and write `metadata.json`.

    Args:
        folder: with folders of speakers, each with sound, transcripts and TextGrids.
        codec: makes the features.
        settings: what is done to a clip.
        cache_dir: parent of all caches; None = the user's.
        arrangement: how the work is spread.
        shard_rows: rows of a file of the cache.
        max_rejected_fraction: share of clips that may be left out.
        on_progress: gets clips done and clips in all.
    Raises:
        CorpusError: folders that are no such data set, or too many clips left out.
        CacheError: the cache cannot be written.
    """
    cache = build_token_cache(
        TextGrid(folder),
        codec,
        settings=settings,
        cache_dir=cache_dir,
        arrangement=arrangement,
        shard_rows=shard_rows,
        max_rejected_fraction=max_rejected_fraction,
        on_progress=on_progress,
    )
    content = json.dumps(describe(cache, codec), indent=1, ensure_ascii=False)
    try:
        write_atomically(folder / METADATA_FILE, f"{content}\n".encode())
    except OSError as error:
        raise CorpusError(f"cannot be written ({error.strerror}); free some space", file=folder) from error
    return cache


def describe(cache: TokenCache, codec: Codec) -> dict[str, Any]:
    """Say what a cache of aligned clips holds: amounts, phonemes, and pitch and energy over all of it.

    Pitch counts where there is one (Hz), energy in every frame.
    """
    rows = cache.load().with_format("numpy")
    n_samples = [int(row) for row in rows["n_samples"]]
    symbols, counts = np.unique(
        np.concatenate([np.asarray(row, dtype=str) for row in rows["phones"]]), return_counts=True
    )
    return {
        "cache": str(cache.folder),
        "clips": len(n_samples),
        "hours": round(sum(n_samples) / codec.sampling_rate / 3600, 4),
        "speakers": sorted(set(rows["speaker"])),
        "sampling_rate": codec.sampling_rate,
        "hop_length": codec.hop_length,
        "phones": dict(zip(symbols.tolist(), counts.tolist(), strict=True)),
        "pitch": statistics(np.asarray(row)[np.asarray(row) > 0] for row in rows["pitch"]),
        "energy": statistics(np.asarray(row) for row in rows["energy"]),
    }


def statistics(clips: Iterable[npt.NDArray[np.float32]]) -> dict[str, float]:
    """Give `min`, `max`, `mean` and `std` over all values, so that `(value - mean) / std` has mean 0 and deviation 1.

    Args:
        clips: 1-D arrays; gone through once, and never held together.
    Returns:
        Nothing where there is no value.

    >>> statistics([np.array([1.0, 3.0]), np.array([5.0])])
    {'min': 1.0, 'max': 5.0, 'mean': 3.0, 'std': 1.632993161855452}
    """
    count, mean, squares, lowest, highest = 0, 0.0, 0.0, math.inf, -math.inf
    for clip in clips:
        if not len(clip):
            continue
        values = clip.astype(np.float64)
        total, shift = count + len(values), float(values.mean()) - mean
        # Chan, Golub and LeVeque 1983: sums of squares around the means of parts, put together.
        squares += float(((values - values.mean()) ** 2).sum()) + shift**2 * count * len(values) / total
        mean, count = mean + shift * len(values) / total, total
        lowest, highest = min(lowest, float(values.min())), max(highest, float(values.max()))
    if not count:
        return {}
    return {"min": lowest, "max": highest, "mean": mean, "std": math.sqrt(squares / count)}
