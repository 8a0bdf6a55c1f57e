"""Positions as fixed waves: nothing to learn, and none is too long."""

import torch
from torch import Tensor


def sinusoids(positions: Tensor, size: int) -> Tensor:
    """Give each position waves of falling frequency: sines in the first half of the channels, cosines in the second.

    Args:
        positions: (n_positions,), 0 for the first.
        size: channels, even.
    Returns:
        float32 (n_positions, size).
    Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.5.
    """
    frequencies = 10_000.0 ** (-torch.arange(0, size, 2, device=positions.device) / size)
    angles = positions[:, None].float() * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=1)
