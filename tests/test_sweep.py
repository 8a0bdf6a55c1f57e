"""The runs of a sweep as `wandb agent` starts them, without the server that it asks for the values."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from wandb.sdk.launch.sweeps.utils import create_sweep_command, create_sweep_command_args

pytestmark = pytest.mark.medium
ROOT = Path(__file__).parent.parent
SWEEP = yaml.safe_load((ROOT / "config/sweep/wandb.yaml").read_text(encoding="utf-8"))
SECRETS = {"WANDB_API_KEY": "canary" + "0" * 34, "HF_TOKEN": "hf_canary11111111111111111111111111"}
VALUES = {
    "first": {
        "training.args.learning_rate": 0.000123,
        "training.args.weight_decay": 0.15,
        "data.augmentation_copies": 1,
    },
    "second": {
        "training.args.learning_rate": 0.000456,
        "training.args.weight_decay": 0.01,
        "data.augmentation_copies": 4,
    },
}


def command_line(values: dict[str, object]) -> list[str]:
    """What wandb makes of the file and the values that it chose, with the smallest config instead of the real one."""
    chosen = {"args": {key: {"value": value} for key, value in values.items()}}
    parts = create_sweep_command_args(chosen) | {
        "env": ["/usr/bin/env"],
        "interpreter": [sys.executable],
        "program": [str(ROOT / SWEEP["program"])],
    }
    words: list[str] = []
    for word in create_sweep_command(SWEEP["command"]):
        words += parts[word[2:-1]] if word.startswith("${") else [word]
    real = ["config/basic/small_train.yaml", "config/tracking/wandb.yaml"]
    replaced = {real[0]: "tiny", real[1]: str(ROOT / real[1])}
    return [replaced.get(word, word) for word in words]


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which two runs of a sweep were trained offline, one after the other."""
    folder = tmp_path_factory.mktemp("sweep")
    quick = ["training.args.max_steps=2", "training.args.eval_steps=2", "training.args.logging_steps=1"]
    for run_id, values in VALUES.items():
        environment = {**os.environ, **SECRETS, "WANDB_MODE": "offline", "WANDB_RUN_ID": run_id, "WANDB_SWEEP_ID": "s"}
        done = subprocess.run(
            [*command_line(values), *quick], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        (folder / f"{run_id}.log").write_text(done.stdout + done.stderr, encoding="utf-8")
        assert done.returncode == 0, done.stderr
    return folder


def test_every_run_has_a_folder_of_its_own_with_its_values(sweep: Path) -> None:
    for run_id, values in VALUES.items():
        written = yaml.safe_load((sweep / "runs/sweep" / run_id / "config.yaml").read_text(encoding="utf-8"))
        for key, value in values.items():
            found = written
            for part in key.split("."):
                found = found[part]
            assert found == value
        assert (sweep / "runs/sweep" / run_id / "model.safetensors").is_file()


def test_wandb_gets_the_values_and_the_metric_that_the_sweep_is_after(sweep: Path) -> None:
    for run_id, values in VALUES.items():
        (record,) = (sweep / "wandb").glob(f"offline-run-*-{run_id}/run-{run_id}.wandb")
        content = record.read_bytes()
        assert json.dumps(values["training.args.learning_rate"]).encode() in content
        assert SWEEP["metric"]["name"].encode() in content


def test_no_secret_is_written_anywhere(sweep: Path) -> None:
    for path in sweep.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not [name for name, secret in SECRETS.items() if secret.encode() in content], path
