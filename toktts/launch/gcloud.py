"""Start a training on Google Compute Engine by the gcloud program, with nothing else installed here."""

import itertools
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from toktts.errors import ToktsError
from toktts.launch.settings import CloudSettings

ARCHIVE = "toktts.tar.gz"
FOLDER = "toktts"
LOG = "training.log"
STARTS = {"TERMINATED": "start", "STOPPED": "start", "SUSPENDED": "resume"}
COMING_UP = ("RUNNING", "PROVISIONING", "STAGING")


class Gcloud:
    """The gcloud program, aimed at one instance. Arguments go to it as a list: no local shell reads them.

    Args:
        settings: the instance and where it is.
    Raises:
        ToktsError: the program is not there.
    """

    def __init__(self, settings: CloudSettings) -> None:
        program = shutil.which(settings.path)
        if program is None:
            raise ToktsError(
                f"program {settings.path!r} is not there; install the Google Cloud CLI or set gcloud.path",
                key="gcloud.path",
            )
        self.settings = settings
        self.program = program
        places = (("project", settings.project), ("zone", settings.zone))
        self.place = [f"--{name}={value}" for name, value in places if value is not None]

    def compute(self, *args: str, capture: bool = False) -> subprocess.CompletedProcess[str]:
        """Run `gcloud compute ARGS`; the caller looks at the exit code."""
        command = [self.program, "compute", *args, *self.place, "--quiet"]
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=capture, encoding="utf-8", check=False)

    def status(self) -> str | None:
        """What Google calls the state of the instance; None if there is no such instance."""
        name = self.settings.name
        answer = self.compute("instances", "describe", name, "--format=value(status)", capture=True)
        if answer.returncode == 0:
            return answer.stdout.strip()
        if "was not found" in answer.stderr:
            return None
        why = answer.stderr.strip().splitlines() or ["no message"]
        raise ToktsError(
            f"gcloud cannot describe the instance: {why[-1]}; check gcloud auth, project and zone", key=name
        )

    def bring_up(self) -> None:
        """Create the instance, or start it if it rests.

        Raises:
            ToktsError: gcloud refused, or the instance is on its way down.
        """
        name, status = self.settings.name, self.status()
        if status is None:
            self._must("creating", self.compute("instances", "create", name, *self.settings.creation_flags))
        elif status in STARTS:
            self._must("starting", self.compute("instances", STARTS[status], name))
        elif status not in COMING_UP:
            raise ToktsError(f"instance is {status}; try again in a minute", key=name)

    def wait_for_ssh(self, *, attempts: int, pause_s: float) -> None:
        """Ask until the instance answers: after a start that takes a while.

        Raises:
            ToktsError: no answer after so many attempts.
        """
        for attempt in range(attempts):
            if attempt:
                time.sleep(pause_s)
            if self.compute("ssh", self.settings.name, "--command=true", capture=True).returncode == 0:
                return
        raise ToktsError(
            f"instance does not answer ssh after {attempts} attempts; check its firewall", key=self.settings.name
        )

    def copy(self, source: Path, target: str) -> None:
        """Copy a file into the home folder of the instance."""
        self._must("copying to", self.compute("scp", str(source), f"{self.settings.name}:{target}"))

    def shell(self, command: str) -> None:
        """Run a line in the shell of the instance, its output shown here."""
        self._must("the command on", self.compute("ssh", self.settings.name, f"--command={command}"))

    def _must(self, what: str, result: subprocess.CompletedProcess[str]) -> None:
        if result.returncode != 0:
            raise ToktsError(
                f"{what} the instance failed with exit code {result.returncode}; see the lines above",
                key=self.settings.name,
            )


def launch(
    settings: CloudSettings,
    trainer_args: Sequence[str],
    *,
    repository: Path,
    detach: bool = False,
    power_off: bool = False,
    ssh_attempts: int = 30,
    ssh_pause_s: float = 5.0,
) -> None:
    """Bring up the instance, copy the commit that is checked out here, and train and speak there.

    Args:
        settings: the instance.
        trainer_args: for `trainer.py`; any characters.
        repository: a git work tree; what is not committed stays behind.
        detach: return as soon as the training runs, which then outlives the connection.
        power_off: the instance shuts down when it is done, or has failed.
        ssh_attempts: how often to ask a starting instance whether it answers.
        ssh_pause_s: seconds between two of them.
    Raises:
        ToktsError: a config that is not committed, or a step that failed.
    """
    _check_committed(trainer_args, repository)
    gcloud = Gcloud(settings)
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder, ARCHIVE)
        _git(repository, "archive", "--format=tar.gz", f"--output={archive}", "HEAD")
        _tell(f"instance {settings.name}: bringing it up")
        gcloud.bring_up()
        gcloud.wait_for_ssh(attempts=ssh_attempts, pause_s=ssh_pause_s)
        _tell(f"instance {settings.name}: copying commit {_git(repository, 'rev-parse', '--short', 'HEAD').strip()}")
        gcloud.copy(archive, ARCHIVE)
    _tell(f"instance {settings.name}: training")
    gcloud.shell(remote_command(trainer_args, detach=detach, power_off=power_off))
    place = shlex.join(gcloud.place)
    if detach:
        _tell(f"follow it with: gcloud compute ssh {settings.name} {place} --command='tail -f {FOLDER}/{LOG}'")
    _tell(f"fetch the results with: gcloud compute scp --recurse {settings.name}:{FOLDER}/runs . {place}")


def remote_command(trainer_args: Sequence[str], *, detach: bool, power_off: bool) -> str:
    """The line for the instance's shell: unpack over what an earlier launch left (its cache and runs), then train.

    >>> remote_command(["--config", "a b.yaml"], detach=False, power_off=True).split(" && ")[-1]
    "bash scripts/run_remote_training.sh yes --config 'a b.yaml'"
    """
    train = shlex.join(["bash", "scripts/run_remote_training.sh", "yes" if power_off else "no", *trainer_args])
    if detach:
        train = f"{{ nohup {train} > {LOG} 2>&1 < /dev/null & }}"
    return f"mkdir -p {FOLDER} && tar -xzf {ARCHIVE} -C {FOLDER} && cd {FOLDER} && {train}"


def _check_committed(trainer_args: Sequence[str], repository: Path) -> None:
    """Refuse a config file that the instance would not get."""
    pairs = itertools.pairwise(trainer_args)
    configs = [arg.removeprefix("--config=") for arg in trainer_args if arg.startswith("--config=")]
    for config in configs + [arg for before, arg in pairs if before == "--config"]:
        if (repository / config).is_file() and _git(repository, "status", "--porcelain", "--ignored", "--", config):
            raise ToktsError("has changes that are not committed, and only commits are copied; commit it", file=config)


def _git(repository: Path, *args: str) -> str:
    command = ["git", "-C", str(repository), *args]
    result = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    if result.returncode != 0:
        why = result.stderr.strip().splitlines() or ["no message"]
        raise ToktsError(f"git {args[0]} failed: {why[-1]}; run this from a clone of the repository", file=repository)
    return result.stdout


def _tell(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
