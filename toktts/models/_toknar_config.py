"""Sizes of `toknar`, and what its `forward` returns."""

from dataclasses import dataclass

from huggingface_hub.dataclasses import strict
from torch import Tensor

from toktts.errors import ModelError
from toktts.models._aligned import AlignedConfig
from toktts.models._base import CodesOutput
from toktts.models._code_loss import check_code_weights


@strict
class ToknarConfig(AlignedConfig):  # type: ignore[no-untyped-call]
    """Sizes and losses of `toknar`, beside those of `AlignedConfig`.

    Args:
        decoder_layers: convolution blocks over the frames.
        decoder_intermediate_size: width of their perceptrons.
        decoder_kernel_size: decoder positions a block sees, odd.
        fine_layers: convolution blocks before each later codebook's head, which see the codes of the earlier ones.
        frames_per_position: frames a decoder position stands for; 2 halves the work of the decoder.
        code_weights: weight of each codebook's loss; missing ones are 1.
        duration_weight: weight of the loss of the durations.
        soft_decoding: while not drawing, let the codec mix the sounds of likely codes instead of taking the likeliest.
        prosody: predict pitch and energy of each text unit, and let them be changed while speaking.
        prosody_weight: weight of the loss of pitch and energy.
        refinement: learn to choose codes again, given others, so that `refinement_steps` can be asked for.
        refinement_share: of the rows that learn it at each step.
    """

    model_type = "toknar"

    encoder_layers: int = 4
    intermediate_size: int = 768
    decoder_layers: int = 8
    decoder_intermediate_size: int = 768
    decoder_kernel_size: int = 7
    fine_layers: int = 2
    frames_per_position: int = 1
    code_weights: list[float] | None = None
    duration_weight: float = 0.3
    soft_decoding: bool = True
    max_frames_per_unit: int = 150
    prosody: bool = False
    prosody_weight: float = 0.1
    refinement: bool = False
    refinement_share: float = 0.5

    def __post_init__(self, **kwargs: object) -> None:
        super().__post_init__(**kwargs)
        if self.frames_per_position < 1:
            raise ModelError(
                f"must be at least 1, got {self.frames_per_position}; 1 or 2 is usual", key="frames_per_position"
            )
        check_code_weights(self.code_weights, self.n_codebooks)
        if not 0.0 <= self.refinement_share <= 1.0:
            raise ModelError(f"must be from 0 to 1, got {self.refinement_share}; 0.5 is usual", key="refinement_share")

    @property
    def can_choose_again(self) -> bool:
        """Whether it was trained with `refinement`."""
        return self.refinement

    @property
    def takes_durations(self) -> bool:
        """Whether `forward` can be told them: then the aligner is not asked."""
        return True

    @property
    def wants_prosody(self) -> bool:
        """Whether it learns from pitch and energy."""
        return self.prosody


@dataclass
class ToknarOutput(CodesOutput):
    """`CodesOutput` with the parts of the loss and the alignment.

    Args:
        code_loss: scalar, cross-entropy a code.
        alignment_loss: scalar, forward-sum loss a text unit.
        duration_loss: scalar, mean squared error of log durations.
        prosody_loss: scalar, mean squared error of standard scores of pitch and energy; None where not learned.
        units: int64 (batch, n_frames), the text unit of each frame.
    """

    code_loss: Tensor | None = None
    alignment_loss: Tensor | None = None
    duration_loss: Tensor | None = None
    prosody_loss: Tensor | None = None
    units: Tensor | None = None
