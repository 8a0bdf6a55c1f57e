"""The contract of every normaliser: text as it is written -> text as it is read aloud."""

from abc import ABC, abstractmethod
from typing import ClassVar

from toktts.text._trace import Rewrite


class Normalizer(ABC):
    """str -> str, with three promises for every string there is.

    It never raises; what it gives holds no digit (`str.isdigit`); and it leaves its own output as it is. Inline
    phonemes, `[[HH AH0 L OW1]]`, pass through it, digits and all. Whether the result can be spoken by a model is
    another question, see `check_speakable`.
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

    def trace(self, text: str) -> list[Rewrite]:
        """Say which rule made what of which part of a text.

        Args:
            text: any string, as it is written.
        Returns:
            Rewrites whose spans cover the text without gaps, and whose outputs together are `self(text)`.
        """
        return [Rewrite(0, len(text), type(self).__name__, self(text))]
