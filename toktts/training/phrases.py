"""When a training begins to see phrases: once the model itself can say which frames are which words."""

import base64
import binascii
import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from torch import Tensor
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import ExportableState

from toktts.data.collate import Collator
from toktts.data.phrases import Ints, PhraseSampler
from toktts.errors import CheckpointError
from toktts.models import ToktsModel

WARM_UP = 0.2


@runtime_checkable
class Aligns(Protocol):
    """A model family that learns which frames say which text id."""

    def align(self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor) -> Tensor:
        """Give the frames of each text id, int64 (batch, n_units), each row's sum its number of frames."""


class PhrasesFromAligner(TrainerCallback, ExportableState):
    """Once `WARM_UP` of the training is over, aligns all rows at the beginning of an epoch and hands that on.

    What was found lies in every later checkpoint, so a resumed run cuts the same phrases.

    Args:
        sampler: draws the phrases.
        align: gives, for each training row, the frames of each text id.
        share_done: of the training, in [0, 1].
    """

    def __init__(
        self,
        sampler: PhraseSampler,
        *,
        align: Callable[[ToktsModel], Sequence[Ints]],
        share_done: Callable[[TrainerState], float],
    ) -> None:
        self._sampler, self._align, self._share_done = sampler, align, share_done
        self._is_used = False
        self.packed: str | None = None

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"args": {}, "attributes": {"packed": self.packed}}

    def on_epoch_begin(
        self,
        args: TrainingArguments,  # noqa: ARG002 - the Trainer hands every event the same arguments
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002
        **kwargs: Any,
    ) -> None:
        """Align, or use what was found before; inside of an epoch, where a run may go on, nothing new begins."""
        epoch = float(state.epoch or 0.0)
        if self.packed is None and epoch.is_integer() and self._share_done(state) >= WARM_UP:
            self.packed = pack(self._align(kwargs["model"]))
        if self.packed is not None and not self._is_used:
            self._sampler.use(unpack(self.packed, [len(ids) for ids in self._sampler.texts.input_ids]))
            self._is_used = True
        self._sampler.set_epoch(int(epoch))


def align_rows(model: ToktsModel, rows: Any, *, batches: Iterable[Sequence[int]], collator: Collator) -> Sequence[Ints]:
    """Align all rows with the weights as they are, without a trace in torch's random numbers.

    Args:
        model: that `Aligns`.
        rows: of training.
        batches: row numbers, each once.
        collator: rows -> batch.
    Returns:
        Of each row, the frames of each text id.
    """
    assert isinstance(model, Aligns)
    found: dict[int, Ints] = {}
    was_training = model.training
    model.train(False)
    for numbers in batches:
        batch = [rows[number] for number in numbers]
        inputs = collator(batch)
        chosen = {name: inputs[name].to(model.device) for name in ("input_ids", "attention_mask", "labels")}
        durations = model.align(**chosen).cpu().numpy()
        for number, row, frames in zip(numbers, batch, durations, strict=True):
            found[number] = frames[: len(row["input_ids"])]
    model.train(was_training)
    return [found[number] for number in range(len(rows))]


def share_of_steps(state: TrainerState) -> float:
    """Share of a training that lies behind, where its steps are limited."""
    return state.global_step / state.max_steps if state.max_steps else 0.0


def pack(durations: Sequence[Ints]) -> str:
    """Write frames of text ids as text, about a letter an id."""
    content = np.concatenate([*durations, np.zeros(0, dtype=np.int64)]).astype("<u4").tobytes()
    return base64.b85encode(zlib.compress(content, level=9)).decode("ascii")


def unpack(packed: str, n_ids: Sequence[int]) -> list[Ints]:
    """Read what `pack` wrote.

    Args:
        packed: the text.
        n_ids: text ids of each row.
    Raises:
        CheckpointError: it is of other rows.
    """
    try:
        content = np.frombuffer(zlib.decompress(base64.b85decode(packed)), dtype="<u4").astype(np.int64)
    except (ValueError, zlib.error, binascii.Error) as error:
        raise CheckpointError(f"when words are said cannot be read ({error}); use an earlier checkpoint") from error
    if len(content) != sum(n_ids):
        raise CheckpointError(
            f"knows when {len(content)} text ids are said, the corpus has {sum(n_ids)}; use the corpus it began with"
        )
    return np.split(content, np.cumsum(n_ids)[:-1]) if n_ids else []
