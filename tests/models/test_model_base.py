import json
import math
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForTextToWaveform, GenerationConfig

from toktts.errors import ModelError, TextError
from toktts.models import register_all
from toktts.models._generation import check_generation, merge_generation
from toktts.models.tokflat import TokflatModel

register_all()
IDS = torch.tensor([[5, 6, 1]])


@pytest.fixture(scope="module")
def model() -> TokflatModel:
    return TokflatModel.tiny()


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"temperature": 0.0}, "temperature: must be from 0.01 to 100, got 0"),
        ({"temperature": -1.0}, "temperature: must be from 0.01 to 100, got -1"),
        ({"temperature": math.nan}, "temperature: must be from 0.01 to 100, got nan"),
        ({"temperature": 1e-40}, "temperature: must be from 0.01 to 100"),
        ({"temperature": 1e9}, r"temperature: must be from 0.01 to 100, got 1e\+09"),
        ({"top_p": 0.0}, "top_p: must be from 1e-06 to 1, got 0"),
        ({"top_k": -1}, r"top_k: must be from 0 to 1e\+06, got -1"),
        ({"num_beams": 0}, "num_beams: must be from 1 to 64, got 0"),
        ({"num_beams": 10**6}, r"num_beams: must be from 1 to 64, got 1e\+06"),
        ({"max_new_tokens": 0}, "max_new_tokens: must be from 1 to 128, got 0"),
        ({"max_length": 10**9}, r"max_new_tokens: must be from 1 to 128, got 1e\+09"),
        ({"seed": -1}, "seed: must be from 0 to 9223372036854775807, got -1"),
        ({"return_dict_in_generate": False}, "return_dict_in_generate: is not supported; read `.audio`"),
        ({"do_sample": False, "temperature": 0.5}, "temperature: has no effect without sampling; pass do_sample=True"),
    ],
)
def test_values_no_generation_can_use_are_named_with_their_range(
    model: TokflatModel, wish: dict[str, object], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        model.generate(IDS, **wish)


def test_a_generation_config_is_checked_like_single_arguments(model: TokflatModel) -> None:
    with pytest.raises(ModelError, match="num_beams: must be from 1 to 64, got 65"):
        model.generate(IDS, generation_config=GenerationConfig(num_beams=65))


def test_a_misspelt_argument_is_refused(model: TokflatModel) -> None:
    with pytest.raises(TypeError, match="temprature"):
        model.generate(IDS, temprature=0.5)


def test_arguments_lie_over_the_callers_config_which_lies_over_the_models() -> None:
    default = GenerationConfig(max_new_tokens=9, num_beams=4, do_sample=True, temperature=0.7)
    merged = merge_generation(default, GenerationConfig(num_beams=2, max_length=21), {"num_beams": 3, "top_k": None})
    assert (merged.num_beams, merged.max_new_tokens, merged.temperature, merged.max_length) == (3, 20, 0.7, None)
    assert (default.num_beams, default.max_new_tokens) == (4, 9)


def test_sampling_values_of_the_model_fall_away_without_sampling() -> None:
    default = GenerationConfig(max_new_tokens=9, do_sample=True, temperature=0.7, top_k=5, top_p=0.9)
    merged = merge_generation(default, None, {"do_sample": False})
    assert (merged.temperature, merged.top_k, merged.top_p) == (1.0, 50, 1.0)  # what transformers takes as not set


def test_a_length_must_be_written_somewhere() -> None:
    with pytest.raises(ModelError, match="max_new_tokens: is not set; write a number from 1 to 7"):
        check_generation(GenerationConfig(), limit=7)


@pytest.mark.parametrize(
    ("ids", "error", "message"),
    [
        (None, ModelError, r"input_ids must be \(batch, n_input_ids\), got nothing"),
        (torch.tensor([5, 6]), ModelError, r"input_ids must be \(batch, n_input_ids\), got \(2,\)"),
        (torch.zeros(1, 0, dtype=torch.long), TextError, "text is empty"),
        (torch.full((1, 129), 5), TextError, "text has 129 ids, the model reads at most 128; split it"),
        (torch.tensor([[384]]), ModelError, r"input_ids must lie in \[0, 384\), got 384 to 384"),
    ],
)
def test_ids_the_model_cannot_read_are_refused(
    model: TokflatModel, ids: torch.Tensor | None, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        model.generate(ids)


def test_features_alone_need_no_codec() -> None:
    bare = TokflatModel(TokflatModel.tiny().config)
    assert bare.generate(IDS, output_audio=False, max_new_tokens=4).audio is None


def test_a_model_without_codec_says_how_to_get_one() -> None:
    bare = TokflatModel(TokflatModel.tiny().config)
    with pytest.raises(ModelError, match=r"model has no codec/ folder; call attach_codec\(load_codec\(...\)\)"):
        _ = bare.codec


def test_a_codec_of_another_kind_is_refused(model: TokflatModel) -> None:
    config = type(model.config)(**(model.config.to_dict() | {"codebook_size": 17}))
    with pytest.raises(ModelError, match="model expects codebook_size 17, codec has 16; use the codec it was"):
        TokflatModel(config).attach_codec(model.codec)


@pytest.fixture
def checkpoint(model: TokflatModel, tmp_path: Path) -> Path:
    model.save_pretrained(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "epoch=1.ckpt"])
def test_pickled_weights_are_never_opened(checkpoint: Path, name: str) -> None:
    (checkpoint / "model.safetensors").rename(checkpoint / name)
    with pytest.raises(ModelError, match="is a pickle, which can run code; convert it to safetensors"):
        AutoModelForTextToWaveform.from_pretrained(checkpoint)


@pytest.mark.parametrize("field", ["auto_map", "trust_remote_code", "_attn_implementation_internal"])
def test_a_config_that_asks_for_code_is_refused(checkpoint: Path, field: str) -> None:
    path = checkpoint / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | {field: {"AutoModel": "x.Y"}}), encoding="utf-8")
    with pytest.raises(ModelError, match=rf"config.json {field}: asks for code from outside"):
        TokflatModel.from_pretrained(checkpoint)


def test_a_folder_without_weights_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds no model.safetensors; name a folder written by save_pretrained"):
        TokflatModel.from_pretrained(tmp_path)


def test_weights_of_another_size_are_refused(checkpoint: Path) -> None:
    path = checkpoint / "config.json"
    config = json.loads(path.read_text("utf-8"))
    config["encoder"]["n_layer"] = 2
    path.write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(ModelError, match=r"missing tensor encoder.h.1.attn.c_attn.bias; the weights are of another"):
        TokflatModel.from_pretrained(checkpoint)


def test_a_loading_report_can_still_be_asked_for(checkpoint: Path) -> None:
    loaded, info = TokflatModel.from_pretrained(checkpoint, output_loading_info=True)
    assert isinstance(loaded, TokflatModel)
    assert not info["missing_keys"]
