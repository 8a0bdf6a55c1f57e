"""Sizes of `tokar`, and what its `forward` returns."""

from dataclasses import dataclass

from huggingface_hub.dataclasses import strict
from torch import Tensor

from toktts.errors import ModelError
from toktts.models._base import CodesOutput, ToktsConfig
from toktts.tokens.layouts import LAYOUTS


@strict
class TokarConfig(ToktsConfig):  # type: ignore[no-untyped-call]
    """Sizes and losses of `tokar`.

    Args:
        layout: order in which codes are written: `delay`, `parallel` or `flat`.
        hidden_size: channels.
        num_attention_heads: heads, of encoder and decoder.
        encoder_layers: layers that read the text both ways.
        decoder_layers: layers that write frames left to right.
        intermediate_size: width of the feed-forward nets.
        encoder_kernel_size: text units the encoder's feed-forward nets see.
        dropout: share of activations dropped in training.
        history_dropout: share of steps whose codes are hidden from the decoder in training, so that it listens to the
            text more than to itself.
        alignment_weight: weight of the aligner's loss.
        advance_weight: weight of the loss of moving on.
        max_frames: most frames of one text.
        max_frames_per_unit: frames after which the pointer moves on whatever the head says; ends every generation.
    """

    model_type = "tokar"

    text_limit: int = 600
    layout: str = "delay"
    hidden_size: int = 256
    num_attention_heads: int = 4
    encoder_layers: int = 3
    decoder_layers: int = 4
    intermediate_size: int = 1024
    encoder_kernel_size: int = 5
    dropout: float = 0.1
    history_dropout: float = 0.1
    alignment_weight: float = 0.3
    advance_weight: float = 0.5
    max_frames: int = 2250
    max_frames_per_unit: int = 75

    def __post_init__(self, **kwargs: object) -> None:
        super().__post_init__(**kwargs)  # type: ignore[no-untyped-call]
        if self.layout not in LAYOUTS:
            raise ModelError(f"unknown layout {self.layout!r}; write one of {', '.join(LAYOUTS)}", key="layout")
        if self.hidden_size % (2 * self.num_attention_heads):
            raise ModelError(
                f"{self.hidden_size} is no multiple of twice num_attention_heads {self.num_attention_heads}; "
                "change one of them",
                key="hidden_size",
            )

    @property
    def frames_per_text_id(self) -> int:
        """One: the pointer rests on every id for a frame at least."""
        return 1

    @property
    def num_hidden_layers(self) -> int:
        """Decoder layers, under the name that the key-value cache asks for."""
        return self.decoder_layers


@dataclass
class TokarOutput(CodesOutput):
    """`CodesOutput` with the parts of the loss and the pointer's path.

    Args:
        code_loss: scalar, cross-entropy a code.
        alignment_loss: scalar, forward-sum loss a text unit.
        advance_loss: scalar, binary cross-entropy a frame.
        units: int64 (batch, n_frames), the text unit of each frame.
    """

    code_loss: Tensor | None = None
    alignment_loss: Tensor | None = None
    advance_loss: Tensor | None = None
    units: Tensor | None = None
