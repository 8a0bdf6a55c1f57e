"""What only some voices have learned: following the text more, and choosing unsure codes again."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from tiny_run import save_run

from toktts import registry
from toktts.errors import ModelError
from toktts.inference import TokttsPipeline, pipeline, say
from toktts.models import ToktsModel
from toktts.tokens import build_tokenizer

TEXT = "hello friend"


def voice(folder: Path, family: str, **options: Any) -> Path:
    """Save a tiny voice whose options and weights make a difference."""
    kind = registry.load("toktts.models", family, ToktsModel)  # type: ignore[type-abstract]
    tiny = kind.tiny()
    known = {name: value for name, value in tiny.config.to_dict().items() if hasattr(kind.config_class, name)}
    torch.manual_seed(0)
    model = kind(kind.config_class(**(known | options)))
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    model.attach_codec(tiny.codec).save_pretrained(folder)
    build_tokenizer("bytes").save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def toknar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return voice(tmp_path_factory.mktemp("runs") / "toknar", "toknar", refinement=True)


@pytest.fixture(scope="module")
def tokar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return voice(tmp_path_factory.mktemp("runs") / "tokar", "tokar", text_dropout=0.1)


def test_a_pipeline_chooses_unsure_codes_again_as_often_as_it_is_told(toknar: Path) -> None:
    pipe = pipeline(toknar)
    again = pipe(TEXT, refinement_steps=3)["audio"]
    np.testing.assert_array_equal(again, pipe(TEXT, generate_kwargs={"refinement_steps": 3})["audio"])
    assert not np.array_equal(again, pipe(TEXT, refinement_steps=0)["audio"])


@pytest.mark.parametrize(("name", "wish"), [("toknar", {"refinement_steps": 3}), ("tokar", {"guidance_scale": 3.0})])
def test_say_speaks_another_way_where_the_voice_has_learned_it(
    name: str, wish: dict[str, Any], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    run = request.getfixturevalue(name)
    say(TEXT, model=run, output=tmp_path / "plain.wav")
    said = say(TEXT, model=run, output=tmp_path / "other.wav", **wish)["audio"]
    np.testing.assert_array_equal(said, pipeline(run)(TEXT, seed=0, **wish)["audio"])
    sounds = [soundfile.read(tmp_path / f"{file}.wav")[0] for file in ("plain", "other")]
    assert not np.array_equal(*sounds)


@pytest.fixture(scope="module", params=["tokar", "tokflat", "toknar", "fastspeech2", "nonattentive"])
def plain(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TokttsPipeline:
    return pipeline(save_run(tmp_path_factory.mktemp("plain") / request.param, request.param))


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        (
            {"refinement_steps": 1},
            "refinement_steps: needs a toknar voice trained with model.options.refinement: true; leave it at 0",
        ),
        (
            {"guidance_scale": 1.5},
            "guidance_scale: this NAME voice has not learned it; leave it at 1, or train tokar with "
            "model.options.text_dropout",
        ),
    ],
)
def test_a_voice_that_has_not_learned_it_says_in_one_line_which_can(
    plain: TokttsPipeline, wish: dict[str, Any], message: str
) -> None:
    line = message.replace("NAME", plain.model.config.model_type)
    with pytest.raises(ModelError, match=f"^{re.escape(line)}$"):
        plain(TEXT, **wish)
