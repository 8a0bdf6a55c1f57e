import json
import os
import shlex
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toktts.errors import ToktsError
from toktts.launch.command import main
from toktts.launch.gcloud import remote_command

# Records its arguments, and answers as the files beside it say. `scp` keeps a copy of what it was given.
STUB = """#!{python} -IS
import json, pathlib, shutil, sys
here = pathlib.Path(__file__).parent
with open(here / "calls.jsonl", "a", encoding="utf-8") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
if "describe" in sys.argv:
    answer = (here / "status").read_text(encoding="utf-8").strip()
    if answer.isupper():
        print(answer)
    else:
        sys.exit(answer)
elif "scp" in sys.argv:
    shutil.copy(sys.argv[3], here / "copied.tar.gz")
elif "--command=true" in sys.argv:
    left = int((here / "refusals").read_text(encoding="utf-8"))
    (here / "refusals").write_text(str(left - 1), encoding="utf-8")
    sys.exit(255 if left > 0 else 0)
elif "ssh" in sys.argv and (here / "broken").exists():
    sys.exit(3)
"""
CONFIG = """gcloud:
  project: speech
  zone: us-central1-a
  instance:
    name: box
    creation_args:
      machine-type: n1-standard-8
      accelerator: {type: nvidia-tesla-t4, count: 1}
      tags: [a, b]
      preemptible: true
      restart-on-failure: false
      boot-disk-size: 250GB
      labels: null
"""
PLACE = ["--project=speech", "--zone=us-central1-a", "--quiet"]


class Cloud:
    """A stub gcloud first on PATH, a repository with one commit, and a cloud config."""

    def __init__(self, folder: Path) -> None:
        self.bin, self.repository, self.config = folder / "bin", folder / "repository", folder / "cloud.yaml"
        self.bin.mkdir()
        stub = self.bin / "gcloud"
        stub.write_text(STUB.replace("{python}", sys.executable), encoding="utf-8")
        stub.chmod(0o755)
        self.answer(status="RUNNING", refusals=0)
        self.config.write_text(CONFIG, encoding="utf-8")
        self.repository.mkdir()
        (self.repository / "trainer.py").write_text("the trainer\n", encoding="utf-8")
        (self.repository / "a.yaml").write_text("model: {name: a}\n", encoding="utf-8")
        self.git("init", "-q")
        self.git("add", ".")
        self.git("-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "one")

    def git(self, *args: str) -> None:
        subprocess.run(["git", "-C", str(self.repository), *args], check=True)

    def answer(self, *, status: str, refusals: int = 0) -> None:
        (self.bin / "status").write_text(status, encoding="utf-8")
        (self.bin / "refusals").write_text(str(refusals), encoding="utf-8")

    def launch(self, *argv: str) -> list[list[str]]:
        main(["--cloud-config", str(self.config), *argv], repository=self.repository)
        return self.calls()

    def calls(self) -> list[list[str]]:
        recorded = self.bin / "calls.jsonl"
        lines = recorded.read_text(encoding="utf-8").splitlines() if recorded.exists() else []
        return [json.loads(line) for line in lines]


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    cloud = Cloud(tmp_path)
    monkeypatch.setenv("PATH", f"{cloud.bin}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr("time.sleep", lambda _: None)
    return cloud


def describe() -> list[str]:
    return ["compute", "instances", "describe", "box", "--format=value(status)", *PLACE]


def ssh(command: str) -> list[str]:
    return ["compute", "ssh", "box", f"--command={command}", *PLACE]


def unpack_and(train: str) -> str:
    return f"mkdir -p toktts && tar -xzf toktts.tar.gz -C toktts && cd toktts && {train}"


def test_a_running_instance_gets_the_repository_and_trains(cloud: Cloud) -> None:
    calls = cloud.launch("--", "--config", "a.yaml")
    scp = calls.pop(2)
    assert scp[:2] == ["compute", "scp"]
    assert Path(scp[2]).name == "toktts.tar.gz"
    assert scp[3:] == ["box:toktts.tar.gz", *PLACE]
    train = "bash scripts/run_remote_training.sh no --config a.yaml"
    assert calls == [describe(), ssh("true"), ssh(unpack_and(train))]


def test_only_what_is_committed_is_copied(cloud: Cloud) -> None:
    (cloud.repository / "notes.txt").write_text("mine", encoding="utf-8")
    cloud.launch("--", "--config", "a.yaml")
    with tarfile.open(cloud.bin / "copied.tar.gz") as archive:
        assert sorted(archive.getnames()) == ["a.yaml", "trainer.py"]


def test_a_missing_instance_is_created_as_the_config_says(cloud: Cloud) -> None:
    cloud.answer(status="ERROR: The resource 'box' was not found")
    create = ["compute", "instances", "create", "box", "--machine-type=n1-standard-8"]
    create += ["--accelerator=type=nvidia-tesla-t4,count=1", "--tags=a,b", "--preemptible", "--no-restart-on-failure"]
    create += ["--boot-disk-size=250GB", *PLACE]
    assert cloud.launch("--", "x.y=1")[:2] == [describe(), create]


@pytest.mark.parametrize(("status", "verb"), [("TERMINATED", "start"), ("STOPPED", "start"), ("SUSPENDED", "resume")])
def test_a_resting_instance_is_woken(cloud: Cloud, status: str, verb: str) -> None:
    cloud.answer(status=status)
    assert cloud.launch("--", "x.y=1")[1] == ["compute", "instances", verb, "box", *PLACE]


def test_a_starting_instance_is_asked_until_it_answers(cloud: Cloud) -> None:
    cloud.answer(status="STAGING", refusals=3)
    calls = cloud.launch("--", "x.y=1")
    assert calls[1:5] == [ssh("true")] * 4
    assert "scp" in calls[5]


def test_detached_training_outlives_the_connection(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    calls = cloud.launch("--detach", "--power-off", "--", "--config", "a.yaml")
    train = "bash scripts/run_remote_training.sh yes --config a.yaml"
    assert calls[-1] == ssh(unpack_and(f"{{ nohup {train} > training.log 2>&1 < /dev/null & }}"))
    assert "--command='tail -f toktts/training.log'" in capsys.readouterr().err


def test_the_trainers_own_double_dash_and_flags_stay_the_trainers(cloud: Cloud) -> None:
    calls = cloud.launch("--", "--detach", "--", "--power-off")
    assert calls[-1][3].endswith("run_remote_training.sh no --detach -- --power-off")


def shell_words(args: Sequence[str], folder: Path, *, detach: bool) -> list[str]:
    """What the remote script receives, when a real shell reads the line."""
    scripts = folder / "toktts" / "scripts"
    scripts.mkdir(parents=True, exist_ok=True)
    (scripts / "run_remote_training.sh").write_text(
        "printf '%s\\0' \"$@\" > ../words; mv ../words ../done\n", encoding="utf-8"
    )
    subprocess.run(["tar", "-czf", folder / "toktts.tar.gz", "-T", "/dev/null"], check=True)
    line = remote_command(args, detach=detach, power_off=True)
    subprocess.run(["bash", "-c", line + ("; wait" if detach else "")], cwd=folder, check=True)
    return (folder / "done").read_text(encoding="utf-8").split("\0")[:-1]


ARGUMENTS = st.lists(
    st.text(st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=("Cs",)), max_size=20), max_size=4
)


@given(args=ARGUMENTS)
def test_quoting_keeps_every_argument(args: list[str]) -> None:
    words = shlex.split(remote_command(args, detach=False, power_off=True))
    assert words[words.index("yes") + 1 :] == args


@pytest.mark.parametrize("detach", [False, True])
def test_a_shell_hands_every_argument_to_the_remote_script(tmp_path: Path, detach: bool) -> None:
    args = [
        "--yconfig",
        "{a: 'b c', d: \"$HOME\"}",
        "; rm -rf ~",
        "$(touch owned)",
        "`id`",
        "*",
        "é\n",
        "",
        "-",
        "&& x",
    ]
    assert shell_words(args, tmp_path, detach=detach) == ["yes", *args]
    assert not list(tmp_path.rglob("owned"))


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--detatch", "--", "x.y=1"], "unknown argument '--detatch'; did you mean --detach?"),
        (["--config", "a.yaml"], "unknown argument '--config'; did you mean --cloud-config?"),
        ([], "nothing to train; write -- and then the trainer's arguments"),
    ],
)
def test_a_bad_command_line_touches_nothing(cloud: Cloud, argv: list[str], message: str) -> None:
    with pytest.raises(ToktsError) as error:
        cloud.launch(*argv)
    assert str(error.value) == f"command line: {message}"
    assert cloud.calls() == []


