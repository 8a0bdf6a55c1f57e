"""Log-mel frames, and WaveGlow as the way back to sound: noise that is turned into speech by invertible steps."""

import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import ClassVar, Literal, Self

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from toktts.audio import Waveform, pad_clips
from toktts.codecs._base import CODEC_FILE, read_codec_file, write_codec_file
from toktts.codecs._denoiser import first_magnitudes, subtract
from toktts.codecs._mel import LogMel
from toktts.codecs._mel_codec import MelCodec
from toktts.codecs._rows import frames_of_rows
from toktts.codecs._waveglow_net import WaveGlowNet
from toktts.codecs._waveglow_options import WaveGlowOptions
from toktts.codecs._waveglow_weights import check_weights, convert_waveglow
from toktts.errors import CodecError

__all__ = ["WaveGlow", "WaveGlowOptions", "convert_waveglow"]

NAME = "waveglow"
WEIGHTS_FILE = "model.safetensors"
NOISE_SEED = 0
EMPTY_FRAMES = 88
"""Frames of zeros whose hum is taken off: as many as the authors of the usual weights take."""
OVERLAP = 4


class WaveGlow(MelCodec):
    """The usual log-mel frames of LJSpeech systems, and WaveGlow with its denoiser as the way back.

    Weights come from `convert_waveglow`, under the names that `_waveglow_weights.RENAMES` lists. Rows are computed one
    by one, from the same noise every time: equal mels give equal sound. Nothing here is trained.

    Args:
        options: sizes, noise and denoiser.
        weights: of all layers, float.
    Raises:
        CodecError: weights that lack some, have others, or do not fit the options.
    Source: Prenger et al. 2018, arXiv:1811.00002.
    """

    feature_kind: ClassVar[Literal["codes", "mel"]] = "mel"

    def __init__(self, options: WaveGlowOptions, *, weights: Mapping[str, Tensor]) -> None:
        self.options = options
        self.log_mel = LogMel(
            options.sampling_rate,
            options.n_fft,
            hop_length=options.hop_length,
            n_mels=options.n_mels,
            f_max=options.f_max,
            floor_by="clip",
            edges="reflect",
        )
        self.sampling_rate = options.sampling_rate
        self.hop_length = options.hop_length
        self.n_mels = options.n_mels
        with torch.device("meta"):
            self.net = WaveGlowNet(options)
        check_weights(self.net.state_dict(), weights)
        self.net.load_state_dict({name: tensor.float() for name, tensor in weights.items()}, assign=True)
        self.net.eval().requires_grad_(False)
        self._hum: Tensor | None = None

    @torch.no_grad()
    def decode(self, features: Tensor, *, n_frames: Tensor | None = None) -> Waveform:
        """Turn log-mel (batch, n_mels, n_frames) back into sound; see `Codec.decode`.

        Raises:
            CodecError: another shape, values that are not finite, or weights that give no finite sound.
        """
        clips = []
        for row, count in zip(features, frames_of_rows(features, n_frames), strict=True):
            mel = row[None, :, :count].float()
            self.check_mel(mel)
            clips.append(self._denoised(self._speak(mel, sigma=self.options.sigma)) if count else torch.zeros(0))
        return pad_clips([clip.clamp(-1.0, 1.0) for clip in clips], self.sampling_rate)

    def _speak(self, mel: Tensor, *, sigma: float) -> Tensor:
        """Give samples (n_frames * hop_length,) of log-mel (1, n_mels, n_frames)."""
        positions = mel.shape[2] * self.hop_length // self.options.n_group
        generator = torch.Generator().manual_seed(NOISE_SEED)
        # Position after position, so that a longer text begins with the noise of a shorter one.
        noise = torch.randn(1, positions, self.options.n_group, generator=generator).transpose(1, 2)
        samples: Tensor = self.net.to(mel.device)(mel, sigma * noise.to(mel.device))[0]
        if not bool(torch.isfinite(samples).all()):
            raise CodecError("decoded sound is not finite (NaN or infinity); the vocoder's weights are damaged")
        return samples

    def _denoised(self, samples: Tensor) -> Tensor:
        if not self.options.denoiser_strength:
            return samples
        window = torch.hann_window(self.options.n_fft, device=samples.device)
        hop_length = self.options.n_fft // OVERLAP
        if self._hum is None:
            empty = self._speak(samples.new_zeros(1, self.n_mels, EMPTY_FRAMES), sigma=0.0)
            self._hum = first_magnitudes(empty, window, hop_length=hop_length)
        magnitudes = self.options.denoiser_strength * self._hum.to(samples.device)
        return subtract(samples, magnitudes, window, hop_length=hop_length)

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write `codec.json` and the weights as they are (safetensors)."""
        write_codec_file(folder, {"codec": NAME, "options": asdict(self.options)})
        state = {name: tensor.contiguous() for name, tensor in self.net.state_dict().items()}
        save_file(state, os.path.join(folder, WEIGHTS_FILE))

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike[str]) -> Self:
        """Read a folder written by `save_pretrained`.

        Raises:
            CodecError: options that do not exist, or weights that are missing, damaged or others.
        """
        facts = read_codec_file(folder)
        path = Path(folder, WEIGHTS_FILE)
        try:
            options = WaveGlowOptions(**facts["options"])  # type: ignore[arg-type]
        except (KeyError, TypeError) as error:
            raise CodecError(
                f"has wrong settings ({error}); write it with save_pretrained", file=Path(folder, CODEC_FILE)
            ) from error
        try:
            weights = load_file(path)
        except (OSError, SafetensorError) as error:
            reason = " ".join(str(error).split())[:120]
            raise CodecError(
                f"cannot be read ({reason}); copy the whole folder again, or write it with convert_waveglow", file=path
            ) from error
        try:
            return cls(options, weights=weights)
        except CodecError as error:
            raise CodecError(error.message, file=path, key=error.key) from error

    @classmethod
    def tiny(cls) -> Self:
        """Build a small codec of 20 bands at 8 kHz with fixed random weights."""
        options = WaveGlowOptions(
            sampling_rate=8000,
            n_fft=256,
            hop_length=64,
            n_mels=20,
            f_max=4000.0,
            upsample_kernel_size=256,
            n_flows=4,
            n_early_every=2,
            hidden_size=8,
            num_hidden_layers=2,
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return cls(options, weights=WaveGlowNet(options).state_dict())
