"""`fastspeech2` under the trainer: gathered gradients, clipping, and the parts of the loss in the log."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from toktts.data.bucketing import BucketBatchSampler
from toktts.data.collate import Collator
from toktts.models.fastspeech2 import FastSpeech2
from toktts.training.trainer import ToktsTrainer, ToktsTrainingArguments

PARTS = ("mel_loss", "postnet_loss", "pitch_loss", "energy_loss", "duration_loss", "alignment_loss")


def rows(n_mels: int, *, n_rows: int = 8) -> list[dict[str, Any]]:
    """Texts, mel, pitch and energy of different lengths."""
    random = np.random.default_rng(0)
    made = []
    for index in range(n_rows):
        n_ids, n_frames = int(random.integers(2, 6)), int(random.integers(8, 20))
        pitch = random.uniform(90, 250, n_frames).astype(np.float32)
        pitch[::4] = 0
        made.append(
            {
                "id": f"clip-{index}",
                "input_ids": random.integers(3, 30, n_ids).tolist(),
                "mel": random.normal(-5, 2, (n_mels, n_frames)).astype(np.float16),
                "pitch": pitch,
                "energy": random.uniform(0, 40, n_frames).astype(np.float32),
            }
        )
    return made


def trainer(folder: Path, *, batch_rows: int, **arguments: Any) -> ToktsTrainer:
    """A trainer of the tiny model, without dropout and with plain gradient descent."""
    model = FastSpeech2.tiny()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        if hasattr(module, "dropout") and isinstance(module.dropout, float):
            module.dropout = 0.0
    data = rows(model.config.n_mels)
    settings: dict[str, Any] = {"optim": "sgd", "lr_scheduler_type": "constant", "learning_rate": 0.1, "bf16": False}
    settings |= {"report_to": [], "use_cpu": True, "disable_tqdm": True, "save_strategy": "no", "logging_steps": 1}
    lengths = [row["mel"].shape[1] for row in data]
    return ToktsTrainer(
        model,
        ToktsTrainingArguments(output_dir=str(folder), max_steps=1, **(settings | arguments)),
        train_dataset=data,
        eval_dataset=data,
        collator=Collator(pad_token_id=0),
        batch_sampler=BucketBatchSampler(lengths, batch_size=batch_rows, seed=1),
    )


def weights(model: torch.nn.Module) -> torch.Tensor:
    return torch.cat([weight.detach().flatten() for weight in model.parameters()])


def test_gradients_gathered_over_four_batches_are_those_of_one_batch_of_all(tmp_path: Path) -> None:
    whole = trainer(tmp_path / "whole", batch_rows=8)
    parts = trainer(tmp_path / "parts", batch_rows=2, gradient_accumulation_steps=4)
    before = weights(whole.model)
    for each in (whole, parts):
        each.train()
    assert (weights(whole.model) - before).abs().max() > 1e-3
    torch.testing.assert_close(weights(parts.model), weights(whole.model), rtol=0, atol=1e-5)


def test_a_clipped_step_is_as_long_as_the_limit_says(tmp_path: Path) -> None:
    clipped = trainer(tmp_path, batch_rows=8, max_grad_norm=0.25)
    before = weights(clipped.model)
    clipped.train()
    assert float((weights(clipped.model) - before).norm()) == pytest.approx(0.1 * 0.25, rel=1e-3)


def test_the_log_holds_every_part_of_the_loss_and_the_error_of_the_mel(tmp_path: Path) -> None:
    trained = trainer(tmp_path, batch_rows=8, eval_strategy="steps", eval_steps=1)
    trained.train()
    training, evaluation = trained.state.log_history[:2]
    assert set(PARTS) <= training.keys()
    assert {f"eval_{part}" for part in PARTS} | {"eval_mel_error"} <= evaluation.keys()
    config = trained.model.config
    scale = {f"{name}_loss": getattr(config, f"{name}_weight") for name in ("pitch", "energy", "duration", "alignment")}
    assert training["loss"] == pytest.approx(sum(scale.get(part, 1.0) * training[part] for part in PARTS), rel=1e-5)
