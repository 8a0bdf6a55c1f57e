"""What shapes a `melrvq` codec, checked."""

from dataclasses import dataclass

from toktts.codecs._vocoder_options import VOCODER_SIZES, VocoderOptions

VOCODER_OPTIONS = (*VOCODER_SIZES, "code_embedding_size")
"""Those that codes do not depend on."""


@dataclass(frozen=True)
class MelRVQOptions(VocoderOptions):
    """Everything that shapes a `MelRVQ`, beside what `VocoderOptions` says.

    Args:
        floor: added to the mel magnitudes before the logarithm; 1e-3 spends no codes on inaudible noise.
        low_band_weight: weight of the lowest band's error when codes are chosen; it holds the pitch.
        high_band_weight: weight of the highest band's error; those between are on a straight line.
        n_codebooks: codes a frame, 1 to 8.
        codebook_size: values of a code.
        code_embedding_size: values that the vocoder learns about a frame's codes, beside their centroids.
    """

    floor: float = 1e-3
    low_band_weight: float = 1.4
    high_band_weight: float = 0.7
    n_codebooks: int = 2
    codebook_size: int = 1024
    code_embedding_size: int = 64

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check(1 <= self.n_codebooks <= 8, "n_codebooks", "must be 1 to 8; 2 is 1.5 kbps")
        self._check(2 <= self.codebook_size <= 2**15, "codebook_size", "must be 2 to 32768; 1024 is usual")
        self._check(
            self.code_embedding_size >= 1, "code_embedding_size", "must be at least 1; leave it out for the default"
        )
        for name in ("floor", "low_band_weight", "high_band_weight"):
            self._check(0 < getattr(self, name) < 1000, name, "must lie above 0; leave it out for the default")
        self._check(
            self.sampling_rate % self.hop_length == 0,
            "hop_length",
            f"must divide sampling_rate {self.sampling_rate}; use 320 at 24000 Hz",
        )
