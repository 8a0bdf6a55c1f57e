"""Configs that come with toktts are found by name, wherever the command runs."""

import pytest

from toktts.config import load_config
from toktts.errors import ConfigError


def test_a_config_that_comes_with_toktts_is_found_by_its_name(tmp_path, monkeypatch, root):
    monkeypatch.chdir(tmp_path)
    assert load_config(["demo"]) == load_config([root / "config" / "demo.yaml"])
    assert load_config(["basic/small_train"]) == load_config([root / "config" / "basic" / "small_train.yaml"])


def test_a_file_of_the_working_folder_goes_before_a_config_of_that_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo").write_text("model: {name: mine}\n", encoding="utf-8")
    assert load_config(["demo"]).model.name == "mine"


@pytest.mark.parametrize("name", ["../config/demo", "demo/../demo", "nothing", ""])
def test_other_names_are_refused_in_one_line(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config([name])
