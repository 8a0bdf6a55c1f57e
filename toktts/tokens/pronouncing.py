"""A tokenizer that pronounces: English text -> ARPAbet symbols -> ids, wherever a Hugging Face tokenizer is called."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from transformers import BatchEncoding, PreTrainedTokenizerFast

from toktts.errors import TextError
from toktts.text import Normalizer
from toktts.text.basic import BasicNormalizer
from toktts.text.phonemes import EnglishPhonemizer, Word
from toktts.text.phonemes.words import Group, with_breaks
from toktts.text.phonemes.writing import PAUSE, reduced, with_pauses, with_short_pauses
from toktts.tokens._word_level import SPECIAL
from toktts.tokens.phonemes import numbered_symbols, pause_tokenizer, symbol_tokenizer

Writing = Literal["breaks", "symbols360", "pauses", "pauses_er_as_eh"]
KEPT_TEXTS = 64
SILENT_PHONES = frozenset(("sil", "sp", "spn", "pau", ""))


class PronouncingTokenizer(PreTrainedTokenizerFast):
    """Read English text as phonemes, one id a symbol, `<eos>` (id 1) at its end; padding is id 0.

    Text is normalised and pronounced inside, so the stock pipeline can be given plain text. `[[HH AH0 L OW1]]` in a
    text is taken as it is. `AutoTokenizer` reads it back after `import toktts`; the user's lexicon is saved with it.

    Args:
        lexicon: words and their blank-separated symbols; it goes before the dictionary.
        unknown: what to do with a word that nothing knows: `g2p` guesses its sounds, `letters` leaves it spelled.
        writing: `breaks` between words, or, as forced aligners write it, pauses only: `symbols360` with a fixed list of
            360 symbols and no `<eos>`, `pauses` with reduced stress, `pauses_er_as_eh` without ER too.
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

    @functools.cached_property
    def _kept(self) -> dict[str, str]:
        """Texts pronounced lately: one who speaks checks a text, counts its ids and reads it."""
        return {}

    @property
    def writing(self) -> Writing:
        """How words are written behind each other."""
        writing: Writing = self.init_kwargs.get("writing", "breaks")
        return writing

    @property
    def identity(self) -> str:
        """Version of the pronunciation and a hash of the lexicon: what token ids depend on."""
        written = "" if self.writing == "breaks" else f"-{self.writing}"
        return f"{self._normalizer.version}-{self._phonemizer.identity}{written}"

    def words(self, text: str) -> list[Word]:
        """Pronounce a text word by word, with the place of each in it.

        Args:
            text: as it came out of the normaliser.
        Raises:
            TextError: characters that cannot be said, or wrong inline phonemes.
        """
        return self._phonemizer.words(text) if any(character.isalnum() for character in text) else []

    def groups(self, text: str) -> list[Group]:
        """Give the symbols of a text, one an id, word by word.

        Args:
            text: as it came out of the normaliser.
        Raises:
            TextError: characters that cannot be said, or wrong inline phonemes.
        """
        words = self.words(text)
        if self.writing == "breaks":
            return with_breaks(words)
        if self.writing == "symbols360":
            return with_short_pauses(words)
        return with_pauses(text, words, er_as_eh=self._er_as_eh) if words else []

    def pronounce(self, text: str) -> str:
        """Write a text as blank-separated symbols; "" where it says nothing.

        Raises:
            TextError: characters that cannot be said, or wrong inline phonemes.
        """
        kept = self._kept
        if (known := kept.get(text)) is not None:
            return known
        pronounced = " ".join(symbol for group in self.groups(self._normalizer(text)) for symbol in group.symbols)
        if len(kept) >= KEPT_TEXTS:
            kept.clear()
        kept[text] = pronounced
        return pronounced

    def phone_ids(self, phones: Sequence[str]) -> list[int]:
        """Give the ids of phonemes that an aligner wrote, without one for the end.

        Args:
            phones: ARPAbet, and `sil`, `sp`, `spn` or `pau` for what is no speech.
        Raises:
            TextError: a phoneme that the tokenizer has no id for, or text is written with breaks between words, which
                such phonemes lack.
        """
        if self.writing == "breaks":
            raise TextError("phonemes with times have no breaks between words; set tokens.tokenizer to symbols360")
        vocabulary = self.get_vocab()
        symbols = [self._symbol_of(phone) for phone in phones]
        for phone, symbol in zip(phones, symbols, strict=True):
            if symbol not in vocabulary:
                raise TextError(f"no symbol for the phoneme {phone[:20]!r}; write ARPAbet with stress, or pau")
        return [vocabulary[symbol] for symbol in symbols]

    @property
    def _er_as_eh(self) -> bool:
        return self.writing == "pauses_er_as_eh"

    def _symbol_of(self, phone: str) -> str:
        is_silent = phone in SILENT_PHONES
        if self.writing == "symbols360":
            return f"@{phone if phone not in ('', PAUSE) else 'sp'}"
        return PAUSE if is_silent else reduced(phone, er_as_eh=self._er_as_eh)

    def _encode_plus(self, text: Any, *args: Any, **kwargs: Any) -> BatchEncoding:
        pronounced = self.pronounce(text) if isinstance(text, str) else [self.pronounce(one) for one in text]
        encoding: BatchEncoding = super()._encode_plus(pronounced, *args, **kwargs)
        return encoding


def pronouncing_tokenizer(
    lexicon: Mapping[str, str] | None = None,
    *,
    unknown: Literal["g2p", "letters"] = "g2p",
    writing: Writing = "breaks",
) -> PronouncingTokenizer:
    """Build the tokenizer; its ids are those of `symbol_tokenizer`, letters included, or of the writing's own list.

    >>> tokenizer = pronouncing_tokenizer()
    >>> tokenizer.convert_ids_to_tokens(tokenizer("Hi, Bob!").input_ids)
    ['HH', 'AY1', ',', 'B', 'AA1', 'B', '!', '<eos>']

    Args:
        lexicon: see `PronouncingTokenizer`.
        unknown: see `PronouncingTokenizer`.
        writing: see `PronouncingTokenizer`.
    """
    own = {"lexicon": dict(lexicon or {}), "unknown": unknown}
    if writing == "breaks":
        return PronouncingTokenizer(tokenizer_object=symbol_tokenizer(), **own, **SPECIAL)  # type: ignore[no-untyped-call]
    if writing == "symbols360":
        special = {key: value for key, value in SPECIAL.items() if not key.endswith("_token")} | {"pad_token": "<PAD>"}
        backend = numbered_symbols()
    else:
        special, backend = dict(SPECIAL), pause_tokenizer()
    return PronouncingTokenizer(  # type: ignore[no-untyped-call]
        tokenizer_object=backend, writing=writing, **own, **special
    )
