"""Layout laboratory: `tokar` in every layout, and `toknar`, on the same data for the same minutes.

    python -m benchmarks.layouts --minutes 20 --config config/voice.yaml [--sentences 20] [--out runs/layouts] \\
        [data.path=my_recordings section.key=value ...]

Trains one after the other through the usual trainer, each in a folder of its own below --out; a finished one is used
again, an interrupted one gone on with. What the config leaves open follows from the data; options of the model that a
family does not have are left out for it. Minutes are of this machine: give it nothing else to do.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from toktts import build, registry
from toktts.config import Config, command_line_parser, load_config, parse_command_line
from toktts.entry import run_command
from toktts.errors import ConfigError, MissingPackageError, RunFolderError
from toktts.evaluation._base import Sample, Score
from toktts.evaluation._hearing import Transcribe, Transcriber
from toktts.evaluation.judging import load_metrics, summarize
from toktts.evaluation.judging.sentences import sentence_set
from toktts.evaluation.judging.verdict import VOICE
from toktts.evaluation.judging.voices import speak
from toktts.inference import pipeline
from toktts.models import ToktsModel
from toktts.training.folder import CONFIG_FILE
from toktts.training.run import Start, is_finished, prepare, train_voice

LAYOUTS: dict[str, dict[str, Any]] = {
    **{layout: {"layout": layout} for layout in ("flat", "delay", "parallel", "stacked")},
    "stacked by two": {"layout": "stacked", "frames_per_step": 2},
}
"""What is set for `tokar`; everything else about a layout is as the config says."""
SETUPS = {**dict.fromkeys(LAYOUTS, "tokar"), "one pass": "toknar"}
COLUMNS = ("setup", "parameters", "loss a code", "CER %", "steps", "steps/s", "frames seen", "RTF")


@dataclass(frozen=True)
class Row:
    """One trained setup.

    Args:
        setup: one of `SETUPS`.
        n_parameters: of the model.
        loss: of validation, in nats; where a family tells them apart, that of the codes.
        cer: per cent; None = nobody listened.
        steps: of the optimiser.
        seconds: of training; None = not known.
        frames: of training sound seen, each time again.
        rtf: CPU seconds for a second of speech, codec included.
    """

    setup: str
    n_parameters: int
    loss: float
    cer: float | None
    steps: int
    seconds: float | None
    frames: int
    rtf: float | None

    def cells(self) -> tuple[str, ...]:
        """As text, in the order of `COLUMNS`."""
        speed = f"{self.steps / self.seconds:.2f}" if self.seconds else "-"
        cer, rtf = ("-" if value is None else f"{value:.{n}f}" for value, n in ((self.cer, 1), (self.rtf, 4)))
        return (
            self.setup,
            f"{self.n_parameters:,}",
            f"{self.loss:.3f}",
            cer,
            str(self.steps),
            speed,
            f"{self.frames:,}",
            rtf,
        )


def setup_config(config: Config, setup: str, *, minutes: float, out: Path) -> Config:
    """The config of one setup: all that was asked for, as far as its family knows it."""
    family = SETUPS[setup]
    config_class = registry.load("toktts.models", family, ToktsModel).config_class  # type: ignore[type-abstract]
    known = {field.name for field in fields(config_class)}
    options: dict[str, Any] = {name: value for name, value in config.model.options.items() if name in known}
    if family == "tokar":
        options.pop("frames_per_step", None)
        options |= LAYOUTS[setup]
    name = setup.replace(" ", "-")
    training = replace(config.training, output_dir=str(out / name), max_minutes=minutes, fit_to_data=True, resume=True)
    return replace(config, model=replace(config.model, family=family, name=name, options=options), training=training)


def trained(config: Config) -> Path:
    """Train, or find trained; the run folder.

    Raises:
        RunFolderError: the folder holds a run of another config.
    """
    folder = build.run_folder(config)
    if (folder / CONFIG_FILE).is_file():
        saved = load_config([folder / CONFIG_FILE])
        if config.filled(saved.given()) != saved:
            raise RunFolderError("holds a run with other settings; choose another --out, or delete it", file=folder)
        if is_finished(folder):
            return folder
    return train_voice(config)


def measure(folder: Path, setup: str, *, n_sentences: int, transcribe: Transcribe | None) -> Row:
    """Read what a training left, and let the voice speak; without a `transcribe` nobody listens."""
    state = json.loads((folder / "trainer_state.json").read_text(encoding="utf-8"))
    last = next(entry for entry in reversed(state["log_history"]) if "eval_loss" in entry)
    rows = prepare(load_config([folder / CONFIG_FILE]), folder, Start()).training
    n_frames = sum(len(codes[0]) for codes in rows.with_format("arrow")["codes"].to_pylist())
    pipe = pipeline(folder)
    samples = speak(sentence_set("plain")[:n_sentences], folder / "laboratory", pipe=pipe, voice=())[VOICE]
    limit = (state.get("stateful_callbacks") or {}).get("TimeLimit", {})
    return Row(
        setup=setup,
        n_parameters=pipe.model.num_parameters(),
        loss=last.get("eval_code_loss", last["eval_loss"]),
        cer=None if transcribe is None else _mean("cer", samples, transcribe),
        steps=state["global_step"],
        seconds=limit.get("attributes", {}).get("elapsed_before_s"),
        frames=round(state["epoch"] * n_frames),
        rtf=_mean("real_time_factor", samples, transcribe),
    )


def _mean(name: str, samples: Sequence[Sample], transcribe: Transcribe | None) -> float | None:
    (metric,) = load_metrics([name], transcribe=transcribe)
    scores: list[Score] = [score for sample in samples if (score := metric.score(sample)) is not None]
    summary = summarize(scores)
    return None if summary is None else summary.mean


def listener() -> tuple[Transcribe | None, str]:
    """Whisper base, or nobody and the reason."""
    transcriber = Transcriber()
    try:
        transcriber.load()
    except MissingPackageError as error:
        return None, f"CER is -: {error}"
    return transcriber, ""


def table(rows: Sequence[Row]) -> str:
    """All rows as one table in Markdown."""
    cells = [COLUMNS, *(row.cells() for row in rows)]
    widths = [max(len(row[index]) for row in cells) for index in range(len(COLUMNS))]
    lines = [" | ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in cells]
    rule = "|".join("-" * (width + 1) + ":" for width in widths)
    return (
        "\n".join(f"| {line} |" for line in lines[:1])
        + f"\n|{rule}|\n"
        + "\n".join(f"| {line} |" for line in lines[1:])
    )


def laboratory(argv: Sequence[str], *, transcribe: Transcribe | None = None) -> None:
    """Train, measure and print.

    Args:
        argv: the words of the command line.
        transcribe: who listens; None = Whisper base, if it is installed.
    """
    parser = command_line_parser("python -m benchmarks.layouts", "Train every layout on the same data, and compare.")
    parser.add_argument("--minutes", type=float, required=True, help="of each training")
    parser.add_argument("--sentences", type=int, default=20, help="that each voice speaks")
    parser.add_argument("--out", type=Path, default=Path("runs/layouts"), help="parent of the run folders")
    command = parse_command_line(argv, parser=parser)
    wishes = command.extra
    if wishes.minutes <= 0 or wishes.sentences < 1:
        raise ConfigError("--minutes and --sentences must be above 0; raise them", file="command line")
    config, reason = command.load_config(), ""
    if transcribe is None:
        transcribe, reason = listener()
    rows = []
    for setup in SETUPS:
        folder = trained(setup_config(config, setup, minutes=wishes.minutes, out=wishes.out))
        rows.append(measure(folder, setup, n_sentences=wishes.sentences, transcribe=transcribe))
    print("\n".join(filter(None, [table(rows), reason])))


def main() -> None:
    """Run the command line."""
    run_command(lambda: laboratory(sys.argv[1:]), debug="--debug" in sys.argv)


if __name__ == "__main__":
    main()
