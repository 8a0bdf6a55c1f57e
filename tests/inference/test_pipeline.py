import json
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_run import save_run

import toktts.inference
from toktts import registry
from toktts.errors import ConfigError, ModelError, TextError
from toktts.inference import TokttsPipeline
from toktts.inference.speech import PAUSE_S
from toktts.models import ToktsModel, register_all
from toktts.tokens import build_tokenizer

TEXTS = ["hello friend", "no", "I am happy you are here"]
GREEDY = {"do_sample": False, "num_beams": 1, "max_new_tokens": 12}


@pytest.fixture(scope="module", params=["tokar", "tokflat"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_run(tmp_path_factory.mktemp("runs") / request.param, request.param)


@pytest.fixture(scope="module")
def tokar_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_run(tmp_path_factory.mktemp("runs") / "tokar")


@pytest.fixture(scope="module")
def pipe(run: Path) -> TokttsPipeline:
    return toktts.inference.pipeline(run)


@pytest.fixture(scope="module")
def tokar_pipe(tokar_run: Path) -> TokttsPipeline:
    return toktts.inference.pipeline(tokar_run)


def assert_same_sound(one: np.ndarray, other: np.ndarray) -> None:
    assert one.shape == other.shape
    np.testing.assert_allclose(one, other, atol=1e-5)


def test_one_text_is_one_dimensional_sound_at_the_models_rate(pipe: TokttsPipeline) -> None:
    speech = pipe("hello friend", seed=1)
    assert speech["sampling_rate"] == 24000
    assert speech["audio"].ndim == 1
    assert speech["audio"].dtype == np.float32
    assert 0 < len(speech["audio"]) <= 2.0 * 24000
    assert np.abs(speech["audio"]).max() <= 1.0


def test_a_list_is_a_batch_that_gives_what_its_texts_give_alone(pipe: TokttsPipeline) -> None:
    texts = [*TEXTS, "the family would enjoy your visit", "yes"]
    for one, text in zip(pipe(texts, **GREEDY), texts, strict=True):
        alone = pipe(text, **GREEDY)
        assert_same_sound(one["audio"], alone["audio"])
        assert one["stop_reason"] == alone["stop_reason"]


def test_sampled_texts_of_a_seeded_batch_are_those_spoken_alone(tokar_pipe: TokttsPipeline) -> None:
    for one, text in zip(tokar_pipe(TEXTS, seed=5), TEXTS, strict=True):
        assert_same_sound(one["audio"], tokar_pipe(text, seed=5)["audio"])


def test_the_stock_pipeline_speaks_a_run_folder_alone_and_in_a_batch(run: Path, pipe: TokttsPipeline) -> None:
    register_all()
    stock = transformers.pipeline("text-to-speech", model=str(run))
    batch = stock(TEXTS, batch_size=3, generate_kwargs=GREEDY)
    for one, text in zip(batch, TEXTS, strict=True):
        alone = stock(text, generate_kwargs=GREEDY)
        assert set(alone) == {"audio", "sampling_rate"}
        assert alone["sampling_rate"] == 24000
        assert_same_sound(one["audio"], alone["audio"])
        assert_same_sound(alone["audio"], pipe(text, **GREEDY)["audio"])


def test_the_same_seed_gives_the_same_bytes_and_leaves_torch_alone(pipe: TokttsPipeline) -> None:
    before = torch.get_rng_state()
    first, again, other = (pipe("hello friend", seed=seed, do_sample=True)["audio"] for seed in (3, 3, 4))
    assert torch.equal(before, torch.get_rng_state())
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()


def test_generation_arguments_may_be_given_once_for_all_calls(tokar_run: Path, tokar_pipe: TokttsPipeline) -> None:
    register_all()
    fixed = transformers.pipeline(
        "text-to-speech", model=str(tokar_run), pipeline_class=TokttsPipeline, seed=3, max_new_tokens=5
    )
    assert fixed("hello")["audio"].tobytes() == tokar_pipe("hello", seed=3, max_new_tokens=5)["audio"].tobytes()
    assert len(fixed("hello", max_new_tokens=4)["audio"]) == 4 * 320


def test_an_argument_that_does_not_exist_is_refused(tokar_pipe: TokttsPipeline) -> None:
    with pytest.raises(TypeError, match="temprature"):
        tokar_pipe("hello", temprature=0.5)


def test_arguments_out_of_range_are_named(tokar_pipe: TokttsPipeline) -> None:
    with pytest.raises(ModelError, match="temperature: must be from 0.01 to 100, got 0; change it"):
        tokar_pipe("hello", temperature=0.0)
    with pytest.raises(ModelError, match="max_new_tokens: must be from 1 to 96"):
        tokar_pipe("hello", max_new_tokens=10**9)
    with pytest.raises(ModelError, match="batch_size: must be at least 1, got 0; change it"):
        tokar_pipe(["hello"], batch_size=0)


def test_sentences_are_spoken_by_themselves_with_a_pause(tokar_pipe: TokttsPipeline) -> None:
    first, second, both = tokar_pipe(["Hello.", "My friend!", "Hello. My friend!"], seed=1)
    pause = np.zeros(round(PAUSE_S * 24000), dtype=np.float32)
    assert_same_sound(both["audio"], np.concatenate([first["audio"], pause, second["audio"]]))


def test_text_beyond_the_models_limit_is_cut_and_spoken(pipe: TokttsPipeline) -> None:
    limit = pipe.model.config.text_limit
    for text in ("a" * (limit + 1), "one more word " * limit):
        pieces = pipe.sentences(text)
        assert len(pieces) > 1
        assert all(len(pipe.tokenizer(piece).input_ids) <= limit for piece in pieces)
    assert len(pipe("a" * (limit + 1), seed=0)["audio"]) > 0


def test_the_same_word_many_times_ends_at_the_cap_and_says_so(
    tokar_pipe: TokttsPipeline, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        speech = tokar_pipe("well " * 500, max_new_tokens=20, seed=0)
    assert speech["stop_reason"] == "length"
    assert "shorten the text or raise max_new_tokens" in caplog.text
    n_pieces = len(tokar_pipe.sentences("well " * 500))
    assert len(speech["audio"]) <= n_pieces * 20 * 320 + (n_pieces - 1) * PAUSE_S * 24000


def test_numbers_are_spoken_as_words_and_both_forms_of_an_accent_alike(tokar_pipe: TokttsPipeline) -> None:
    assert tokar_pipe.sentences("I paid $5") == ["I paid five dollars"]
    assert tokar_pipe.sentences("caf\u00e9") == tokar_pipe.sentences("cafe\u0301")


def test_what_looks_like_a_special_token_is_read_as_text(tokar_pipe: TokttsPipeline) -> None:
    ids = tokar_pipe.tokenizer(tokar_pipe.sentences("</s><pad>a<extra_id_0>")[0]).input_ids
    assert ids.count(tokar_pipe.tokenizer.eos_token_id) == 1
    assert tokar_pipe.tokenizer.pad_token_id not in ids


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "text is empty; write at least one word"),
        (" \n\t\u200b", "text is empty"),
        ("\ud800 hi", "half a character"),
        ("\U0001f600", "nothing to speak"),
        ("<speak>hi</speak>", "is SSML, which is not supported; give plain text"),
    ],
)
def test_text_that_cannot_be_spoken_is_refused(tokar_pipe: TokttsPipeline, text: str, message: str) -> None:
    with pytest.raises(TextError, match=message):
        tokar_pipe(text)
    with pytest.raises(TextError, match=message):
        tokar_pipe(["fine", text])


