import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toktts.config import CommandLine, command_line_parser, parse_command_line
from toktts.errors import ConfigError


def parse(*words: str, needs_config: bool = True) -> CommandLine:
    parser = command_line_parser("generate_samples.py", "Speak.")
    parser.add_argument("--text")
    return parse_command_line(words, parser=parser, needs_config=needs_config)


def refusal(*words: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(*words)
    return caught.value.one_line()


def test_flags_and_overrides_are_told_apart():
    words = ["--config", "a.yaml", "--text", "hi", "data.workers=2", "--config=b.yaml", "--yconfig", "data: {}"]
    words += ["--training.args.learning_rate=1e-05", "--model.options={'hidden_size': 64}", "--with-model", "m"]
    words += ["--with-checkpoint", "c", "--debug", "--data.path=None", "--model={'name': 'x y'}"]
    found = parse(*words)
    assert found.files == ("a.yaml", "b.yaml")
    assert found.yconfigs == ("data: {}",)
    assert found.overrides == (
        "data.workers=2",
        "--training.args.learning_rate=1e-05",
        "--model.options={'hidden_size': 64}",
        "--data.path=None",
        "--model={'name': 'x y'}",
    )
    assert (found.with_model, found.with_checkpoint, found.debug) == ("m", "c", True)
    assert vars(found.extra) == {"text": "hi"}


def test_the_same_words_load_the_same_config(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("data: {workers: 2}", encoding="utf-8")
    config = parse("--config", str(path), "--yconfig", "data: {limit_rows: 3}", "--data.workers=4").load_config()
    assert (config.data.workers, config.data.limit_rows) == (4, 3)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--confg", "a.yaml"], "unknown flag '--confg'; did you mean --config?"),
        (["--with-modle=a"], "unknown flag '--with-modle'; did you mean --with-model?"),
        (["--txt=a"], "unknown flag '--txt'; did you mean --text?"),
        (["--conf", "a.yaml"], "unknown flag '--conf'; did you mean --config?"),
        (["-x"], "unknown flag '-x'; see generate_samples.py --help"),
        (["--config"], "argument --config: expected one argument; see generate_samples.py --help"),
        (["--config", "a.yaml", "b.yaml"], "file 'b.yaml' has no flag; write --config b.yaml"),
        (["--config", "a.yaml", "train"], "unknown word 'train'; write section.key=value"),
        (["--data.workers", "2"], "'--data.workers' has no value; write --data.workers=VALUE"),
        ([], "--config is missing; add --config config/demo.yaml"),
    ],
)
def test_an_unusable_word_is_named_with_what_to_write(words, expected):
    assert refusal(*words) == f"toktts: error: command line: {expected}" or expected in refusal(*words)


def test_a_command_may_do_without_a_config():
    assert parse("--text", "hi", needs_config=False).files == ()


def test_help_lists_the_flags_and_leaves_with_code_0(capsys):
    with pytest.raises(SystemExit) as caught:
        parse("--help")
    assert caught.value.code == 0
    printed = capsys.readouterr().out
    assert "--with-checkpoint" in printed
    assert "section.key=value" in printed


@given(st.lists(st.text(max_size=12).filter(lambda word: not word.startswith(("-h", "--h"))), max_size=4))
def test_any_words_give_a_command_line_or_a_config_error(words):
    with contextlib.suppress(ConfigError):
        parse(*words)
