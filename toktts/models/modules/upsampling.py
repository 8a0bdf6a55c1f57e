"""From text units with durations to positions in time."""

import math

import torch
from torch import Tensor, nn

from toktts.alignment.monotonic import length_mask
from toktts.models.modules.repeating import places_of


class GaussianUpsampling(nn.Module):
    """Spread each unit's vector over the frames around its centre, and say where in its unit each position lies.

    Args:
        hidden_size: channels.

    Source: Donahue et al. 2021 (EATS), arXiv:2006.03575, section 2.2; Shen et al. 2020, arXiv:2010.04301, section 3.2.
    """

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.log_spread = nn.Linear(hidden_size, 1)
        self.place = nn.Linear(4, hidden_size)
        nn.init.zeros_(self.log_spread.weight)
        nn.init.constant_(self.log_spread.bias, -1.0)

    def forward(self, units: Tensor, durations: Tensor, *, total: int, frames_per_position: int) -> Tensor:
        """Upsample a batch.

        Args:
            units: (batch, n_units, hidden_size).
            durations: int64 frames (batch, n_units), 0 behind a row's end.
            total: frames the result must cover.
            frames_per_position: frames that one position of the result stands for.
        Returns:
            (batch, ceil(total / frames_per_position), hidden_size).
        """
        lengths = durations.float()
        n_positions = -(-total // frames_per_position)
        middles = (torch.arange(n_positions, device=units.device) + 0.5) * frames_per_position
        spread = nn.functional.softplus(self.log_spread(units)[:, :, 0].float()) * lengths.clamp(min=1.0) + 0.3
        mixed = gaussian_weights(durations, middles, spread=spread).to(units.dtype) @ units
        upsampled: Tensor = mixed + self.place(_places(middles, lengths.cumsum(dim=1), lengths)).to(units.dtype)
        return upsampled


class SharedSpreadUpsampling(nn.Module):
    """Spread each unit's vector over the frames around its centre, as widely for all units: one number is learned.

    Args:
        spread: frames, the standard deviation to start from.
    """

    def __init__(self, *, spread: float = 1.0) -> None:
        super().__init__()
        self.log_spread = nn.Parameter(torch.tensor(math.log(spread)))

    def forward(self, units: Tensor, durations: Tensor, *, total: int) -> Tensor:
        """Upsample a batch: frame t is heard at t + 0.5.

        Args:
            units: (batch, n_units, hidden_size).
            durations: int64 frames (batch, n_units), 0 behind a row's end, and for units that are not said.
            total: frames of the result.
        Returns:
            (batch, total, hidden_size).
        """
        middles = torch.arange(total, device=units.device) + 0.5
        mixed: Tensor = gaussian_weights(durations, middles, spread=self.log_spread.exp()).to(units.dtype) @ units
        return mixed


def gaussian_weights(durations: Tensor, middles: Tensor, *, spread: Tensor) -> Tensor:
    """Weigh units at points in time by normal densities around the units' centres.

    With a spread near 0 each point belongs to the unit with the nearest centre. That is the unit it lies in wherever
    neighbours differ by less than two frames; at the border of a long one, the short one reaches further.

    Args:
        durations: int64 frames (batch, n_units).
        middles: frames (n_points,).
        spread: frames, the standard deviation: of each unit (batch, n_units), or one for all, ().
    Returns:
        float32 (batch, n_points, n_units), 1 in sum over the units; 0 for units of no frames.
    """
    lengths = durations.float()
    centres = lengths.cumsum(dim=1) - lengths / 2
    width = spread.float() if spread.ndim == 0 else spread[:, None].float()
    distance = (middles[None, :, None] - centres[:, None]) / width
    # Densities as logarithms, so that far from every centre their shares are still numbers.
    scores = -0.5 * distance.square()
    return scores.masked_fill((durations == 0)[:, None], torch.finfo(torch.float32).min).softmax(dim=2)


def _places(middles: Tensor, ends: Tensor, lengths: Tensor) -> Tensor:
    """Where positions lie in their units, (batch, n_positions, 4): from start, to end (log frames), share, length."""
    owner = torch.searchsorted(ends, middles.expand(len(ends), -1).contiguous(), right=True)
    # The last position may reach behind a row's end; what it then belongs to must not be padding.
    units = torch.arange(lengths.shape[1], device=lengths.device)
    owner = torch.minimum(owner, (units * (lengths > 0)).amax(dim=1, keepdim=True))
    return places_of(middles, end=ends.gather(1, owner), length=lengths.gather(1, owner))


def durations_of_path(units: Tensor, n_frames: Tensor, *, n_units: int) -> Tensor:
    """Count the frames of each unit.

    Args:
        units: int64 (batch, total frames), the unit of each frame.
        n_frames: int64 (batch,), frames of each row that count.
        n_units: units of the longest row.
    Returns:
        int64 (batch, n_units).
    """
    counted = length_mask(n_frames, units.shape[1]).long()
    return counted.new_zeros(len(units), n_units).scatter_add_(1, units, counted)
