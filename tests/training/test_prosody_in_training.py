"""Pitch and energy on their way from the cache to a model that learns them."""

import math
from pathlib import Path

import pytest
import torch
from datasets import Dataset

from toktts.config import load_config
from toktts.errors import ModelError
from toktts.inference.loading import load_model
from toktts.models.toknar import Toknar, ToknarConfig
from toktts.training.prosody import fit_prosody
from toktts.training.run import train_voice

ROWS = {
    "copy": [0, 1, 0],
    "pitch": [[0.0, 100.0, 200.0], [9.0, 9.0, 9.0], [400.0]],
    "energy": [[1.0, 2.0, 3.0], [9.0, 9.0, 9.0], [4.0]],
}


def test_a_model_that_wants_prosody_sees_that_of_clean_clips() -> None:
    model = Toknar(ToknarConfig(hidden_size=16, num_attention_heads=2, prosody=True))
    fit_prosody(model, Dataset.from_dict(ROWS))
    assert model.prosody is not None
    # The mean of the logarithms of 100, 200 and 400 Hz.
    assert float(model.prosody.variances["pitch"].scale.facts[0]) == pytest.approx(math.log(200.0))
    with pytest.raises(ModelError, match="rows have no pitch and no energy; encode the corpus again"):
        fit_prosody(model, Dataset.from_dict({"copy": [0]}))


def test_other_models_need_none() -> None:
    fit_prosody(Toknar.tiny(), Dataset.from_dict({"copy": [0]}))


@pytest.mark.medium
def test_a_voice_learns_pitch_and_refinement_from_a_config(tmp_path: Path) -> None:
    places = [f"data.cache_dir={tmp_path / 'cache'}", f"training.output_dir={tmp_path / 'run'}"]
    words = ["model.family=toknar", "model.options.num_attention_heads=2", "data.clip_seconds=null"]
    options = ["model.options.prosody=true", "model.options.refinement=true", "data.phrase_share=0.5"]
    steps = ["training.args.max_steps=12", "training.args.eval_steps=12", "data.limit_rows=10"]
    folder = train_voice(load_config(["tiny"], overrides=[*places, *words, *options, *steps]))
    voice = load_model(folder)
    scale = voice.prosody.variances["pitch"].scale
    assert 60 < math.exp(float(scale.facts[0])) < 400
    ids = [[5, 9, 3, 7, 11, 4, 1]]
    spoken = voice.generate(torch.tensor(ids), pitch=1.2, energy=0.9, refinement_steps=2)
    assert spoken.audio is not None
    assert spoken.audio[0].isfinite().all()
