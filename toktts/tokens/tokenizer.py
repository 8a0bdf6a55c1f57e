"""Text tokenizers that need no file to be built; `AutoTokenizer` reads them back."""

from collections.abc import Mapping
from typing import Final

from tokenizers import Regex, decoders, normalizers, pre_tokenizers
from transformers import ByT5Tokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from toktts.errors import ConfigError
from toktts.tokens._word_level import SPECIAL, word_level
from toktts.tokens.pronouncing import Writing, pronouncing_tokenizer

ENGLISH_ALPHABET = "abcdefghijklmnopqrstuvwxyz '.,!?;:-\"()"
WRITINGS: Final[Mapping[str, Writing]] = {name: name for name in ("symbols360", "pauses", "pauses_er_as_eh")}
PRONOUNCING = ("phonemes", "mixed", *WRITINGS)
TOKENIZERS = ("bytes", "characters", *PRONOUNCING)


def build_tokenizer(
    name: str, *, alphabet: str | None = None, lexicon: Mapping[str, str] | None = None
) -> PreTrainedTokenizerBase:
    """Build a text tokenizer; padding is id 0, the end of the text is id 1 and closes every text but of `symbols360`.

    `len(tokenizer)` is the `text_vocab_size` of a model. Text that looks like a special token is read as text.

    Args:
        name: `bytes`; `characters`; `phonemes`, which pronounces English words; `mixed`, which pronounces the words
            it knows and leaves the others as letters; or phonemes as aligned data has them, with pauses for punctuation
            and nothing between words: `symbols360`, `pauses`, `pauses_er_as_eh` (see `PronouncingTokenizer`).
        alphabet: what `characters` knows, in lower case; None = English. The others know what they know.
        lexicon: words and their blank-separated symbols, for what pronounces.
    Raises:
        ConfigError: another name, or an alphabet or lexicon that `name` cannot use.
    """
    if alphabet is not None and name != "characters":
        raise ConfigError(f"{name} need no alphabet; remove it", key="tokens.alphabet")
    if lexicon is not None and name not in PRONOUNCING:
        raise ConfigError(f"{name} cannot use a lexicon; remove it or write phonemes", key="tokens.lexicon")
    if name == "bytes":
        return byte_tokenizer()
    if name in ("phonemes", "mixed"):
        return pronouncing_tokenizer(lexicon, unknown="letters" if name == "mixed" else "g2p")
    if name in WRITINGS:
        return pronouncing_tokenizer(lexicon, writing=WRITINGS[name])
    if name == "characters":
        return character_tokenizer(ENGLISH_ALPHABET if alphabet is None else alphabet)
    raise ConfigError(f"unknown tokenizer {name!r}; write one of {', '.join(TOKENIZERS)}", key="tokens.tokenizer")


def byte_tokenizer() -> PreTrainedTokenizerBase:
    """Read UTF-8 bytes: id = byte + 3, vocabulary 384 with the sentinels, as the reference does (ByT5).

    >>> byte_tokenizer()("Hi é").input_ids
    [75, 108, 35, 198, 172, 1]
    """
    return ByT5Tokenizer(split_special_tokens=True)


def character_tokenizer(alphabet: str) -> PreTrainedTokenizerBase:
    """Read one id a character: NFKC, lower case, runs of white space as one blank.

    An alphabet without accents reads "é" as "e". A character outside it becomes `<unk>`: call
    `toktts.text.check_speakable` first, which refuses it.

    >>> character_tokenizer("ab ")("A  b").input_ids
    [3, 5, 4, 1]

    Args:
        alphabet: each character once, in lower case.
    Raises:
        ConfigError: empty, a character twice, or one that reading changes (upper case).
    """
    normalizer = _character_normalizer(strip_accents=alphabet.isascii())
    _check_alphabet(alphabet, normalizer)
    tokenizer = word_level(alphabet)
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), behavior="isolated")
    tokenizer.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **SPECIAL)  # type: ignore[no-untyped-call]


def _character_normalizer(*, strip_accents: bool) -> normalizers.Normalizer:
    fold = [normalizers.NFKD(), normalizers.StripAccents()] if strip_accents else [normalizers.NFKC()]
    return normalizers.Sequence([*fold, normalizers.Lowercase(), normalizers.Replace(Regex(r"\s+"), " ")])


def _check_alphabet(alphabet: str, normalizer: normalizers.Normalizer) -> None:
    key = "tokens.alphabet"
    if not alphabet:
        raise ConfigError("alphabet is empty; write at least one character", key=key)
    for character in alphabet:
        if alphabet.count(character) > 1:
            raise ConfigError(f"alphabet holds {character!r} twice; remove one", key=key)
        if normalizer.normalize_str(character) != character:
            reads_as = normalizer.normalize_str(character)
            raise ConfigError(f"alphabet holds {character!r}, which is read as {reads_as!r}; write that", key=key)
