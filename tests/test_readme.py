"""The README names only what exists: files, commands, flags, config keys, tests."""

import ast
import os
import re
import shlex
from pathlib import Path

import pytest
import typer

import toktts_cli
from toktts.config import load_config

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", README, re.DOTALL)
COMMANDS = [
    shlex.split(command, comments=True)
    for language, block in BLOCKS
    if language == ""
    for line in block.splitlines()
    for command in line.split(" && ")
    if line.strip()
]
# What a reader is told to make.
MADE_BY_THE_READER = {"config/mine.yaml", "my-cloud.yaml"}


def joined(words: list[str]) -> str:
    return " ".join(words)


@pytest.mark.parametrize("command", COMMANDS, ids=joined)
def test_every_command_runs_something_that_exists(command: list[str]) -> None:
    program = command[0]
    if program.startswith("./"):
        assert os.access(ROOT / program, os.X_OK)
    elif program == "python":
        assert (ROOT / command[1]).is_file()
    elif program == "toktts":
        assert command[1] in typer.main.get_command(toktts_cli.app).commands or command[1] == "--help"  # type: ignore[attr-defined]
    else:
        assert program in ("cp", "wandb")


@pytest.mark.parametrize("command", COMMANDS, ids=joined)
def test_every_file_on_a_command_line_exists(command: list[str]) -> None:
    files = [word for word in command if re.fullmatch(r"[\w/.-]+\.(ya?ml|py|ipynb)", word)]
    missing = [file for file in files if file not in MADE_BY_THE_READER and not (ROOT / file).is_file()]
    assert not missing


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_every_link_leads_to_a_file(link: str) -> None:
    assert (ROOT / link).exists()


@pytest.mark.parametrize("script", sorted(set(re.findall(r"`((?:scripts|config)/[\w/.]+)[ `]", README))))
def test_every_path_in_the_text_exists(script: str) -> None:
    assert (ROOT / script).exists()


@pytest.mark.parametrize("text", [block for language, block in BLOCKS if language == "yaml"])
def test_every_config_in_it_is_valid(text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    load_config([], yconfigs=[text])


@pytest.mark.parametrize("text", [block for language, block in BLOCKS if language == "python"])
def test_every_python_example_parses(text: str) -> None:
    ast.parse(text)


def test_every_capability_has_a_test_that_exists() -> None:
    rows = re.findall(r"^\| (TK\d+) \|[^|]+\|([^|]*)\|$", README, re.MULTILINE)
    assert [name for name, _ in rows] == [f"TK{number}" for number in range(1, 16)]
    for name, cell in rows:
        files = re.findall(r"`(tests/[\w/]+\.py)`", cell)
        assert files, f"{name} names no test"
        assert [file for file in files if not (ROOT / file).is_file()] == []


def test_every_fault_that_is_listed_has_a_test_that_exists() -> None:
    rows = re.findall(r"^\| [A-Z]\d.*\|$", (ROOT / "docs/reliability.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) > 30
    for row in rows:
        files = re.findall(r"`(tests/[\w/]+\.py)`", row)
        assert files, row
        assert [file for file in files if not (ROOT / file).is_file()] == []


def test_the_two_commands_come_first() -> None:
    assert [command[0] for command in COMMANDS[:2]] == ["./scripts/demo", "./scripts/check"]
