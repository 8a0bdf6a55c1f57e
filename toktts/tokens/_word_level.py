"""What tokenizers with one id a symbol have in common."""

from collections.abc import Iterable, Mapping
from typing import Final

from tokenizers import Tokenizer, models, processors

PAD, EOS, UNKNOWN = "<pad>", "<eos>", "<unk>"
SPECIAL: Final[Mapping[str, object]] = {
    "pad_token": PAD,
    "eos_token": EOS,
    "unk_token": UNKNOWN,
    "split_special_tokens": True,
    "model_input_names": ["input_ids", "attention_mask"],
}
"""What `PreTrainedTokenizerFast` must be told about them."""


def word_level(symbols: Iterable[str]) -> Tokenizer:
    """Build the backend: ids 0 padding, 1 the end behind every text, 2 unknown, then the symbols in order."""
    vocabulary = {symbol: index for index, symbol in enumerate([PAD, EOS, UNKNOWN, *symbols])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {EOS}", special_tokens=[(EOS, vocabulary[EOS])]
    )
    return tokenizer