def test_the_cloud_config_must_be_named(cloud: Cloud) -> None:
    with pytest.raises(
        ToktsError, match="--cloud-config is missing; add one made from config/cloud/gcloud.example.yaml"
    ):
        main(["--", "x.y=1"], repository=cloud.repository)


def test_a_config_that_is_not_committed_is_refused(cloud: Cloud) -> None:
    (cloud.repository / "b.yaml").write_text("model: {name: b}\n", encoding="utf-8")
    for form in (["--config", "b.yaml"], ["--config=b.yaml"]):
        with pytest.raises(ToktsError, match="b.yaml: has changes that are not committed, .*; commit it"):
            cloud.launch("--", *form)
    assert cloud.calls() == []


def test_what_gcloud_refuses_is_one_line(cloud: Cloud) -> None:
    cloud.answer(status="WARNING: x\nERROR: (gcloud) You do not currently have an active account selected.")
    with pytest.raises(ToktsError) as error:
        cloud.launch("--", "x.y=1")
    assert error.value.one_line() == (
        "toktts: error: box: gcloud cannot describe the instance: ERROR: (gcloud) You do not currently have an active "
        "account selected.; check gcloud auth, project and zone"
    )


def test_an_instance_on_its_way_down_is_left_alone(cloud: Cloud) -> None:
    cloud.answer(status="STOPPING")
    with pytest.raises(ToktsError, match="box: instance is STOPPING; try again in a minute"):
        cloud.launch("--", "x.y=1")


def test_an_instance_that_never_answers_is_given_up(cloud: Cloud) -> None:
    cloud.answer(status="RUNNING", refusals=1000)
    with pytest.raises(ToktsError, match="instance does not answer ssh after 30 attempts; check its firewall"):
        cloud.launch("--", "x.y=1")


def test_a_failed_training_is_an_error_here_too(cloud: Cloud) -> None:
    (cloud.bin / "broken").touch()
    with pytest.raises(ToktsError, match="the command on the instance failed with exit code 3; see the lines above"):
        cloud.launch("--", "x.y=1")


def test_a_missing_gcloud_is_named(cloud: Cloud) -> None:
    cloud.config.write_text(CONFIG.replace("project: speech", "path: gcloudd"), encoding="utf-8")
    with pytest.raises(
        ToktsError, match="program 'gcloudd' is not there; install the Google Cloud CLI or set gcloud.path"
    ):
        cloud.launch("--", "x.y=1")
