from pathlib import Path

import pytest
import yaml

from toktts.config import SECTIONS, Config, load_config
from toktts.config._yaml import read_yaml
from toktts.config.sections import field_types

FOLDER = Path(__file__).parents[1] / "config"
FOREIGN = {"sweep", "cloud"}  # read by wandb and by the launcher
FILES = sorted(path for path in FOLDER.rglob("*.yaml") if path.parent.name not in FOREIGN)
REFERENCE = {
    "basic/small_train": (6, 6, 384, 6, 6, 384, 10, 8, 2e-5, 0.01, 1),
    "basic/small_train_aug": (6, 6, 384, 6, 6, 384, 10, 8, 2e-5, 0.01, 2),
    "basic/normal_train": (6, 6, 384, 8, 8, 512, 10, 8, 2e-4, 0.01, 1),
    "basic/normal_train_2": (6, 6, 384, 8, 8, 512, 20, 8, 2e-5, 0.01, 1),
    "basic/normal_train_3": (6, 6, 384, 8, 8, 512, 30, 8, 2e-4, 0.01, 1),
    "two_secs_speech/first_working": (4, 4, 64, 6, 6, 96, 160, 64, 2e-3, 0.15, 1),
    "two_secs_speech/further_exploration_4": (4, 4, 64, 6, 6, 96, 2560, 64, 2e-3, 0.15, 1),
    "two_secs_augmented/ex": (4, 8, 256, 6, 12, 384, 160, 64, 2e-3, 0.15, 4),
    "two_secs_augmented/ex_small": (4, 8, 128, 6, 12, 192, 160, 64, 2e-3, 0.15, 4),
}


def names(path: Path) -> str:
    return str(path.relative_to(FOLDER).with_suffix(""))


@pytest.mark.parametrize("path", FILES, ids=names)
def test_every_config_in_the_folder_loads(path):
    config = load_config([path])
    assert load_config([], yconfigs=[config.to_yaml()]) == config


@pytest.mark.parametrize("path", FILES, ids=names)
def test_every_config_can_be_tracked_and_laid_over_base(path):
    tracked = load_config([FOLDER / "base.yaml", path, FOLDER / "tracking/wandb.yaml"])
    assert tracked.tracking.reporters == ["wandb"]


def test_base_holds_every_key_once_with_its_default():
    base = read_yaml((FOLDER / "base.yaml").read_text(encoding="utf-8"), "base.yaml")
    written = {name: list(section.children()) for name, section in base.children().items()}
    assert written == {name: list(field_types(section)) for name, section in SECTIONS.items()}
    assert load_config([FOLDER / "base.yaml"]) == Config()


def test_base_explains_every_key():
    lines = (FOLDER / "base.yaml").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("  ") and "#" not in line] == []


@pytest.mark.parametrize("name", REFERENCE)
def test_a_reference_experiment_has_the_reference_settings(name):
    config = load_config([FOLDER / f"{name}.yaml"])
    encoder, decoder = config.model.options["encoder"], config.model.options["decoder"]
    args = config.training.args
    shapes = [part[key] for part in (encoder, decoder) for key in ("n_layer", "n_head", "n_embd")]
    schedule = [
        args[key] for key in ("num_train_epochs", "per_device_train_batch_size", "learning_rate", "weight_decay")
    ]
    assert (*shapes, *schedule, config.data.augmentation_copies or 1) == REFERENCE[name]
    assert config.model.family == "tokflat"
    assert config.model.name == name.split("/")[1]
    assert encoder["attn_pdrop"] == decoder["attn_pdrop"] == 0.2
    assert decoder["seq_length"] == 2 * 75 * config.data.clip_seconds
    assert config.codec.name_or_path == "facebook/encodec_24khz"
    assert config.codec.bandwidth_kbps == 1.5
    assert (config.tokens.tokenizer, config.inference.num_beams) == ("bytes", 4)


def test_no_two_configs_share_a_run_folder():
    overlays = {"base", "tracking/wandb", "tracking/tensorboard"}
    found = [load_config([path]).model.name for path in FILES if names(path) not in overlays]
    assert len(found) == len(set(found))


def test_the_sweep_passes_only_keys_that_a_config_has():
    sweep = yaml.safe_load((FOLDER / "sweep/wandb.yaml").read_text(encoding="utf-8"))
    files = [FOLDER.parent / word for word in sweep["command"] if word.endswith(".yaml")]
    for key, choices in sweep["parameters"].items():
        for value in choices.get("values") or [choices["min"], choices["max"]]:
            assert load_config(files, overrides=[f"--{key}={value}"]).origin(key).file == "command line"
