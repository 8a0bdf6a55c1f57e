import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

RECORDER = """#!{python} -IS
import json, pathlib, sys
log = pathlib.Path({log!r})
with open(log, "a", encoding="utf-8") as calls:
    calls.write(json.dumps([pathlib.Path(sys.argv[0]).name, *sys.argv[1:]]) + "\\n")
sys.exit(int({fail!r} in sys.argv))
"""


class Machine:
    """A rented machine of stubs: what it was told to run, in order."""

    def __init__(self, folder: Path, script: Path) -> None:
        self.folder, self.log = folder, folder / "calls.jsonl"
        (folder / "scripts").mkdir()
        shutil.copy(script, folder / "scripts")
        for place in ("scripts/install", "venv/bin/python", "path/sudo"):
            program = folder / place
            program.parent.mkdir(parents=True, exist_ok=True)
            text = RECORDER.format(python=sys.executable, log=str(self.log), fail="FAIL")
            program.write_text(text, encoding="utf-8")
            program.chmod(0o755)

    def run(self, *args: str) -> int:
        environment = os.environ | {
            "PATH": f"{self.folder / 'path'}{os.pathsep}{os.environ['PATH']}",
            "TOKTTS_VENV": str(self.folder / "venv"),
        }
        return subprocess.run(
            ["bash", "scripts/run_remote_training.sh", *args], cwd=self.folder, env=environment, check=False
        ).returncode

    def calls(self) -> list[list[str]]:
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def machine(tmp_path: Path, root: Path) -> Machine:
    return Machine(tmp_path, root / "scripts/run_remote_training.sh")


def test_it_installs_trains_and_speaks_with_the_same_arguments(machine: Machine) -> None:
    args = ["--config", "a b.yaml", "x.y=$HOME", ""]
    assert machine.run("no", *args) == 0
    assert machine.calls() == [["install"], ["python", "trainer.py", *args], ["python", "generate_samples.py", *args]]


def test_it_speaks_with_what_was_trained_not_with_where_it_started(machine: Machine) -> None:
    args = ["--with-model", "old", "--config", "a.yaml", "--with-checkpoint=old/1"]
    assert machine.run("no", *args) == 0
    assert machine.calls()[1:] == [
        ["python", "trainer.py", *args],
        ["python", "generate_samples.py", "--config", "a.yaml"],
    ]


@pytest.mark.parametrize(("argument", "code"), [("x.y=1", 0), ("FAIL", 1)])
def test_it_powers_off_when_done_and_when_failed(machine: Machine, argument: str, code: int) -> None:
    assert machine.run("yes", argument) == code
    assert machine.calls()[-1] == ["sudo", "poweroff"]
    assert (["python", "generate_samples.py", argument] in machine.calls()) == (code == 0)
