"""What `fastspeech2` hands from step to step."""

from dataclasses import dataclass

from torch import Tensor

from toktts.errors import ModelError
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


def check_durations(durations: Tensor, is_text: Tensor, n_frames: Tensor) -> None:
    """Refuse durations that are not those of the texts and features of a batch.

    Args:
        durations: int64 frames (batch, n_units).
        is_text: bool, same shape.
        n_frames: int64 (batch,), frames of the features.
    Raises:
        ModelError: another shape, negative, behind a text, or another sum.
    """
    if durations.shape != is_text.shape or bool((durations < 0).any()) or bool((durations * ~is_text).any()):
        raise ModelError(
            f"must be {tuple(is_text.shape)} as input_ids, 0 or more, and 0 behind a text, got "
            f"{tuple(durations.shape)}; cache again",
            key="durations",
        )
    sums = durations.sum(dim=1)
    if bool((sums != n_frames).any()):
        row = int((sums != n_frames).long().argmax())
        raise ModelError(
            f"of row {row} add up to {int(sums[row])} frames, its features have {int(n_frames[row])}; cache again",
            key="durations",
        )
