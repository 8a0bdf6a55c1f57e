"""What a model must know of the pitch and energy of a voice before its first step."""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from datasets import Dataset
from torch import Tensor

from toktts.errors import ModelError
from toktts.models import ToktsModel


@runtime_checkable
class LearnsProsody(Protocol):
    """A model family that keeps pitch and energy on a scale of the voice's own."""

    def fit_prosody(self, pitch: Iterable[Tensor], energy: Iterable[Tensor]) -> None:
        """Set the scales from the training clips."""


def fit_prosody(model: ToktsModel, rows: Dataset) -> None:
    """Let a new model that wants pitch and energy see those of the training rows; do nothing for others.

    Args:
        model: before its first step.
        rows: of training, with `copy`, `pitch` and `energy`; copies with noise are passed over.
    Raises:
        ModelError: the rows have no pitch or energy, or values that do not differ.
    """
    if not model.wants_prosody or not isinstance(model, LearnsProsody):
        return
    missing = [name for name in ("pitch", "energy") if name not in rows.column_names]
    if missing:
        raise ModelError(f"rows have no {' and no '.join(missing)}; encode the corpus again", key="model.options")
    clean = rows.select([index for index, copy in enumerate(rows["copy"]) if not copy])
    model.fit_prosody(_tracks(clean, "pitch"), _tracks(clean, "energy"))


def _tracks(rows: Any, name: str) -> Iterator[Tensor]:
    for track in rows.with_format("numpy")[name]:
        yield torch.from_numpy(np.array(track, dtype=np.float32))
