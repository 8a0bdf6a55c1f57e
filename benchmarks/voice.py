"""One table of finished voices: how they were trained, and what `toktts eval` found.

    toktts eval runs/mine --sets unseen,plain,short        # first, for each of them
    python -m benchmarks.voice runs/mine runs/other

Trains and speaks nothing. A figure nobody has measured is shown as "-".
"""

import argparse
import json
import struct
from pathlib import Path
from typing import Any

import yaml

SCORES = Path("evaluation", "scores.json")
COLUMNS = ("voice", "codec ceiling", "originals")
METRICS = {"wer": "WER %", "mos": "MOS", "speaker_similarity": "likeness", "real_time_factor": "real time"}
HEAD = ("run", "family", "parameters", "minutes", "set", "spoken by", *METRICS.values(), "failed, 1 to 3 words")
NOTHING = "-"


def parameters_of(weights: Path) -> int:
    """Count the numbers in a safetensors file by its header alone.

    Args:
        weights: the file.
    """
    with weights.open("rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    shapes = [entry["shape"] for name, entry in header.items() if name != "__metadata__"]
    return sum(_product(shape) for shape in shapes)


def _product(shape: list[int]) -> int:
    total = 1
    for size in shape:
        total *= size
    return total


def rows_of(run: Path) -> list[tuple[str, ...]]:
    """Give the rows of one run: a set and a column each, those without sentences left out.

    Args:
        run: a run folder.
    Raises:
        FileNotFoundError: it was not judged yet.
    """
    config = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
    about = (
        run.name,
        str(config.get("model", {}).get("family", NOTHING)),
        f"{parameters_of(run / 'model.safetensors') / 1e6:.1f} M",
        str(config.get("training", {}).get("max_minutes") or NOTHING),
    )
    scores = json.loads((run / SCORES).read_text(encoding="utf-8"))
    return [
        (*about, one["title"], name, *_cells(one["columns"][name]))
        for one in scores["sets"]
        for name in COLUMNS
        if one["columns"].get(name, {}).get("sentences")
    ]


def _cells(column: dict[str, Any]) -> list[str]:
    found = [column["summary"].get(name) for name in METRICS]
    short = [column["failures"].get(name) for name in ("1 word", "2 words", "3 words")]
    tried = sum(length["n"] for length in short if length)
    failed = sum(length["failed"] for length in short if length)
    cells = [NOTHING if summary is None else f"{summary['mean']:.2f}" for summary in found]
    return [*cells, f"{failed} of {tried}" if tried else NOTHING]


def main() -> None:
    """Read the runs and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    arguments = parser.parse_args()
    print("| " + " | ".join(HEAD) + " |")
    print("|" + "---|" * len(HEAD))
    for run in arguments.runs:
        if not (run / SCORES).is_file():
            parser.exit(2, f"toktts: error: {run}: was not judged yet; run toktts eval {run} first\n")
        for row in rows_of(run):
            print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
