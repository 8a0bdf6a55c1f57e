"""What codecs share whose way back to sound is a `FrameVocoder`: decoding, files, and what a training needs."""

import os
from abc import abstractmethod
from dataclasses import asdict
from pathlib import Path
from typing import ClassVar, Self

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from toktts.audio import Waveform, pad_clips
from toktts.codecs._base import Codec, read_codec_file, write_codec_file
from toktts.codecs._rows import frames_of_rows
from toktts.codecs._vocoder import FrameVocoder, VocoderOutput
from toktts.codecs._vocoder_options import VocoderOptions
from toktts.errors import CodecError

WEIGHTS_FILE = "model.safetensors"


class VocoderCodec(Codec, nn.Module):
    """A codec of frames that a `FrameVocoder` turns into sound; `config/codec/` trains it.

    Classes say their `name`, the `version` of their files, their `options_class`, and which buffers are `exact`: kept
    in single precision.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    options_class: ClassVar[type[VocoderOptions]]
    exact: ClassVar[tuple[str, ...]] = ()
    options: VocoderOptions
    vocoder: FrameVocoder

    def __init__(self, options: VocoderOptions) -> None:
        nn.Module.__init__(self)
        self.options = options
        self.sampling_rate = options.sampling_rate
        self.hop_length = options.hop_length
        self.n_mels = options.n_mels

    @abstractmethod
    def frame_vectors(self, features: Tensor) -> Tensor:
        """Give what the vocoder sees of features (batch, channels, n_frames): (batch, n_frames, values)."""

    @abstractmethod
    def check_features(self, features: Tensor) -> None:
        """Refuse features (batch, channels, n_frames) that cannot be decoded."""

    @torch.no_grad()
    def decode(self, features: Tensor, *, n_frames: Tensor | None = None) -> Waveform:
        """Turn features (batch, channels, n_frames) back into sound; see `Codec.decode`.

        Frames that are put behind change earlier sound only within the receptive field. A change in the middle may
        change everything behind it, through the phase of the pulses; see `FrameVocoder.forward`.
        """
        clips = []
        for row, count in zip(features, frames_of_rows(features, n_frames), strict=True):
            frames = row[None, :, :count]
            self.check_features(frames)
            clips.append(self.vocode(frames)[0].clamp(-1.0, 1.0) if count else torch.zeros(0))
        return pad_clips(clips, self.sampling_rate)

    def forward(
        self,
        features: Tensor,
        *,
        pitch: Tensor | None = None,
        phase: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> VocoderOutput:
        """Differentiable decode of equally long rows.

        Args:
            features: (batch, channels, n_frames), as `encode` gives them.
            pitch: Hz (batch, n_frames) to speak at; see `FrameVocoder.forward`, as for the rest.
            phase: where the pulses begin, in periods (batch,).
            noise: to be shaped, (batch, n_frames, n_fft // 2 + 1, 2).
        """
        output: VocoderOutput = self.vocoder(self.frame_vectors(features), pitch=pitch, phase=phase, noise=noise)
        return output

    def vocode(self, features: Tensor) -> Tensor:
        """Differentiable decode of equally long rows: (batch, channels, n_frames) -> float32 samples."""
        return self.forward(features).samples

    @torch.no_grad()
    def round_weights(self) -> None:
        """Round the weights, in place, to what half precision holds: then a saved and loaded copy is equal.

        Otherwise the pitch of a copy differs a little, and so, after seconds, does its phase.
        """
        for parameter in self.parameters():
            parameter.copy_(parameter.half())

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write `codec.json` and half-precision weights (see `round_weights`); what is `exact` stays in single."""
        write_codec_file(folder, {"codec": self.name, "version": self.version, "options": asdict(self.options)})
        state = {
            name: (tensor.float() if name in self.exact else tensor.half()).contiguous()
            for name, tensor in self.state_dict().items()
        }
        save_file(state, os.path.join(folder, WEIGHTS_FILE))

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike[str]) -> Self:
        """Read a folder written by `save_pretrained`.

        Raises:
            CodecError: missing or damaged files, another version, or weights that do not fit the options.
        """
        facts = read_codec_file(folder)
        options = facts.get("options")
        if facts["codec"] != cls.name or facts.get("version") != cls.version or not isinstance(options, dict):
            raise CodecError(f"is not a {cls.name} codec of version {cls.version}; make it again", file=folder)
        path = Path(folder, WEIGHTS_FILE)
        try:
            codec = cls(cls.options_class(**options))
            codec.load_state_dict({name: tensor.float() for name, tensor in load_file(path).items()})
        except (CodecError, OSError, RuntimeError, SafetensorError, TypeError, ValueError) as error:
            reason = " ".join(str(error).split())[:120]
            raise CodecError(f"cannot be read ({reason}); copy the whole folder again", file=path) from error
        return codec


def frame_vocoder(options: VocoderOptions, input_size: int) -> FrameVocoder:
    """Build the vocoder that options describe, for frames of `input_size` values."""
    return FrameVocoder(
        input_size,
        options.hidden_size,
        intermediate_size=options.intermediate_size,
        num_hidden_layers=options.num_hidden_layers,
        kernel_size=options.kernel_size,
        n_fft=options.n_fft,
        hop_length=options.hop_length,
        sampling_rate=options.sampling_rate,
    )
