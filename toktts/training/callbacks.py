"""What happens between the steps of a training."""
# ruff: noqa: ARG002 - the Trainer hands every event the same arguments

import time
from collections.abc import Callable
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import ExportableState


class TimeLimit(TrainerCallback, ExportableState):
    """Ends a training when its time is over, with a last evaluation and a checkpoint; a resumed run goes on counting.

    Args:
        max_minutes: from the first step to the end, evaluations and saving included, pauses between runs not.
        clock: gives seconds.
    """

    def __init__(self, max_minutes: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit_s = max_minutes * 60.0
        self.elapsed_before_s = 0.0
        self._clock = clock
        self._start_s: float | None = None

    @property
    def elapsed_s(self) -> float:
        """Seconds of training so far."""
        return self.elapsed_before_s + (0.0 if self._start_s is None else self._clock() - self._start_s)

    def share(self) -> float:
        """Share of the time that lies behind, in [0, 1]."""
        return min(1.0, self.elapsed_s / self.limit_s)

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"args": {}, "attributes": {"elapsed_before_s": self.elapsed_s}}

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Start the clock."""
        self._start_s = self._clock()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Stop if the time is over."""
        if self.elapsed_s >= self.limit_s:
            control.should_log = control.should_save = control.should_training_stop = True
            control.should_evaluate = str(getattr(args.eval_strategy, "value", args.eval_strategy)) != "no"

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Stop the clock."""
        self.elapsed_before_s, self._start_s = self.elapsed_s, None
