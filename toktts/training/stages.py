"""Models that learn in two stages: when the second one begins, and how fast it learns."""

import functools
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from torch import nn
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import ExportableState

from toktts.training.callbacks import TimeLimit, share_done
from toktts.training.ema import WeightAverage
from toktts.training.schedule import decay_factor


@runtime_checkable
class TwoStages(Protocol):
    """A model that learns one part first, and another one when the first stands still."""

    @property
    def first_stage_share(self) -> float:
        """Share of a training behind which the second stage is due."""

    def begin_stage(self, stage: int) -> None:
        """Let the parameters of stage 1 or 2 learn, and freeze the others."""


class SecondStage(TrainerCallback, ExportableState):
    """Begins a model's second stage at its time, also of a training that was resumed before or after it.

    Averaged weights become the model's own then, so that the second stage learns from what will be spoken with, and
    the average of what is frozen moves no more. The learning rate starts anew from its highest value and falls along
    half a cosine, whatever the first stage's schedule is: at the end of that one nothing new could be learned.

    Args:
        begins_at: share of the training, in (0, 1].
        share_done: share of the training that lies behind.
        average: of the weights, if one is kept.
    """

    def __init__(
        self, *, begins_at: float, share_done: Callable[[TrainerState], float], average: WeightAverage | None
    ) -> None:
        self._begins_at, self._share_done, self._average = begins_at, share_done, average
        self.stage = 1

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"args": {}, "attributes": {"stage": self.stage}}

    def on_train_begin(
        self,
        args: TrainingArguments,  # noqa: ARG002 - the Trainer hands every event the same arguments
        state: TrainerState,  # noqa: ARG002
        control: TrainerControl,  # noqa: ARG002
        **kwargs: Any,
    ) -> None:
        """Begin with the first stage, or go on with the one of the checkpoint."""
        kwargs["model"].begin_stage(self.stage)

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002
        **kwargs: Any,
    ) -> None:
        """Begin the second stage if it is due, and set its learning rate."""
        share = self._share_done(state)
        # At the very end there is nothing left to begin.
        if self.stage == 1 and self._begins_at <= share < 1.0:
            self._begin(kwargs["model"])
        if self.stage == 2:
            passed = (share - self._begins_at) / max(1.0 - self._begins_at, 1e-9)
            floor_ratio = getattr(args, "min_learning_rate", 0.0) / args.learning_rate
            rate = args.learning_rate * decay_factor("cosine", passed, floor_ratio=floor_ratio)
            for group in kwargs["optimizer"].param_groups:
                group["lr"] = rate
            # What the log asks for.
            kwargs["lr_scheduler"]._last_lr = [rate for _ in kwargs["optimizer"].param_groups]

    def _begin(self, model: nn.Module) -> None:
        assert isinstance(model, TwoStages)
        if self._average is not None:
            self._average.copy_to(model)
        self.stage = 2
        model.begin_stage(2)


def add_second_stage(trainer: Trainer, *, time_limit: TimeLimit | None) -> None:
    """Let a trainer begin the second stage of its model, if that has one.

    Args:
        trainer: not begun yet.
        time_limit: of the training; None = its steps are counted.
    """
    model: Any = trainer.model
    if not isinstance(model, TwoStages) or model.first_stage_share >= 1.0:
        return
    # Before the optimizer is made, for it takes what can learn then.
    model.begin_stage(1)
    averages = [callback for callback in trainer.callback_handler.callbacks if isinstance(callback, WeightAverage)]
    trainer.add_callback(
        SecondStage(
            begins_at=model.first_stage_share,
            share_done=functools.partial(share_done, time_limit=time_limit),
            average=averages[0] if averages else None,
        )
    )