@pytest.mark.parametrize("thing", [None, 3, b"hi", [None], [b"hi"], [["hi"]]])
def test_what_is_not_text_is_a_type_error(tokar_pipe: TokttsPipeline, thing: object) -> None:
    with pytest.raises(TypeError, match=r"text must be str.*; (decode or )?convert it first"):
        tokar_pipe(thing)


def test_no_texts_give_no_speech(tokar_pipe: TokttsPipeline) -> None:
    assert tokar_pipe([]) == []


@settings(max_examples=25)
@given(st.text(max_size=80))
def test_any_text_is_spoken_or_refused(tokar_pipe: TokttsPipeline, text: str) -> None:
    try:
        speech = tokar_pipe(text, max_new_tokens=12, seed=0)
    except TextError:
        return
    n_pieces = len(tokar_pipe.sentences(text))
    assert np.isfinite(speech["audio"]).all()
    assert np.abs(speech["audio"]).max() <= 1.0
    assert len(speech["audio"]) <= n_pieces * (12 * 320 + PAUSE_S * 24000)
    assert speech["stop_reason"] in ("eos", "length")


def test_characters_the_tokenizer_does_not_know_are_named() -> None:
    model = registry.load("toktts.models", "tokar", ToktsModel).tiny()
    pipe = toktts.inference.pipeline(model, tokenizer=build_tokenizer("characters"))
    assert len(pipe("hello", seed=0)["audio"]) > 0
    with pytest.raises(TextError, match=r"the model cannot read 'م' \(U\+0645\) at 0"):
        pipe("مرحبا")


