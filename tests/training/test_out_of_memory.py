import re
from pathlib import Path

import pytest
from toy_run import tiny, toy_trainer

from toktts.errors import TrainingError
from toktts.training.checkpoints import find_checkpoint, verify_checkpoint


def test_too_little_memory_says_what_to_lower_and_leaves_the_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, calls = tiny("tokar"), []
    forward = model.forward

    def greedy(*args: object, **inputs: object) -> object:
        calls.append(inputs)
        if len(calls) > 3:
            raise RuntimeError(
                "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
            )
        return forward(*args, **inputs)

    monkeypatch.setattr(model, "forward", greedy)
    trainer = toy_trainer(tmp_path, model=model, save_strategy="steps", save_steps=2)
    with pytest.raises(TrainingError) as caught:
        trainer.train()
    line = caught.value.one_line()
    n_frames = calls[-1]["labels"].shape[2]
    assert re.fullmatch(
        rf"toktts: error: memory ran out at step 3 over 2 rows of {n_frames} frames; set data.max_frames_per_batch="
        rf"{n_frames} or training.args.per_device_train_batch_size=1, and training.allow_inexact=true to resume from "
        "the last checkpoint",
        line,
    )
    kept = find_checkpoint(tmp_path)
    assert kept is not None
    assert kept.name == "checkpoint-2"
    verify_checkpoint(kept)
