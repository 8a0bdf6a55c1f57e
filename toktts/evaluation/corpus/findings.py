"""What can be noticed about a clip, and what to do about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Kind:
    """One thing that is looked for.

    Args:
        title: as a table names it.
        advice: what to do.
        is_fault: whether the corpus is better off without it; otherwise it is good to know.
    """

    title: str
    advice: str
    is_fault: bool = True


KINDS: Final[Mapping[str, Kind]] = {
    "unusable": Kind("training leaves out", "mend them or remove their rows"),
    "too_short": Kind("too short", "join them with their neighbours or leave them out"),
    "too_long": Kind("too long", "cut them, or raise data.max_seconds"),
    "foreign_rate": Kind("another sampling rate", "convert all clips from the originals to one rate"),
    "low_rate": Kind("low sampling rate", "record at 22050 Hz or more; what is missing cannot be learned"),
    "clipped": Kind("clipped", "record again with less gain"),
    "quiet": Kind("quieter than the others", "bring all clips to one level"),
    "loud": Kind("louder than the others", "bring all clips to one level"),
    "silent_edges": Kind("silence at the edges", "cut it down to 0.1 s"),
    "dc_offset": Kind("DC offset", "subtract the mean, or filter below 40 Hz"),
    "noisy": Kind("noisy", "record in a quieter room, or leave them out"),
    "pace": Kind("text does not fit the length", "check that the text is what is said"),
    "mismatch": Kind("text is not what is said", "listen, and write what is said"),
    "text": Kind("text cannot be read", "spell what the tokenizer cannot read"),
    "duplicate": Kind("same sound twice", "remove one, or correct the transcript"),
    "repeated_text": Kind("same text twice", "fine if it was said twice", is_fault=False),
    "guessed_words": Kind("words to guess", "put them into tokens.lexicon", is_fault=False),
}
"""Kinds of findings by name, in the order they are shown."""


@dataclass(frozen=True)
class Finding:
    """One thing about one clip.

    Args:
        kind: a name in `KINDS`.
        id: of the clip.
        detail: the numbers, or the words.
    """

    kind: str
    id: str
    detail: str

    @property
    def is_fault(self) -> bool:
        """Whether something should be done about it."""
        return KINDS[self.kind].is_fault
