"""Ids of text that was pronounced first: one a symbol, the same in every model."""

from tokenizers import Tokenizer, normalizers, pre_tokenizers

from toktts.text.phonemes import ARPABET, LETTERS, PUNCTUATION, WORD_BREAK
from toktts.tokens._word_level import word_level


def symbol_tokenizer() -> Tokenizer:
    """Read the symbols of `EnglishPhonemizer`, separated by blanks, and between them words left as small letters.

    >>> symbol_tokenizer().encode("HH AY1 | b o b .").ids
    [54, 19, 80, 82, 95, 82, 73, 1]
    """
    tokenizer = word_level([*ARPABET, *PUNCTUATION, WORD_BREAK, *LETTERS])
    # So that text which looks like a special token is none: all of those begin with "<", no symbol does.
    tokenizer.normalizer = normalizers.Replace("<", "< ")
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return tokenizer
