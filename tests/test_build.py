"""A config becomes objects, and what it cannot become is said with the line it was written on."""

import os
from pathlib import Path

import pytest

from toktts import build
from toktts.codecs.griffin_lim import GriffinLim
from toktts.codecs.melrvq import MelRVQ
from toktts.config import Config, load_config
from toktts.data.corpora._limited import LimitedCorpus
from toktts.data.corpora.demo import Demo
from toktts.errors import ConfigError
from toktts.models._generation import refinement_steps_of
from toktts.models.tokar import Tokar


def config_of(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return load_config([path])


def model_of(config: Config) -> object:
    return build.model(config, build.tokenizer(config), MelRVQ.tiny())


def test_a_model_fits_its_tokenizer_and_codec(tmp_path):
    config = config_of(tmp_path, "model: {options: {hidden_size: 32, num_attention_heads: 2, encoder_layers: 1}}")
    tokenizer, codec = build.tokenizer(config), MelRVQ.tiny()
    model = build.model(config, tokenizer, codec)
    assert isinstance(model, Tokar)
    assert model.config.text_vocab_size == len(tokenizer)
    assert (model.config.n_codebooks, model.config.codebook_size) == (codec.n_codebooks, codec.codebook_size)
    assert model.config.hidden_size == 32
    assert model.codec is codec


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model:\n  family: tokarr\n", r"mine.yaml:2 model.family: unknown name 'tokarr'.*; did you mean 'tokar'\?"),
        (
            "model:\n  options:\n    hiden_size: 64\n",
            r"mine.yaml:3 model.options.hiden_size: tokar has no option 'hiden_size'; did you mean 'hidden_size'\?",
        ),
        (
            "model:\n  options:\n    layout: spiral\n",
            r"mine.yaml:3 model.options.layout: unknown layout 'spiral'; write",
        ),
        (
            "model:\n  family: tokflat\n  options:\n    encoder: {n_layr: 2}\n",
            r"mine.yaml:4 model\.options\.encoder: GPT-2 has no key 'n_layr'; did you mean 'n_layer'\?",
        ),
        (
            "model:\n  options: {hidden_size: 0}\n",
            r"mine.yaml:2 model.options.hidden_size: must be at least 1, got 0; change",
        ),
        (
            "model:\n  options: {decoder_layers: -1}\n",
            r"model.options.decoder_layers: must be at least 1, got -1; change",
        ),
        ("model:\n  options: {dropout: 7.0}\n", r"mine.yaml:2 model.options: do not fit tokar: dropout probability"),
        (
            "model:\n  family: tokflat\n  options:\n    encoder: {n_head: 5, n_embd: 12}\n",
            r"mine.yaml:3 model.options: do not fit tokflat: .*; change them",
        ),
        ("model:\n  options: {dropout: high}\n", r"mine.yaml:2 model.options.*: do not fit tokar: .*dropout"),
    ],
)
def test_a_model_that_cannot_be_is_refused_with_its_line(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        model_of(config_of(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "codec:\n  name_or_path: bundeld\n",
            r"mine.yaml:2 codec.name_or_path: no folder and no codec 'bundeld'; did you",
        ),
        ("codec:\n  bandwidth_kbps: 77\n", r"mine.yaml:2 codec.bandwidth_kbps: codec has 1.5 kbps, not 77; remove the"),
    ],
)
def test_a_codec_that_cannot_be_is_refused_with_its_line(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        build.load_codec(config_of(tmp_path, text))


@pytest.mark.parametrize("family", ["tokar", "toknar", "tokflat"])
def test_a_codec_whose_features_the_family_does_not_write_is_refused_with_its_line(tmp_path, family):
    config = config_of(tmp_path, f"codec:\n  name_or_path: griffin_lim\nmodel: {{family: {family}}}\n")
    message = rf"mine.yaml:2 codec.name_or_path: makes mel, {family} writes codes; use one with codebooks, as bundled"
    with pytest.raises(ConfigError, match=message):
        build.model(config, build.tokenizer(config), GriffinLim.tiny())


def test_a_corpus_says_which_key_it_wants(tmp_path):
    config = config_of(tmp_path, "data:\n  corpus: ljspeech\n")
    with pytest.raises(ConfigError, match=r"data.path: is needed by the corpus 'ljspeech'; set it in the config"):
        build.open_corpus(config)


def test_an_unknown_corpus_is_refused_with_its_line(tmp_path):
    config = config_of(tmp_path, "data:\n  corpus: demoo\n")
    with pytest.raises(ConfigError, match=r"mine.yaml:2 data.corpus: unknown name 'demoo'.*did you mean 'demo'"):
        build.open_corpus(config)


def test_limit_rows_takes_the_first_rows(tmp_path):
    limited = build.open_corpus(config_of(tmp_path, "data: {corpus: demo, limit_rows: 3}"))
    assert list(limited) == list(Demo())[:3]


def test_the_contract_of_corpora_holds_for_a_limited_one(tmp_path):
    limited = LimitedCorpus.tiny(tmp_path)
    assert len(list(limited)) == 2
    assert list(limited) == list(limited)


@pytest.mark.parametrize(
    ("family", "options", "expected"),
    [("tokar", "{encoder_layers: 1}", 150), ("tokflat", "{encoder: {n_layer: 1}, decoder: {n_layer: 1}}", 300)],
)
def test_two_seconds_are_counted_in_the_unit_of_the_family(tmp_path, family, options, expected):
    config = config_of(
        tmp_path,
        f"model: {{family: {family}, options: {options}}}\n"
        "inference: {max_seconds: 2.0, do_sample: true, temperature: 0.5}",
    )
    generation = build.generation(config, model_of(config))
    assert generation.max_new_tokens == expected
    assert generation.temperature == 0.5


def test_a_guidance_scale_reaches_a_voice_that_can_learn_it(tmp_path):
    config = config_of(tmp_path, "model: {options: {text_dropout: 0.1}}\ninference: {guidance_scale: 1.5}")
    built = model_of(config)
    assert built.config.can_be_guided
    assert build.generation(config, built).guidance_scale == 1.5


def test_refinement_steps_reach_a_voice_that_can_learn_them(tmp_path):
    config = config_of(
        tmp_path, "model: {family: toknar, options: {refinement: true}}\ninference: {refinement_steps: 4}"
    )
    built = model_of(config)
    assert refinement_steps_of(build.generation(config, built)) == 4


def test_sampling_values_fall_away_without_sampling(tmp_path):
    config = config_of(tmp_path, "inference: {do_sample: false}")
    generation = build.generation(config, model_of(config))
    assert (generation.temperature, generation.top_k, generation.top_p) == (None, None, None)


def test_a_temperature_is_refused_where_nothing_is_drawn(tmp_path):
    config = config_of(tmp_path, "model: {family: toknar}\ninference: {temperature: 0.5}")
    message = "temperature: the family does not draw by itself; add inference.do_sample: true"
    with pytest.raises(ConfigError, match=message):
        build.generation(config, model_of(config))


def test_a_plan_carries_the_values_of_training(tmp_path):
    plan = build.training_plan(
        config_of(tmp_path, "training: {max_minutes: 3, ema_decay: 0.9, args: {learning_rate: 1e-4}}")
    )
    assert (plan.max_minutes, plan.ema_decay, plan.resume) == (3.0, 0.9, False)
    assert plan.arguments["learning_rate"] == 1e-4
    assert plan.arguments["report_to"] == []


def test_only_a_slow_codec_is_run_in_processes_unless_a_number_is_given(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr("toktts.build._data.build_token_cache", lambda *_, arrangement, **__: seen.append(arrangement))
    fast, slow = MelRVQ.tiny(), MelRVQ.tiny()
    monkeypatch.setattr(slow, "is_slow", True, raising=False)
    for text, codec in [("data: {}", fast), ("data: {}", slow), ("data: {workers: 3}", fast)]:
        config = config_of(tmp_path, text)
        build.token_cache(config, build.open_corpus(config), codec)
    cores = len(os.sched_getaffinity(0))
    assert [(item.workers, item.batch_size) for item in seen] == [(1, 1), (cores, 4), (3, 1)]


def test_a_number_of_clips_for_validation_takes_the_first_by_name():
    ids = ["c", "a", "d", "b"]
    assert build.split(load_config([], overrides=["data.n_validation=1"]), ids) == (["b", "c", "d"], ["a"])
    assert len(build.split(load_config([]), ids)[1]) == 1
