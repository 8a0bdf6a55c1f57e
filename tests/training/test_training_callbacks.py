import os
import signal
from typing import Any

import pytest
import torch
from torch import nn
from transformers import TrainerControl, TrainerState, TrainingArguments

from toktts.errors import TrainingError
from toktts.training.callbacks import NonFiniteGuard, Progress, SamplesAtEvaluation, StopOnSignal, TimeLimit, share_done


@pytest.fixture
def args(tmp_path: Any) -> TrainingArguments:
    return TrainingArguments(output_dir=str(tmp_path), eval_strategy="steps", eval_steps=2, use_cpu=True)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_time_is_up_after_the_minutes_and_then_it_logs_evaluates_saves_and_stops(args: TrainingArguments) -> None:
    clock = Clock()
    limit, state, control = TimeLimit(0.5, clock=clock), TrainerState(), TrainerControl()
    limit.on_train_begin(args, state, control)
    clock.now += 29.9
    limit.on_step_end(args, state, control)
    assert control == TrainerControl()
    assert limit.share() == pytest.approx(29.9 / 30)
    clock.now += 0.2
    limit.on_step_end(args, state, control)
    assert control == TrainerControl(should_log=True, should_save=True, should_evaluate=True, should_training_stop=True)
    assert limit.share() == 1.0


def test_a_resumed_time_limit_counts_on_and_leaves_the_pause_out(args: TrainingArguments) -> None:
    clock = Clock()
    limit = TimeLimit(1.0, clock=clock)
    limit.on_train_begin(args, TrainerState(), TrainerControl())
    clock.now += 20
    saved = limit.state()["attributes"]
    clock.now += 1000
    resumed = TimeLimit(1.0, clock=clock)
    for name, value in saved.items():
        setattr(resumed, name, value)
    resumed.on_train_begin(args, TrainerState(), TrainerControl())
    clock.now += 10
    assert resumed.elapsed_s == pytest.approx(30)


@pytest.mark.parametrize(("number", "end"), [(signal.SIGTERM, SystemExit), (signal.SIGINT, KeyboardInterrupt)])
def test_a_signal_stops_after_the_step_and_the_handlers_come_back(
    number: signal.Signals, end: type[BaseException], args: TrainingArguments, capfd: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(number)
    control = TrainerControl(should_evaluate=True)

    def train() -> None:
        with StopOnSignal() as stop:
            signal.raise_signal(number)
            stop.on_step_end(args, TrainerState(), control)

    with pytest.raises(end) as caught:
        train()
    assert control == TrainerControl(should_save=True, should_training_stop=True)
    assert signal.getsignal(number) is before
    assert "stopping after this step" in capfd.readouterr().err
    if caught.type is SystemExit:
        assert caught.value.code == 143


def test_done_is_the_larger_share_of_steps_and_time() -> None:
    now = 0.0
    limit = TimeLimit(1.0, clock=lambda: now)
    limit.on_train_begin(TrainingArguments(output_dir="unused", use_cpu=True), TrainerState(), TrainerControl())
    now = 30.0
    assert share_done(TrainerState(global_step=1, max_steps=10), limit) == 0.5
    assert share_done(TrainerState(global_step=8, max_steps=10), limit) == 0.8
    assert share_done(TrainerState(global_step=8, max_steps=10), None) == 0.8
    assert share_done(TrainerState(), limit) == 0.5


def test_the_bar_expects_as_long_as_the_steps_will_take(
    args: TrainingArguments, capfd: pytest.CaptureFixture[str]
) -> None:
    now = 0.0
    limit = TimeLimit(10.0, clock=lambda: now)
    progress, state = Progress(limit), TrainerState(max_steps=100)
    for callback in (limit, progress):
        callback.on_train_begin(args, state, TrainerControl())
    now, state.global_step = 30.0, 50
    progress.on_step_end(args, state, TrainerControl())
    progress.close()
    assert "50% |" in (shown := capfd.readouterr().err)
    assert "30 of 60 s" in shown


def test_without_a_signal_nothing_stops(args: TrainingArguments) -> None:
    stop, control = StopOnSignal(), TrainerControl()
    with stop:
        stop.on_step_end(args, TrainerState(), control)
    assert control == TrainerControl()


def test_an_error_is_not_hidden_by_a_signal() -> None:
    def train() -> None:
        with StopOnSignal():
            signal.raise_signal(signal.SIGTERM)
            raise TrainingError("loss is nan; look")

    with pytest.raises(TrainingError):
        train()


def test_the_second_signal_ends_the_process_at_once() -> None:
    child = os.fork()
    if child == 0:
        with StopOnSignal():
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGINT)
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 130


