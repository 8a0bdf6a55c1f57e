"""Sizes of `tokar`, and what its `forward` returns."""

from dataclasses import dataclass

from huggingface_hub.dataclasses import strict
from torch import Tensor

from toktts.errors import ModelError
from toktts.models._aligned import AlignedConfig
from toktts.models._base import CodesOutput
from toktts.models._code_loss import check_code_weights, weights_of_books
from toktts.tokens.layouts import LAYOUTS


@strict
class TokarConfig(AlignedConfig):  # type: ignore[no-untyped-call]
    """Sizes and losses of `tokar`, beside those of `AlignedConfig`; `max_frames_per_unit` ends every generation.

    Args:
        layout: order in which codes are written: `delay`, `parallel`, `flat`, or `stacked`: all codes of a step, one
            after the other through a small local network.
        frames_per_step: frames written at one decoder step of `stacked`; 2 halves the work, and makes units last 2.
        local_size: width of the local network of `stacked`.
        decoder_layers: layers that write frames left to right, with as many heads as the encoder's.
        history_dropout: share of steps whose codes are hidden from the decoder in training, so that it listens to the
            text more than to itself.
        text_dropout: share of rows learned without their text, so that `guidance_scale` has a meaning; 0.1 is usual.
        advance_weight: weight of the loss of moving on.
        code_weights: weight of each codebook's loss; missing ones are 1.
    """

    model_type = "tokar"

    layout: str = "delay"
    frames_per_step: int = 1
    local_size: int = 512
    decoder_layers: int = 4
    history_dropout: float = 0.1
    text_dropout: float = 0.0
    advance_weight: float = 0.5
    code_weights: list[float] | None = None

    def __post_init__(self, **kwargs: object) -> None:
        super().__post_init__(**kwargs)
        if self.layout not in LAYOUTS:
            raise ModelError(f"unknown layout {self.layout!r}; write one of {', '.join(LAYOUTS)}", key="layout")
        if self.frames_per_step < 1 or (self.frames_per_step > 1 and self.layout != "stacked"):
            raise ModelError(
                f"{self.frames_per_step} frames a step are written by layout stacked, 1 or more, not by {self.layout}; "
                "change one of them",
                key="frames_per_step",
            )
        if not 0 <= self.text_dropout < 1:
            raise ModelError(
                f"must be at least 0 and below 1, got {self.text_dropout:g}; change it", key="text_dropout"
            )
        check_code_weights(self.code_weights, self.n_codebooks)

    @property
    def codes_per_step(self) -> int:
        """Columns of a decoder step: a code of each codebook, of each frame of the step."""
        return self.frames_per_step * self.n_codebooks

    @property
    def column_weights(self) -> list[float] | None:
        """`code_weights` of every code of a step; None = all alike."""
        weights = weights_of_books(self.code_weights, self.n_codebooks)
        return None if weights is None else weights * self.frames_per_step

    @property
    def can_be_guided(self) -> bool:
        """Whether it was trained with `text_dropout`."""
        return self.text_dropout > 0

    @property
    def frames_per_text_id(self) -> int:
        """As many as a step has: every id lasts a step at least."""
        return self.frames_per_step


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
