"""str -> input_ids (tokenizers), and codes <-> code_ids in model order (layouts)."""

from toktts.tokens.layouts import (
    LAYOUTS,
    arrange,
    delay,
    flat_labels,
    flatten,
    restore,
    restore_codes,
    stack,
    undelay,
    unflatten,
    unstack,
)
from toktts.tokens.tokenizer import ENGLISH_ALPHABET, TOKENIZERS, build_tokenizer

__all__ = [
    "ENGLISH_ALPHABET",
    "LAYOUTS",
    "TOKENIZERS",
    "arrange",
    "build_tokenizer",
    "delay",
    "flat_labels",
    "flatten",
    "restore",
    "restore_codes",
    "stack",
    "undelay",
    "unflatten",
    "unstack",
]
