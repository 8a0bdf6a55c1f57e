"""What happens between the steps of a training: stopping, looking, telling."""
# ruff: noqa: ARG002 - the Trainer hands every event the same arguments

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from types import FrameType, TracebackType
from typing import Any, Self

import torch
from torch import Tensor
from tqdm.auto import tqdm
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import ExportableState

from toktts.errors import TrainingError
from toktts.models import ToktsModel

_SHOWN_IDS = 8
SHOWN_SCORES = ("eval_loss", "eval_accuracy", "eval_mel_error")


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
        self._is_over = False

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
        self._start_s, self._is_over = self._clock(), False

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Stop if the time is over."""
        if self.share() >= 1.0:
            self._is_over = True
            control.should_log = control.should_save = control.should_training_stop = True
            control.should_evaluate = args.eval_strategy != "no"

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Do not evaluate and save a second time: the Trainer ends an epoch that was broken off, too."""
        if self._is_over:
            control.should_evaluate = control.should_save = False

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Stop the clock."""
        self.elapsed_before_s, self._start_s = self.elapsed_s, None


def share_of_steps(state: TrainerState) -> float:
    """Share of a training that lies behind, where its steps are limited."""
    return state.global_step / state.max_steps if state.max_steps else 0.0


def share_done(state: TrainerState, time_limit: TimeLimit | None) -> float:
    """Share of a training that lies behind, in [0, 1]: of its steps, or of its time if that will be over first."""
    return max(share_of_steps(state), 0.0 if time_limit is None else time_limit.share())


class EvaluationStopped(Exception):
    """A signal came while the model was evaluated."""


class StopOnSignal(TrainerCallback):
    """SIGTERM and Ctrl-C: finish the step, save, stop; the second one ends the process at once.

    An evaluation that is due at that step is left out or broken off. The `with` block holds the handlers; at its end
    the process goes on to end with `SystemExit(143)` or `KeyboardInterrupt`, as if the signal had come only then.
    """

    def __init__(self) -> None:
        self.signal_number: int | None = None
        self._process = os.getpid()
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self.signal_number, self._process = None, os.getpid()
        # Python allows handlers in the main thread only.
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()
        if error is not None or self.signal_number is None:
            return
        if self.signal_number == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + self.signal_number)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if os.getpid() != self._process:  # a data loader's worker, which ends with its parent
            return
        if self.signal_number is not None:
            os._exit(128 + number)
        self.signal_number = number
        os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, b"\ntoktts: stopping after this step; wait\n")

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Save and stop if a signal came."""
        if self.signal_number is not None:
            control.should_save = control.should_training_stop = True
            control.should_evaluate = False

    def on_prediction_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Break the evaluation off if a signal came."""
        if self.signal_number is not None:
            raise EvaluationStopped

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Do not evaluate and save a second time: the Trainer ends an epoch that was broken off, too."""
        if self.signal_number is not None:
            control.should_evaluate = control.should_save = False


class NonFiniteGuard(TrainerCallback):
    """Stops a training at the step whose loss or gradient is not finite, before it reaches the weights.

    Args:
        batch_ids: ids of the rows of the current step, for the message.
        is_active: False where infinite gradients are normal, as under float16 with a gradient scaler.
    """

    def __init__(self, batch_ids: Callable[[], list[str]], *, is_active: Callable[[], bool]) -> None:
        self._batch_ids, self._is_active = batch_ids, is_active

    def check_loss(self, loss: Tensor, *, step: int) -> None:
        """Look at a loss.

        Raises:
            TrainingError: it is not finite.
        """
        if self._is_active() and not bool(torch.isfinite(loss)):
            raise self._fault(f"loss is {loss.item()}", step)

    def on_pre_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Look at the gradient."""
        if not self._is_active():
            return
        gradients = [parameter.grad for parameter in kwargs["model"].parameters() if parameter.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        if not bool(torch.isfinite(norm)):
            raise self._fault("gradient is not finite", state.global_step)

    def _fault(self, what: str, step: int) -> TrainingError:
        ids = self._batch_ids()
        more = f" and {len(ids) - _SHOWN_IDS} more" if len(ids) > _SHOWN_IDS else ""
        return TrainingError(
            f"{what} at step {step + 1}, rows {', '.join(ids[:_SHOWN_IDS])}{more}; nothing was saved, look at these "
            "rows or lower the learning rate"
        )


class SamplesAtEvaluation(TrainerCallback):
    """Lets the model speak at each evaluation, without a trace in the random numbers that training draws.

    Args:
        speak: called with the model, in eval mode, and the step.
    """

    def __init__(self, speak: Callable[[ToktsModel, int], None]) -> None:
        self._speak = speak

    def on_evaluate(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Speak."""
        model: ToktsModel = kwargs["model"]
        was_training = model.training
        model.train(False)
        self._speak(model, state.global_step)
        model.train(was_training)


class Progress(TrainerCallback):
    """One line that says what is happening and how long it still takes, and a line for each evaluation.

    Args:
        time_limit: if given, the bar counts seconds of it, else steps.
    """

    def __init__(self, time_limit: TimeLimit | None = None) -> None:
        self._time_limit = time_limit
        self._bar: Any = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Show the bar."""
        if not state.is_world_process_zero:
            return
        if self._time_limit is None:
            self._bar = tqdm(
                total=state.max_steps, initial=state.global_step, desc="training", unit="step", dynamic_ncols=True
            )
        else:
            layout = "{desc}: {percentage:3.0f}% |{bar}| {n:.0f} of {total:.0f} s{postfix}"
            total = self._time_limit.limit_s
            self._bar = tqdm(total=total, desc="training", bar_format=layout, dynamic_ncols=True)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Move on."""
        if self._bar is not None:
            limit = self._time_limit
            done: float = state.global_step
            if limit is not None:
                # Where the steps will be over before the time, as long as they are going to take.
                self._bar.total = limit.elapsed_s / max(share_done(state, limit), 1e-9)
                done = min(limit.elapsed_s, self._bar.total)
            self._bar.update(done - self._bar.n)

    def on_prediction_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Say that it evaluates."""
        if self._bar is not None:
            self._bar.set_description("evaluating")

    def on_evaluate(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Write the scores into a line of their own."""
        if self._bar is None:
            return
        metrics: Mapping[str, float] = kwargs["metrics"]
        scores = ", ".join(_shown(metrics, name) for name in SHOWN_SCORES if name in metrics)
        self._bar.write(f"step {state.global_step}: {scores}")
        self._bar.set_description("training")

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Show the loss."""
        logs: Mapping[str, float] = kwargs.get("logs", {})
        if self._bar is not None and "loss" in logs:
            self._bar.set_postfix_str(f"step {state.global_step}, {_shown(logs, 'loss')}")

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Leave the bar as it is."""
        self.close()

    def close(self) -> None:
        """Leave the bar as it is, also after an error."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _shown(scores: Mapping[str, float], name: str) -> str:
    return f"{name.removeprefix('eval_').replace('_', ' ')} {scores[name]:.4f}"
