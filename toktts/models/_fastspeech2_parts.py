"""What `fastspeech2` hands from step to step."""

from dataclasses import dataclass

from torch import Tensor

from toktts.models.modules.prosody import Kind


@dataclass(frozen=True)
class Prosody:
    """Pitch or energy of a batch.

    Args:
        teacher: true standard scores, float (batch, n_positions); None = the predicted ones are used.
        counted: bool (batch, n_positions), where they tell something.
        factor: on the natural values of the predicted ones.
    """

    teacher: Tensor | None = None
    counted: Tensor | None = None
    factor: Tensor | float = 1.0


@dataclass(frozen=True)
class Frames:
    """What the text became.

    Args:
        hidden: of the decoder, (batch, n_frames, decoder_size).
        is_real: bool (batch, n_frames, 1).
        path: int64 (batch, n_frames), the text id of each frame.
        scores: predicted standard scores of pitch and energy, float (batch, n_positions).
    """

    hidden: Tensor
    is_real: Tensor
    path: Tensor
    scores: dict[Kind, Tensor]
