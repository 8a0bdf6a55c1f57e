"""Sizes of `tokar`, and what its `forward` returns."""

from dataclasses import dataclass

from huggingface_hub.dataclasses import strict
from torch import Tensor

from toktts.errors import ModelError
from toktts.models._aligned import AlignedConfig
from toktts.models._base import CodesOutput
from toktts.tokens.layouts import LAYOUTS


@strict
class TokarConfig(AlignedConfig):  # type: ignore[no-untyped-call]
    """Sizes and losses of `tokar`, beside those of `AlignedConfig`; `max_frames_per_unit` ends every generation.

    Args:
        layout: order in which codes are written: `delay`, `parallel` or `flat`.
        decoder_layers: layers that write frames left to right, with as many heads as the encoder's.
        history_dropout: share of steps whose codes are hidden from the decoder in training, so that it listens to the
            text more than to itself.
        advance_weight: weight of the loss of moving on.
    """

    model_type = "tokar"

    layout: str = "delay"
    decoder_layers: int = 4
    history_dropout: float = 0.1
    advance_weight: float = 0.5

    def __post_init__(self, **kwargs: object) -> None:
        super().__post_init__(**kwargs)
        if self.layout not in LAYOUTS:
            raise ModelError(f"unknown layout {self.layout!r}; write one of {', '.join(LAYOUTS)}", key="layout")


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
