"""The contract of every way between sound and features."""

import json
import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Literal, Self

from torch import Tensor

from toktts.audio import Waveform
from toktts.errors import CodecError, SamplingRateError

CODEC_FILE = "codec.json"


class Codec(ABC):
    """Waveform <-> features: `codes`, int64 (batch, n_codebooks, n_frames), or `mel`, float (batch, n_mels, n_frames).

    `frame_rate * hop_length == sampling_rate`, always. A codec is stateless once built, runs on the device of the
    tensors it is given, and its `identity` changes whenever the features it makes could change.
    """

    feature_kind: ClassVar[Literal["codes", "mel"]]
    sampling_rate: int
    hop_length: int
    n_codebooks: int = 0
    codebook_size: int = 0
    n_mels: int = 0
    is_slow: ClassVar[bool] = False
    """Whether encoding a corpus takes so long that it pays to start processes for it."""

    @property
    def frame_rate(self) -> float:
        """Frames per second."""
        return self.sampling_rate / self.hop_length

    @property
    def first_centre(self) -> float:
        """Sample on which the first frame is centred; the others follow a hop apart."""
        return self.hop_length / 2

    @property
    @abstractmethod
    def identity(self) -> str:
        """What the token cache is keyed by: name, version and a hash of everything that shapes the features."""

    @abstractmethod
    def encode(self, waveform: Waveform) -> Tensor:
        """Turn mono speech into features, padding the last frame of each clip with silence.

        Args:
            waveform: samples (batch, n_samples), in [-1, 1], at `self.sampling_rate` Hz.
        Returns:
            Features with `n_frames(n_samples)` frames; frames behind `n_frames(length)` of a clip are padding.
        Raises:
            SamplingRateError: resample first; this never resamples silently.
        """

    @abstractmethod
    def decode(self, features: Tensor, *, n_frames: Tensor | None = None) -> Waveform:
        """Turn features back into sound, `hop_length` samples a frame, finite and within [-1, 1].

        Args:
            features: as `encode` gives them.
            n_frames: int64 (batch,), frames of each row that count; the rest is ignored. None = all.
        """

    def decode_soft(self, probabilities: Tensor, *, n_frames: Tensor | None = None) -> Waveform:
        """Turn probabilities of codes into sound; a codec that can, mixes what the likely codes stand for.

        Args:
            probabilities: (batch, n_codebooks, n_frames, codebook_size), 1 in sum over the last dimension.
            n_frames: as `decode` takes it.
        """
        return self.decode(probabilities.argmax(dim=3), n_frames=n_frames)

    def n_frames(self, n_samples: int) -> int:
        """Frames that `encode` makes of `n_samples` samples: the last one may be partly padding."""
        return -(-n_samples // self.hop_length)

    @abstractmethod
    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write everything `from_pretrained` needs: `codec.json` and safetensors."""

    @classmethod
    @abstractmethod
    def from_pretrained(cls, folder: str | os.PathLike[str]) -> Self:
        """Read what `save_pretrained` wrote."""

    @classmethod
    @abstractmethod
    def tiny(cls) -> Self:
        """Build a small codec with fixed random weights: for tests, in milliseconds, without files."""

    def check_rate(self, waveform: Waveform) -> None:
        """Refuse sound at another sampling rate."""
        if waveform.sampling_rate != self.sampling_rate:
            raise SamplingRateError(
                f"codec expects {self.sampling_rate} Hz, got {waveform.sampling_rate} Hz; "
                "call toktts.audio.resample first"
            )

    def check_codes(self, codes: Tensor) -> None:
        """Refuse codes of another shape or outside [0, codebook_size)."""
        if codes.ndim != 3 or codes.shape[1] != self.n_codebooks:
            raise CodecError(
                f"codes must be (batch, {self.n_codebooks}, n_frames), got {tuple(codes.shape)}; "
                "use this codec's encode"
            )
        if codes.numel() and (int(codes.min()) < 0 or int(codes.max()) >= self.codebook_size):
            raise CodecError(
                f"codes must lie in [0, {self.codebook_size}), got {int(codes.min())} to {int(codes.max())}; "
                "remove special tokens first"
            )


def write_codec_file(folder: str | os.PathLike[str], facts: dict[str, object]) -> None:
    """Write `codec.json`: `{"codec": <file name>, ...}`."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    Path(folder, CODEC_FILE).write_text(json.dumps(facts, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def read_codec_file(folder: str | os.PathLike[str]) -> dict[str, object]:
    """Read `codec.json`.

    Raises:
        CodecError: missing or not an object with a `codec` field.
    """
    path = Path(folder, CODEC_FILE)
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CodecError(f"cannot be read ({error}); name a folder written by save_pretrained", file=path) from error
    if not isinstance(facts, dict) or not isinstance(facts.get("codec"), str):
        raise CodecError("has no field 'codec'; name a folder written by save_pretrained", file=path)
    return facts
