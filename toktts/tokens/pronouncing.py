"""A tokenizer that pronounces: English text -> ARPAbet symbols -> ids, wherever a Hugging Face tokenizer is called."""

import functools
from collections.abc import Mapping
from typing import Any, Literal

from transformers import BatchEncoding, PreTrainedTokenizerFast

from toktts.text import Normalizer
from toktts.text.basic import BasicNormalizer
from toktts.text.phonemes import EnglishPhonemizer, Word, join_words
from toktts.tokens._word_level import SPECIAL
from toktts.tokens.phonemes import symbol_tokenizer


class PronouncingTokenizer(PreTrainedTokenizerFast):
    """Read English text as phonemes, one id a symbol, `<eos>` (id 1) at its end; padding is id 0.

    Text is normalised and pronounced inside, so the stock pipeline can be given plain text. `[[HH AH0 L OW1]]` in a
    text is taken as it is. `AutoTokenizer` reads it back after `import toktts`; the user's lexicon is saved with it.

    Args:
        lexicon: words and their blank-separated symbols; it goes before the dictionary.
        unknown: what to do with a word that nothing knows: `g2p` guesses its sounds, `letters` leaves it spelled.
    """

    # No __init__: a class with one of its own has its tokenizer.json taken apart by `from_pretrained`. What is passed
    # by name lies in `init_kwargs`, which the base class writes to tokenizer_config.json.

    @functools.cached_property
    def _normalizer(self) -> Normalizer:
        return BasicNormalizer()

    @functools.cached_property
    def _phonemizer(self) -> EnglishPhonemizer:
        lexicon = {word: tuple(text.split()) for word, text in self.init_kwargs.get("lexicon", {}).items()}
        return EnglishPhonemizer(lexicon, unknown=self.init_kwargs.get("unknown", "g2p"))

    @property
    def identity(self) -> str:
        """Version of the pronunciation and a hash of the lexicon: what token ids depend on."""
        return f"{self._normalizer.version}-{self._phonemizer.identity}"

    def words(self, text: str) -> list[Word]:
        """Pronounce a text word by word, with the place of each in it.

        Args:
            text: as it came out of the normaliser.
        Raises:
            TextError: characters that cannot be said, or wrong inline phonemes.
        """
        return self._phonemizer.words(text) if any(character.isalnum() for character in text) else []

    def pronounce(self, text: str) -> str:
        """Write a text as blank-separated symbols; "" where it says nothing.

        Raises:
            TextError: characters that cannot be said, or wrong inline phonemes.
        """
        return join_words(self.words(self._normalizer(text)))

    def _encode_plus(self, text: Any, *args: Any, **kwargs: Any) -> BatchEncoding:
        pronounced = self.pronounce(text) if isinstance(text, str) else [self.pronounce(one) for one in text]
        encoding: BatchEncoding = super()._encode_plus(pronounced, *args, **kwargs)
        return encoding


def pronouncing_tokenizer(
    lexicon: Mapping[str, str] | None = None, *, unknown: Literal["g2p", "letters"] = "g2p"
) -> PronouncingTokenizer:
    """Build the tokenizer; its ids are those of `symbol_tokenizer`, letters included.

    >>> tokenizer = pronouncing_tokenizer()
    >>> tokenizer.convert_ids_to_tokens(tokenizer("Hi, Bob!").input_ids)
    ['HH', 'AY1', ',', 'B', 'AA1', 'B', '!', '<eos>']

    Args:
        lexicon: see `PronouncingTokenizer`.
        unknown: see `PronouncingTokenizer`.
    """
    return PronouncingTokenizer(  # type: ignore[no-untyped-call]
        tokenizer_object=symbol_tokenizer(), lexicon=dict(lexicon or {}), unknown=unknown, **SPECIAL
    )
