"""The fixed inventory: ARPAbet with stress, a few marks of punctuation, the word break, and plain letters."""

import difflib
from collections.abc import Sequence
from typing import Final

from toktts.errors import TextError

VOWELS: Final = ("AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW")
CONSONANTS: Final = (
    *("B", "CH", "D", "DH", "F", "G", "HH", "JH", "K", "L", "M", "N"),
    *("NG", "P", "R", "S", "SH", "T", "TH", "V", "W", "Y", "Z", "ZH"),
)
STRESSES: Final = "012"
"""No, primary and secondary stress."""
ARPABET: Final = (*(vowel + stress for vowel in VOWELS for stress in STRESSES), *CONSONANTS)
PUNCTUATION: Final = (",", ".", "?", "!", ";", ":", "-", "...")
WORD_BREAK: Final = "|"
LETTERS: Final = "abcdefghijklmnopqrstuvwxyz'"
"""What a word is written with where it is not pronounced; ARPAbet is upper case, so the two never meet."""
VOICELESS: Final = frozenset(("P", "T", "K", "F", "TH", "S", "SH", "CH", "HH"))
SIBILANTS: Final = frozenset(("S", "Z", "SH", "ZH", "CH", "JH"))

Symbols = tuple[str, ...]
_KNOWN: Final = frozenset(ARPABET)


def parse_symbols(text: str) -> Symbols:
    """Read blank-separated ARPAbet, as in a lexicon or between `[[` and `]]`.

    >>> parse_symbols("HH AH0 L OW1")
    ('HH', 'AH0', 'L', 'OW1')

    Raises:
        TextError: no symbol, or a wrong one; the message names it, its place (from 1) and the nearest right one.
    """
    symbols = tuple(text.split())
    if not symbols:
        raise TextError("no phonemes given; write ARPAbet with stress, as in [[HH AH0 L OW1]]")
    for place, symbol in enumerate(symbols, 1):
        if symbol not in _KNOWN:
            shown = symbol if len(symbol) <= 20 else symbol[:20] + "…"
            raise TextError(f"no such phoneme {shown!r}, symbol {place} of {len(symbols)}; write {_nearest(symbol)!r}")
    return symbols


def _nearest(symbol: str) -> str:
    upper = symbol[:20].upper()
    if upper in _KNOWN:
        return upper
    if upper in VOWELS or upper[:-1] in VOWELS:
        return upper[:2] + ("1" if upper in VOWELS else "0")
    if upper.rstrip(STRESSES) in CONSONANTS:
        return upper.rstrip(STRESSES)
    return (difflib.get_close_matches(upper, ARPABET, n=1, cutoff=0.0) or ["AH0"])[0]


def is_vowel(symbol: str) -> bool:
    """Whether a symbol is an ARPAbet vowel: only those carry a stress."""
    return symbol[-1] in STRESSES


def unstressed(symbol: str) -> str:
    """Drop the stress of a symbol.

    >>> [unstressed("OW1"), unstressed("K")]
    ['OW', 'K']
    """
    return symbol.rstrip(STRESSES)


def demote(symbols: Sequence[str]) -> Symbols:
    """Make primary stresses secondary.

    >>> demote(("M", "AE1", "N"))
    ('M', 'AE2', 'N')
    """
    return tuple(symbol[:-1] + "2" if symbol.endswith("1") else symbol for symbol in symbols)


def with_one_primary(symbols: Sequence[str]) -> Symbols:
    """Leave exactly one primary stress in a word that has a vowel: the last one, else the first secondary, else vowel.

    >>> with_one_primary("T IY1 V IY1".split())
    ('T', 'IY2', 'V', 'IY1')
    >>> with_one_primary("P R EH0 D IH2 K T".split())
    ('P', 'R', 'EH0', 'D', 'IH1', 'K', 'T')
    """
    places = [place for place, symbol in enumerate(symbols) if is_vowel(symbol)]
    if not places:
        return tuple(symbols)
    primary = [place for place in places if symbols[place].endswith("1")]
    secondary = [place for place in places if symbols[place].endswith("2")]
    chosen = primary[-1] if primary else (secondary or places)[0]
    stressed = list(demote(symbols))
    stressed[chosen] = stressed[chosen][:-1] + "1"
    return tuple(stressed)
