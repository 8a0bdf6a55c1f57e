from pathlib import Path

import pytest

from toktts.errors import ConfigError
from toktts.launch.settings import read_settings


def test_the_template_is_a_valid_config(root: Path) -> None:
    settings = read_settings(root / "config/cloud/gcloud.example.yaml")
    assert (settings.name, settings.path, settings.project) == ("toktts-training", "gcloud", None)
    assert "--accelerator=type=nvidia-tesla-t4,count=1" in settings.creation_flags


def test_only_the_name_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "cloud.yaml"
    path.write_text("gcloud: {instance: {name: box}}", encoding="utf-8")
    settings = read_settings(path)
    assert (settings.name, settings.path, settings.zone, settings.creation_flags) == ("box", "gcloud", None, [])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "1: expected a mapping with gcloud; write one"),
        ("gcloud:\n  instanse: {}\n", "2 gcloud.instanse: unknown key; did you mean 'instance'?"),
        ("gclod: {}\n", "1 gclod: unknown key; did you mean 'gcloud'?"),
        ("gcloud:\n  zone: a\n", "1 gcloud.instance: expected a mapping with name, creation_args; write one"),
        ("gcloud: {instance: {}}\n", " gcloud.instance.name: is missing; name the instance"),
        ("gcloud: {instance: {name: --zone=x}}\n", "1 gcloud.instance.name: expected a name ("),
        ("gcloud: {instance: {name: Box}}\n", "1 gcloud.instance.name: expected a name ("),
        ("gcloud:\n  zone: -x\n  instance: {name: a}\n", "2 gcloud.zone: expected a name ("),
        ("gcloud:\n  path: --x\n  instance: {name: a}\n", "2 gcloud.path: expected a name ("),
        ("gcloud: {instance: {name: a, creation_args: [x]}}\n", "1 gcloud.instance.creation_args: expected options of"),
        ("gcloud: {instance: {name: a, creation_args: {zone: b}}}\n", "creation_args.zone: is no option to set here"),
        ("gcloud: {instance: {name: a, creation_args: {-x: b}}}\n", "is no option to set here"),
        (
            "gcloud: {instance: {name: a, creation_args: {x: {y: [1]}}}}\n",
            "creation_args.x.y: expected one word or number",
        ),
        (
            "gcloud: {instance: {name: a, creation_args: {x: ['a,b']}}}\n",
            "creation_args.x: expected one word or number",
        ),
        ("gcloud: {instance: {name: a}\n", "not YAML"),
        ("gcloud: !!python/object/apply:os.system [id]\n", "tags such as !!python/object are not allowed"),
    ],
)
def test_a_bad_config_is_one_line_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "cloud.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        read_settings(path)
    line = error.value.one_line()
    assert str(path) in line
    assert message in line
    assert "\n" not in line
    assert len(line) <= 300


def test_a_config_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match="nowhere.yaml: cannot be read .*; start from config/cloud/gcloud.example.yaml"
    ):
        read_settings(tmp_path / "nowhere.yaml")
