from collections.abc import Callable
from pathlib import Path

import pytest

from toktts.config import (
    Config,
    DataSection,
    ModelSection,
    Origin,
    load_config,
)
from toktts.errors import ConfigError

ROOT = Path(__file__).parents[1]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write_file(content: str | bytes, name: str = "a.yaml") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        return path

    return write_file


# Merging


def test_files_inline_yaml_and_overrides_are_laid_over_each_other_in_that_order(write):
    first = write("data: {limit_rows: 1, workers: 1}\ninference: {seed: 1, num_beams: 1}", "1.yaml")
    second = write("data: {workers: 2}\ninference: {seed: 2, num_beams: 2}", "2.yaml")
    yconfigs = ["inference: {seed: 3, num_beams: 3}", "inference: {seed: 4}"]
    config = load_config([first, second], yconfigs=yconfigs, overrides=["inference.seed=5", "--inference.seed=6"])
    assert (config.data.limit_rows, config.data.workers) == (1, 2)
    assert (config.inference.num_beams, config.inference.seed) == (3, 6)


def test_null_unsets_what_an_earlier_file_set(write):
    first = write("data: {limit_rows: 100, clip_seconds: 2}\nmodel: {name: a, options: {size: 3, heads: 2}}", "1.yaml")
    second = write("data: {limit_rows: ~}\nmodel: {name: null, options: {size: null}}", "2.yaml")
    config = load_config([first, second])
    assert config.data.limit_rows is None
    assert config.data.clip_seconds == 2
    assert config.model.name == ModelSection().name
    assert config.model.options == {"heads": 2}


def test_null_for_an_optional_key_with_a_default_means_none():
    assert load_config([], yconfigs=["data: {max_seconds: null}"]).data.max_seconds is None


def test_a_null_section_goes_back_to_its_defaults():
    config = load_config([], yconfigs=["data: {workers: 3}", "data:", "data: {limit_rows: 5}"])
    assert config.data == DataSection(limit_rows=5)


def test_lists_replace_each_other():
    config = load_config([], yconfigs=["model: {options: {sizes: [1, 2, 3]}}", "model: {options: {sizes: [4]}}"])
    assert config.model.options == {"sizes": [4]}


def test_a_user_with_ljspeech_and_the_hub_changes_two_lines(write):
    mine = write("data: {path: /data/LJSpeech-1.1}\ncodec: {name_or_path: /models/encodec}")
    config = load_config([ROOT / "config/basic/small_train.yaml", mine])
    assert config.data.path == "/data/LJSpeech-1.1"
    assert config.data.limit_rows == 100
    assert config.codec.name_or_path == "/models/encodec"
    assert config.codec.bandwidth_kbps == 1.5


def test_no_source_at_all_gives_the_defaults():
    assert load_config([]) == Config()


# Overrides, as `wandb agent` writes them


@pytest.mark.parametrize(
    ("override", "section", "name", "value"),
    [
        ("--training.args.learning_rate=1e-05", "training", "args", {"learning_rate": 1e-05}),
        ("--training.args.bf16=True", "training", "args", {"bf16": True}),
        ("--data.clip_seconds=None", "data", "clip_seconds", None),
        ("--model.options={'hidden_size': 64, 'tied': True}", "model", "options", {"hidden_size": 64, "tied": True}),
        ("model.options.sizes=[1, 2]", "model", "options", {"sizes": [1, 2]}),
        ("model={'name': 'sweep'}", "model", "name", "sweep"),
        ("data.path=/a=b/ü c", "data", "path", "/a=b/ü c"),
    ],
)
def test_an_override_is_yaml(override, section, name, value):
    assert getattr(getattr(load_config([], overrides=[override]), section), name) == value


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.path=", "'data.path=' has no value; write data.path=null"),
        ("data.path", "'data.path' has no '='; write data.path=VALUE"),
        ("=3", "'=3' has no key"),
        ("--=3", "'--=3' has no key"),
        ("data..path=3", "'data..path=3' has no key"),
        ("data.path=[", r"override 'data.path=\[': column \d: not YAML"),
        ("data.pathh=3", "data.pathh: unknown key; did you mean 'data.path'"),
        ("data=3", "data: expected a mapping, got a number"),
        ("inference.seed=-1", "command line inference.seed: expected 0 to 4294967295, got -1"),
    ],
)
def test_a_bad_override_is_quoted(override, message):
    with pytest.raises(ConfigError, match=message) as caught:
        load_config([], overrides=[override])
    assert caught.value.file == "command line"