def test_a_worker_that_inherits_the_handlers_leaves_signals_to_its_parent() -> None:
    with StopOnSignal():
        child = os.fork()
        if child == 0:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def guard(*, is_active: bool = True, n_rows: int = 2) -> NonFiniteGuard:
    return NonFiniteGuard(lambda: [f"LJ-{index}" for index in range(n_rows)], is_active=lambda: is_active)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_a_loss_that_is_no_number_names_step_and_rows(value: str) -> None:
    with pytest.raises(TrainingError, match=rf"loss is {value} at step 8, rows LJ-0, LJ-1; nothing was saved, look at"):
        guard().check_loss(torch.tensor(float(value)), step=7)


def test_a_large_batch_is_named_by_its_first_rows_in_one_line() -> None:
    with pytest.raises(TrainingError, match="LJ-7 and 42 more; nothing was saved") as caught:
        guard(n_rows=50).check_loss(torch.tensor(torch.nan), step=0)
    assert len(caught.value.one_line()) <= 300


def test_a_gradient_that_is_no_number_stops_before_the_optimizer_steps(args: TrainingArguments) -> None:
    model = nn.Linear(2, 2)
    model.weight.grad = torch.zeros(2, 2)
    state = TrainerState(global_step=2)
    guard().on_pre_optimizer_step(args, state, TrainerControl(), model=model)
    model.weight.grad[0, 0] = torch.inf
    with pytest.raises(TrainingError, match="gradient is not finite at step 3, rows LJ-0"):
        guard().on_pre_optimizer_step(args, state, TrainerControl(), model=model)


def test_under_a_gradient_scaler_infinite_gradients_are_normal(args: TrainingArguments) -> None:
    model = nn.Linear(2, 2)
    model.weight.grad = torch.full((2, 2), torch.inf)
    guard(is_active=False).on_pre_optimizer_step(args, TrainerState(), TrainerControl(), model=model)
    guard(is_active=False).check_loss(torch.tensor(torch.nan), step=0)


def test_samples_are_made_in_eval_mode_and_the_mode_comes_back(args: TrainingArguments) -> None:
    seen = []
    model: Any = nn.Linear(1, 1)
    callback = SamplesAtEvaluation(lambda model, step: seen.append((model.training, step)))
    callback.on_evaluate(args, TrainerState(global_step=4), TrainerControl(), model=model)
    assert seen == [(False, 4)]
    assert model.training


def test_the_progress_line_counts_seconds_of_a_limited_training(
    args: TrainingArguments, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = Clock()
    limit = TimeLimit(1.0, clock=clock)
    progress = Progress(limit)
    state, control = TrainerState(max_steps=10**9, global_step=3), TrainerControl()
    limit.on_train_begin(args, state, control)
    progress.on_train_begin(args, state, control)
    clock.now += 15
    progress.on_step_end(args, state, control)
    progress.on_log(args, state, control, logs={"loss": 1.5})
    progress.on_evaluate(args, state, control, metrics={"eval_loss": 1.25, "eval_accuracy": 0.5})
    progress.close()
    text = capsys.readouterr().err + capsys.readouterr().out
    assert "training:  25%" in text
    assert "15 of 60 s, step 3, loss 1.5000" in text


def test_each_evaluation_leaves_a_line(args: TrainingArguments, capsys: pytest.CaptureFixture[str]) -> None:
    progress, state, control = Progress(), TrainerState(max_steps=9, global_step=3), TrainerControl()
    progress.on_train_begin(args, state, control)
    progress.on_prediction_step(args, state, control)
    progress.on_evaluate(
        args, state, control, metrics={"eval_loss": 1.25, "eval_accuracy": 0.5, "eval_mel_error": 0.75}
    )
    progress.on_train_end(args, state, control)
    captured = capsys.readouterr()
    assert "step 3: loss 1.2500, accuracy 0.5000, mel error 0.7500" in captured.out + captured.err
    assert "evaluating" in captured.err
