"""The command line that `trainer.py`, `generate_samples.py` and `toktts train` share."""

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from toktts.config._checks import nearest, shown
from toktts.config._config import SECTIONS, Config
from toktts.config._load import COMMAND_LINE, load_config
from toktts.errors import ConfigError

OVERRIDE = re.compile(r"(--)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+=.*|(--)?(?P<section>[a-z]+)=.*", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class CommandLine:
    """What was asked for.

    Args:
        files: config files, in order.
        yconfigs: inline YAML, in order.
        overrides: `section.key=value`, in order.
        with_model: run folder whose weights to start from.
        with_checkpoint: checkpoint to start from, optimiser and step included.
        debug: show tracebacks.
        extra: the flags that the command added itself, by argparse's names.
    """

    files: tuple[str, ...] = ()
    yconfigs: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    with_model: str | None = None
    with_checkpoint: str | None = None
    debug: bool = False
    extra: argparse.Namespace = field(default_factory=argparse.Namespace)

    def load_config(self) -> Config:
        """Load the config that the command line names."""
        return load_config(self.files, yconfigs=self.yconfigs, overrides=self.overrides)


class _Parser(argparse.ArgumentParser):
    """Raises what the entry points print, instead of printing and leaving."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message}; see {self.prog} --help", file=COMMAND_LINE)


def command_line_parser(program: str, description: str) -> argparse.ArgumentParser:
    """Build a parser with the shared flags; add the command's own flags (no positional ones) to it."""
    parser = _Parser(
        prog=program,
        description=description,
        allow_abbrev=False,
        epilog="Any key of the config can be set behind the flags: section.key=value or --section.key=value.",
    )
    add = parser.add_argument
    add("--config", action="append", default=[], metavar="FILE", help="config file; repeat it to lay one over another")
    add("--yconfig", action="append", default=[], metavar="YAML", help="inline YAML, laid over the files; repeatable")
    add("--with-model", metavar="PATH", help="start from the weights of this run folder, or bundled")
    add("--with-checkpoint", metavar="PATH", help="start from this checkpoint: weights, optimiser and step")
    add("--debug", action="store_true", help="show tracebacks")
    return parser


def parse_command_line(
    argv: Sequence[str], *, parser: argparse.ArgumentParser, needs_config: bool = True
) -> CommandLine:
    """Sort the words of a command line into flags and overrides.

    Args:
        argv: the words behind the program's name.
        parser: from `command_line_parser`, with the command's own flags added.
        needs_config: refuse a command line without --config and --yconfig.
    Raises:
        ConfigError: an unknown flag, naming the nearest one, or a word that is no override.
        SystemExit: code 0, after printing the help.
    """
    known, rest = parser.parse_known_args(list(argv))
    for word in rest:
        if not _is_override(word):
            raise _unknown_word(word, parser)
    if needs_config and not (known.config or known.yconfig):
        raise ConfigError("--config is missing; add --config config/demo.yaml", file=COMMAND_LINE)
    values = vars(known)
    return CommandLine(
        files=tuple(values.pop("config")),
        yconfigs=tuple(values.pop("yconfig")),
        overrides=tuple(rest),
        with_model=values.pop("with_model"),
        with_checkpoint=values.pop("with_checkpoint"),
        debug=values.pop("debug"),
        extra=argparse.Namespace(**values),
    )


def _is_override(word: str) -> bool:
    match = OVERRIDE.fullmatch(word)
    return match is not None and (match["section"] is None or match["section"] in SECTIONS)


def _unknown_word(word: str, parser: argparse.ArgumentParser) -> ConfigError:
    name = word.partition("=")[0]
    if name.startswith("--") and "." in name:
        return ConfigError(f"{shown(name)} has no value; write {name}=VALUE", file=COMMAND_LINE)
    if name.startswith("-"):
        flags = [flag for action in parser._actions for flag in action.option_strings]
        flags += [f"--{section}" for section in SECTIONS if "=" in word]
        guess = nearest(name, flags)
        fix = f"did you mean {guess}?" if guess else f"see {parser.prog} --help"
        return ConfigError(f"unknown flag {shown(name)}; {fix}", file=COMMAND_LINE)
    if word.endswith((".yaml", ".yml")):
        return ConfigError(f"file {shown(word)} has no flag; write --config {word}", file=COMMAND_LINE)
    return ConfigError(f"unknown word {shown(name)}; write section.key=value, or see --help", file=COMMAND_LINE)
