"""What families share that write mel or codes, by their option `feature`."""

from typing import Literal, Protocol

from toktts.errors import ModelError


class HasFeature(Protocol):
    """A config with the option, and the facts of its codec."""

    feature: Literal["mel", "codes"]
    n_mels: int
    n_codebooks: int
    mel_std: float


def check_feature(config: HasFeature) -> None:
    """Refuse a feature that the codec does not have, and a mel that cannot be divided.

    Raises:
        ModelError: names the option.
    """
    if config.feature == "mel" and config.n_mels < 1:
        raise ModelError("is mel, but the codec has codes; write feature: codes, or name a mel codec", key="feature")
    if config.feature == "codes" and config.n_codebooks < 1:
        raise ModelError("is codes, but the codec has mel; write feature: mel, or name a codec of codes", key="feature")
    if not config.mel_std > 0:
        raise ModelError(f"must be above 0, got {config.mel_std}; 2.08 is that of speech", key="mel_std")