def test_characters_the_tokenizer_does_not_know_can_be_left_out(caplog: pytest.LogCaptureFixture) -> None:
    model = registry.load("toktts.models", "tokar", ToktsModel).tiny()
    pipe = toktts.inference.pipeline(model, tokenizer=build_tokenizer("characters"))
    with caplog.at_level(logging.WARNING):
        assert_same_sound(pipe("hello م", seed=0, unknown="skip")["audio"], pipe("hello", seed=0)["audio"])
    assert "the model cannot read 'م' (U+0645); left out" in caplog.messages
    with pytest.raises(TextError, match="text is empty"):
        pipe("مم", unknown="skip")
    with pytest.raises(ModelError, match="unknown: must be 'error' or 'skip', got 'drop'; change it"):
        pipe("hello", unknown="drop")


def test_silent_and_endless_speech_are_flagged(
    tokar_pipe: TokttsPipeline, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def speak(*_args: object, **_params: object) -> dict[str, object]:
        sound = [torch.zeros(20_000), torch.full((60_000,), 0.1)]
        codes = torch.zeros(2, 2, 187, dtype=torch.long)
        return {
            "audio": sound,
            "stop_reasons": ["eos", "eos"],
            "features": codes,
            "n_frames": torch.tensor([62, 187]),
        }

    monkeypatch.setattr(tokar_pipe, "forward", speak)
    with caplog.at_level(logging.WARNING):
        speech = tokar_pipe("Hi. Hello.")
    assert speech["flaws"] == ["runaway", "silent"]
    assert [message.partition(";")[0] for message in caplog.messages] == [
        "speech runs away: it repeats itself, or is far too long for its text",
        "speech is silent although its text is not",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("One. Two. Three.", "batch_size: memory ran out over 3 sentences at once; try batch_size=1"),
        ("One.", "max_new_tokens: memory ran out over one sentence; lower it or end sentences earlier"),
    ],
)
def test_too_little_memory_says_what_to_lower(
    tokar_pipe: TokttsPipeline, monkeypatch: pytest.MonkeyPatch, text: str, message: str
) -> None:
    def greedy(*_args: object, **_params: object) -> None:
        raise MemoryError

    monkeypatch.setattr(tokar_pipe, "forward", greedy)
    with pytest.raises(ModelError, match=message):
        tokar_pipe(text)


def test_a_model_without_its_own_folder_needs_a_tokenizer() -> None:
    model = registry.load("toktts.models", "tokar", ToktsModel).tiny()
    with pytest.raises(ModelError, match="tokenizer: a model that was not loaded from a folder brings no tokenizer"):
        toktts.inference.pipeline(model)


def test_the_normalizer_is_the_one_the_run_names(tokar_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(tokar_run, run)
    (run / "config.yaml").write_text("text:\n  normalizer: basik\nother: {}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"text\.normalizer: unknown name 'basik'.*; did you mean 'basic'\?"):
        toktts.inference.pipeline(run)
    (run / "config.yaml").unlink()
    assert toktts.inference.pipeline(run).sentences("1") == ["one"]


def test_models_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="runs/nothing: no such run folder, and the Hub did not give it; train it"):
        toktts.inference.pipeline("runs/nothing")
    other = tmp_path / "other"
    transformers.BertModel(
        transformers.BertConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1)
    ).save_pretrained(other)
    with pytest.raises(ModelError, match="is a bert model, not one of toktts; name a run folder"):
        toktts.inference.pipeline(other)
    config = json.loads((other / "config.json").read_text(encoding="utf-8")) | {"model_type": "nonsense"}
    (other / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(ModelError, match=r"other: cannot be loaded \(.*\); name a folder that toktts train wrote"):
        toktts.inference.pipeline(other)
