"""Log-mel spectrograms: the front of every codec that sees sound as mel frames."""

import math

import torch
from torch import Tensor, nn


class LogMel(nn.Module):
    """Take the natural logarithm of mel-weighted magnitudes: one frame a hop, centred on that hop.

    The edges are padded with silence, not by reflection, so a clip has the same frames alone and in a padded batch.

    Args:
        sampling_rate: Hz of the samples.
        n_fft: samples a frame sees, at least `hop_length`.
        hop_length: samples from one frame to the next.
        win_length: samples under the Hann window, centred in `n_fft`; None = `n_fft`.
        n_mels: bands, Slaney scale and area (as librosa's default).
        f_min: lowest frequency, Hz.
        f_max: highest frequency, Hz; None = half the sampling rate.
        floor: added to the magnitudes before the logarithm, so silence is `log(floor)`.
    """

    window: Tensor
    filters: Tensor

    def __init__(
        self,
        sampling_rate: int = 24_000,
        n_fft: int = 1280,
        *,
        hop_length: int = 320,
        win_length: int | None = None,
        n_mels: int = 80,
        f_min: float = 0.0,
        f_max: float | None = None,
        floor: float = 1e-5,
    ) -> None:
        from transformers.audio_utils import mel_filter_bank  # only here, for it costs a process a second

        super().__init__()
        self.sampling_rate = sampling_rate
        self.n_fft = n_fft
        self.hop_length = hop_length
        self.win_length = win_length or n_fft
        self.n_mels = n_mels
        self.f_min = f_min
        self.f_max = sampling_rate / 2 if f_max is None else f_max
        self.floor = floor
        bank = mel_filter_bank(
            n_fft // 2 + 1, n_mels, self.f_min, self.f_max, sampling_rate, norm="slaney", mel_scale="slaney"
        )
        self.register_buffer("window", torch.hann_window(self.win_length), persistent=False)
        self.register_buffer("filters", torch.from_numpy(bank).T.float().contiguous(), persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        """Turn samples into log-mel frames.

        Args:
            samples: (batch, n_samples), in [-1, 1].
        Returns:
            (batch, n_mels, n_frames), `n_frames = ceil(n_samples / hop_length)`; silence is `log(floor)`.
        """
        return torch.log(self.filters.to(samples.device) @ self.spectrum(samples).abs() + self.floor)

    def spectrum(self, samples: Tensor) -> Tensor:
        """Give the complex spectrum (batch, n_fft // 2 + 1, n_frames) of samples (batch, n_samples)."""
        batch, n_samples = samples.shape
        n_frames = math.ceil(n_samples / self.hop_length)
        if not n_frames or not batch:
            return samples.new_zeros(batch, self.n_fft // 2 + 1, n_frames, dtype=torch.complex64)
        left = (self.n_fft - self.hop_length) // 2
        right = self.n_fft - self.hop_length - left + n_frames * self.hop_length - n_samples
        return torch.stft(
            torch.nn.functional.pad(samples, (left, right)),
            self.n_fft,
            self.hop_length,
            self.win_length,
            self.window.to(samples.device),
            center=False,
            return_complex=True,
        )

    @property
    def centred_window(self) -> Tensor:
        """The window with the silence that `torch.stft` puts around it: (n_fft,)."""
        left = (self.n_fft - self.win_length) // 2
        return torch.nn.functional.pad(self.window, (left, self.n_fft - self.win_length - left))
