"""The trainer as a whole, on toy clips: 4 batches an epoch, so step 3 is in the middle of one."""
# ruff: noqa: ARG002, ARG005 - events come with arguments that a test need not read

import errno
import json
import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from toy_run import tiny, toy_trainer, weights_hash
from transformers import EarlyStoppingCallback, TrainerCallback

from toktts.data.locks import FolderLock
from toktts.errors import CheckpointError, RunFolderError, TrainingError
from toktts.models.tokar import Tokar
from toktts.training import saved_state
from toktts.training.callbacks import SamplesAtEvaluation, TimeLimit
from toktts.training.trainer import _Share, best_precision


class At(TrainerCallback):
    """Does something when a step begins."""

    def __init__(self, step: int, act: Any) -> None:
        self.step, self.act = step, act

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == self.step - 1:
            self.act(kwargs["model"])


class FiveBatches:
    def __len__(self) -> int:
        return 5

    def __iter__(self) -> Iterator[list[int]]:
        return iter([[0], [1], [2], [3], [4]])

    def set_epoch(self, epoch: int) -> None: ...


STEPWISE = {"logging_steps": 1, "save_strategy": "steps", "save_steps": 3, "eval_strategy": "steps", "eval_steps": 3}
VARIANTS: dict[str, dict[str, Any]] = {
    "tokar": {},
    "tokflat": {"family": "tokflat"},
    "accumulated": {"gradient_accumulation_steps": 3, "max_steps": 5, "save_steps": 3},
    "averaged": {"ema_decay": 0.9},
    "at the end of an epoch": {"save_steps": 4},
    "by epochs": {"save_strategy": "epoch", "eval_strategy": "epoch", "max_steps": 10, "save_steps": 4},
    "other optimizer": {"optim": "sgd", "lr_scheduler_type": "polynomial"},
}


@pytest.mark.medium
@pytest.mark.parametrize("name", VARIANTS)
def test_a_resumed_run_ends_with_the_weights_of_an_uninterrupted_one(name: str, tmp_path: Path) -> None:
    settings = {**STEPWISE, **VARIANTS[name]}
    whole = toy_trainer(tmp_path, **settings)
    whole.train()
    resumed = toy_trainer(tmp_path, **settings)
    torch.rand(7)  # whatever was drawn in the meantime
    resumed.train(resume_from_checkpoint=str(tmp_path / f"checkpoint-{settings['save_steps']}"))
    assert resumed.state.global_step == whole.state.global_step
    assert weights_hash(resumed.model) == weights_hash(whole.model)
    losses = [[entry["loss"] for entry in each.state.log_history if "loss" in entry] for each in (whole, resumed)]
    assert losses[0] == losses[1]


@pytest.mark.medium
def test_loader_workers_change_nothing(tmp_path: Path) -> None:
    hashes = set()
    for workers in (0, 2):
        trainer = toy_trainer(tmp_path / str(workers), family="tokflat", dataloader_num_workers=workers)
        trainer.train()
        hashes.add(weights_hash(trainer.model))
    assert len(hashes) == 1


@pytest.mark.medium
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_the_resumed_run_ends_as_if_it_had_not_come(number: signal.Signals, tmp_path: Path) -> None:
    # The evaluation due at step 3 is left out, which must not show.
    settings: dict[str, Any] = {"family": "tokflat", "eval_strategy": "steps", "eval_steps": 3}
    whole = toy_trainer(tmp_path / "whole", **settings)
    whole.train()
    stopping = At(3, lambda model: signal.raise_signal(number))
    stopped = toy_trainer(tmp_path / "run", callbacks=[stopping], **settings)
    with pytest.raises(SystemExit if number == signal.SIGTERM else KeyboardInterrupt):
        stopped.train()
    assert [path.name for path in (tmp_path / "run").glob("checkpoint-*")] == ["checkpoint-3"]
    resumed = toy_trainer(tmp_path / "run", **settings)
    resumed.train(resume_from_checkpoint=True)
    assert weights_hash(resumed.model) == weights_hash(whole.model)


@pytest.mark.medium
def test_a_signal_breaks_an_evaluation_off_and_saves_the_raw_weights(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"family": "tokflat", "ema_decay": 0.9, "eval_strategy": "steps", "eval_steps": 3}
    whole = toy_trainer(tmp_path / "whole", **settings)
    whole.train()
    stopping = At(0, lambda model: None)
    stopping.on_prediction_step = lambda *args, **kwargs: signal.raise_signal(signal.SIGTERM)  # type: ignore[method-assign]
    with pytest.raises(SystemExit):
        toy_trainer(tmp_path / "run", callbacks=[stopping], **settings).train()
    assert [path.name for path in (tmp_path / "run").glob("checkpoint-*")] == ["checkpoint-3"]
    resumed = toy_trainer(tmp_path / "run", **settings)
    resumed.train(resume_from_checkpoint=True)
    assert weights_hash(resumed.model) == weights_hash(whole.model)


