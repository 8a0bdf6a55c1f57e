"""English by plain rules: clean characters, then numbers, signs and abbreviations in words."""

import logging
import re
import unicodedata
from collections.abc import Iterator
from typing import ClassVar

from toktts.text._base import Normalizer
from toktts.text._english import RULES
from toktts.text._trace import Rewrite, TracedText

logger = logging.getLogger(__name__)

MARKS_PER_LETTER = 4
QUOTES = dict.fromkeys("‘’‚‛ʼ′´＇", "'") | dict.fromkeys("“”„‟«»″", '"')
DASHES = dict.fromkeys("‐‑‒–−﹣－", "-") | dict.fromkeys("—―", " - ")
VULGAR_FRACTION = re.compile(r"(?<=\d)(?=[¼-¾⅐-⅞↉])")
TYPOGRAPHY = re.compile("|".join(map(re.escape, [*QUOTES, *DASHES])))
LONG_DASH = re.compile("-{2,}")
WHITE_SPACE = re.compile(r"\s+")
ODD = re.compile(r"[^\x20-\x7e]")
COMPOSABLE = re.compile(r"[\x00-\x7f]?[^\x00-\x7f]+")
Edits = Iterator[tuple[int, int, str]]


class BasicNormalizer(Normalizer):
    """Spell out English.

    >>> BasicNormalizer()("Dr. Smith & I paid $5.10 on May 3rd, 1999 — at 10:30!")
    'Doctor Smith and I paid five dollars and ten cents on May third, nineteen ninety-nine - at ten thirty!'
    """

    language: ClassVar[str] = "en"
    version: ClassVar[int] = 2

    def __call__(self, text: str) -> str:
        """Spell out what a reader would say.

        Control characters, and more than four marks on a letter, are dropped with a warning in the log.

        Args:
            text: any string.

        Returns:
            The same in words: one blank between words, straight quotes, plain dashes, no digits but those of
            inline phonemes.
        """
        return _rewrite(text).text

    def trace(self, text: str) -> list[Rewrite]:
        """Say which rule made what of which part of a text.

        >>> [(r.rule, r.output) for r in BasicNormalizer().trace("Dr. No, 1962")]
        [('abbreviation', 'Doctor'), ('copy', ' No, '), ('number', 'nineteen sixty-two')]
        """
        return _rewrite(text).rewrites()


def _rewrite(text: str) -> TracedText:
    traced = TracedText(text)
    _clean(traced)
    for rule in RULES:
        rule.apply(traced)
    _tidy(traced)
    return traced


def _clean(traced: TracedText) -> None:
    traced.edit(_controls(traced.text), "control characters")
    # "2½" is 2 1/2; compatibility normalisation alone would make 21/2 of it.
    traced.edit(((match.start(), match.end(), " ") for match in VULGAR_FRACTION.finditer(traced.text)), "fraction sign")
    traced.edit(_normalised(traced.text), "Unicode form")
    traced.edit(_marks(traced.text), "marks")
    traced.edit(_controls(traced.text), "control characters")
    traced.edit(_translated(traced.text), "typography")
    traced.edit(((match.start(), match.end(), " - ") for match in LONG_DASH.finditer(traced.text)), "typography")
    _tidy(traced)
    # The digits of every script turn into ASCII: the rules know no others.
    traced.edit(_ascii_digits(traced.text), "digits")


def _tidy(traced: TracedText) -> None:
    """One blank between words, none around the text."""
    length = len(traced.text)
    traced.edit(
        (
            (match.start(), match.end(), " " if match.start() > 0 and match.end() < length else "")
            for match in WHITE_SPACE.finditer(traced.text)
        ),
        "white space",
    )


def _controls(text: str) -> Edits:
    """Drop characters that show nothing: controls, bidi marks, joiners, variation selectors; white space stays."""
    places = [match.start() for match in ODD.finditer(text) if _shows_nothing(match[0])]
    if places:
        logger.warning("stripped %d control characters from the text", len(places))
    yield from ((place, place + 1, "") for place in places)


def _shows_nothing(character: str) -> bool:
    is_selector = "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"
    return not character.isspace() and (is_selector or unicodedata.category(character) in ("Cc", "Cf"))


def _normalised(text: str) -> Edits:
    """NFKC, stretch by stretch: nothing composes across an ASCII character."""
    for match in COMPOSABLE.finditer(text):
        new = unicodedata.normalize("NFKC", match[0]).replace("⁄", "/")
        if new != match[0]:
            same = 1 if new[:1] == match[0][:1] else 0
            yield match.start() + same, match.end(), new[same:]


def _marks(text: str) -> Edits:
    """Keep at most four marks on a letter, and none on anything else: a mark on a digit would change its word."""
    places: list[int] = []
    for match in COMPOSABLE.finditer(text):
        room = 0
        for place in range(match.start(), match.end()):
            if unicodedata.category(text[place]).startswith("M"):
                room -= 1
                if room < 0:
                    places.append(place)
            else:
                room = MARKS_PER_LETTER if text[place].isalpha() else 0
    if places:
        logger.warning("dropped %d marks from the text", len(places))
    yield from ((place, place + 1, "") for place in places)


def _translated(text: str) -> Edits:
    for match in TYPOGRAPHY.finditer(text):
        yield match.start(), match.end(), QUOTES.get(match[0]) or DASHES[match[0]]


def _ascii_digits(text: str) -> Edits:
    for match in ODD.finditer(text):
        if match[0].isdigit():
            yield match.start(), match.end(), str(unicodedata.digit(match[0]))
