import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toktts.config import (
    CodecSection,
    Config,
    DataSection,
    EvaluationSection,
    InferenceSection,
    ModelSection,
    Origin,
    TextSection,
    TokensSection,
    TrackingSection,
    TrainingSection,
    load_config,
)
from toktts.errors import MAX_LINE, ConfigError

ROOT = Path(__file__).parents[1]
ADDED_ARGS = {"min_learning_rate": 0.0, "lr_decay_steps": 200, "lr_scheduler_type": "cosine", "bf16": True}


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write_file(content: str | bytes, name: str = "a.yaml") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        return path

    return write_file


def refusal(yaml_text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config([], yconfigs=[yaml_text])
    line = caught.value.one_line()
    assert len(line) <= MAX_LINE
    assert ";" in line
    return line.removeprefix("toktts: error: ")


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
        ("data.path=[", r"override 'data.path=\[': column 2: not YAML"),
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


# Unknown, old and secret keys


@pytest.mark.parametrize(
    ("yaml_text", "expected"),
    [
        ("datta: {}", "--yconfig:1 datta: unknown key; did you mean 'data'?"),
        ("data: {\nworker: 2}", "--yconfig:2 data.worker: unknown key; did you mean 'data.workers'?"),
        ("model: {clip_seconds: 2}", "model.clip_seconds: unknown key; did you mean 'data.clip_seconds'?"),
        ("learning_rate: 1", "learning_rate: unknown key; did you mean 'training.args.learning_rate'?"),
        ("training: {args: {lerning_rate: 1}}", "did you mean 'training.args.learning_rate'?"),
        ("training: {args: {evaluation_strategy: steps}}", "did you mean 'training.args.eval_strategy'?"),
        ("training: {args: {evaluation_strategy: null}}", "did you mean 'training.args.eval_strategy'?"),
        ("training: {args: {min_lerning_rate: 1}}", "did you mean 'training.args.min_learning_rate'?"),
        ("text: {zzz: 1}", "text.zzz: unknown key; choose one of normalizer"),
    ],
)
def test_an_unknown_key_gets_the_nearest_known_one(yaml_text, expected):
    assert expected in refusal(yaml_text)


@pytest.mark.parametrize(
    ("yaml_text", "expected"),
    [
        ("prepare_data:\n  clip_audio_secs: 2", "--yconfig:2 prepare_data.clip_audio_secs: unknown key; rename it to"),
        ("prepare_data: {}", "prepare_data: unknown key; rename the section to 'data'"),
        ("generate_samples: {limit_rows: 1}", "rename it to 'evaluation.limit_rows'"),
        ("wandb: {project: a}", "rename it to 'tracking.project'"),
        ("model: {encoder: {n_layer: 4}}", "rename it to 'model.options.encoder'"),
        ("gcloud: {path: a}", "--cloud-config"),
        ("training: {args: {warmup_ratio: 0.1}}", "use 'training.args.warmup_steps'"),
    ],
)
def test_a_key_of_an_older_config_says_what_it_is_now(yaml_text, expected):
    assert expected in refusal(yaml_text)


@pytest.mark.parametrize(
    "yaml_text",
    [
        "tracking: {api_key: hunter2}",
        "wandb: {api_key: hunter2}",
        "model: {options: {encoder: {password: hunter2}}}",
        "model: {options: {list: [{token: hunter2}]}}",
        "training: {args: {hub_token: hunter2}}",
        "codec: {options: {HF-Token: hunter2}}",
        "tracking: {apiKey: hunter2}",
    ],
)
def test_a_secret_is_refused_and_not_repeated(yaml_text):
    line = refusal(yaml_text)
    assert "use WANDB_API_KEY" in line
    assert "hunter2" not in line


@pytest.mark.parametrize("override", ["tracking.api_key=hunter2", "tracking.api_key=[hunter2", "wandb.token=hunter2"])
def test_a_secret_in_an_override_is_refused_and_not_repeated(override):
    with pytest.raises(ConfigError, match="use WANDB_API_KEY") as caught:
        load_config([], overrides=[override])
    assert "hunter2" not in caught.value.one_line()


def test_a_secret_is_refused_from_python_too():
    with pytest.raises(ConfigError, match="codec.options.api_key: secrets must not stand in a config"):
        CodecSection(options={"api_key": "hunter2"})


def test_words_that_only_resemble_secrets_are_allowed():
    options = {"pad_token_id": 0, "n_tokens": 3, "tokenizer": "a", "keys": 2, "bos_token": "<s>"}
    assert load_config([], overrides=[f"model.options={options}"]).model.options == options


# Types, ranges, contradictions


@pytest.mark.parametrize(
    ("yaml_text", "expected"),
    [
        ("data: {language: no}", "data.language: expected text, got false; quote it"),
        ("data: {speaker: 3}", "data.speaker: expected text, got 3; quote it"),
        ("data: {speaker: ' '}", "data.speaker: text is empty"),
        ("data: {workers: yes}", "data.workers: expected a whole number, got true"),
        ("data: {workers: 2.0}", "data.workers: expected a whole number, got 2.0; write 2"),
        ("data: {workers: '2'}", "data.workers: expected a whole number, got '2'"),
        ("data: {workers: [2]}", "data.workers: expected a whole number, got a list"),
        ("data: {clip_seconds: two}", "data.clip_seconds: expected a number, got 'two'"),
        ("data: {mono: 1}", "data.mono: expected a known name, got 1; choose one of error, mean"),
        ("tokens: {tokenizer: byte}", "tokens.tokenizer: expected a known name, got 'byte'; did you mean 'bytes'?"),
        ("training: {resume: 1}", "training.resume: expected true or false, got 1"),
        ("model: {options: 3}", "model.options: expected a mapping, got 3"),
        ("model: {family: ../x}", "model.family: expected the name of a file"),
        ("model: {name: ../x}", "model.name: expected a name of letters"),
        (
            "tracking: {report_to: wandbb}",
            "tracking.report_to: expected a known name, got 'wandbb'; did you mean 'wandb'?",
        ),
        ("tracking: {report_to: [wandb, none]}", "tracking.report_to: holds 'none' beside another name"),
        ("training: {args: {lr_scheduler_type: cosin}}", "did you mean 'cosine'?"),
        ("training: {args: {save_strategy: no}}", "got false; choose one of no, steps, epoch, best, in quotes"),
        ("training: {args: {learning_rate: fast}}", "training.args.learning_rate: expected a number, got 'fast'"),
    ],
)
def test_a_wrong_type_says_what_was_expected(yaml_text, expected):
    assert expected in refusal(yaml_text)


@pytest.mark.parametrize(
    ("yaml_text", "expected"),
    [
        ("data: {max_seconds: .inf}", "data.max_seconds: .inf is not a finite number"),
        ("data: {max_seconds: .nan}", "data.max_seconds: .nan is not a finite number"),
        ("data: {max_seconds: -1}", "data.max_seconds: expected 0.01 to 86400, got -1.0"),
        ("data: {max_seconds: 1e30}", "data.max_seconds: expected 0.01 to 86400, got 1e+30"),
        (f"data: {{workers: {10**30}}}", f"data.workers: {10**30} is out of range"),
        ("data: {train_fraction: 1}", "data.train_fraction: expected 0 to 1, both excluded, got 1.0"),
        ("model: {options: {size: 1e400}}", "model.options.size: 1e400 is not a finite number"),
        (f"model: {{options: {{size: {10**30}}}}}", "model.options.size: 1000000000000000000000000000000 is out of"),
        ("inference: {temperature: 0}", "inference.temperature: expected 0.01 to 100, got 0.0"),
        ("inference: {top_p: 0}", "inference.top_p: expected 0.001 to 1, got 0.0"),
        ("inference: {top_k: -1}", "inference.top_k: expected 1 to 1000000, got -1"),
        ("inference: {num_beams: 1000000}", "inference.num_beams: expected 1 to 64, got 1000000"),
        ("training: {args: {per_device_train_batch_size: 0}}", "expected 1 to 1000000, got 0"),
        (
            "training: {args: {save_steps: 0}}",
            "training.args.save_steps: expected 0 to 1000000000, both excluded, got 0",
        ),
        ("training: {args: {learning_rate: -1e-4}}", "training.args.learning_rate: expected 0 to 10, both excluded"),
        ("training: {args: {max_steps: 0}}", "training.args.max_steps: expected 1 to 1000000000, got 0"),
        ("training: {args: {lr_decay_steps: 0}}", "training.args.lr_decay_steps: expected 1 to 1000000000, got 0"),
    ],
)
def test_a_number_out_of_range_is_named_with_its_range(yaml_text, expected):
    assert expected in refusal(yaml_text)


@pytest.mark.parametrize(
    ("yaml_text", "first", "second"),
    [
        ("data: {clip_seconds: 40}", "data.clip_seconds", "data.max_seconds"),
        ("data: {corpus: huggingface}", "data.corpus", "data.name"),
        ("data: {corpus: huggingface, name: a/b, path: c}", "data.corpus", "data.path"),
        ("data: {corpus: ljspeech, name: a/b}", "data.name", "data.corpus"),
        ("data: {corpus: folder}", "data.corpus", "data.path"),
        ("data: {augmentation_copies: 2, augmentation_noise_std: 0}", "data.augmentation_copies", "noise_std"),
        ("inference: {do_sample: false, temperature: 0.5}", "inference.temperature", "inference.do_sample"),
        ("inference: {do_sample: false, top_k: 5}", "inference.top_k", "inference.do_sample"),
        ("training: {args: {bf16: true, fp16: true}}", "training.args.fp16", "training.args.bf16"),
        ("training: {args: {min_learning_rate: 1}}", "training.args.min_learning_rate", "training.args.learning_rate"),
        ("training: {args: {warmup_steps: 9, lr_decay_steps: 9}}", "training.args.lr_decay_steps", "args.warmup_steps"),
        ("training: {args: {load_best_model_at_end: true}}", "args.load_best_model_at_end", "args.eval_strategy"),
        (
            "training: {early_stopping_patience: 2, args: {eval_strategy: 'no'}}",
            "training.early_stopping_patience",
            "training.args.eval_strategy",
        ),
        ("training: {args: {output_dir: a}}", "training.args.output_dir", "training.output_dir"),
        ("training: {args: {report_to: wandb}}", "training.args.report_to", "tracking.report_to"),
    ],
)
def test_contradictory_keys_are_both_named(yaml_text, first, second):
    line = refusal(yaml_text)
    assert line.startswith(f"--yconfig:1 {first}") or first in line.split(": ")[0]
    assert second in line


def test_every_check_also_holds_for_a_config_built_in_python():
    with pytest.raises(ConfigError, match=r"^data.workers: expected 1 to 1024, got 0; choose one in that range$"):
        DataSection(workers=0)
    with pytest.raises(ConfigError, match=r"^inference.temperature: expected 0.01 to 100, got nan"):
        InferenceSection(temperature=math.nan)
    with pytest.raises(ConfigError, match=r"^training.args.lerning_rate: unknown key"):
        TrainingSection(args={"lerning_rate": 1})
    with pytest.raises(ConfigError, match=r"^model.options.size: expected plain data, got complex; use text"):
        ModelSection(options={"size": 1j})


def test_a_whole_number_is_fine_where_any_number_is():
    assert (
        load_config([], yconfigs=["data: {clip_seconds: 2}\ntraining: {args: {learning_rate: 1}}"]).data.clip_seconds
        == 2
    )


def test_a_number_with_an_exponent_and_no_dot_is_a_number():
    config = load_config([], yconfigs=["training: {args: {learning_rate: 1e-4}}"])
    assert config.training.args == {"learning_rate": 1e-4}


def test_reporters_are_a_list_that_is_empty_for_none():
    assert TrackingSection().reporters == []
    assert load_config([], overrides=["tracking.report_to=[wandb, tensorboard]"]).tracking.reporters == [
        "wandb",
        "tensorboard",
    ]


# Paths


def test_home_and_variables_are_filled_in_a_path(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("CORPORA", "/corpora")
    yaml_text = "data: {path: ~/LJ Speech/ü, cache_dir: $CORPORA/cache}\ntraining: {output_dir: '${CORPORA}/run'}"
    config = load_config([], yconfigs=[yaml_text])
    assert config.data.path == "/home/me/LJ Speech/ü"
    assert config.data.cache_dir == "/corpora/cache"
    assert config.training.output_dir == "/corpora/run"


def test_an_unknown_variable_in_a_path_is_an_error(monkeypatch):
    monkeypatch.delenv("NOWHERE", raising=False)
    assert "data.path: '$NOWHERE/x' names an unknown user or variable; write the path out" in refusal(
        "data: {path: $NOWHERE/x}"
    )


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


# Writing


def texts() -> st.SearchStrategy[str]:
    categories = st.characters(exclude_categories=("Cs", "Cc"))
    awkward = [
        "no",
        "None",
        "010",
        "1e-4",
        "10:30",
        "2026-01-01",
        "<<",
        "=",
        "- a",
        "a: b",
        "#",
        "&a",
        "\u2028",
        "\ufeff",
    ]
    return st.one_of(st.text(categories, min_size=1, max_size=20), st.sampled_from(awkward)).filter(str.strip)


def free_values() -> st.SearchStrategy[object]:
    numbers = st.one_of(st.integers(-(2**63) + 1, 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False))
    scalars = st.one_of(st.booleans(), numbers, texts(), st.just(""))
    names = st.from_regex(r"[a-z0-9_-]{1,8}", fullmatch=True).filter(lambda name: name not in ("token", "secret"))
    return st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3))


