"""How loud speech is, frame by frame."""

import math

import torch
from torch import Tensor

from toktts.audio.waveform import Waveform


def frame_energy(
    waveform: Waveform, *, hop_length: int, first_centre: float | None = None, n_fft: int | None = None
) -> Tensor:
    """Give the L2 norm, over frequency, of the magnitudes of a Hann-windowed short-time Fourier transform.

    Args:
        waveform: samples (batch, n_samples); what lies behind the end of a row counts as sound.
        hop_length: samples from one frame to the next.
        first_centre: sample on which frame 0 is centred; None = the middle of its hop.
        n_fft: samples a frame sees; None = four hops.
    Returns:
        float32 (batch, ceil(n_samples / hop_length)).

    Source: Ren et al. 2021 (FastSpeech 2), arXiv:2006.04558, section 2.3.
    """
    samples = waveform.samples.float()
    n_frames, n_fft = math.ceil(samples.shape[1] / hop_length), n_fft or 4 * hop_length
    if not n_frames:
        return samples.new_zeros(len(samples), 0)
    left = n_fft // 2 - math.floor(hop_length / 2 if first_centre is None else first_centre)
    right = max(0, (n_frames - 1) * hop_length + n_fft - left - samples.shape[1])
    # A mirror cannot show more than there is.
    samples = torch.nn.functional.pad(samples, (0, max(0, max(left, right) + 1 - samples.shape[1])))
    padded = torch.nn.functional.pad(samples[:, None], (left, right), mode="reflect")[:, 0]
    window = torch.hann_window(n_fft, device=samples.device)
    spectrum = torch.stft(padded, n_fft, hop_length, window=window, center=False, return_complex=True)
    energy: Tensor = torch.linalg.vector_norm(spectrum[:, :, :n_frames].abs(), dim=1)
    return energy


def frame_levels(waveform: Waveform, *, hop_length: int) -> Tensor:
    """Measure float32 (n_frames,), the level of each frame of one clip in dB, 0 = full scale, -120 = nothing."""
    samples = next(iter(waveform)).samples[0]
    frames = torch.nn.functional.pad(samples, (0, -len(samples) % hop_length)).view(-1, hop_length)
    return 10 * torch.log10(frames.square().mean(dim=1).clamp(min=1e-12))
