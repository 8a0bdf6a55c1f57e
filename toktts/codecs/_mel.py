"""Log-mel spectrograms: the front of every codec that sees sound as mel frames."""

import math
from typing import Literal, Self, get_args

import torch
from torch import Tensor, nn

from toktts.errors import CodecError

Edges = Literal["silence", "reflect"]
Floor = Literal["add", "clip"]
Scale = Literal["slaney", "htk"]
FACTS = ("sampling_rate", "n_fft", "hop_length", "win_length", "n_mels", "f_min", "f_max", "floor")
CHOICES = {"edges": Edges, "floor_by": Floor, "mel_scale": Scale}
TACOTRON2: dict[str, int | float | str] = {
    "sampling_rate": 22_050,
    "n_fft": 1024,
    "hop_length": 256,
    "n_mels": 80,
    "f_max": 8000.0,
    "floor": 1e-5,
    "floor_by": "clip",
    "edges": "reflect",
}
PRESETS = {
    "tacotron2": TACOTRON2,
    "torchaudio": TACOTRON2 | {"mel_scale": "htk", "power": 2},
}
"""`tacotron2` is the mel of most systems trained on LJSpeech; `torchaudio` has the defaults of that package instead."""
SILENCE = math.log(1e-5)
"""What models write where nobody speaks: the floor of the mel of LJSpeech."""
MEL_MEAN, MEL_STD = -5.529334, 2.0827525
"""Of the log-mel of LJSpeech (`tacotron2`), over all bands and frames: what models take off it and divide it by."""


def mel_scores(mel: Tensor, *, mean: float, std: float) -> Tensor:
    """Turn log-mel (batch, n_mels, n_frames) into standard scores, frames before bands: (batch, n_frames, n_mels)."""
    return (mel.transpose(1, 2) - mean) / std


def natural_mel(scores: Tensor, *, mean: float, std: float) -> Tensor:
    """Undo `mel_scores`: (batch, n_frames, n_mels) -> (batch, n_mels, n_frames)."""
    return (scores * std + mean).transpose(1, 2)


