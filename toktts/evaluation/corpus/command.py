"""What `toktts check-corpus` does: look at a corpus, say what to do about it, and tune the codec if asked."""

import importlib.metadata
import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toktts import build
from toktts.codecs import load_codec
from toktts.config import Config, command_line_parser, load_config, parse_command_line
from toktts.data.atomic import write_atomically
from toktts.errors import ConfigError, RunFolderError
from toktts.evaluation.corpus.checking import check_corpus, judge_sample
from toktts.evaluation.corpus.codec import CodecVerdict
from toktts.evaluation.corpus.report import CorpusReport, table
from toktts.training.codec_run import train_codec_run

FINE_TUNE = "codec/finetune"
BUNDLED = ("bundled", "melrvq")
CODEC_KEY = "codec.name_or_path"
# What says which recordings there are; the rest of `data` is about voices.
DATA_KEYS = (
    *("corpus", "path", "name", "text_column", "audio_column", "speaker", "language", "licence", "consent"),
    *("limit_rows", "max_seconds", "mono", "max_rejected_fraction"),
)
PLAIN = re.compile(r"(\.{0,2}/|[A-Za-z_])[\w./-]*")
YAML_WORDS = ("null", "true", "false", "yes", "no", "on", "off", "y", "n")
FINDINGS_CODE = 3  # as `toktts say --check`; 2 is a fault of the command


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is to be looked at, and what is to be done then.

    Args:
        config: names the corpus and the codec.
        json: file for everything that was found.
        fine_tune: folder for a codec that is tuned to the voice if it has to be.
        minutes: of that training; None = as the config that comes with toktts says.
        strict: whether findings are a failure.
    """

    config: Config
    json: Path | None = None
    fine_tune: Path | None = None
    minutes: float | None = None
    strict: bool = False


def parse_request(argv: Sequence[str]) -> Request:
    """Sort the words behind `toktts check-corpus`.

    Raises:
        ConfigError: words or keys that cannot be used.
    """
    parser = command_line_parser("toktts check-corpus", "Look at a corpus before training on it.")
    add = parser.add_argument
    add("--json", type=Path, metavar="FILE", help="write everything that was found")
    add("--fine-tune", type=Path, metavar="FOLDER", help="if the codec does not know the voice, tune it to it")
    add("--minutes", type=float, metavar="N", help="of that training; 5 unless given")
    add("--strict", action="store_true", help="exit code 3 if anything is found")
    command = parse_command_line(argv, parser=parser)
    extra = command.extra
    if extra.minutes is not None and extra.minutes <= 0:
        raise ConfigError(f"must be above 0, got {extra.minutes:g}; write 5", key="--minutes")
    return Request(
        config=command.load_config(),
        json=extra.json,
        fine_tune=extra.fine_tune,
        minutes=extra.minutes,
        strict=extra.strict,
    )


def check_corpus_command(argv: Sequence[str]) -> int:
    """Look at the corpus that a command line names, and print what was found.

    Args:
        argv: the words behind `toktts check-corpus`.
    Returns:
        Exit code: 3 if anything is wrong and `--strict` was given, else 0.
    Raises:
        ToktsError: anything the user can mend.
    """
    request = parse_request(argv)
    if request.fine_tune is not None:
        _check_free(request.fine_tune)
    config, settings = request.config, build.clip_settings(request.config)
    corpus = build.open_corpus(config)
    report = check_corpus(
        corpus,
        normalizer=build.normalizer(config),
        tokenizer=build.tokenizer(config),
        settings=settings,
        codec=build.load_codec(config),
    )
    print("\n".join(report.lines()), flush=True)
    is_fine, after = report.is_fine, None
    if report.codec is not None:
        print("\n".join(["", *advice(report.codec, config)]), flush=True)
        if request.fine_tune is not None and report.codec.can_learn and not report.codec.knows_voice:
            folder = train_codec_run(load_config([FINE_TUNE], overrides=fine_tune_overrides(request))) / "codec"
            after = judge_sample(corpus, list(report.sounds), load_codec(folder), settings)
            is_fine = not report.faults and after is not None and after.knows_voice
            print("\n".join(_tuned(after, folder)), flush=True)
    if request.json is not None:
        write_facts(report, after, request.json)
    return FINDINGS_CODE if request.strict and not is_fine else 0


def _check_free(folder: Path) -> None:
    """Refuse, before an hour of looking, a folder that the training would refuse behind it."""
    if folder.exists() and not folder.is_dir():
        raise RunFolderError("is a file; choose a folder for the codec", file=folder)
    if folder.is_dir() and any(folder.iterdir()):
        raise RunFolderError("is not empty; choose another folder for the codec", file=folder)


def advice(verdict: CodecVerdict, config: Config) -> list[str]:
    """Say whether the codec knows the voice, and what to do if not."""
    if verdict.knows_voice:
        return [f"the codec knows this voice ({verdict.reason})"]
    if not verdict.can_learn:
        return [f"the codec does not know this voice ({verdict.reason}), and cannot be tuned; {CODEC_KEY}=bundled can"]
    words = " ".join(shlex.quote(word) for word in _overrides(config))
    command = f"toktts train --config {FINE_TUNE} {words}"
    return [
        f"the codec does not know this voice ({verdict.reason}): fine-tune it:",
        f"  {command} training.output_dir=runs/codec",
        f"then train the voice with {CODEC_KEY}=runs/codec/codec; --fine-tune FOLDER does it at once",
    ]


def _tuned(after: CodecVerdict | None, folder: Path) -> list[str]:
    lines = [] if after is None else ["", *table(after.rows())]
    if after is not None and not after.knows_voice:
        lines += ["", f"it still does not know the voice well ({after.reason}); more minutes or more clips help"]
    return [*lines, "", "in the config of the voice:", "codec:", f"  name_or_path: {folder}"]


def fine_tune_overrides(request: Request) -> list[str]:
    """Say over the config of a fine-tuning which voice it is, and where the codec goes."""
    minutes = [] if request.minutes is None else [f"training.max_minutes={request.minutes}"]
    return [*_overrides(request.config), f"training.output_dir={_as_yaml(str(request.fine_tune))}", *minutes]


def _overrides(config: Config) -> list[str]:
    """What a config says about recordings and the codec to start from, as overrides of another one."""
    given, usual = config.given(), load_config([]).given()
    corpus, *others = (f"data.{name}" for name in DATA_KEYS)
    written = [corpus, *(key for key in others if key in given and given[key] != usual.get(key))]
    codec = [] if given[CODEC_KEY] in BUNDLED else [CODEC_KEY]
    return [f"{key}={_as_yaml(given[key])}" for key in (*written, *codec)]


def _as_yaml(value: Any) -> str:
    """A value that YAML reads back as it is; names and paths stay plain."""
    if isinstance(value, str) and PLAIN.fullmatch(value) and value.lower() not in YAML_WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)


def write_facts(report: CorpusReport, after: CodecVerdict | None, path: Path) -> None:
    """Write everything that was found as JSON.

    Args:
        report: of the corpus.
        after: of the codec that was tuned to it; None = none was.
        path: the file.
    Raises:
        RunFolderError: it cannot be written.
    """
    try:
        version = importlib.metadata.version("toktts")
    except importlib.metadata.PackageNotFoundError:
        version = "unknown"
    tuned = None if after is None else {"knows_voice": after.knows_voice, "figures": after.figures}
    facts = {"toktts": version, **report.facts(), "fine_tuned": tuned}
    try:
        write_atomically(path, (json.dumps(facts, indent=1, ensure_ascii=False) + "\n").encode("utf-8", "replace"))
    except OSError as error:
        raise RunFolderError(f"cannot be written ({error.strerror}); choose another place", file=path) from error
