"""A whole training with phrases, from a config."""

from pathlib import Path

import pytest
from datasets import Dataset
from toy_run import tiny

from toktts.config import load_config
from toktts.data.bucketing import BucketBatchSampler
from toktts.data.collate import Collator
from toktts.data.phrases import Phrase
from toktts.errors import CheckpointError, ConfigError
from toktts.tokens import build_tokenizer
from toktts.training.callbacks import share_of_steps
from toktts.training.phrases import phrases_of
from toktts.training.run import train_voice

ROWS = {
    "id": [str(number) for number in range(6)],
    "speaker": [None] * 6,
    "input_ids": [build_tokenizer("bytes")("hello my friend").input_ids] * 6,
    "codes": [[[1] * 48, [2] * 48]] * 6,
}


def config_of(folder: Path, *overrides: str):
    places = [f"data.cache_dir={folder / 'cache'}", f"training.output_dir={folder / 'run'}"]
    words = ["model.family=toknar", "model.options.num_attention_heads=2", "data.clip_seconds=null"]
    steps = ["training.args.max_steps=12", "training.args.save_steps=10", "training.args.eval_steps=12"]
    return load_config(["tiny"], overrides=[*places, *words, "data.limit_rows=12", *steps, *overrides])


@pytest.mark.medium
def test_a_voice_learns_from_phrases_and_goes_on_with_them(tmp_path: Path) -> None:
    folder = train_voice(config_of(tmp_path, "data.phrase_share=0.5"))
    state = (folder / "checkpoints" / "checkpoint-10" / "trainer_state.json").read_text(encoding="utf-8")
    assert '"packed": "' in state
    with pytest.raises(CheckpointError, match=r"phrases was 0\.5, is 0\.4; set it back or allow an inexact resume"):
        train_voice(config_of(tmp_path, "data.phrase_share=0.4", "training.resume=true"))


def phrases_for(family: str, rows: Dataset):
    tokenizer = build_tokenizer("bytes")
    return phrases_of(
        rows,
        BucketBatchSampler([48] * 6, batch_size=2, seed=0),
        model=tiny(family),
        tokenizer=tokenizer,
        collator=Collator(tokenizer.pad_token_id),
        share=1.0,
        seed=0,
        share_done=share_of_steps,
    )


def test_a_model_that_does_not_align_is_refused() -> None:
    with pytest.raises(
        ConfigError, match="wants a model that learns when words are said, toktts_tokflat does not; set it to"
    ):
        phrases_for("tokflat", Dataset.from_dict(ROWS))


def test_rows_that_say_how_long_their_units_last_are_cut_at_once() -> None:
    rows = Dataset.from_dict({**ROWS, "durations": [[3] * 16] * 6})
    phrases = phrases_for("tokflat", rows)
    assert phrases.callbacks == []
    phrases.sampler.set_epoch(0)
    drawn = [one for batch in phrases.sampler for one in batch]
    assert any(isinstance(one, Phrase) for one in drawn)
    for one in drawn:
        row = phrases.rows[one]
        assert sum(row["durations"]) == row["codes"].shape[1]
