"""Phrases during a training: when they begin, and that a resumed run sees the same ones."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from toy_run import tiny, toy_rows, toy_trainer, weights_hash
from transformers import TrainerCallback, TrainerState

from toktts.data.bucketing import BucketBatchSampler
from toktts.data.collate import Collator
from toktts.data.phrases import Phrase, PhraseRows, PhraseSampler, Texts
from toktts.errors import CheckpointError
from toktts.models.fastspeech2 import FastSpeech2, FastSpeech2Config
from toktts.tokens.separators import Separators
from toktts.training.callbacks import share_of_steps
from toktts.training.phrases import PhrasesFromAligner, align_rows, pack, unpack
from toktts.training.trainer import ToktsTrainer

BREAK = 4
SEPARATORS = Separators(BREAK, frozenset(), frozenset([BREAK]))


class Seen(TrainerCallback):
    """Notes how many rows of each epoch are phrases."""

    def __init__(self, sampler: PhraseSampler) -> None:
        self.sampler, self.n_phrases = sampler, {}

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002
        rows = [one for batch in self.sampler for one in batch]
        self.n_phrases[int(state.epoch or 0)] = sum(isinstance(one, Phrase) for one in rows)


def phrase_trainer(folder: Path, **arguments: Any) -> tuple[ToktsTrainer, Seen]:
    """Eight clips of two words each, four batches an epoch."""
    made: dict[str, Any] = {}
    model = tiny("toknar")

    def wrap(rows: list[dict[str, Any]], batches: BucketBatchSampler) -> tuple[Any, Any]:
        for row in rows:
            row["input_ids"] = [row["input_ids"][0], BREAK, row["input_ids"][1], 1]
        texts = Texts([row["input_ids"] for row in rows], [None] * len(rows), SEPARATORS)
        made["rows"] = rows
        made["sampler"] = PhraseSampler(batches, texts, share=1.0, seed=1)
        return PhraseRows(rows, SEPARATORS), made["sampler"]

    trainer = toy_trainer(folder, model=model, max_steps=12, wrap=wrap, **arguments)
    batches = made["sampler"].batches
    phrases = PhrasesFromAligner(
        made["sampler"],
        align=lambda model: align_rows(model, made["rows"], batches=batches, collator=Collator(pad_token_id=0)),
        share_done=share_of_steps,
    )
    seen = Seen(made["sampler"])
    for callback in (phrases, seen):
        trainer.add_callback(callback)
    return trainer, seen


@pytest.mark.medium
def test_a_resumed_run_sees_the_phrases_of_an_uninterrupted_one(tmp_path: Path) -> None:
    settings = {"save_strategy": "steps", "save_steps": 3, "ema_decay": 0.9}
    whole, seen = phrase_trainer(tmp_path, **settings)
    whole.train()
    assert seen.n_phrases[0] == 0
    assert seen.n_phrases[1] > 0
    # From before the alignment, from behind it inside an epoch, and from later on.
    for step in (3, 6, 9):
        resumed, _ = phrase_trainer(tmp_path, **settings)
        torch.rand(7)
        resumed.train(resume_from_checkpoint=str(tmp_path / f"checkpoint-{step}"))
        assert resumed.state.global_step == 12
        assert weights_hash(resumed.model) == weights_hash(whole.model)


@pytest.mark.parametrize("family", ["toknar", "tokar"])
def test_aligning_leaves_the_model_and_the_random_numbers_as_they_were(family: str) -> None:
    model = tiny(family).train()
    rows = toy_rows(model)
    before, state = weights_hash(model), torch.get_rng_state()
    found = align_rows(model, rows, batches=[[3, 1], [0, 2, 4, 5, 6, 7]], collator=Collator(pad_token_id=0))
    assert model.training
    assert weights_hash(model) == before
    assert torch.equal(torch.get_rng_state(), state)
    for row, frames in zip(rows, found, strict=True):
        assert len(frames) == len(row["input_ids"])
        assert frames.sum() == row["codes"].shape[1]
        assert frames.min() >= 1
    alone = align_rows(model, rows, batches=[[row] for row in range(8)], collator=Collator(pad_token_id=0))
    assert all(np.array_equal(one, other) for one, other in zip(found, alone, strict=True))


def test_a_model_that_tells_speakers_apart_hears_who_speaks() -> None:
    tiny_config = FastSpeech2.tiny().config
    model = FastSpeech2(FastSpeech2Config(**{**tiny_config.to_dict(), "n_speakers": 2}))
    mel = np.full((tiny_config.n_mels, 9), -5.0, dtype=np.float32)
    rows = [{"id": str(speaker), "input_ids": [5, 9, 1], "mel": mel, "speaker_id": speaker} for speaker in range(2)]
    found = align_rows(model, rows, batches=[[0, 1]], collator=Collator(pad_token_id=0))
    assert [int(frames.sum()) for frames in found] == [9, 9]


@pytest.mark.parametrize("durations", [[], [[1, 70000, 3], [2]], [[7]]])
def test_unpacking_undoes_packing(durations: list[list[int]]) -> None:
    arrays = [np.array(frames) for frames in durations]
    again = unpack(pack(arrays), [len(frames) for frames in durations])
    assert [frames.tolist() for frames in again] == durations


def test_times_of_other_rows_are_refused() -> None:
    packed = pack([np.array([1, 2]), np.array([3])])
    with pytest.raises(CheckpointError, match="knows when 3 text ids are said, the corpus has 4; use the corpus it"):
        unpack(packed, [2, 2])
    with pytest.raises(CheckpointError, match="when words are said cannot be read"):
        unpack(packed[:-3], [2, 1])


def test_the_share_of_steps_is_that_of_all_steps() -> None:
    assert share_of_steps(TrainerState(global_step=3, max_steps=12)) == 0.25
    assert share_of_steps(TrainerState()) == 0.0