def configs() -> st.SearchStrategy[Config]:
    options = st.dictionaries(st.sampled_from(["hidden_size", "encoder", "no", "1"]), free_values(), max_size=3)
    maybe_text, maybe_count = st.none() | texts(), st.none() | st.integers(1, 10**9)
    paths = texts().filter(lambda path: "$" not in path and "~" not in path)
    return st.builds(
        Config,
        text=st.builds(TextSection, normalizer=st.sampled_from(["basic", "no", "null"])),
        tokens=st.builds(TokensSection, tokenizer=st.sampled_from(["characters", "bytes"])),
        model=st.builds(ModelSection, name=st.sampled_from(["1", "1e3", "2026-01-01", "a.b"]), options=options),
        codec=st.builds(CodecSection, name_or_path=paths, revision=maybe_text, options=options),
        data=st.builds(
            DataSection,
            path=st.none() | paths,
            speaker=maybe_text,
            consent=maybe_text,
            limit_rows=maybe_count,
            max_seconds=st.none() | st.floats(0.01, 86_400),
            train_fraction=st.floats(0, 1, exclude_min=True, exclude_max=True),
        ),
        training=st.builds(
            TrainingSection,
            resume=st.booleans(),
            ema_decay=st.none() | st.just(0.999),
            args=st.fixed_dictionaries({}, optional={name: st.just(value) for name, value in ADDED_ARGS.items()}),
        ),
        inference=st.builds(
            InferenceSection, temperature=st.floats(0.01, 100), top_k=maybe_count.map(lambda k: k and k % 99 + 1)
        ),
        evaluation=st.builds(EvaluationSection, seen=st.integers(0, 10**9)),
        tracking=st.builds(
            TrackingSection, report_to=st.sampled_from(["none", "wandb", ("wandb",), ("tensorboard", "wandb"), ()])
        ),
    )


