"""str -> str: normalised English -> ARPAbet symbols with stress, punctuation and word breaks, separated by blanks."""

from toktts.text.phonemes.english import EnglishPhonemizer, is_english
from toktts.text.phonemes.lexicon import read_lexicon
from toktts.text.phonemes.symbols import ARPABET, LETTERS, PUNCTUATION, WORD_BREAK, parse_symbols
from toktts.text.phonemes.words import Word, as_letters, join_words, mix

__all__ = [
    "ARPABET",
    "LETTERS",
    "PUNCTUATION",
    "WORD_BREAK",
    "EnglishPhonemizer",
    "Word",
    "as_letters",
    "is_english",
    "join_words",
    "mix",
    "parse_symbols",
    "read_lexicon",
]
