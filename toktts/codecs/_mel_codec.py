"""What codecs of log-mel frames share: the way from sound to frames, and whether two of them mean the same by it."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from toktts.audio import Waveform
from toktts.codecs._base import Codec
from toktts.codecs._mel import LogMel
from toktts.codecs._rows import check_finite
from toktts.errors import CodecError

SAME = ("sampling_rate", "hop_length", "n_mels", "n_fft", "win_length", "f_min", "f_max", "mel_scale", "power")
"""What two mels must agree on; floors and logarithms can be converted."""


class MelCodec(Codec):
    """A codec whose features are those of its `log_mel`, whatever its way back to sound is."""

    log_mel: LogMel

    @property
    def identity(self) -> str:
        """The mel settings; the way back to sound is no part of them, so all such codecs share a cache."""
        return "mel:" + ",".join(f"{key}={value}" for key, value in sorted(self.log_mel.facts().items()))

    @property
    def first_centre(self) -> float:
        """Sample on which the first frame is centred: the very first where edges are reflected."""
        return self.log_mel.n_fft / 2 - self.log_mel.lead

    @torch.no_grad()
    def encode(self, waveform: Waveform) -> Tensor:
        """Turn mono speech into log-mel (batch, n_mels, n_frames), float32; see `Codec.encode`."""
        self.check_rate(waveform)
        check_finite(waveform)
        samples = waveform.samples
        shape = (len(waveform), self.n_mels, self.n_frames(samples.shape[1]))
        mel = samples.new_full(shape, math.log(self.log_mel.floor))
        # Row by row: the end of a clip is mirrored, so its last frames follow from its own length.
        for row, length in enumerate(waveform.row_lengths.tolist()):
            if length:
                mel[row, :, : self.n_frames(length)] = self.log_mel(samples[row : row + 1, :length])[0]
        return mel

    def check_mel(self, mel: Tensor) -> None:
        """Refuse mel frames of another shape, or that are not finite."""
        if mel.ndim != 3 or mel.shape[1] != self.n_mels:
            raise CodecError(f"mel must be (batch, {self.n_mels}, n_frames), got {tuple(mel.shape)}; encode it again")
        if not bool(torch.isfinite(mel).all()):
            raise CodecError("mel is not finite (NaN or infinity); the model that made it is broken")


def check_same_mel(wanted: LogMel, given: LogMel) -> None:
    """Refuse a mel that a way back to sound was not made for.

    Args:
        wanted: by the way back.
        given: what it would get, as of a voice.
    Raises:
        CodecError: names the first number that differs, with both values.
    """
    check_mel_facts({name: getattr(wanted, name) for name in SAME}, given)


def check_mel_facts(wanted: Mapping[str, object], given: LogMel) -> None:
    """As `check_same_mel`, where only some facts are wanted."""
    for name, value in wanted.items():
        if getattr(given, name) != value:
            raise CodecError(
                f"vocoder reads mel of {name} {value}, it would get {getattr(given, name)}; "
                "use a vocoder of that mel, or train the voice on this one's",
                key="codec.name_or_path",
            )
