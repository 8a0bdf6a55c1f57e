"""Sounds for words that nothing knows, from the network in the package."""

import functools
import re
from typing import TYPE_CHECKING, Final

import safetensors.torch

from toktts.text.phonemes.lexicon import G2P_FILE, asset
from toktts.text.phonemes.spelling import spell
from toktts.text.phonemes.symbols import Symbols, demote, is_vowel

if TYPE_CHECKING:
    from toktts.text.phonemes.network import LetterNetwork

LONGEST_GUESS: Final = 24
"""Letters read at once; nobody says a longer run of letters as one word."""
VOWEL_LETTERS: Final = re.compile("[aeiouy]")


def guess(word: str) -> Symbols:
    """Guess how a word is said: by the network, or letter by letter where it has no vowel.

    One word at a time, so that a guess never depends on the words beside it.

    Args:
        word: folded; long ones are said in pieces.
    """
    letters = word.strip("'")
    pieces = [letters[start : start + LONGEST_GUESS] for start in range(0, len(letters), LONGEST_GUESS)]
    sounds = [_guess_piece(piece) for piece in pieces]
    return tuple(sound for place, piece in enumerate(sounds) for sound in (demote(piece) if place else piece))


@functools.lru_cache(maxsize=4096)
def _guess_piece(letters: str) -> Symbols:
    if not VOWEL_LETTERS.search(letters):
        return spell(letters)
    guessed = _network().pronounce([letters])[0]
    return guessed if any(map(is_vowel, guessed)) else spell(letters)


@functools.cache
def _network() -> "LetterNetwork":
    from toktts.text.phonemes.network import load_network

    return load_network(safetensors.torch.load(asset(G2P_FILE)))
