"""Tokenizers for text that was pronounced first: one id a symbol, read back by `AutoTokenizer` without our code."""

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from toktts.text.phonemes import ARPABET, LETTERS, PUNCTUATION, WORD_BREAK

PAD, EOS, UNKNOWN = "<pad>", "<eos>", "<unk>"


def phoneme_tokenizer() -> PreTrainedTokenizerBase:
    """Read the symbols of `EnglishPhonemizer`, separated by blanks.

    >>> phoneme_tokenizer()("HH AY1 .").input_ids
    [54, 19, 73, 1]
    """
    return _symbol_tokenizer(())


def mixed_tokenizer() -> PreTrainedTokenizerBase:
    """Read symbols and, between them, words left as small letters; symbols have the ids of `phoneme_tokenizer`.

    >>> mixed_tokenizer()("HH AY1 | b o b .").input_ids
    [54, 19, 80, 82, 95, 82, 73, 1]
    """
    return _symbol_tokenizer(tuple(LETTERS))


def _symbol_tokenizer(letters: tuple[str, ...]) -> PreTrainedTokenizerBase:
    symbols = [PAD, EOS, UNKNOWN, *ARPABET, *PUNCTUATION, WORD_BREAK, *letters]
    vocabulary = {symbol: index for index, symbol in enumerate(symbols)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    # So that text which looks like a special token is none: all of those begin with "<", no symbol does.
    tokenizer.normalizer = normalizers.Replace("<", "< ")
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {EOS}", special_tokens=[(EOS, vocabulary[EOS])]
    )
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=EOS,
        unk_token=UNKNOWN,
        split_special_tokens=True,
        model_input_names=["input_ids", "attention_mask"],
    )
