"""Ids of text that was pronounced first: one a symbol, the same in every model."""

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from toktts.text.phonemes import ARPABET, LETTERS, PUNCTUATION, WORD_BREAK
from toktts.text.phonemes.writing import PAUSE, symbols_360
from toktts.tokens._word_level import word_level


def symbol_tokenizer() -> Tokenizer:
    """Read the symbols of `EnglishPhonemizer`, separated by blanks, and between them words left as small letters.

    >>> symbol_tokenizer().encode("HH AY1 | b o b .").ids
    [54, 19, 80, 82, 95, 82, 73, 1]
    """
    return _split_at_blanks(word_level([*ARPABET, *PUNCTUATION, WORD_BREAK, *LETTERS]))


def pause_tokenizer() -> Tokenizer:
    """Read ARPAbet and `pau`, separated by blanks: whatever phonemes aligned data has, the ids are the same.

    >>> pause_tokenizer().encode("pau HH AY1").ids
    [3, 55, 20, 1]
    """
    return _split_at_blanks(word_level([PAUSE, *ARPABET]))


def numbered_symbols() -> Tokenizer:
    """Read the 360 symbols of published FastSpeech 2 models, separated by blanks, with their numbers and no others.

    >>> numbered_symbols().encode("@HH @AY1 @sp").ids
    [106, 86, 357]
    """
    vocabulary = {symbol: index for index, symbol in enumerate(symbols_360())}
    return _split_at_blanks(Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>")))


def _split_at_blanks(tokenizer: Tokenizer) -> Tokenizer:
    # So that text which looks like a special token is none: all of those begin with "<", no symbol does.
    tokenizer.normalizer = normalizers.Replace("<", "< ")
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return tokenizer