# Places


def test_an_error_names_file_line_and_key(write):
    path = write("model:\n  name: a\n\ndata:\n  workers: 0\n")
    with pytest.raises(ConfigError) as caught:
        load_config([path])
    expected = f"toktts: error: {path}:5 data.workers: expected 1 to 1024, got 0; choose one in that range"
    assert caught.value.one_line() == expected


def test_an_error_names_the_file_that_set_the_value_last(write):
    first, second = write("data: {workers: 1}", "1.yaml"), write("\n\ndata: {workers: 0}", "2.yaml")
    with pytest.raises(ConfigError) as caught:
        load_config([first, second])
    assert (caught.value.file, caught.value.line) == (str(second), 3)


def test_a_config_knows_where_each_key_was_written(write):
    path = write("model:\n  options:\n    encoder:\n      n_layer: 4\n")
    config = load_config([path], yconfigs=["\ndata: {workers: 2}"], overrides=["model.options.hidden_size=64"])
    assert config.origin("model.options.encoder.n_layer") == (str(path), 4)
    assert config.origin("data.workers") == ("--yconfig", 2)
    assert config.origin("model.options.hidden_size") == Origin("command line", None)
    assert config.origin("data.path") is None


def test_a_builder_can_point_at_an_option(write):
    path = write("model:\n  options:\n    hidden_size: 63\n")
    error = load_config([path]).fault("model.options.hidden_size", "63 is odd; use 64")
    assert str(error) == f"{path}:3 model.options.hidden_size: 63 is odd; use 64"


def test_a_builder_can_point_at_the_mapping_that_lacks_an_option(write):
    path = write("model:\n  options:\n    hidden_size: 63\n")
    assert load_config([path]).fault("model.options.depth", "is missing; add it").line == 2


# Paths


def test_home_and_variables_are_filled_in_a_path(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("CORPORA", "/corpora")
    yaml_text = "data: {path: ~/LJ Speech/ü, cache_dir: $CORPORA/cache}\ntraining: {output_dir: '${CORPORA}/run'}"
    config = load_config([], yconfigs=[yaml_text])
    assert config.data.path == "/home/me/LJ Speech/ü"
    assert config.data.cache_dir == "/corpora/cache"
    assert config.training.output_dir == "/corpora/run"


@pytest.mark.parametrize("name", ["with space.yaml", "ünï.yaml", "n" * 200 + ".yaml"])
def test_a_config_file_may_have_any_name(write, name):
    assert load_config([write("data: {workers: 2}", name)]).data.workers == 2


@pytest.mark.parametrize("name", ["missing.yaml", "n" * 300, "a\0b", ""])
def test_a_config_file_that_cannot_be_read_is_an_error(tmp_path, name):
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config([f"{tmp_path}/{name}"])


def test_a_misspelt_file_name_gets_the_nearest_one(write):
    path = write("data: {}", "small_train.yaml")
    with pytest.raises(ConfigError, match=f"did you mean {path}"):
        load_config([path.with_name("smal_train.yaml")])


def test_filling_a_config_lays_values_under_what_it_gives():
    config = load_config([], overrides=["model.options.dropout=0.2", "training.max_minutes=3"])
    values = {"model.options.dropout": 0.5, "model.options.hidden_size": 64, "training.max_minutes": 9.0}
    filled = config.filled({**values, "training.args.learning_rate": 1e-3, "data.train_fraction": 0.9})
    assert dict(filled.model.options) == {"dropout": 0.2, "hidden_size": 64}
    assert (filled.training.max_minutes, filled.training.args["learning_rate"]) == (3.0, 1e-3)
    assert filled.data.train_fraction == 0.9
    assert filled.filled(values) == filled


def test_a_value_that_cannot_be_filled_in_is_refused():
    with pytest.raises(ConfigError, match=r"training.max_minutes: expected 0 to"):
        Config().filled({"training.max_minutes": 0.0})


def test_what_a_config_gives_is_what_is_not_null():
    given = load_config([], overrides=["data.path=null", "model.options.encoder={n_layer: 2}"]).given()
    assert given["model.options.encoder"] == {"n_layer": 2}
    assert not [key for key in given if key.startswith(("data.path", "training.args", "codec.options"))]
