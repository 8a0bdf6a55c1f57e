"""Sizes of `tokflat`: two GPT-2 configs, and the marks around a row of flat codes."""

import difflib
from dataclasses import fields
from typing import Any

from huggingface_hub.dataclasses import strict
from transformers import GPT2Config

from toktts.errors import ModelError
from toktts.models._base import ToktsConfig

SEQ_LENGTH = 300  # 2 s at 75 frames/s and 2 codebooks


@strict
class TokflatConfig(ToktsConfig):  # type: ignore[no-untyped-call]
    """Sizes of the two GPT-2 stacks.

    Args:
        encoder: GPT-2 keys, as `n_layer, n_head, n_embd, attn_pdrop, n_positions`; the rest is GPT-2's default.
        decoder: the same, and `seq_length`, the most code ids to make (2 s of 75 Hz times 2 codebooks by default).
        causal_encoder: True = a letter sees only the letters before it, as in the reference, by accident of GPT-2.
    """

    model_type = "toktts_tokflat"

    encoder: dict[str, Any] | None = None
    decoder: dict[str, Any] | None = None
    causal_encoder: bool = False

    def __post_init__(self, **kwargs: Any) -> None:
        """Refuse keys GPT-2 does not have, and make `text_limit` the positions there are."""
        super().__post_init__(**kwargs)  # type: ignore[no-untyped-call]
        self.encoder, self.decoder = self.encoder or {}, self.decoder or {}
        _check_keys(self.encoder, "model.encoder")
        _check_keys(self.decoder, "model.decoder", "seq_length")
        self.text_limit = self.encoder_config().n_positions

    @property
    def bos_code_id(self) -> int:
        """What every row of code ids starts with."""
        return self.codebook_size

    @property
    def eos_code_id(self) -> int:
        """What ends a row of code ids; also its padding."""
        return self.codebook_size + 1

    @property
    def vocab_size(self) -> int:
        """Code ids: one slice that all codebooks share, start and end."""
        return self.codebook_size + 2

    @property
    def num_hidden_layers(self) -> int:
        """Layers of the decoder, which is what a cache holds."""
        return self.decoder_config().n_layer

    @property
    def seq_length(self) -> int:
        """Most code ids to make, unless a call says otherwise."""
        return int((self.decoder or {}).get("seq_length", SEQ_LENGTH))

    def encoder_config(self) -> GPT2Config:
        """Make the GPT-2 config of the text stack."""
        own = {"bos_token_id": None, "eos_token_id": None}
        return GPT2Config(**(own | (self.encoder or {}) | {"vocab_size": self.text_vocab_size}))

    def decoder_config(self) -> GPT2Config:
        """Make the GPT-2 config of the code stack."""
        options = {name: value for name, value in (self.decoder or {}).items() if name != "seq_length"}
        own = {"bos_token_id": self.bos_code_id, "eos_token_id": self.eos_code_id, "vocab_size": self.vocab_size}
        return GPT2Config(**(options | own | {"add_cross_attention": True}))


def _check_keys(options: dict[str, Any], key: str, *more: str) -> None:
    known = {field.name for field in fields(GPT2Config)} | {*GPT2Config.attribute_map, *more}
    for name in options:
        if name not in known:
            nearest = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {nearest[0]!r}?" if nearest else "see the keys of GPT2Config"
            raise ModelError(f"GPT-2 has no key {name!r}; {hint}", key=key)