@pytest.mark.medium
def test_a_run_killed_at_any_moment_goes_on_from_its_last_checkpoint(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"family": "tokflat", "save_strategy": "steps", "save_steps": 2}
    child = os.fork()
    if child == 0:
        killing = At(4, lambda model: os.kill(os.getpid(), signal.SIGKILL))
        toy_trainer(tmp_path / "run", callbacks=[killing], **settings).train()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    resumed = toy_trainer(tmp_path / "run", **settings)
    resumed.train(resume_from_checkpoint=True)
    whole = toy_trainer(tmp_path / "whole", **settings)
    whole.train()
    assert weights_hash(resumed.model) == weights_hash(whole.model)


@pytest.mark.medium
@pytest.mark.parametrize("family", ["tokar", "tokflat"])
def test_a_tiny_model_memorises_eight_clips(family: str, tmp_path: Path) -> None:
    model = tiny(family)
    if isinstance(model, Tokar):
        model.config.history_dropout = 0.0
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    trainer = toy_trainer(
        tmp_path,
        model=model,
        max_steps=60,
        learning_rate=1e-2,
        per_device_train_batch_size=8,
        batch_rows=8,
        lr_scheduler_type="linear",
    )
    trainer.train()
    assert trainer.evaluate()["eval_accuracy"] >= 0.95


def test_the_log_holds_accuracy_and_the_parts_of_the_loss(tmp_path: Path) -> None:
    trainer = toy_trainer(tmp_path, max_steps=2, eval_strategy="steps", eval_steps=2)
    trainer.train()
    training, evaluation = trainer.state.log_history[:2]
    parts = ("code_loss", "alignment_loss", "advance_loss")
    config = trainer.model.config
    weights = (1.0, config.alignment_weight, config.advance_weight)
    total = sum(weight * training[part] for weight, part in zip(weights, parts, strict=True))
    assert training["loss"] == pytest.approx(total, rel=1e-5)
    assert {f"eval_{part}" for part in parts} <= evaluation.keys()
    codebooks = [evaluation[f"eval_accuracy_codebook_{index}"] for index in range(config.n_codebooks)]
    assert evaluation["eval_accuracy"] == pytest.approx(sum(codebooks) / len(codebooks))


def test_a_loss_that_is_no_number_stops_at_that_step_and_saves_nothing(tmp_path: Path) -> None:
    def spoil(model: Any) -> None:
        with torch.no_grad():
            next(model.parameters()).fill_(torch.nan)

    settings = {**STEPWISE, "save_steps": 1, "eval_steps": 100}
    trainer = toy_trainer(tmp_path, family="tokflat", callbacks=[At(2, spoil)], **settings)
    with pytest.raises(TrainingError, match=r"loss is nan at step 2, rows clip-\d, clip-\d; nothing was saved"):
        trainer.train()
    assert [path.name for path in tmp_path.glob("checkpoint-*")] == ["checkpoint-1"]


def test_the_rows_that_are_named_are_those_of_the_batch(tmp_path: Path) -> None:
    trainer = toy_trainer(tmp_path, family="tokflat", gradient_accumulation_steps=3)
    seen: list[list[str]] = []
    collate = trainer.data_collator
    named: list[list[str]] = []
    look = At(1, lambda model: None)
    look.on_step_begin = lambda *args, **kwargs: named.append(trainer._batch_ids())  # type: ignore[method-assign]

    def record(rows: Any) -> Any:
        seen.append([row["id"] for row in rows])
        return collate(rows)

    trainer.data_collator = record
    trainer.add_callback(look)
    trainer.train()
    # An epoch has 4 batches: steps of 3 and 1 of them.
    batches = iter(seen)
    expected = [[id for _ in range(n) for id in next(batches)] for n in (3, 1, 3, 1, 3, 1)]
    assert named == expected


def test_several_processes_share_the_batches_and_take_equally_many() -> None:
    shares = [[n for [n] in _Share(FiveBatches(), rank=rank, world_size=2)] for rank in (0, 1)]
    assert shares == [[0, 2, 4], [1, 3, 0]]
    assert len(_Share(FiveBatches(), rank=0, world_size=2)) == 3


def test_weights_that_are_no_numbers_are_never_saved(tmp_path: Path) -> None:
    trainer = toy_trainer(tmp_path, family="tokflat")
    with torch.no_grad():
        next(trainer.model.parameters())[0, 0] = torch.nan
    trainer.create_optimizer_and_scheduler(5)
    with pytest.raises(CheckpointError, match="are not finite at step 0, so they are not saved"):
        trainer._save_checkpoint(trainer.model, None)
    assert not list(tmp_path.iterdir())


