"""The contract of every normaliser: text as it is written -> text as it is read aloud."""

from abc import ABC, abstractmethod
from typing import ClassVar


class Normalizer(ABC):
    """str -> str, with three promises for every string there is.

    It never raises; what it gives holds no digit (`str.isdigit`); and it leaves its own output as it is. Whether the
    result can be spoken by a model is another question, see `check_speakable`.
    """

    language: ClassVar[str]
    """BCP 47 tag, as `en`."""
    version: ClassVar[int]
    """Raised whenever the output for any text changes, because caches and checkpoints depend on it."""

    @abstractmethod
    def __call__(self, text: str) -> str:
        """Spell out what a reader would say.

        Args:
            text: any string, as it is written.
        Returns:
            The same in words, punctuation kept.
        """
