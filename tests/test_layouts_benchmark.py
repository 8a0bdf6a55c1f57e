from pathlib import Path

import pytest

from benchmarks.layouts import COLUMNS, SETUPS, Row, laboratory, listener, setup_config, table
from toktts.config import load_config
from toktts.data.corpora.folder import Folder
from toktts.errors import ConfigError, RunFolderError

QUICK = ["training.args.max_steps=2", "model.options.hidden_size=32", "inference.max_seconds=0.1"]


def words_for(tmp_path: Path, *more: str, minutes: str = "1") -> list[str]:
    if not (tmp_path / "corpus").exists():
        Folder.tiny(tmp_path / "corpus")
    places = [f"data.path={tmp_path / 'corpus'}", f"data.cache_dir={tmp_path / 'cache'}", "data.corpus=folder"]
    flags = ["--minutes", minutes, "--sentences", "2", "--out", str(tmp_path / "out"), "--config", "auto"]
    return [*flags, *QUICK, *places, *more]


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """What two runs of the laboratory print, the second over the folders of the first, and where."""
    folder = tmp_path_factory.mktemp("laboratory")
    with pytest.MonkeyPatch.context() as patch:
        lines: list[str] = []
        patch.setattr("builtins.print", lambda *words, **_kwargs: lines.append(" ".join(map(str, words))))
        laboratory(words_for(folder), transcribe=lambda _waveform: "hello")
        laboratory(words_for(folder), transcribe=lambda _waveform: "hello")
    return folder, lines


def tables(lines: list[str]) -> list[str]:
    return [line for line in lines if "frames seen" in line]


@pytest.mark.medium
def test_every_setup_is_trained_and_stands_in_the_table_with_all_its_numbers(printed):
    folder, lines = printed
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in tables(lines)[0].splitlines()]
    assert tuple(head) == COLUMNS
    assert [row[0] for row in rows] == list(SETUPS)
    for row in rows:
        values = dict(zip(head, row, strict=True))
        assert values["steps"] == "2"
        assert all(float(values[name].replace(",", "")) > 0 for name in COLUMNS[1:])
    assert {path.name for path in (folder / "out").iterdir()} == {setup.replace(" ", "-") for setup in SETUPS}


@pytest.mark.medium
def test_finished_runs_are_used_again(printed):
    _, lines = printed
    assert len(tables(lines)) == 2
    assert sum(line.startswith("validation: loss") for line in lines) == len(SETUPS)
    first, second = ([line.split("|")[1:-2] for line in text.splitlines()[2:]] for text in tables(lines))
    assert first == second


@pytest.mark.medium
def test_a_run_of_other_settings_is_not_taken_for_this_one(printed):
    folder, _ = printed
    with pytest.raises(RunFolderError, match="holds a run with other settings; choose another --out"):
        laboratory(words_for(folder, minutes="2"), transcribe=lambda _waveform: "hello")


def test_all_setups_differ_in_family_and_layout_only(tmp_path):
    config = load_config(["voice"], overrides=["model.options.history_dropout=0.2", "model.options.code_weights=[2.0]"])
    made = {name: setup_config(config, name, minutes=3, out=tmp_path) for name in SETUPS}
    assert {name: made[name].model.family for name in SETUPS} == SETUPS
    layouts = [made[name].model.options.get("layout") for name in SETUPS]
    assert layouts == ["flat", "delay", "parallel", "stacked", "stacked", None]
    assert [made[name].model.options.get("frames_per_step") for name in SETUPS] == [*[None] * 4, 2, None]
    assert {tuple(made[name].model.options["code_weights"]) for name in SETUPS} == {(2.0,)}
    assert "frames_per_position" in made["one pass"].model.options
    assert "frames_per_position" not in made["flat"].model.options
    assert "history_dropout" not in made["one pass"].model.options
    assert {made[name].data for name in SETUPS} == {config.data}
    assert {made[name].training.max_minutes for name in SETUPS} == {3.0}


def test_without_the_judges_the_column_is_empty_and_says_why(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "faster_whisper", None)
    transcribe, reason = listener()
    assert transcribe is None
    assert reason.startswith("CER is -: ")
    assert "install the judges with scripts/install_extras evaluation" in reason
    row = Row("flat", 1000, 1.0, None, 5, None, 10, None)
    assert table([row]).splitlines()[2].split("|")[4].strip() == "-"


def test_minutes_must_be_above_zero(tmp_path):
    with pytest.raises(ConfigError, match="--minutes and --sentences must be above 0"):
        laboratory(words_for(tmp_path, minutes="0"))
