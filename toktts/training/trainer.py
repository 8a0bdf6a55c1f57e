"""`transformers.Trainer` for codes: our batches, schedules, metrics and parts of the loss."""

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import DataLoader, Dataset, Sampler
from transformers import PreTrainedTokenizerBase, Trainer, TrainerCallback, TrainingArguments
from transformers.utils.import_utils import is_torch_bf16_gpu_available

from toktts.data.collate import Collator
from toktts.errors import TrainingError
from toktts.models import ToktsModel
from toktts.training.callbacks import TimeLimit
from toktts.training.metrics import compute_metrics
from toktts.training.schedule import KINDS, Kind, TimeSchedule, reference_schedule

_BF16_FLAGS = {"avx512_bf16", "amx_bf16"}


@dataclass
class ToktsTrainingArguments(TrainingArguments):
    """TrainingArguments with what the schedules of the reference need, and without what breaks our batches."""

    min_learning_rate: float = field(default=0.0, metadata={"help": "Learning rate at the end of the decay."})
    lr_decay_steps: int | None = field(default=None, metadata={"help": "Step at which it is reached; None = last."})

    def __post_init__(self) -> None:
        super().__post_init__()  # type: ignore[no-untyped-call]
        # Codes travel under a name that `forward` does not have, and the collator drops what it does not know.
        self.remove_unused_columns = False
        # The filter writes a NaN loss to the log as 0.0.
        self.logging_nan_inf_filter = False
        # Without an accelerator torch only warns about it, once a loader.
        self.dataloader_pin_memory &= torch.accelerator.is_available()


def best_precision() -> dict[str, bool]:
    """Arguments for `TrainingArguments` that train in bfloat16 where the GPU, or else the CPU, computes in it."""
    if torch.accelerator.is_available():
        return {"bf16": True} if is_torch_bf16_gpu_available() else {}
    try:
        flags = set(Path("/proc/cpuinfo").read_text(encoding="utf-8").split())
    except OSError:  # not Linux
        return {}
    return {"bf16": True, "use_cpu": True} if flags & _BF16_FLAGS else {}


class ToktsTrainer(Trainer):
    """Trains a model family on cached codes.

    Args:
        model: what is trained; its codec stays where it is.
        args: how.
        train_dataset: rows with `id`, `input_ids` and `codes`.
        eval_dataset: the same, for validation.
        collator: rows -> batch.
        batch_sampler: batches of row numbers of `train_dataset`, with `set_epoch`.
        tokenizer: saved beside the model.
        time_limit: if given, it ends the training and its clock moves the learning rate.
        callbacks: more of them.
    """

    args: ToktsTrainingArguments
    model: ToktsModel

    def __init__(
        self,
        model: ToktsModel,
        args: ToktsTrainingArguments,
        *,
        train_dataset: Dataset[Any],
        eval_dataset: Dataset[Any] | None,
        collator: Collator,
        batch_sampler: Sampler[list[int]],
        tokenizer: PreTrainedTokenizerBase | None = None,
        time_limit: TimeLimit | None = None,
        callbacks: Sequence[TrainerCallback] = (),
    ) -> None:
        # No processing_class: the Trainer would write the text tokenizer's ids over those of the code vocabulary.
        super().__init__(
            model=model,
            args=args,
            train_dataset=train_dataset,
            eval_dataset=eval_dataset,
            data_collator=collator,
            compute_metrics=compute_metrics,
            callbacks=[*callbacks, *([time_limit] if time_limit else [])],
        )
        if self.is_deepspeed_enabled or self.is_fsdp_enabled:
            raise TrainingError("checkpoints hold whole models; leave deepspeed and fsdp unset")
        self._batch_sampler, self._tokenizer, self._time_limit = batch_sampler, tokenizer, time_limit
        self._loss_parts: dict[str, list[Tensor]] = defaultdict(list)

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Load the sampler's batches. Its own generator keeps the loader from drawing on the dropout's."""
        workers = self.args.dataloader_num_workers
        dataset: Any = self.train_dataset
        loader: DataLoader[Any] = DataLoader(
            dataset,
            batch_sampler=self._batch_sampler,
            collate_fn=self.data_collator,
            num_workers=workers,
            pin_memory=self.args.dataloader_pin_memory,
            persistent_workers=self.args.dataloader_persistent_workers and workers > 0,
            prefetch_factor=self.args.dataloader_prefetch_factor,
            generator=torch.Generator().manual_seed(self.args.seed),
        )
        prepared: DataLoader[Any] = self.accelerator.prepare(loader)
        return prepared

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
            share_of_time=self._time_limit.share,
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

    @torch.no_grad()
    def prediction_step(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        prediction_loss_only: bool,
        ignore_keys: list[str] | None = None,  # noqa: ARG002 - the base class's
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """Score a batch; of the logits only the most likely codes travel on.

        Returns:
            Loss, codes and labels, these as (batch, n_frames, n_codebooks), for the Trainer pads dimension 1.
        """
        batch: Mapping[str, Any] = self._prepare_inputs(inputs)
        with self.compute_loss_context_manager():
            loss, outputs = self.compute_loss(model, dict(batch), return_outputs=True)
        if prediction_loss_only:
            return loss.detach(), None, None
        labels = batch["labels"]
        codes = self.model.predicted_codes(outputs["logits"], labels)
        return loss.detach(), codes.transpose(1, 2).contiguous(), labels.transpose(1, 2).contiguous()

    def _save(self, output_dir: str | os.PathLike[str] | None = None, state_dict: Any = None) -> None:
        """Write model, codec and tokenizer; the base class would add a pickle of the arguments."""
        folder = Path(output_dir or self.args.output_dir or ".")
        self.model.save_pretrained(folder, state_dict=state_dict)
        if self._tokenizer is not None:
            self._tokenizer.save_pretrained(folder)
