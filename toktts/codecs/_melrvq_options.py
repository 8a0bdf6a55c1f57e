"""What shapes a `melrvq` codec, checked."""

from dataclasses import dataclass

from toktts.errors import CodecError

VOCODER_OPTIONS = ("hidden_size", "intermediate_size", "num_hidden_layers", "kernel_size", "code_embedding_size")
"""Those that codes do not depend on."""


@dataclass(frozen=True)
class MelRVQOptions:
    """Everything that shapes a `MelRVQ`.

    Args:
        sampling_rate: Hz.
        n_fft: samples a mel frame and a vocoder frame see.
        hop_length: samples from one frame to the next.
        n_mels: bands of the log-mel frames.
        floor: added to the mel magnitudes before the logarithm; 1e-3 spends no codes on inaudible noise.
        low_band_weight: weight of the lowest band's error when codes are chosen; it holds the pitch.
        high_band_weight: weight of the highest band's error; those between are on a straight line.
        n_codebooks: codes a frame, 1 to 8.
        codebook_size: values of a code.
        hidden_size: channels of the vocoder.
        intermediate_size: width of its perceptrons.
        num_hidden_layers: its blocks.
        kernel_size: frames its convolutions see.
        code_embedding_size: values that the vocoder learns about a frame's codes, beside their centroids.
    """

    sampling_rate: int = 24_000
    n_fft: int = 1280
    hop_length: int = 320
    n_mels: int = 80
    floor: float = 1e-3
    low_band_weight: float = 1.4
    high_band_weight: float = 0.7
    n_codebooks: int = 2
    codebook_size: int = 1024
    hidden_size: int = 256
    intermediate_size: int = 768
    num_hidden_layers: int = 6
    kernel_size: int = 7
    code_embedding_size: int = 64

    def __post_init__(self) -> None:
        self._check(1 <= self.n_codebooks <= 8, "n_codebooks", "must be 1 to 8; 2 is 1.5 kbps")
        self._check(2 <= self.codebook_size <= 2**15, "codebook_size", "must be 2 to 32768; 1024 is usual")
        sizes = ("hidden_size", "intermediate_size", "num_hidden_layers", "code_embedding_size")
        for name in ("sampling_rate", "hop_length", *sizes):
            self._check(getattr(self, name) >= 1, name, "must be at least 1; leave it out for the default")
        for name in ("floor", "low_band_weight", "high_band_weight"):
            self._check(0 < getattr(self, name) < 1000, name, "must lie above 0; leave it out for the default")
        self._check(
            self.sampling_rate % self.hop_length == 0,
            "hop_length",
            f"must divide sampling_rate {self.sampling_rate}; use 320 at 24000 Hz",
        )
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
