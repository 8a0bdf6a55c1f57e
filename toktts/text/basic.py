"""English by plain rules: clean characters, then numbers, signs and abbreviations in words."""

import logging
import re
import unicodedata
from typing import ClassVar

from toktts.text._base import Normalizer
from toktts.text._english import spell_abbreviations, spell_numbers, spell_signs

logger = logging.getLogger(__name__)

MARKS_PER_LETTER = 4
QUOTES = str.maketrans(dict.fromkeys("‘’‚‛ʼ′´＇", "'") | dict.fromkeys("“”„‟«»″", '"'))
VULGAR_FRACTION = re.compile(r"(?<=\d)(?=[¼-¾⅐-⅞↉])")
DASHES = str.maketrans(dict.fromkeys("‐‑‒–−﹣－", "-") | dict.fromkeys("—―", " - "))


class BasicNormalizer(Normalizer):
    """Spell out English.

    >>> BasicNormalizer()("Dr. Smith & I paid $5.10 on May 3rd, 1999 — at 10:30!")
    'Doctor Smith and I paid five dollars and ten cents on May third, nineteen ninety-nine - at ten thirty!'
    """

    language: ClassVar[str] = "en"
    version: ClassVar[int] = 1

    def __call__(self, text: str) -> str:
        """Spell out what a reader would say.

        Control characters, and more than four marks on a letter, are dropped with a warning in the log.

        Args:
            text: any string.

        Returns:
            The same in words: one blank between words, straight quotes, plain dashes, no digits.
        """
        text = _ascii_digits(_clean(text))
        return " ".join(spell_abbreviations(spell_signs(spell_numbers(text))).split())


def _clean(text: str) -> str:
    # "2½" is 2 1/2; compatibility normalisation alone would make 21/2 of it.
    text = unicodedata.normalize("NFKC", VULGAR_FRACTION.sub(" ", _strip_controls(text))).replace("⁄", "/")
    text = _strip_controls(_cap_marks(text))
    text = re.sub("-{2,}", " - ", text.translate(QUOTES).translate(DASHES))
    return " ".join(text.split())


def _strip_controls(text: str) -> str:
    """Drop characters that show nothing: controls, bidi marks, joiners, variation selectors; white space stays."""
    kept = "".join(c for c in text if c.isspace() or not (unicodedata.category(c) in ("Cc", "Cf") or _is_selector(c)))
    if len(kept) < len(text):
        logger.warning("stripped %d control characters from the text", len(text) - len(kept))
    return kept


def _is_selector(character: str) -> bool:
    return "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"


def _cap_marks(text: str) -> str:
    """Keep at most four marks on a letter, and none on anything else: a mark on a digit would change its word."""
    kept: list[str] = []
    room = 0
    for character in text:
        if unicodedata.category(character).startswith("M"):
            room -= 1
            if room < 0:
                continue
        else:
            room = MARKS_PER_LETTER if character.isalpha() else 0
        kept.append(character)
    if len(kept) < len(text):
        logger.warning("dropped %d marks from the text", len(text) - len(kept))
    return "".join(kept)


def _ascii_digits(text: str) -> str:
    """Turn the digits of every script into ASCII: the rules know no others."""
    return "".join(str(unicodedata.digit(c)) if c.isdigit() and not c.isascii() else c for c in text)
