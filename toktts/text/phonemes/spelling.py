"""Letters by their names, for what is spelled: FBI, C.I.A., PCs."""

import re
from collections.abc import Mapping
from typing import Final

from toktts.text.phonemes.morphology import plural
from toktts.text.phonemes.symbols import Symbols, with_one_primary

NAMES: Final[Mapping[str, str]] = {
    "a": "EY1", "b": "B IY1", "c": "S IY1", "d": "D IY1", "e": "IY1", "f": "EH1 F", "g": "JH IY1", "h": "EY1 CH",
    "i": "AY1", "j": "JH EY1", "k": "K EY1", "l": "EH1 L", "m": "EH1 M", "n": "EH1 N", "o": "OW1", "p": "P IY1",
    "q": "K Y UW1", "r": "AA1 R", "s": "EH1 S", "t": "T IY1", "u": "Y UW1", "v": "V IY1",
    "w": "D AH1 B AH0 L Y UW0", "x": "EH1 K S", "y": "W AY1", "z": "Z IY1",
}  # fmt: skip
ACRONYM: Final = re.compile(r"(?P<letters>[A-Z]{2,5})(?P<plural>'?s)?")
DOTTED: Final = re.compile(r"(?P<letters>(?:[A-Za-z]\.)+[A-Za-z]?)(?P<plural>'?s)?")
SPELLED_WORDS: Final = frozenset(("AM", "ID", "IT", "PM", "US"))
"""Acronyms in capitals that are other words in small letters."""


def spell(letters: str) -> Symbols:
    """Name letters one by one, the last one stressed.

    >>> " ".join(spell("fbi"))
    'EH2 F B IY2 AY1'

    Args:
        letters: a to z in any case; everything else is passed over.
    """
    return with_one_primary([symbol for letter in letters.lower() for symbol in NAMES.get(letter, "").split()])


def spell_acronym(written: str) -> Symbols | None:
    """Spell two to five capitals, or letters with dots, and their plural or possessive; None for anything else."""
    match = ACRONYM.fullmatch(written) or DOTTED.fullmatch(written)
    if match is None:
        return None
    symbols = spell(match["letters"])
    return plural(symbols) if match["plural"] else symbols
