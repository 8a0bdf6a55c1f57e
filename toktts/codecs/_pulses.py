"""A pitch -> the pulses of a voice: all its harmonics, equally loud, and none above what a sampling rate can hold."""

import math

import torch
from torch import Tensor, nn

HIGHEST_HARMONIC = 0.479
"""Share of the sampling rate above which there are no harmonics."""
PEAK = 1e-6
"""Angle below which the closed form would be 0 / 0; there it is as good as at its peak."""


def pulse_train(
    pitch: Tensor,
    *,
    hop_length: int,
    sampling_rate: int,
    phase: Tensor | None = None,
    highest: float = HIGHEST_HARMONIC,
) -> Tensor:
    """Sum cosines of amplitude 1 at all multiples of a pitch that lie below `highest * sampling_rate`.

    The phase is carried through from the first sample, so frames join without a step, and a pitch that changes
    anywhere moves every later pulse.

    Args:
        pitch: Hz (batch, n_frames), above 0; between the middles of frames it runs straight.
        hop_length: samples a frame.
        sampling_rate: Hz.
        phase: where it begins, in periods (batch,), pulses are at every half; None = 0.
        highest: share of the sampling rate above which there are no harmonics.
    Returns:
        float32 (batch, n_frames * hop_length); a pulse is as high as there are harmonics.
    """
    if not pitch.shape[1]:
        return pitch.new_zeros(len(pitch), 0)
    hertz = nn.functional.interpolate(pitch[:, None], scale_factor=hop_length, mode="linear")[:, 0]
    # Single precision would lose the phase of long clips.
    periods = torch.cumsum(hertz.double() / sampling_rate, dim=1)
    if phase is not None:
        periods = periods + phase[:, None]
    angle = (periods - periods.floor() - 0.5).float() * (2 * math.pi)
    angle = torch.where(angle.abs() < PEAK, PEAK, angle)
    n_harmonics = torch.floor(highest * sampling_rate / hertz)
    return sum_of_cosines(angle, n_harmonics)


def sum_of_cosines(angle: Tensor, n_harmonics: Tensor) -> Tensor:
    """Add cos(k * angle) for k = 1 .. n_harmonics, in closed form: Dirichlet's kernel.

    Args:
        angle: radians, of any shape, in [-pi, pi] and not 0.
        n_harmonics: whole numbers, same shape.
    """
    return torch.sin((n_harmonics + 0.5) * angle) / (2 * torch.sin(angle / 2)) - 0.5