def test_a_second_trainer_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    with (
        FolderLock(tmp_path, "trains"),
        pytest.raises(RunFolderError, match=rf"in use by pid {os.getpid()} since .*, which trains; wait for it"),
    ):
        toy_trainer(tmp_path, family="tokflat").train()


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """A run of 3 steps with checkpoints at each."""
    toy_trainer(tmp_path, family="tokflat", max_steps=3, save_strategy="steps", save_steps=1).train()
    return tmp_path


def test_a_checkpoint_holds_neither_pickles_nor_the_codec(finished: Path) -> None:
    files = {path.name for path in (finished / "checkpoint-3").rglob("*")}
    assert {Path(name).suffix for name in files} == {".safetensors", ".json"}
    assert {"model.safetensors", "optimizer.safetensors", "rng_state.safetensors", "manifest.json"} <= files


def test_resuming_a_complete_run_takes_no_step_more(finished: Path) -> None:
    before = load_file(finished / "checkpoint-3" / "model.safetensors")
    again = toy_trainer(finished, family="tokflat", max_steps=3)
    assert again.train(resume_from_checkpoint=True).global_step == 3
    weights = again.model.state_dict()
    assert all(torch.equal(weights[name], tensor) for name, tensor in before.items())


def test_a_damaged_checkpoint_is_passed_over_or_refused_if_it_was_named(
    finished: Path, caplog: pytest.LogCaptureFixture
) -> None:
    newest = finished / "checkpoint-3"
    (newest / "optimizer.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"optimizer.safetensors: is missing, the checkpoint is incomplete"):
        toy_trainer(finished, family="tokflat", max_steps=3).train(resume_from_checkpoint=str(newest))
    trainer = toy_trainer(finished, family="tokflat", max_steps=3, save_strategy="steps", save_steps=1)
    with caplog.at_level(logging.WARNING):
        trainer.train(resume_from_checkpoint=True)
    assert "looking for an earlier checkpoint" in caplog.text
    assert (newest / "optimizer.safetensors").is_file(), "the step was taken again and saved again"


def test_a_resume_that_cannot_be_exact_says_what_changed(finished: Path, caplog: pytest.LogCaptureFixture) -> None:
    changes: dict[str, Any] = {"family": "tokflat", "max_steps": 4, "seed": 5, "gradient_accumulation_steps": 2}
    message = r"checkpoint-3: gradient_accumulation_steps was 1, is 2, seed was 42, is 5; set it back or allow"
    with pytest.raises(CheckpointError, match=message):
        toy_trainer(finished, **changes).train(resume_from_checkpoint=True)
    with caplog.at_level(logging.WARNING):
        toy_trainer(finished, allow_inexact=True, **changes).train(resume_from_checkpoint=True)
    assert "seed was 42, is 5, so the run will not end as an uninterrupted one would" in caplog.text


def test_a_checkpoint_of_another_family_is_refused(finished: Path) -> None:
    with pytest.raises(
        CheckpointError, match=r"checkpoint-3: model.model_type was toktts_tokflat, is tokar, model.adv"
    ):
        toy_trainer(finished, family="tokar", max_steps=3).train(resume_from_checkpoint=True)


def test_without_a_checkpoint_a_resume_begins_anew(tmp_path: Path) -> None:
    trainer = toy_trainer(tmp_path, family="tokflat", max_steps=1)
    assert trainer.train(resume_from_checkpoint=True).global_step == 1


def test_a_full_disk_ends_the_run_and_leaves_the_checkpoint_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = toy_trainer(tmp_path, family="tokflat", save_strategy="steps", save_steps=2)
    save_rng_state = saved_state.save_rng_state

    def save_once(path: Path) -> None:
        if trainer.state.global_step > 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        save_rng_state(path)

    monkeypatch.setattr(saved_state, "save_rng_state", save_once)
    with pytest.raises(
        CheckpointError, match=r"disk full: a checkpoint takes \d+ MB, \d+ MB are free; free some space"
    ):
        trainer.train()
    assert [path.name for path in tmp_path.iterdir() if path.name != ".lock"] == ["checkpoint-2"]


def test_only_the_newest_checkpoints_stay_whatever_the_clock_says(tmp_path: Path) -> None:
    backwards = At(1, lambda model: None)
    backwards.on_save = lambda args, state, control, **kwargs: os.utime(  # type: ignore[method-assign]
        tmp_path / f"checkpoint-{state.global_step}", (1e9 - state.global_step,) * 2
    )
    settings = {"save_strategy": "steps", "save_steps": 1, "save_total_limit": 2, "max_steps": 4}
    toy_trainer(tmp_path, family="tokflat", callbacks=[backwards], **settings).train()
    assert {path.name for path in tmp_path.glob("checkpoint-*")} == {"checkpoint-3", "checkpoint-4"}


def test_what_is_left_of_a_killed_save_is_swept(tmp_path: Path) -> None:
    (tmp_path / ".tmp-1-checkpoint-9").mkdir()
    toy_trainer(tmp_path, family="tokflat", max_steps=1).train()
    assert not list(tmp_path.glob(".tmp-*"))


def test_averaged_weights_are_evaluated_saved_and_left_in_the_model(tmp_path: Path) -> None:
    heard: list[str] = []
    trainer = toy_trainer(
        tmp_path,
        family="tokflat",
        ema_decay=0.5,
        max_steps=3,
        save_strategy="steps",
        save_steps=3,
        eval_strategy="steps",
        eval_steps=3,
        callbacks=[SamplesAtEvaluation(lambda model, step: heard.append(weights_hash(model)))],
    )
    trainer.train()
    saved = load_file(tmp_path / "checkpoint-3" / "model.safetensors")
    raw = load_file(tmp_path / "checkpoint-3" / "raw_weights.safetensors")
    weights = trainer.model.state_dict()
    assert all(torch.equal(weights[name], tensor) for name, tensor in saved.items())
    assert not all(torch.equal(raw[name], saved[name]) for name in raw if name in saved)
    assert heard == [weights_hash(trainer.model)]


def test_the_best_checkpoint_stays_and_is_what_the_model_has_in_the_end(tmp_path: Path) -> None:
    spoil = At(3, lambda model: [parameter.data.mul_(3.0) for parameter in model.parameters()])
    trainer = toy_trainer(
        tmp_path,
        family="tokflat",
        max_steps=10,
        save_strategy="steps",
        save_steps=1,
        save_total_limit=1,
        eval_strategy="steps",
        eval_steps=1,
        load_best_model_at_end=True,
        metric_for_best_model="loss",
        callbacks=[spoil, EarlyStoppingCallback(early_stopping_patience=2)],
    )
    trainer.train()
    assert trainer.state.global_step == 4
    assert {path.name for path in tmp_path.glob("checkpoint-*")} == {"checkpoint-2"}
    best = load_file(tmp_path / "checkpoint-2" / "model.safetensors")
    weights = trainer.model.state_dict()
    assert all(torch.equal(weights[name], tensor) for name, tensor in best.items())


def test_a_run_limited_by_time_stops_with_a_checkpoint_and_is_then_complete(tmp_path: Path) -> None:
    clock = [0.0]

    def limited(minutes: float) -> Any:
        tick = At(1, lambda model: None)
        tick.on_step_begin = lambda *args, **kwargs: clock.append(clock[-1] + 20)  # type: ignore[method-assign]
        limit = TimeLimit(minutes, clock=lambda: clock[-1])
        settings = {"warmup_steps": 0, "eval_strategy": "steps", "eval_steps": 100, "num_train_epochs": 10**6}
        return toy_trainer(tmp_path, family="tokflat", max_steps=-1, time_limit=limit, callbacks=[tick], **settings)

    trainer = limited(1.0)
    trainer.train()
    assert trainer.state.global_step == 3
    assert trainer.optimizer.param_groups[0]["lr"] == pytest.approx(0.0)
    assert "eval_loss" in trainer.state.log_history[-2]
    assert limited(1.0).train(resume_from_checkpoint=True).global_step == 3
    # More time, and it goes on where the clock stood.
    longer = limited(2.0)
    longer.train(resume_from_checkpoint=True)
    assert longer.state.global_step == 6


@pytest.mark.medium
def test_training_runs_in_the_best_precision_of_this_machine(tmp_path: Path) -> None:
    trainer = toy_trainer(tmp_path, max_steps=1, eval_strategy="steps", eval_steps=1, **best_precision())
    trainer.train()
    assert {parameter.dtype for parameter in trainer.model.parameters()} == {torch.float32}


def test_the_final_save_brings_codec_and_no_pickle(tmp_path: Path) -> None:
    trainer = toy_trainer(tmp_path / "checkpoints", family="tokflat", max_steps=1)
    trainer.save_model(str(tmp_path / "voice"))
    files = {path.relative_to(tmp_path / "voice").as_posix() for path in (tmp_path / "voice").rglob("*")}
    assert {"model.safetensors", "config.json", "codec"} <= files
    assert not [name for name in files if name.endswith((".bin", ".pt", ".pth"))]
    assert (
        json.loads((tmp_path / "voice" / "config.json").read_text(encoding="utf-8"))["model_type"] == "toktts_tokflat"
    )


def test_uploading_every_checkpoint_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="args.push_to_hub: checkpoints stay here; upload the run folder instead"):
        toy_trainer(tmp_path, family="tokflat", push_to_hub=True, hub_model_id="a/b")
