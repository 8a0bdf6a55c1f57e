"""The untrained way back from any mel spectrogram: non-negative inversion of the mel filters, then Griffin-Lim."""

import os
from typing import ClassVar, Literal, Self

import torch
from torch import Tensor

from toktts.audio import Waveform
from toktts.codecs._base import read_codec_file, write_codec_file
from toktts.codecs._mel import LogMel
from toktts.codecs._mel_codec import MelCodec
from toktts.codecs._rows import frames_of_rows
from toktts.errors import CodecError

NNLS_STEPS = 50
TINIEST = 1e-8


class GriffinLim(MelCodec):
    """Log-mel frames and back without training: robotic, but it needs no file and works for every mel.

    Args:
        log_mel: the front; by default the preset `tacotron2`: 80 bands to 8 kHz, 22,050 Hz, a hop of 256 samples.
        n_iterations: estimates of the phase; more is slower and a little cleaner.
        momentum: from 0 (Griffin and Lim 1984) below 1 (fast Griffin-Lim).
    Source: Perraudin et al. 2013, "A fast Griffin-Lim algorithm", algorithm 2.
    """

    feature_kind: ClassVar[Literal["codes", "mel"]] = "mel"

    def __init__(self, log_mel: LogMel | None = None, *, n_iterations: int = 60, momentum: float = 0.99) -> None:
        if n_iterations < 1 or not 0 <= momentum < 1:
            raise CodecError(
                f"n_iterations must be at least 1 and momentum in [0, 1), got {n_iterations} and {momentum}; "
                "60 and 0.99 are good"
            )
        self.log_mel = log_mel or LogMel.preset("tacotron2")
        self.n_iterations = n_iterations
        self.momentum = momentum
        self.sampling_rate = self.log_mel.sampling_rate
        self.hop_length = self.log_mel.hop_length
        self.n_mels = self.log_mel.n_mels

    @torch.no_grad()
    def decode(self, features: Tensor, *, n_frames: Tensor | None = None) -> Waveform:
        """Turn log-mel into sound by guessing the phase; equal mels give equal sound.

        Args:
            features: (batch, n_mels, n_frames), as `encode` gives them.
            n_frames: int64 (batch,), frames of each row that count; the rest is ignored. None = all.
        Raises:
            CodecError: another shape, or values that are not finite.
        """
        if features.ndim != 3 or features.shape[1] != self.n_mels:
            raise CodecError(
                f"mel must be (batch, {self.n_mels}, n_frames), got {tuple(features.shape)}; encode it again"
            )
        counts = frames_of_rows(features, n_frames)
        samples = features.new_zeros(features.shape[0], features.shape[2] * self.hop_length, dtype=torch.float32)
        for row, count in enumerate(counts):
            if count:
                samples[row, : count * self.hop_length] = self._invert(features[row, :, :count].float())
        lengths = torch.tensor(counts, dtype=torch.long) * self.hop_length
        return Waveform(samples, self.sampling_rate, lengths)

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write `codec.json`; there are no weights."""
        facts = {"n_iterations": self.n_iterations, "momentum": self.momentum, "mel": self.log_mel.facts()}
        write_codec_file(folder, {"codec": "griffin_lim", **facts})

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike[str]) -> Self:
        """Read what `save_pretrained` wrote.

        Raises:
            CodecError: a setting is missing, unknown or impossible.
        """
        facts = read_codec_file(folder)
        try:
            mel = LogMel(**facts["mel"])  # type: ignore[arg-type]
            return cls(mel, n_iterations=int(facts["n_iterations"]), momentum=float(facts["momentum"]))  # type: ignore[call-overload, arg-type]
        except (KeyError, TypeError, ValueError) as error:
            raise CodecError(f"has wrong settings ({error}); write it with save_pretrained", file=folder) from error

    @classmethod
    def tiny(cls) -> Self:
        """Build one with a small transform: for tests."""
        return cls(LogMel(8000, 256, hop_length=64, n_mels=20), n_iterations=8)

    def _invert(self, mel: Tensor) -> Tensor:
        """Give samples (n_frames * hop_length,) of one clip's log-mel (n_mels, n_frames)."""
        if not bool(torch.isfinite(mel).all()):
            raise CodecError("mel is not finite (NaN or infinity); the model that made it is broken")
        magnitudes = self._magnitudes(mel)
        generator = torch.Generator().manual_seed(0)
        phase = torch.rand(magnitudes.T.shape, generator=generator).T.to(mel.device) * (2 * torch.pi)
        guess = torch.polar(torch.ones_like(magnitudes), phase)
        previous = torch.zeros_like(guess)
        for _ in range(self.n_iterations):
            rebuilt = self.log_mel.spectrum(self._overlap_add(magnitudes * guess)[None])[0]
            accelerated = rebuilt + self.momentum * (rebuilt - previous)
            guess = accelerated / accelerated.abs().clamp(min=TINIEST)
            previous = rebuilt
        samples: Tensor = self._overlap_add(magnitudes * guess)
        return samples.clamp(-1, 1)

    def _magnitudes(self, mel: Tensor) -> Tensor:
        """Find non-negative magnitudes (n_bins, n_frames) whose mel is `mel` (Lee and Seung 2001, eq. 4)."""
        filters = self.log_mel.filters.to(mel.device)
        target = self.log_mel.mel_values(mel)
        values: Tensor = (torch.linalg.pinv(filters) @ target).clamp(min=TINIEST)
        for _ in range(NNLS_STEPS):
            values = values * (filters.T @ target) / (filters.T @ (filters @ values)).clamp(min=TINIEST)
        return values if self.log_mel.power == 1 else values.sqrt()

    def _overlap_add(self, spectrum: Tensor) -> Tensor:
        """Invert `LogMel.spectrum` of one clip (n_bins, n_frames) in the least-squares sense."""
        # torch.istft cannot pad "same" (pytorch/pytorch#62323); we fold by hand.
        n_fft, hop_length = self.log_mel.n_fft, self.hop_length
        window = self.log_mel.centred_window.to(spectrum.device)
        frames = torch.fft.irfft(spectrum, n=n_fft, dim=0) * window[:, None]
        total = n_fft + (spectrum.shape[1] - 1) * hop_length
        weights = window.square()[:, None].expand_as(frames)
        folded = torch.nn.functional.fold(
            torch.stack([frames, weights]), (1, total), (1, n_fft), stride=(1, hop_length)
        )
        samples, weight = folded[0, 0, 0], folded[1, 0, 0]
        inside = slice(self.log_mel.lead, self.log_mel.lead + spectrum.shape[1] * hop_length)
        rebuilt: Tensor = samples[inside] / weight[inside].clamp(min=1e-3)
        return rebuilt
