"""What shapes a `mel_vocoder` codec, checked."""

from dataclasses import dataclass

from toktts.codecs._mel import MEL_MEAN, MEL_STD
from toktts.codecs._vocoder_options import VocoderOptions


@dataclass(frozen=True)
class MelVocoderOptions(VocoderOptions):
    """Everything that shapes a `MelVocoder`, beside what `VocoderOptions` says: its mel is LJSpeech's usual one.

    Args:
        f_max: highest frequency of the mel, Hz; the vocoder guesses what is above.
        mel_mean: taken off the log-mel before the vocoder sees it.
        mel_std: what it is then divided by.
    """

    sampling_rate: int = 22_050
    n_fft: int = 1024
    hop_length: int = 256
    f_max: float = 8000.0
    mel_mean: float = MEL_MEAN
    mel_std: float = MEL_STD

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check(
            0 < self.f_max <= self.sampling_rate / 2,
            "f_max",
            f"must lie above 0 and at most at {self.sampling_rate / 2:g} Hz; 8000 is usual",
        )
        self._check(0.01 <= self.mel_std <= 100, "mel_std", "must lie between 0.01 and 100; leave it out")
        self._check(-100 <= self.mel_mean <= 100, "mel_mean", "must lie between -100 and 100; leave it out")
