"""One table of finished voices: what they are, how they were trained, and what `toktts eval` finds.

    python -m benchmarks.voice runs/one runs/two bundled --judge --codec griffin_lim --page voices.html

Reads what was judged before; with --judge, what is missing is judged first, on one thread, set by set, so that it can
be stopped and gone on with (`scripts/install_extras evaluation` installs the judges). Trains nothing. `bundled` is the
voice that came with toktts. --codec adds a row for each run that writes mel, spoken through another vocoder. --page
writes ten sentences with players: of the first set that all of them said something of, the unseen ones if they can.

"Real time" is seconds of speech a second of computing, on one thread; "without codec" is the model alone. Duration
error is against the recordings of the same sentences. A figure that nobody has measured is shown as "-".
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks._judged import Task, Voice, judge_missing, voices_of
from toktts.errors import ConfigError, RunFolderError, ToktsError
from toktts.evaluation._base import Metric
from toktts.evaluation.judging.command import UNSEEN
from toktts.evaluation.judging.metrics import load_metrics
from toktts.evaluation.judging.sentences import LJSPEECH
from toktts.evaluation.judging.verdict import ALWAYS, ORIGINALS, VOICE
from toktts.evaluation.report.side_by_side import shared_sentences, write_side_by_side

SETS = (UNSEEN, "plain", "short")
RUN_HEAD = ("voice", "family", "codec", "parameters", "minutes", "hours of speech")
METRICS = {
    "wer": "WER %",
    "mos": "MOS",
    "speaker_similarity": "likeness",
    "duration_error": "duration error %",
    "real_time_factor": "x real time",
    "acoustic_real_time_factor": "x real time without codec",
}
SPEEDS = ("real_time_factor", "acoustic_real_time_factor")
HEAD = ("set", *RUN_HEAD, "spoken by", "sentences", *METRICS.values(), "failed, 1 to 3 words")
SHORT = ("1 word", "2 words", "3 words")
NOTHING = "-"
Row = tuple[str, ...]


def table_of(voices: Sequence[Voice]) -> list[Row]:
    """Give the heading and the rows: set by set, in it voice by voice; originals that are alike only once."""
    scored = [(voice, voice.scores) for voice in voices]
    titles = dict.fromkeys((*SETS, LJSPEECH, *(one["title"] for _, scores in scored for one in scores["sets"])))
    rows = (row for title in titles for voice, scores in scored for row in _rows(title, voice, scores))
    return [HEAD, *dict.fromkeys(rows)]


def _rows(title: str, voice: Voice, scores: Mapping[str, Any]) -> Iterator[Row]:
    for one in scores["sets"]:
        for name in ALWAYS if one["title"] == title else ():
            column = one["columns"].get(name, {})
            if column.get("sentences"):
                about = (NOTHING,) * len(RUN_HEAD) if name == ORIGINALS else _about(voice, scores["run"])
                yield (title, *about, "its codec" if name not in (VOICE, ORIGINALS) else name, *_cells(column))


def _about(voice: Voice, run: Mapping[str, Any]) -> Row:
    return (
        voice.name,
        str(run.get("family") or NOTHING),
        str(run.get("codec") or NOTHING),
        f"{run['n_parameters'] / 1e6:.1f} M" if run.get("n_parameters") else NOTHING,
        f"{run['minutes']:.0f}" if run.get("minutes") else NOTHING,
        f"{run['hours']:.2f}" if run.get("hours") else NOTHING,
    )


def _cells(column: Mapping[str, Any]) -> Row:
    means = {name: summary["mean"] for name, summary in column["summary"].items()}
    speeds = {name: 1 / means[name] for name in SPEEDS if means.get(name)}
    shown = [_shown(name, speeds.get(name) if name in SPEEDS else means.get(name)) for name in METRICS]
    lengths = [column["failures"][name] for name in SHORT if name in column["failures"]]
    failed, tried = (sum(length[key] for length in lengths) for key in ("failed", "n"))
    return (str(len(column["sentences"])), *shown, f"{failed} of {tried}" if tried else NOTHING)


def _shown(name: str, value: float | None) -> str:
    digits = 0 if name in SPEEDS else 3 if name == "speaker_similarity" else 2
    return NOTHING if value is None else f"{value:.{digits}f}"


def write_page(target: Path, voices: Sequence[Voice], table: Sequence[Row]) -> Path:
    """Write players of the first set that all voices have said sentences of.

    Raises:
        RunFolderError: there is none.
    """
    for title in dict.fromkeys(row[0] for row in table[1:]):
        judged = [voice.on(title) for voice in voices]
        found = [one for one in judged if one is not None]
        if len(found) == len(judged) and shared_sentences(found):
            return write_side_by_side(target, found, title=title, table=table)
    raise RunFolderError("these voices were judged on no sentence in common; judge them on the same sets", key="--page")


def main(argv: Sequence[str] | None = None, *, metrics: Sequence[Metric] | None = None) -> None:
    """Judge what is asked for, read the scores, and print.

    Args:
        argv: the words behind the program's name; None = those of this process.
        metrics: to judge by; None = all there are.
    """
    parser = _parser()
    arguments = parser.parse_args(argv)
    try:
        if arguments.limit is not None and arguments.limit < 1:
            raise ConfigError(f"must be at least 1, got {arguments.limit}; leave it out to judge all", key="--limit")
        voices = voices_of(arguments.runs, arguments.codec)
        has_failed = arguments.judge and not _judge(voices, arguments, metrics)
        judged = [voice for voice in voices if not has_failed or voice.is_judged]
        for voice in judged:
            if voice.has_changed:
                print(f"{voice.name}: was trained again after it was judged; add --judge", file=sys.stderr)
        table = table_of(judged)
        print("\n".join("| " + " | ".join(row) + " |" for row in (table[0], ("---",) * len(HEAD), *table[1:])))
        if arguments.page is not None:
            print(f"\npage: {write_page(arguments.page, judged, table)}")
    except ToktsError as error:
        parser.exit(2, f"{error.one_line()}\n")
    if has_failed:
        sys.exit(2)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", metavar="RUN", help="a run folder, or bundled")
    parser.add_argument("--judge", action="store_true", help="judge first what has not been judged yet")
    parser.add_argument(
        "--sets", default="", help=f"to judge, with commas; {','.join(SETS)} and, with its words, ljspeech"
    )
    parser.add_argument("--ljspeech", type=Path, metavar="DIR", help="LJSpeech-1.1, or its metadata.csv")
    parser.add_argument("--limit", type=int, help="sentences of a set to judge, at most")
    parser.add_argument(
        "--codec", action="append", default=[], help="a row more for each run that writes mel; repeatable"
    )
    parser.add_argument("--page", type=Path, metavar="FILE", help="an HTML page with players")
    return parser


def _judge(voices: Sequence[Voice], arguments: argparse.Namespace, metrics: Sequence[Metric] | None) -> bool:
    """Judge one voice after the other; a fault of one is said and does not stop the others. Whether there was none."""
    names = tuple(name.strip() for name in arguments.sets.split(",") if name.strip())
    standard = SETS if arguments.ljspeech is None else (*SETS, LJSPEECH)
    task = Task(names or standard, arguments.ljspeech, arguments.limit)
    chosen = load_metrics() if metrics is None else metrics
    for metric in chosen:
        metric.prepare()
    faults = []
    for voice in voices:
        try:
            judge_missing(voice, task, chosen)
        except ToktsError as error:
            faults.append(voice.name)
            print(f"{voice.name}: {error.one_line()}", file=sys.stderr)
    return not faults


if __name__ == "__main__":
    main()
