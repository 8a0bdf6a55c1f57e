"""What metrics hear: one clip at one rate, as it is, or without the silence around it."""

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from toktts.audio import Waveform, resample

JUDGE_RATE = 16_000  # Hz, what the judges were trained on; nothing above 8 kHz is judged
SILENCE = 1e-3  # peak of a clip that nobody hears, -60 dB
GATE_DB = 40.0
FRAME_S = 0.01

Samples = npt.NDArray[np.float32]


def judge_samples(waveform: Waveform) -> Tensor:
    """Bring one clip to 16 kHz: float32 (n_samples,)."""
    clip = next(iter(waveform))
    if not clip.samples.shape[1]:
        return torch.zeros(0)
    return resample(clip, JUDGE_RATE).samples[0].detach().cpu()


def is_silent(samples: Tensor) -> bool:
    """Whether there is nothing to hear in samples (n_samples,), in [-1, 1]."""
    return not samples.numel() or float(samples.abs().max()) < SILENCE


def speech_part(samples: Tensor, *, sampling_rate: int = JUDGE_RATE) -> Tensor:
    """Cut the silence off both ends: frames of 10 ms more than 40 dB below the loudest one.

    Args:
        samples: (n_samples,), in [-1, 1].
        sampling_rate: Hz.
    Returns:
        A part of them; empty if nothing is heard.
    """
    if is_silent(samples):
        return samples[:0]
    size = max(1, round(FRAME_S * sampling_rate))
    padded = torch.nn.functional.pad(samples, (0, -len(samples) % size))
    power = padded.view(-1, size).square().mean(dim=1)
    loud = torch.nonzero(power > power.max() * math.pow(10.0, -GATE_DB / 10))[:, 0]
    return samples[int(loud[0]) * size : (int(loud[-1]) + 1) * size]
