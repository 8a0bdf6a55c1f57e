"""Rows of a batch, each with its own length: what every codec checks and cuts before it computes."""

from collections.abc import Iterator

import torch
from torch import Tensor

from toktts.audio import Waveform
from toktts.errors import AudioError, CodecError


def check_finite(waveform: Waveform) -> None:
    """Refuse NaN and infinity: codecs turn them silently into some code.

    Raises:
        AudioError: a sample is not finite.
    """
    if not bool(torch.isfinite(waveform.samples).all()):
        raise AudioError("samples are not finite (NaN or infinity); repair the recording or leave it out")


def frames_of_rows(features: Tensor, n_frames: Tensor | None) -> list[int]:
    """Give the frames of each row of features (batch, ..., n_frames) that count.

    Raises:
        CodecError: `n_frames` has another batch, or a number outside the features.
    """
    batch, most = features.shape[0], features.shape[-1]
    if n_frames is None:
        return [most] * batch
    counts = [int(count) for count in n_frames.reshape(-1).tolist()]
    if len(counts) != batch or any(not 0 <= count <= most for count in counts):
        raise CodecError(
            f"n_frames must be {batch} numbers from 0 to {most}, got {counts}; count the frames of each row"
        )
    return counts


def groups_of_equal(values: list[int]) -> Iterator[tuple[int, list[int]]]:
    """Yield each value above 0 with the rows that have it, so that every row is computed at a size of its own.

    >>> list(groups_of_equal([75, 150, 0, 75]))
    [(75, [0, 3]), (150, [1])]
    """
    for value in sorted(set(values) - {0}):
        yield value, [row for row, other in enumerate(values) if other == value]
