"""What shapes any codec whose way back to sound is a `FrameVocoder`, checked."""

from dataclasses import dataclass

from toktts.errors import CodecError

VOCODER_SIZES = ("hidden_size", "intermediate_size", "num_hidden_layers", "kernel_size")
"""Those that features do not depend on."""


@dataclass(frozen=True)
class VocoderOptions:
    """The frames of a codec and the sizes of its vocoder.

    Args:
        sampling_rate: Hz.
        n_fft: samples a mel frame and a vocoder frame see.
        hop_length: samples from one frame to the next.
        n_mels: bands of the log-mel frames.
        hidden_size: channels of the vocoder.
        intermediate_size: width of its perceptrons.
        num_hidden_layers: its blocks.
        kernel_size: frames its convolutions see.
    """

    sampling_rate: int = 24_000
    n_fft: int = 1280
    hop_length: int = 320
    n_mels: int = 80
    hidden_size: int = 256
    intermediate_size: int = 768
    num_hidden_layers: int = 6
    kernel_size: int = 7

    def __post_init__(self) -> None:
        for name in ("sampling_rate", "hop_length", "hidden_size", "intermediate_size", "num_hidden_layers"):
            self._check(getattr(self, name) >= 1, name, "must be at least 1; leave it out for the default")
        self._check(
            self.n_fft % 2 == 0 and self.n_fft >= self.hop_length,
            "n_fft",
            f"must be even and at least hop_length {self.hop_length}; use four times that",
        )
        self._check(
            1 <= self.n_mels <= self.n_fft // 2, "n_mels", f"must be 1 to {self.n_fft // 2}, half of n_fft; 80 is usual"
        )
        self._check(self.kernel_size % 2 == 1 and self.kernel_size > 0, "kernel_size", "must be odd; 7 is usual")

    def _check(self, holds: bool, name: str, message: str) -> None:
        if not holds:
            what, fix = message.split("; ")
            raise CodecError(f"{name} {what}, got {getattr(self, name)}; {fix}", key=f"codec.options.{name}")
