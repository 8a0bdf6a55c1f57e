"""Batches of similar length, so that little of a batch is padding."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from torch.utils.data import Sampler

from toktts.data.keyed import keyed_generator
from toktts.errors import ConfigError

BUCKET_FRAMES = 32


class BucketBatchSampler(Sampler[list[int]]):
    """Yields every index exactly once per epoch, in batches of similar length.

    The batches follow from (lengths, seed, epoch) alone, so skipping the first k of an epoch resumes it exactly. Their
    number is the same in every epoch: rows are shuffled inside buckets of `BUCKET_FRAMES` frames, cut in order of
    length, and the batches shuffled.

    Args:
        lengths: frames of each row.
        batch_size: rows of each batch but the last; or else
        max_frames: most frames a batch may hold, padding included.
        seed: of the shuffling.
    Raises:
        ConfigError: neither or both of `batch_size` and `max_frames`, one below 1, or a row longer than `max_frames`.
    """

    def __init__(
        self, lengths: Sequence[int], *, batch_size: int | None = None, max_frames: int | None = None, seed: int
    ) -> None:
        if (batch_size is None) == (max_frames is None):
            raise ConfigError("set either batch_size or max_frames, not both or none; remove one", key="batch_size")
        limit, key = (batch_size, "batch_size") if batch_size is not None else (max_frames, "max_frames")
        if limit is not None and limit < 1:
            raise ConfigError(f"must be at least 1, got {limit}; raise it", key=key)
        longest = max(lengths, default=0)
        if max_frames is not None and longest > max_frames:
            raise ConfigError(
                f"is {max_frames}, row {list(lengths).index(longest)} has {longest} frames; raise it or clip them",
                key="max_frames",
            )
        # A row costs what its bucket's longest possible row costs, so the cuts do not depend on the shuffling.
        rounded = -(-np.asarray(lengths, dtype=np.int64) // BUCKET_FRAMES) * BUCKET_FRAMES
        self._costs = self._full_costs = np.minimum(rounded, longest)
        self._batch_size, self._max_frames = batch_size, max_frames
        self._seed, self._epoch = seed, 0
        self._bounds = self._cut(np.sort(self._costs))

    def set_epoch(self, epoch: int) -> None:
        """Choose the shuffling; the Trainer calls this before each epoch."""
        self._epoch = epoch

    def shorten(self, lengths: Mapping[int, int]) -> None:
        """Sort rows that have become shorter among others of their new length; all the others are whole again.

        The batches stay as many, of as many rows: the n-th shortest row is never longer than it was, so no batch
        holds more than `max_frames`.

        Args:
            lengths: row -> frames, at most as many as it had.
        """
        self._costs = self._full_costs.copy()
        for row, length in lengths.items():
            self._costs[row] = min(self._costs[row], -(-length // BUCKET_FRAMES) * BUCKET_FRAMES)

    def __len__(self) -> int:
        return len(self._bounds) - 1

    def __iter__(self) -> Iterator[list[int]]:
        generator = keyed_generator("batches", self._seed, self._epoch)
        shuffled = generator.permutation(len(self._costs))
        ordered = shuffled[np.argsort(self._costs[shuffled], kind="stable")]
        for batch in generator.permutation(len(self)):
            yield ordered[self._bounds[batch] : self._bounds[batch + 1]].tolist()

    def _cut(self, costs: np.ndarray[tuple[int], np.dtype[np.int64]]) -> list[int]:
        """Positions at which batches begin in `costs` (ascending), and the end."""
        if self._batch_size is not None:
            return [*range(0, len(costs), self._batch_size), len(costs)]
        assert self._max_frames is not None
        bounds = [0]
        for position, cost in enumerate(costs):
            if (position + 1 - bounds[-1]) * cost > self._max_frames:
                bounds.append(position)
        return [*bounds, len(costs)] if len(costs) else [0]
