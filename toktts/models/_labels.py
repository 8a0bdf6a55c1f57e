"""Labels of a batch: which frames are real, and whether durations are theirs."""

from torch import Tensor

from toktts.errors import ModelError

PADDING = -100  # no code, and no logarithm of a mel comes near


def real_frames(labels: Tensor) -> Tensor:
    """Say which frames of labels (batch, values, n_frames), codes or mel, are no padding: bool (batch, n_frames)."""
    return labels[:, 0] != PADDING


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