@given(configs())
@settings(deadline=None)
def test_loading_what_was_dumped_gives_the_same_config(config):
    assert load_config([], yconfigs=[config.to_yaml()]) == config


def test_a_dump_holds_every_key():
    dumped = load_config([], yconfigs=[Config().to_yaml()])
    for section in ("text", "tokens", "model", "codec", "data", "training", "inference", "evaluation", "tracking"):
        for name in vars(getattr(dumped, section)):
            assert dumped.origin(f"{section}.{name}") is not None, name


# Rubbish


def mutated(text: str) -> st.SearchStrategy[str]:
    pieces = st.sampled_from(
        [*"\t\n :-[]{},&*!|>'\"%@`#?~", "  ", "\n- ", ": ", "null", "1e9", "<<: *a", "\0", "--- \n", "é"]
    )
    edits = st.tuples(st.integers(0, len(text)), st.integers(0, 6), st.one_of(pieces, st.text(max_size=3)))

    def apply(changes: list[tuple[int, int, str]]) -> str:
        result = text
        for start, length, piece in changes:
            result = result[:start] + piece + result[start + length :]
        return result

    return st.lists(edits, min_size=1, max_size=5).map(apply)


@given(mutated((ROOT / "config/basic/small_train.yaml").read_text(encoding="utf-8")))
@settings(deadline=None, max_examples=300)
def test_any_mutated_config_gives_a_config_or_a_config_error(text):
    try:
        config = load_config([], yconfigs=[text])
    except ConfigError as error:
        assert len(error.one_line()) <= MAX_LINE
        assert "\n" not in error.one_line()
    else:
        assert load_config([], yconfigs=[config.to_yaml()]) == config


@given(st.binary(min_size=1, max_size=200))
@settings(deadline=None, max_examples=300)
def test_rubbish_bytes_give_a_config_error(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "rubbish.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError):
        load_config([path])


@given(st.text(max_size=80))
@settings(deadline=None, max_examples=300)
def test_any_override_gives_a_config_or_a_config_error(text):
    for override in (text, f"data.path={text}", f"model.options={text}"):
        try:
            load_config([], overrides=[override])
        except ConfigError as error:
            assert error.file == "command line"


# Cost


def test_the_config_layer_imports_neither_torch_nor_transformers():
    code = (
        "import sys, types; package = types.ModuleType('toktts'); package.__path__ = ['toktts'];"
        "sys.modules['toktts'] = package; import toktts.config;"
        "toktts.config.load_config([], yconfigs=['data: {workers: 2}']);"
        "print({'torch', 'transformers', 'numpy'} & set(sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout == "set()\n"
