"""What is spoken at an evaluation can be heard and seen on TensorBoard."""

from pathlib import Path
from typing import Any

import pytest
import torch
from toy_run import toy_trainer

from toktts.audio import Waveform
from toktts.evaluation.report.spectrogram import draw_spectrogram, figure_png
from toktts.training.board import SamplesOnBoard, show_samples
from toktts.training.callbacks import SamplesAtEvaluation


def speak_into(samples: Path) -> SamplesAtEvaluation:
    """As `toktts.commands` does it: sound, and its spectrogram."""

    def speak(_model: Any, step: int) -> None:
        folder = samples / f"step-{step}"
        folder.mkdir(parents=True)
        sound = Waveform(0.1 * torch.randn(1, 4000), 8000)
        sound.save(folder / "00.wav")
        (folder / "00.png").write_bytes(figure_png(draw_spectrogram(sound)))

    return SamplesAtEvaluation(speak)


def test_the_event_file_holds_curves_sounds_and_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(tmp_path / "board"))
    trainer = toy_trainer(
        tmp_path / "run",
        family="tokflat",
        max_steps=2,
        report_to=["tensorboard"],
        eval_strategy="steps",
        eval_steps=2,
        callbacks=[speak_into(tmp_path / "samples")],
    )
    show_samples(trainer, tmp_path / "samples")
    trainer.train()
    events = accumulator.EventAccumulator(str(tmp_path / "board"))
    tags = events.Reload().Tags()
    assert tags["audio"] == ["samples/00"]
    assert tags["images"] == ["samples/00"]
    assert {"eval/loss", "train/loss"} <= set(tags["scalars"])
    assert [entry.step for entry in events.Audio("samples/00")] == [2]
    assert events.Audio("samples/00")[0].sample_rate == 8000


def test_without_tensorboard_nothing_is_added(tmp_path: Path) -> None:
    trainer = toy_trainer(tmp_path, family="tokflat")
    show_samples(trainer, tmp_path)
    assert not [callback for callback in trainer.callback_handler.callbacks if isinstance(callback, SamplesOnBoard)]
