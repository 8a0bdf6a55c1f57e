import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from light_process import LIGHT

from toktts.config import (
    CodecSection,
    Config,
    DataSection,
    EvaluationSection,
    InferenceSection,
    ModelSection,
    TextSection,
    TokensSection,
    TrackingSection,
    TrainingSection,
    load_config,
)
from toktts.errors import ConfigError

ROOT = Path(__file__).parents[1]
ADDED_ARGS = {"min_learning_rate": 0.0, "lr_decay_steps": 200, "lr_scheduler_type": "cosine", "bf16": True}


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
@settings(deadline=None, max_examples=150)
def test_any_mutated_config_gives_a_config_or_a_config_error(text):
    try:
        config = load_config([], yconfigs=[text])
    except ConfigError:
        return
    assert load_config([], yconfigs=[config.to_yaml()]) == config


@given(st.binary(min_size=1, max_size=200))
@settings(deadline=None, max_examples=150)
def test_rubbish_bytes_give_a_config_error(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "rubbish.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError):
        load_config([path])


@given(st.text(max_size=80))
@settings(deadline=None, max_examples=150)
def test_any_override_gives_a_config_or_a_config_error(text):
    for override in (text, f"data.path={text}", f"model.options={text}"):
        with contextlib.suppress(ConfigError):
            load_config([], overrides=[override])


# Cost


def test_the_config_layer_imports_neither_torch_nor_transformers():
    code = (
        f"{LIGHT}import toktts.config;"
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
