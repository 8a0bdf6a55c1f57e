"""Take a constant hum off sound: what a vocoder says of nothing is no part of speech."""

import torch
from torch import Tensor


def first_magnitudes(samples: Tensor, window: Tensor, *, hop_length: int) -> Tensor:
    """Give the magnitudes (n_fft // 2 + 1,) with which a sound begins: those of its first frame.

    Args:
        samples: (n_samples,), longer than half a window.
        window: (n_fft,).
        hop_length: samples from one frame to the next.
    """
    return _spectrum(samples, window, hop_length=hop_length)[:, 0].abs()


def subtract(samples: Tensor, magnitudes: Tensor, window: Tensor, *, hop_length: int) -> Tensor:
    """Make every frame quieter by some magnitudes, down to nothing, and keep its phases.

    Args:
        samples: (n_samples,).
        magnitudes: (n_fft // 2 + 1,), as `first_magnitudes` gives them.
        window: (n_fft,).
        hop_length: samples from one frame to the next.
    Returns:
        As many samples.
    Source: Boll 1979, "Suppression of acoustic noise in speech using spectral subtraction".
    """
    n_samples, n_fft = len(samples), len(window)
    # A mirror cannot show more than there is.
    padded = torch.nn.functional.pad(samples, (0, max(0, n_fft // 2 + 1 - n_samples)))
    spectrum = _spectrum(padded, window, hop_length=hop_length)
    found = spectrum.abs()
    share = (found - magnitudes[:, None]).clamp(min=0.0) / found.clamp(min=1e-12)
    cleaned = torch.istft(spectrum * share, n_fft, hop_length, window=window, length=len(padded))
    return cleaned[:n_samples]


def _spectrum(samples: Tensor, window: Tensor, *, hop_length: int) -> Tensor:
    return torch.stft(samples, len(window), hop_length, window=window, return_complex=True)
