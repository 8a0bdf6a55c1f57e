"""One spoken word with everything that is known about it, and words as one string of symbols."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple

from toktts.text.phonemes.symbols import WORD_BREAK, Symbols

Source = Literal["inline", "user lexicon", "dictionary", "rule", "g2p", "spelled", "letters"]
KEPT: Final = ("inline", "user lexicon")
"""What somebody wrote on purpose is never turned into letters."""


@dataclass(frozen=True)
class Word:
    """A word of a text.

    Args:
        text: in plain small letters and apostrophes; "" for inline phonemes.
        start: its first character in the normalised text, 0-based.
        end: the one behind its last.
        symbols: what is said, or its letters where `source` is `letters`.
        source: where they come from.
        after: the mark of punctuation behind it, "" for none.
    """

    text: str
    start: int
    end: int
    symbols: Symbols
    source: Source
    after: str = ""


class Group(NamedTuple):
    """Symbols that belong together: those of a word, or what stands between two.

    Args:
        word: None for what stands between.
        symbols: at least one.
    """

    word: Word | None
    symbols: Symbols


def with_breaks(words: Sequence[Word]) -> list[Group]:
    """Write the mark behind each word, or a word break; nothing behind a last word without a mark."""
    groups = []
    for place, word in enumerate(words, 1):
        groups.append(Group(word, word.symbols))
        if word.after or place < len(words):
            groups.append(Group(None, (word.after or WORD_BREAK,)))
    return groups


def join_words(words: Sequence[Word]) -> str:
    """Write words as blank-separated symbols, with their punctuation or a word break between them.

    A word takes `len(word.symbols)` symbols and, but for a last one without punctuation, one more.
    """
    return " ".join(symbol for group in with_breaks(words) for symbol in group.symbols)


def mix(words: Sequence[Word], rate: float, *, seed: int) -> list[Word]:
    """Turn a share of the words into letters, the same ones for the same seed: so a model learns to read both.

    Args:
        words: of `EnglishPhonemizer.words`.
        rate: 0 leaves all as they are, 1 turns every word that has letters and was not pronounced by hand.
        seed: any number; another one for every epoch or copy.
    """
    return [as_letters(word) if _draw(seed, place, word.text) < rate else word for place, word in enumerate(words)]


def as_letters(word: Word) -> Word:
    """Write a word as it is spelled, unless it has no letters or was pronounced by hand."""
    if not word.text or word.source in KEPT:
        return word
    return replace(word, symbols=tuple(word.text), source="letters")


def _draw(seed: int, place: int, text: str) -> float:
    """A number in [0, 1) that depends on the arguments only."""
    digest = hashlib.blake2b(f"{seed}:{place}:{text}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
