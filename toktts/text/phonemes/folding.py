"""Letters with diacritics -> plain letters to look up; what cannot be read at all is told apart."""

import functools
import re
import unicodedata
from typing import Final

from toktts.errors import TextError
from toktts.text._speakable import SHOWN, show_character

APOSTROPHES: Final = "'’ʼ‘′＇"
SPECIAL: Final = {
    **{"ß": "ss", "ẞ": "ss", "æ": "ae", "Æ": "ae", "œ": "oe", "Œ": "oe", "ð": "th", "Ð": "th", "þ": "th", "Þ": "th"},
    **{"ŋ": "ng", "Ŋ": "ng", "ı": "i", "ʻ": "", "ʽ": ""},
}
SILENT: Final = frozenset('"“”„‟«»‹›()[]{}¡¿')
"""Read, but not said; brackets are a short pause."""
LATIN: Final = re.compile(r"LATIN (?:SMALL|CAPITAL) LETTER ([A-Z])(?: WITH .*)?")


def fold(word: str) -> str:
    """Write a word in the 26 letters and the apostrophe.

    >>> [fold(word) for word in ("Dvořák", "naïve", "Straße", "O’Hara")]
    ['dvorak', 'naive', 'strasse', "o'hara"]
    """
    if word.isascii():
        return word.lower()
    return "".join(_letter(character) or "" for character in word)


@functools.lru_cache(maxsize=1024)
def _letter(character: str) -> str | None:
    """Fold one character: letters, "" for a mark on a letter, None for what is no Latin letter."""
    if character in APOSTROPHES:
        return "'"
    if character in SPECIAL:
        return SPECIAL[character]
    if unicodedata.category(character) in ("Mn", "Mc", "Me"):
        return ""
    base = unicodedata.normalize("NFKD", character)[0]
    if base.isascii():
        return base.lower() if base.isalpha() else None
    match = LATIN.fullmatch(unicodedata.name(character, ""))
    return match[1].lower() if match else None


def shadow(text: str) -> str:
    """Write a text so that plain patterns can read it, one ASCII character for each of its own.

    Letters stay letters with their capitals; a mark or a silent letter becomes a NUL; dashes, ellipses and white space
    become `-`, `~` and a blank, and what is not said a bracket or a quote.

    Raises:
        TextError: characters that cannot be said, with their places (0-based, in characters).
    """
    if text.isascii() and text.isprintable() and not FORBIDDEN_ASCII.search(text):
        return text
    shapes = [_shape(character) for character in text]
    unreadable = {text[place]: place for place in range(len(text) - 1, -1, -1) if shapes[place] is None}
    if unreadable:
        raise TextError(f"cannot say {_listed(unreadable)}; leave them out or spell them")
    return "".join(shape or "" for shape in shapes)


FORBIDDEN_ASCII: Final = re.compile(r"[^A-Za-z'\"()\[\]{},.?!;: -]")


@functools.lru_cache(maxsize=1024)
def _shape(character: str) -> str | None:
    if character.isascii():
        return " " if character.isspace() else None if FORBIDDEN_ASCII.match(character) else character
    if character.isspace():
        return " "
    if character == "…":
        return "~"
    if character in SILENT:
        return '"'
    if unicodedata.category(character) == "Pd":
        return "-"
    letters = _letter(character)
    if letters is None:
        return None
    if letters in ("", "'"):
        return letters or "\0"
    return "X" if character.isupper() else "x"


def _listed(unreadable: dict[str, int]) -> str:
    places = sorted((place, character) for character, place in unreadable.items())
    listed = ", ".join(f"{show_character(character)} at {place}" for place, character in places[:SHOWN])
    return listed + (f" and {len(places) - SHOWN} more" if len(places) > SHOWN else "")
