"""The command line of `cloud_training.py`."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from toktts.config._checks import nearest
from toktts.errors import ConfigError
from toktts.launch.gcloud import launch
from toktts.launch.settings import read_settings

PROGRAM = "cloud_training.py"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message}; see {PROGRAM} --help", key="command line")


def main(argv: Sequence[str], *, repository: Path) -> None:
    """Launch what a command line asks for.

    Args:
        argv: this command's flags, `--`, and the arguments of `trainer.py`.
        repository: the work tree to copy.
    Raises:
        ToktsError: an unknown flag, no trainer argument, a bad cloud config, or a step that failed.
    """
    own, trainer_args = _split(list(argv))
    parser = _parser()
    options, unknown = parser.parse_known_args(own)
    if unknown:
        flags = [flag for action in parser._actions for flag in action.option_strings]
        guess = nearest(unknown[0].partition("=")[0], flags)
        fix = f"did you mean {guess}?" if guess else "write the trainer's arguments behind --"
        raise ConfigError(f"unknown argument {unknown[0]!r}; {fix}", key="command line")
    if options.cloud_config is None:
        raise ConfigError(
            "--cloud-config is missing; add one made from config/cloud/gcloud.example.yaml", key="command line"
        )
    if not trainer_args:
        raise ConfigError("nothing to train; write -- and then the trainer's arguments", key="command line")
    settings = read_settings(options.cloud_config)
    launch(settings, trainer_args, repository=repository, detach=options.detach, power_off=options.power_off)


def _split(argv: list[str]) -> tuple[list[str], list[str]]:
    if "--" not in argv:
        return argv, []
    at = argv.index("--")
    return argv[:at], argv[at + 1 :]


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=PROGRAM,
        description="Train on a Google Compute Engine instance: start or create it, copy this commit, train, speak.",
        usage="%(prog)s --cloud-config FILE [--detach] [--power-off] [--debug] -- TRAINER_ARGUMENTS",
        allow_abbrev=False,
    )
    parser.add_argument("--cloud-config", metavar="FILE", help="see config/cloud/gcloud.example.yaml")
    parser.add_argument("--detach", action="store_true", help="return as soon as the training runs")
    parser.add_argument("--power-off", action="store_true", help="shut the instance down when it is done or has failed")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    return parser
