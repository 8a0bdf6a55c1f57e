"""The hard length regulator: every unit is repeated as many frames as it lasts."""

from typing import Any

import torch
from torch import Tensor

ENDS_MARGIN = 1e-4


def units_of_frames(durations: Tensor) -> Tensor:
    """Name the unit of each frame.

    Written with comparisons and without a number read off the data, so that any runtime can have it.

    >>> units_of_frames(torch.tensor([[2, 0, 3]]))
    tensor([[0, 0, 2, 2, 2]])

    Args:
        durations: int64 frames (batch, n_units); 0 = the unit is left out.
    Returns:
        int64 (batch, frames of the longest row); the last unit behind a row's end.
    """
    ends = durations.cumsum(dim=1)
    frames = _count_up_to(ends[:, -1].max())
    return (frames[None, :, None] >= ends[:, None, :]).sum(dim=2).clamp(max=durations.shape[1] - 1)


def repeat_units(units: Tensor, path: Tensor) -> Tensor:
    """Give every frame the vector of its unit: (batch, n_units, size) by int64 (batch, n_frames)."""
    return units.gather(1, path[:, :, None].expand(-1, -1, units.shape[2]))


def places_in_units(path: Tensor, durations: Tensor) -> Tensor:
    """Say where each frame lies in its unit.

    Args:
        path: int64 (batch, n_frames), of `units_of_frames`.
        durations: int64 frames (batch, n_units).
    Returns:
        float32 (batch, n_frames, 4): from its start and to its end (log of 1 + frames), share, length (log).
    """
    lengths = durations.float()
    length, end = lengths.gather(1, path), lengths.cumsum(dim=1).gather(1, path)
    return places_of(torch.arange(path.shape[1], device=path.device) + 0.5, end=end, length=length)


def places_of(middles: Tensor, *, end: Tensor, length: Tensor) -> Tensor:
    """Say where points in time lie in the units they belong to.

    Args:
        middles: frames (n_points,).
        end: where the unit of each point ends, frames (batch, n_points).
        length: how long it is, same shape.
    Returns:
        float32 (batch, n_points, 4): from its start and to its end (log of 1 + frames), share, length (log).
    """
    since = (middles - (end - length)).clamp(min=0.0)
    until = (end - middles).clamp(min=0.0)
    share = (since / length.clamp(min=1.0)).clamp(max=1.0)
    return torch.stack([torch.log1p(since), torch.log1p(until), share, torch.log1p(length)], dim=2)


def round_durations(frames: Tensor, is_real: Tensor, *, limit: int, least: Tensor | None = None) -> Tensor:
    """Round predicted durations so that the rounding does not add up over the text; a row gets a frame at least.

    Args:
        frames: predicted frames, float (batch, n_units).
        is_real: bool, same shape; other units get 0.
        limit: most frames of a unit.
        least: fewest frames of each unit, int64, same shape, up to `limit`; None = 0.
    Returns:
        int64 (batch, n_units); where all would be 0, the last real unit gets one frame.
    """
    possible = frames.float().clamp(0.0, float(limit))
    if least is None:
        rounded = round_ends(possible * is_real)
    else:
        rounded = round_ends(possible.maximum(least.float()) * is_real).clamp(max=limit).maximum(least) * is_real
    places = torch.arange(frames.shape[1], device=frames.device)
    is_last = places == is_real.sum(dim=1, keepdim=True) - 1
    is_silent = rounded.sum(dim=1, keepdim=True) == 0
    return rounded + (is_last & is_silent).long()


def round_ends(frames: Tensor) -> Tensor:
    """Round where units end, float frames (batch, n_units), and give whole frames from end to end, int64."""
    ends = torch.round(frames.cumsum(dim=1) + ENDS_MARGIN)
    return (ends - torch.nn.functional.pad(ends[:, :-1], (1, 0))).long()


def cut_durations(durations: Tensor, limit: int) -> Tensor:
    """Take frames from the end of rows that have more than `limit`.

    >>> cut_durations(torch.tensor([[2, 3, 4], [1, 1, 0]]), 4)
    tensor([[2, 2, 0],
            [1, 1, 0]])

    Args:
        durations: int64 frames (batch, n_units).
        limit: most frames of a row.
    """
    ends = durations.cumsum(dim=1).clamp(max=limit)
    return ends - torch.nn.functional.pad(ends[:, :-1], (1, 0))


def _count_up_to(end: Tensor) -> Tensor:
    """As `torch.arange(end)`, which traces an end that is a tensor, though its annotations do not say so."""
    limit: Any = end
    return torch.arange(limit, device=end.device)
