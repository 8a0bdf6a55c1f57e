"""What text becomes: normalised, and ids."""

from transformers import PreTrainedTokenizerBase

from toktts.build._naming import load_class
from toktts.config import Config
from toktts.text import Normalizer
from toktts.text.phonemes import read_lexicon
from toktts.tokens import build_tokenizer


def normalizer(config: Config) -> Normalizer:
    """Build the text normaliser."""
    built: Normalizer = load_class(config, "toktts.text", config.text.normalizer, Normalizer, "text.normalizer")()
    return built


def tokenizer(config: Config) -> PreTrainedTokenizerBase:
    """Build the text tokenizer, with the user's pronunciations where there are some."""
    path = config.tokens.lexicon
    lexicon = None if path is None else {word: " ".join(symbols) for word, symbols in read_lexicon(path).items()}
    return build_tokenizer(config.tokens.tokenizer, lexicon=lexicon)
