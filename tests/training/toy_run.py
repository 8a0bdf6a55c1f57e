"""Eight toy clips and a trainer for them: steps of milliseconds."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback

from toktts import registry
from toktts.data.bucketing import BucketBatchSampler
from toktts.data.collate import Collator
from toktts.models import ToktsModel
from toktts.training.callbacks import TimeLimit
from toktts.training.trainer import ToktsTrainer, ToktsTrainingArguments


def tiny(family: str) -> ToktsModel:
    return registry.load("toktts.models", family, ToktsModel).tiny()


def toy_rows(model: ToktsModel, *, n_rows: int = 8) -> list[dict[str, Any]]:
    """Random text and random codes of different lengths, long enough for `tokar`."""
    generator = torch.Generator().manual_seed(0)

    def draw(low: int, high: int, *shape: int) -> torch.Tensor:
        return torch.randint(low, high, shape, generator=generator)

    rows = []
    for index in range(n_rows):
        n_ids, n_frames = int(draw(2, 5)), int(draw(6, 13))
        codes = draw(0, model.config.codebook_size, model.config.n_codebooks, n_frames)
        rows.append({"id": f"clip-{index}", "input_ids": draw(3, 30, n_ids).tolist(), "codes": codes.numpy()})
    return rows


def toy_trainer(
    folder: Path,
    *,
    family: str = "tokar",
    model: ToktsModel | None = None,
    n_rows: int = 8,
    max_steps: int = 6,
    batch_rows: int = 2,
    time_limit: TimeLimit | None = None,
    ema_decay: float | None = None,
    allow_inexact: bool = False,
    callbacks: Sequence[TrainerCallback] = (),
    wrap: Callable[[list[dict[str, Any]], BucketBatchSampler], tuple[Any, Any]] | None = None,
    **arguments: Any,
) -> ToktsTrainer:
    """A trainer on `n_rows` clips in batches of `batch_rows`, that saves where the test says."""
    model = model or tiny(family)
    rows = toy_rows(model, n_rows=n_rows)
    settings = {
        "per_device_train_batch_size": 2,
        "per_device_eval_batch_size": 3,
        "learning_rate": 1e-3,
        "warmup_steps": 2,
        "lr_scheduler_type": "cosine",
        "logging_steps": 2,
        "save_strategy": "no",
        "report_to": [],
        "use_cpu": True,
        "disable_tqdm": True,
    }
    args = ToktsTrainingArguments(output_dir=str(folder), max_steps=max_steps, **{**settings, **arguments})
    lengths = [row["codes"].shape[1] for row in rows]
    sampler = BucketBatchSampler(lengths, batch_size=batch_rows, seed=1)
    training, batches = wrap(rows, sampler) if wrap else (rows, sampler)
    return ToktsTrainer(
        model,
        args,
        train_dataset=training,
        eval_dataset=rows,
        collator=Collator(pad_token_id=0),
        batch_sampler=batches,
        time_limit=time_limit,
        ema_decay=ema_decay,
        allow_inexact=allow_inexact,
        callbacks=callbacks,
    )


def weights_hash(model: torch.nn.Module) -> str:
    digest = hashlib.sha256()
    for parameter in model.parameters():
        digest.update(parameter.detach().contiguous().numpy().tobytes())
    return digest.hexdigest()
