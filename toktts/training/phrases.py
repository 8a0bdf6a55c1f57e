"""When a training begins to see phrases: once the model itself can say which frames are which words."""

import base64
import binascii
import inspect
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from datasets import Dataset
from torch import Tensor
from transformers import PreTrainedTokenizerBase, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import ExportableState

from toktts.data.bucketing import BucketBatchSampler
from toktts.data.collate import Collator
from toktts.data.phrases import Ints, PhraseRows, PhraseSampler, Texts
from toktts.errors import CheckpointError, ConfigError
from toktts.models import ToktsModel
from toktts.tokens.separators import word_separators

WARM_UP = 0.2


@runtime_checkable
class Aligns(Protocol):
    """A model family that learns which frames say which text id; it may also want what says who speaks."""

    def align(self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor) -> Tensor:
        """Give the frames of each text id, int64 (batch, n_units), each row's sum its number of frames."""


@dataclass(frozen=True)
class Phrases:
    """What a trainer needs to see phrases.

    Args:
        rows: to be trained on.
        sampler: of their batches.
        callbacks: that say when phrases begin.
    """

    rows: PhraseRows
    sampler: PhraseSampler
    callbacks: list[TrainerCallback]


def phrases_of(
    rows: Dataset,
    batches: BucketBatchSampler,
    *,
    model: ToktsModel,
    tokenizer: PreTrainedTokenizerBase,
    collator: Collator,
    share: float,
    seed: int,
    share_done: Callable[[TrainerState], float],
) -> Phrases:
    """Let a share of the rows be phrases: at once where the corpus says when things are said, else when the model can.

    Args:
        rows: of training.
        batches: of them.
        model: that is trained.
        tokenizer: of its text.
        collator: rows -> batch.
        share: of the rows, in (0, 1].
        seed: of the drawing.
        share_done: of the training, in [0, 1].
    Raises:
        ConfigError: the model does not align, or the tokenizer knows no words.
    """
    shown = rows.with_format("numpy")
    separators = word_separators(tokenizer)
    sampler = PhraseSampler(
        batches, Texts(list(rows["input_ids"]), list(rows["speaker"]), separators), share=share, seed=seed
    )
    if "durations" in rows.column_names:
        sampler.use([np.asarray(frames, dtype=np.int64) for frames in rows["durations"]])
        return Phrases(PhraseRows(shown, separators), sampler, [])
    if not isinstance(model, Aligns):
        raise ConfigError(
            f"wants a model that learns when words are said, {model.config.model_type} does not; set it to 0, or use "
            "toknar",
            key="data.phrase_share",
        )
    begin = PhrasesFromAligner(
        sampler,
        align=lambda model: align_rows(model, shown, batches=batches, collator=collator),
        share_done=share_done,
    )
    return Phrases(PhraseRows(shown, separators), sampler, [begin])


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
    known = inspect.signature(model.align).parameters
    was_training = model.training
    model.train(False)
    for numbers in batches:
        batch = [rows[number] for number in numbers]
        inputs = collator(batch)
        chosen = {name: inputs[name].to(model.device) for name in inputs if name in known}
        durations = model.align(**chosen).cpu().numpy()
        for number, row, frames in zip(numbers, batch, durations, strict=True):
            found[number] = frames[: len(row["input_ids"])]
    model.train(was_training)
    return [found[number] for number in range(len(rows))]


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
