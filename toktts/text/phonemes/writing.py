"""Pronounced words -> a row of symbols, as aligned data has it: pauses for punctuation, no breaks."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from toktts.text.basic import BasicNormalizer
from toktts.text.phonemes.english import EnglishPhonemizer
from toktts.text.phonemes.symbols import ARPABET, STRESSES, VOWELS, Symbols
from toktts.text.phonemes.words import Group, Word

PAUSE: Final = "pau"
SHORT_PAUSE: Final = "@sp"
PINYIN_INITIALS: Final = (
    *("b", "c", "ch", "d", "f", "g", "h", "j", "k", "l", "m", "n"),
    *("p", "q", "r", "s", "sh", "t", "w", "x", "y", "z", "zh"),
)
PINYIN_FINALS: Final = (
    *("a", "ai", "an", "ang", "ao", "e", "ei", "en", "eng", "er", "i", "ia", "ian", "iang", "iao", "ie", "ii", "iii"),
    *("in", "ing", "iong", "iou", "o", "ong", "ou", "u", "ua", "uai", "uan", "uang", "uei", "uen", "uo", "v", "van"),
    *("ve", "vn"),
)
_PUNCTUATION_RUN: Final = re.compile(r"[^\w\s]+")


def with_short_pauses(words: Sequence[Word]) -> list[Group]:
    """Write `@` before every symbol, `@sp` for punctuation between words, and nothing for that behind the last."""
    groups = []
    for place, word in enumerate(words, 1):
        groups.append(Group(word, tuple(f"@{symbol}" for symbol in word.symbols)))
        if word.after and place < len(words):
            groups.append(Group(None, (SHORT_PAUSE,)))
    return groups


def with_pauses(text: str, words: Sequence[Word], *, er_as_eh: bool = False) -> list[Group]:
    """Write `pau` for every run of punctuation, before and behind the words too, and less stress (`reduced`).

    Args:
        text: the one that the words are of.
        words: at their places in it.
        er_as_eh: see `reduced`.
    """
    groups: list[Group] = []
    before = 0
    for word in words:
        groups += _pauses(text[before : word.start])
        groups.append(Group(word, tuple(reduced(symbol, er_as_eh=er_as_eh) for symbol in word.symbols)))
        before = word.end
    return groups + _pauses(text[before:])


def _pauses(between: str) -> list[Group]:
    return [Group(None, (PAUSE,)) for _ in _PUNCTUATION_RUN.finditer(between)]


def reduced(symbol: str, *, er_as_eh: bool = False) -> str:
    """Write a vowel with less stress: secondary as primary, and AA always with primary stress.

    Args:
        symbol: ARPAbet with stress; anything else comes back as it is.
        er_as_eh: say ER as EH1, as data does whose symbols lack ER; the colour of the r is lost.

    >>> [reduced(symbol) for symbol in ("AA0", "AH0", "IY2", "ER0", "ER2", "K")]
    ['AA1', 'AH0', 'IY1', 'ER0', 'ER1', 'K']
    >>> reduced("ER0", er_as_eh=True)
    'EH1'
    """
    vowel = symbol[:-1]
    if vowel not in VOWELS or symbol[-1] not in STRESSES:
        return symbol
    if vowel == "ER" and er_as_eh:
        return "EH1"
    return vowel + ("1" if vowel == "AA" or symbol[-1] == "2" else symbol[-1])


def text_to_phonemes(
    text: str, custom_words: Mapping[str, Sequence[str]] | None = None, *, er_as_eh: bool = False
) -> list[str]:
    """Pronounce a text in ARPAbet with reduced stress, `pau` for punctuation, and nothing between words.

    >>> text_to_phonemes("I love you.")
    ['AY1', 'L', 'AH1', 'V', 'Y', 'UW1', 'pau']

    Args:
        text: as written; numbers and abbreviations are spelled out.
        custom_words: words and their ARPAbet symbols with stress, before the dictionary.
        er_as_eh: see `reduced`.
    Raises:
        TextError: characters that cannot be said, or symbols that are not ARPAbet.
    """
    normalized = BasicNormalizer()(text)
    if not any(character.isalnum() for character in normalized):
        return [PAUSE for _ in _PUNCTUATION_RUN.finditer(normalized)]
    lexicon = {word.lower(): tuple(symbols) for word, symbols in (custom_words or {}).items()}
    words = EnglishPhonemizer(lexicon).words(normalized)
    return [symbol for group in with_pauses(normalized, words, er_as_eh=er_as_eh) for symbol in group.symbols]


def symbols_360() -> Symbols:
    """List the symbols that FastSpeech 2 is published with, in the order of their ids; padding is the first.

    148 of keithito's list (a mark, punctuation, letters, and ARPAbet with `@` before it), 209 of pinyin with tones, and
    three kinds of silence.

    >>> len(symbols_360()), symbols_360()[-3:]
    (360, ('@sp', '@spn', '@sil'))
    """
    capitals = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    arpabet = sorted((*VOWELS, *ARPABET))
    pinyin = [*PINYIN_INITIALS, *(final + tone for final in PINYIN_FINALS for tone in "12345"), "rr"]
    phonemes = [f"@{symbol}" for symbol in (*arpabet, *pinyin, "sp", "spn", "sil")]
    return ("<PAD>", "-", *"!'(),.:;? ", *capitals, *capitals.lower(), *phonemes)
