"""Two stages on one Trainer: the switch, what is frozen, and resuming on both sides of it."""
# ruff: noqa: ARG002 - the Trainer hands every event the same arguments

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import TrainerCallback

from toktts.data.bucketing import BucketBatchSampler
from toktts.data.collate import Collator
from toktts.models.nonattentive import NonAttentive, NonAttentiveConfig
from toktts.training.callbacks import TimeLimit
from toktts.training.stages import SecondStage, add_second_stage
from toktts.training.trainer import ToktsTrainer, ToktsTrainingArguments

STEPS, SWITCH = 10, 6


def small(**options: Any) -> NonAttentive:
    config = NonAttentive.tiny().config.to_dict() | {"hidden_size": 16, "intermediate_size": 16} | options
    known = {name: value for name, value in config.items() if hasattr(NonAttentiveConfig, name)}
    torch.manual_seed(0)
    return NonAttentive(NonAttentiveConfig(**known))


def toy_rows(model: NonAttentive) -> list[dict[str, Any]]:
    rng = np.random.default_rng(0)
    rows = []
    for index in range(6):
        ids = rng.integers(3, 30, 3 + index % 3).tolist()
        mel = rng.normal(-5, 2, (model.config.n_mels, 12 + index)).astype(np.float16)
        rows.append({"id": f"clip-{index}", "input_ids": ids, "mel": mel})
    return rows


def make_trainer(
    folder: Path,
    model: NonAttentive,
    *,
    time_limit: TimeLimit | None = None,
    ema_decay: float | None = 0.9,
    **args: Any,
) -> ToktsTrainer:
    rows = toy_rows(model)
    settings = {"learning_rate": 1e-2, "warmup_steps": 1, "lr_scheduler_type": "cosine", "save_strategy": "no"}
    settings |= {"logging_steps": 1, "report_to": [], "use_cpu": True, "disable_tqdm": True, "weight_decay": 0.1}
    trainer = ToktsTrainer(
        model,
        ToktsTrainingArguments(output_dir=str(folder), max_steps=STEPS, **(settings | args)),
        train_dataset=rows,
        eval_dataset=rows,
        collator=Collator(pad_token_id=0),
        batch_sampler=BucketBatchSampler([row["mel"].shape[1] for row in rows], batch_size=2, seed=1),
        time_limit=time_limit,
        ema_decay=ema_decay,
    )
    add_second_stage(trainer, time_limit=time_limit)
    return trainer


class Watch(TrainerCallback):
    """Keeps what the model is after a step."""

    def __init__(self, step: int, average: Any = None) -> None:
        self.step, self.average = step, average
        self.state: dict[str, torch.Tensor] = {}
        self.rates: list[float] = []

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.rates.append(kwargs["optimizer"].param_groups[0]["lr"])
        if state.global_step == self.step:
            self.state = {name: value.clone() for name, value in kwargs["model"].state_dict().items()}


def parts(names: Any) -> set[str]:
    return {name.split(".")[0] for name in names}


@pytest.mark.parametrize("ema_decay", [None, 0.9])
def test_behind_the_switch_only_durations_change_bit_for_bit_averaged_or_not(
    tmp_path: Path, ema_decay: float | None
) -> None:
    model = small(first_stage_share=SWITCH / STEPS)
    trainer = make_trainer(tmp_path, model, ema_decay=ema_decay)
    watch, before = Watch(SWITCH), Watch(SWITCH - 1)
    trainer.add_callback(watch)
    trainer.add_callback(before)
    trainer.train()
    after = model.state_dict()
    assert parts(name for name, value in after.items() if not torch.equal(value, watch.state[name])) == {"durations"}
    assert "writer.postnet.0.norm.running_mean" in after
    moved = parts(name for name, value in watch.state.items() if not torch.equal(value, before.state[name]))
    assert moved == {"reader", "writer", "aligner"}
    assert model.stage == 2


def test_the_second_stage_starts_its_learning_rate_anew(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, small(first_stage_share=0.6), min_learning_rate=1e-3)
    watch = Watch(0)
    trainer.add_callback(watch)
    trainer.train()
    # A half cosine from 1e-2 to 1e-3 over the last four of ten steps; the middle of it lies between the two.
    assert watch.rates[SWITCH - 1 :: 2] == pytest.approx([1e-2, 5.5e-3, 1e-3])
    logged = [entry["learning_rate"] for entry in trainer.state.log_history if "learning_rate" in entry]
    # The log names the rate that a step was made with, which was set behind the one before.
    assert logged[SWITCH:] == pytest.approx(watch.rates[SWITCH - 1 : -1])


@pytest.mark.parametrize("stopped_at", [4, SWITCH, 8])
def test_a_training_resumed_in_either_stage_ends_as_an_uninterrupted_one(tmp_path: Path, stopped_at: int) -> None:
    whole = small(first_stage_share=0.6)
    make_trainer(tmp_path / "whole", whole, save_strategy="steps", save_steps=stopped_at).train()
    first = small(first_stage_share=0.6)
    checkpoint = tmp_path / "whole" / f"checkpoint-{stopped_at}"
    assert checkpoint.is_dir()
    resumed = make_trainer(tmp_path / "parts", first)
    resumed.train(resume_from_checkpoint=str(checkpoint))
    assert resumed.state.global_step == STEPS
    for name, value in whole.state_dict().items():
        assert torch.equal(value, first.state_dict()[name]), name


def test_the_switch_follows_the_clock_where_time_is_limited(tmp_path: Path) -> None:
    class Clock:
        now = 0.0

        def __call__(self) -> float:
            self.now += 0.5
            return self.now

    limit = TimeLimit(1.0, clock=Clock())
    model = small(first_stage_share=0.5)
    trainer = make_trainer(tmp_path, model, time_limit=limit)
    trainer.args.max_steps = 1000
    stages: list[int] = []

    class Note(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            stages.append(kwargs["model"].stage)

    trainer.add_callback(Note())
    trainer.train()
    assert set(stages) == {1, 2}
    assert stages == sorted(stages)
    assert 0.3 < stages.count(1) / len(stages) < 0.7


def test_a_model_of_one_stage_is_left_alone(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, small(first_stage_share=1.0))
    assert not [callback for callback in trainer.callback_handler.callbacks if isinstance(callback, SecondStage)]


def test_gradients_are_clipped_to_their_norm(tmp_path: Path) -> None:
    norms: list[float] = []

    class Note(TrainerCallback):
        def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            gradients = [value.grad for value in kwargs["model"].parameters() if value.grad is not None]
            norms.append(float(torch.nn.utils.get_total_norm(gradients)))

    trainer = make_trainer(tmp_path, small(), max_grad_norm=0.01)
    trainer.add_callback(Note())
    trainer.train()
    assert max(norms) <= 0.01 * (1 + 1e-4)
