"""Noisy copies of a clip, so that a small model cannot learn the training tokens by heart."""

import torch
from torch import Tensor

from toktts.data.keyed import keyed_generator


def add_noise(samples: Tensor, *, clip_id: str, copy: int, std: float, seed: int) -> Tensor:
    """Add white Gaussian noise that follows from (seed, id, copy) alone; copy 0 stays clean.

    Args:
        samples: any shape, in [-1, 1].
        clip_id: id of the clip.
        copy: 0 gives `samples` back as they are.
        std: standard deviation of the noise on the [-1, 1] scale; 6e-4 is the reference's.
        seed: of the augmentation.
    Returns:
        The same shape, in [-1, 1].
    """
    if copy == 0 or std == 0.0:
        return samples
    noise = keyed_generator(seed, clip_id, copy).standard_normal(tuple(samples.shape), dtype="float32")
    return (samples + std * torch.from_numpy(noise)).clamp(-1.0, 1.0)