class LogMel(nn.Module):
    """Take the natural logarithm of mel-weighted magnitudes, one frame a hop.

    With edges of silence a frame is centred on its hop, and a clip has the same frames alone and in a padded batch.
    Reflected, as librosa and torch do it, frame k is centred on sample `k * hop_length`, and the last frames follow
    from where the clip ends: clips must be given one by one. The frame those packages add behind the end is left out.

    Args:
        sampling_rate: Hz of the samples.
        n_fft: samples a frame sees, at least `hop_length`.
        hop_length: samples from one frame to the next.
        win_length: samples under the Hann window, centred in `n_fft`; None = `n_fft`.
        n_mels: bands.
        f_min: lowest frequency, Hz.
        f_max: highest frequency, Hz; None = half the sampling rate.
        floor: the least value before the logarithm, so silence is `log(floor)`.
        floor_by: whether the floor is added to the values, or smaller ones are raised to it.
        edges: what a clip is taken to go on with.
        mel_scale: `slaney` with bands of equal area (as librosa's default), or `htk` with bands of equal height.
        power: 1 = magnitudes, 2 = their squares.
    Raises:
        CodecError: a choice that does not exist.
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
        floor_by: Floor = "add",
        edges: Edges = "silence",
        mel_scale: Scale = "slaney",
        power: Literal[1, 2] = 1,
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
        self.floor_by, self.edges, self.mel_scale, self.power = floor_by, edges, mel_scale, power
        self._check()
        bank = mel_filter_bank(
            n_fft // 2 + 1,
            n_mels,
            self.f_min,
            self.f_max,
            sampling_rate,
            norm="slaney" if mel_scale == "slaney" else None,
            mel_scale=mel_scale,
        )
        self.register_buffer("window", torch.hann_window(self.win_length), persistent=False)
        self.register_buffer("filters", torch.from_numpy(bank).T.float().contiguous(), persistent=False)

    @classmethod
    def preset(cls, name: str) -> Self:
        """Build one with the settings that others use, see `PRESETS`.

        Raises:
            CodecError: no such name.
        """
        if name not in PRESETS:
            raise CodecError(f"no mel preset {name!r}; choose one of {', '.join(PRESETS)}")
        return cls(**PRESETS[name])  # type: ignore[arg-type]

    def facts(self) -> dict[str, int | float | str]:
        """Everything that shapes the frames, as the constructor takes it; what is usual is left out of the choices."""
        facts = {name: getattr(self, name) for name in FACTS}
        usual = {"floor_by": "add", "edges": "silence", "mel_scale": "slaney", "power": 1}
        return facts | {name: getattr(self, name) for name, value in usual.items() if getattr(self, name) != value}

    def _check(self) -> None:
        choices = {name: get_args(kinds) for name, kinds in CHOICES.items()} | {"power": (1, 2)}
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                known = " or ".join(map(str, allowed))
                raise CodecError(f"mel {name} must be {known}, got {getattr(self, name)!r}; change it")

    def forward(self, samples: Tensor) -> Tensor:
        """Turn samples into log-mel frames.

        Args:
            samples: (batch, n_samples), in [-1, 1].
        Returns:
            (batch, n_mels, n_frames), `n_frames = ceil(n_samples / hop_length)`; silence is `log(floor)`.
        """
        values = self.filters.to(samples.device) @ self.spectrum(samples).abs().pow(self.power)
        return torch.log(values + self.floor if self.floor_by == "add" else values.clamp(min=self.floor))

    def mel_values(self, log_mel: Tensor) -> Tensor:
        """Undo logarithm and floor: non-negative, in magnitudes or their squares."""
        # Above 0 dB full scale nothing can be meant; exp would overflow.
        values = torch.exp(log_mel.clamp(max=10.0 * self.power))
        # What was raised to the floor was silence, as far as one can tell.
        above = values > self.floor * 1.0001
        return (values - self.floor).clamp(min=0) if self.floor_by == "add" else values * above

    def spectrum(self, samples: Tensor) -> Tensor:
        """Give the complex spectrum (batch, n_fft // 2 + 1, n_frames) of samples (batch, n_samples)."""
        batch, n_samples = samples.shape
        n_frames = math.ceil(n_samples / self.hop_length)
        if not n_frames or not batch:
            return samples.new_zeros(batch, self.n_fft // 2 + 1, n_frames, dtype=torch.complex64)
        padded = self._reflected(samples) if self.edges == "reflect" else self._silenced(samples, n_frames)
        spectrum = torch.stft(
            padded,
            self.n_fft,
            self.hop_length,
            self.win_length,
            self.window.to(samples.device),
            center=False,
            return_complex=True,
        )
        return spectrum[:, :, :n_frames]

    @property
    def lead(self) -> int:
        """Samples of the first frame that lie before the first sample."""
        return self.n_fft // 2 if self.edges == "reflect" else (self.n_fft - self.hop_length) // 2

    def _silenced(self, samples: Tensor, n_frames: int) -> Tensor:
        right = self.n_fft - self.hop_length - self.lead + n_frames * self.hop_length - samples.shape[1]
        return torch.nn.functional.pad(samples, (self.lead, right))

    def _reflected(self, samples: Tensor) -> Tensor:
        # A mirror cannot show more than there is.
        missing = max(0, self.lead + 1 - samples.shape[1])
        silenced = torch.nn.functional.pad(samples, (0, missing))
        return torch.nn.functional.pad(silenced[:, None], (self.lead, self.lead), mode="reflect")[:, 0]

    @property
    def centred_window(self) -> Tensor:
        """The window with the silence that `torch.stft` puts around it: (n_fft,)."""
        left = (self.n_fft - self.win_length) // 2
        return torch.nn.functional.pad(self.window, (left, self.n_fft - self.win_length - left))
