"""`ToktsTrainer`: our batches, schedules, metrics and parts of the loss on `transformers.Trainer`."""

import inspect
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle, islice
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import DataLoader
from transformers import PreTrainedTokenizerBase, TrainerCallback, TrainerState

from toktts.data.collate import IGNORED, Collator
from toktts.errors import TrainingError
from toktts.memory import explain_shortage
from toktts.models import ToktsModel
from toktts.training.arguments import ToktsTrainingArguments, best_precision
from toktts.training.callbacks import TimeLimit, share_done
from toktts.training.metrics import metrics_of
from toktts.training.resumable import ResumableTrainer
from toktts.training.schedule import KINDS, Kind, TimeSchedule, reference_schedule

__all__ = ["BatchSampler", "Rows", "ToktsTrainer", "ToktsTrainingArguments", "best_precision"]


class Rows(Protocol):
    """A list of rows, or a `datasets.Dataset`."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: Any, /) -> Any: ...


class BatchSampler(Protocol):
    """Batches of what rows are asked for by, as their numbers; they follow from the epoch alone."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[list[Any]]: ...

    def set_epoch(self, epoch: int) -> None:
        """Choose the shuffling."""


class _Share:
    """The batches of one of several processes: as many for each, the last round filled up from the beginning.

    Args:
        batch_sampler: all batches.
        rank: which process.
        world_size: how many there are.
    """

    def __init__(self, batch_sampler: BatchSampler, *, rank: int, world_size: int) -> None:
        self._batches, self._rank, self._world_size = batch_sampler, rank, world_size

    def set_epoch(self, epoch: int) -> None:
        self._batches.set_epoch(epoch)

    def __len__(self) -> int:
        return -(-len(self._batches) // self._world_size)

    def __iter__(self) -> Iterator[list[Any]]:
        n_wanted = len(self) * self._world_size
        return islice(cycle(self._batches), self._rank, n_wanted, self._world_size)


class _Shuffle(TrainerCallback):
    """Tells the sampler which epoch begins. The Trainer reaches it through some wrappers of a loader only."""

    def __init__(self, batch_sampler: BatchSampler) -> None:
        self._batch_sampler = batch_sampler

    def on_epoch_begin(self, args: Any, state: TrainerState, control: Any, **kwargs: Any) -> None:  # noqa: ARG002
        # A whole number after a whole epoch, and a fraction on top where a resumed run goes on inside of one.
        self._batch_sampler.set_epoch(int(state.epoch or 0))


class ToktsTrainer(ResumableTrainer):
    """Trains a model family on cached features; see `ResumableTrainer` for how it saves, stops and resumes.

    Args:
        model: what is trained; its codec stays where it is.
        args: how.
        train_dataset: rows with `id`, `input_ids` and `codes` or `mel`.
        eval_dataset: the same, for validation.
        collator: rows -> batch.
        batch_sampler: batches of row numbers of `train_dataset`, or of what else it takes.
        tokenizer: saved beside the model.
        time_limit: if given, it ends the training and its clock moves the learning rate.
        ema_decay: share of the averaged weights that a step leaves, in (0, 1); None = no average.
        facts: what else must be the same for an exact resume, as the key of the token cache.
        allow_inexact: resume although such facts have changed, with a warning each.
        callbacks: more of them.
    """

    def __init__(
        self,
        model: ToktsModel,
        args: ToktsTrainingArguments,
        *,
        train_dataset: Rows,
        eval_dataset: Rows | None,
        collator: Collator,
        batch_sampler: BatchSampler,
        tokenizer: PreTrainedTokenizerBase | None = None,
        time_limit: TimeLimit | None = None,
        ema_decay: float | None = None,
        facts: Mapping[str, Any] | None = None,
        allow_inexact: bool = False,
        callbacks: Sequence[TrainerCallback] = (),
    ) -> None:
        self._batch_sampler = batch_sampler
        self._loss_parts: dict[str, list[Tensor]] = defaultdict(list)
        super().__init__(
            model,
            args,
            time_limit=time_limit,
            ema_decay=ema_decay,
            tokenizer=tokenizer,
            facts=facts or {},
            allow_inexact=allow_inexact,
            callbacks=[_Shuffle(batch_sampler), *callbacks],
            trainer_arguments={
                "train_dataset": train_dataset,
                "eval_dataset": eval_dataset,
                "data_collator": collator,
                "compute_metrics": metrics_of(model.feature_kind),
            },
        )

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Load the sampler's batches. Its own generator keeps the loader from drawing on the dropout's."""
        dataset: Any = self.train_dataset
        # Shared out here, for accelerate can share batches of one size only.
        sampler: Any = _Share(self._batch_sampler, rank=self.args.process_index, world_size=self.args.world_size)
        workers = self.args.dataloader_num_workers
        return DataLoader(
            dataset,
            batch_sampler=sampler,
            collate_fn=self.data_collator,
            num_workers=workers,
            pin_memory=self.args.dataloader_pin_memory,
            persistent_workers=self.args.dataloader_persistent_workers and workers > 0,
            prefetch_factor=self.args.dataloader_prefetch_factor,
            generator=torch.Generator().manual_seed(self.args.seed),
        )

    def _n_batches(self) -> int:
        return len(self._batch_sampler)

    def _batch_ids(self) -> list[str]:
        """Ids of the rows of the current step; with several processes, those of all of them."""
        per_step = self.args.gradient_accumulation_steps * self.args.world_size
        epoch, step = divmod(self.state.global_step, -(-len(self._batch_sampler) // per_step))
        self._batch_sampler.set_epoch(epoch)
        batches = islice(self._batch_sampler, step * per_step, (step + 1) * per_step)
        rows: Any = self.train_dataset
        return [str(rows[index].get("id", index)) for batch in batches for index in batch]

    def training_step(self, model: nn.Module, inputs: dict[str, Any], num_items_in_batch: Any = None) -> Tensor:
        """Run forward and backward.

        Raises:
            TrainingError: the loss is not finite, or memory ran out; the checkpoints stay as they are.
        """
        with explain_shortage(lambda: self._too_large(inputs["labels"])):
            return super().training_step(model, inputs, num_items_in_batch)

    def _too_large(self, labels: Tensor) -> TrainingError:
        n_rows, n_frames = labels.shape[0], labels.shape[0] * labels.shape[2]
        return TrainingError(
            f"memory ran out at step {self.state.global_step} over {n_rows} rows of {labels.shape[2]} frames; set "
            f"data.max_frames_per_batch={max(1, n_frames // 2)} or training.args.per_device_train_batch_size="
            f"{max(1, n_rows // 2)}, and training.allow_inexact=true to resume from the last checkpoint"
        )

    def create_scheduler(self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None) -> LRScheduler:
        """Move the learning rate by time if that is limited, else as the reference does, else as the library does."""
        kind = str(getattr(self.args.lr_scheduler_type, "value", self.args.lr_scheduler_type))
        if self.lr_scheduler is not None or kind not in KINDS:
            return super().create_scheduler(num_training_steps, optimizer)
        known = next(name for name in KINDS if name == kind)
        chosen: Any = self.optimizer if optimizer is None else optimizer
        schedule: Any = self._schedule(chosen, known, num_training_steps)
        self.lr_scheduler, self._created_lr_scheduler = schedule, True
        return self.lr_scheduler

    def _schedule(self, optimizer: torch.optim.Optimizer, kind: Kind, n_steps: int) -> LRScheduler:
        floor_ratio = self.args.min_learning_rate / self.args.learning_rate
        warmup_steps = self.args.get_warmup_steps(n_steps)
        if self._time_limit is None:
            return reference_schedule(
                optimizer,
                kind=kind,
                warmup_steps=warmup_steps,
                decay_steps=self.args.lr_decay_steps or n_steps,
                floor_ratio=floor_ratio,
            )
        return TimeSchedule(
            optimizer,
            kind=kind,
            warmup_steps=warmup_steps,
            share_done=lambda: share_done(self.state, self._time_limit),
            floor_ratio=floor_ratio,
        )

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """Run the model, and keep the parts of its loss (`*_loss`) for the log."""
        loss, outputs = super().compute_loss(model, inputs, return_outputs=True, num_items_in_batch=num_items_in_batch)
        prefix = "" if model.training else "eval_"
        for name, value in outputs.items():
            if name.endswith("_loss") and isinstance(value, Tensor):
                self._loss_parts[prefix + name].append(value.detach())
        return (loss, outputs) if return_outputs else loss

    def _pop_loss_parts(self, *, evaluation: bool) -> dict[str, float]:
        names = [name for name in self._loss_parts if name.startswith("eval_") == evaluation]
        return {name: float(torch.stack(self._loss_parts.pop(name)).float().mean()) for name in names}

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Write to the log, with the parts of the loss as means since the last time."""
        if "loss" in logs:
            logs |= self._pop_loss_parts(evaluation=False)
        super().log(logs, start_time)

    def evaluation_loop(self, *args: Any, **kwargs: Any) -> Any:
        """As the base class, with the parts of the loss."""
        output = super().evaluation_loop(*args, **kwargs)
        assert output.metrics is not None
        output.metrics.update(self._pop_loss_parts(evaluation=True))
        return output

    def _prepare_inputs(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Leave out what the family does not learn from, as the durations that some corpora bring."""
        known = inspect.signature(type(self.model).forward).parameters
        prepared: dict[str, Any] = super()._prepare_inputs({key: inputs[key] for key in inputs if key in known})
        return prepared

    @torch.no_grad()
    def prediction_step(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        prediction_loss_only: bool,
        ignore_keys: list[str] | None = None,  # noqa: ARG002 - the base class's
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """Score a batch; of the logits only the most likely codes travel on, of mel only its error.

        Returns:
            Loss, codes and labels, these as (batch, n_frames, n_codebooks), for the Trainer pads dimension 1. For
            mel: loss, the sum of the errors of each row and the number of values they are of, (batch,) each.
        """
        batch: Mapping[str, Any] = self._prepare_inputs(inputs)
        with self.compute_loss_context_manager():
            loss, outputs = self.compute_loss(model, dict(batch), return_outputs=True)
        if prediction_loss_only:
            return loss.detach(), None, None
        labels = batch["labels"]
        if self.model.feature_kind == "mel":
            is_real = labels != IGNORED
            errors = (self.model.predicted_mel(outputs).float() - labels).abs() * is_real
            return loss.detach(), errors.sum(dim=(1, 2)), is_real.sum(dim=(1, 2))
        codes = self.model.predicted_codes(outputs["logits"], labels)
        return loss.detach(), codes.transpose(1, 2).contiguous(), labels.transpose(1, 2).contiguous()
