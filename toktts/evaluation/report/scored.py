"""What `toktts eval` left in a run folder -> tables, players and drawings for its page."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from toktts.audio import Waveform
from toktts.errors import RunFolderError
from toktts.evaluation.judging.verdict import CODEC, FOLDERS, VOICE
from toktts.evaluation.report.drawing import Drawing, draw_speech, said_when

SCORES = Path("evaluation", "scores.json")
N_DRAWN = 12  # sentences of a set that are drawn; finding their pitch takes a third of a second


@dataclass(frozen=True)
class Heard:
    """One sentence as one column says it.

    Args:
        link: relative to the page, quoted; None = the file is gone.
        remark: its scores, and what was heard.
        has_failed: whether it counts as a failure.
    """

    link: str | None
    remark: str
    has_failed: bool


@dataclass(frozen=True)
class ScoredRow:
    """One sentence: its name, its text, what is heard of it by column, and its drawing."""

    name: str
    text: str
    heard: Mapping[str, Heard]
    drawing: Drawing | None


@dataclass(frozen=True)
class ScoredSet:
    """One set of sentences: its table (a list of rows, the first one is the heading) and its sentences."""

    title: str
    table: list[list[str]]
    columns: list[str]
    rows: list[ScoredRow]


def read_scored_sets(run_folder: Path) -> list[ScoredSet]:
    """Read scores and look for the sound beside them.

    Args:
        run_folder: with or without `evaluation/scores.json`.
    Raises:
        RunFolderError: scores that cannot be read.
    """
    file = run_folder / SCORES
    if not file.is_file():
        return []
    try:
        sets = json.loads(file.read_text(encoding="utf-8"))["sets"]
        return [_scored_set(facts, run_folder) for facts in sets]
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise RunFolderError(f"cannot be read ({error!r}); run toktts eval again", file=file) from error


def _scored_set(facts: Mapping[str, Any], run_folder: Path) -> ScoredSet:
    columns = {name: column["sentences"] for name, column in facts["columns"].items() if column["sentences"]}
    sentences: dict[str, dict[str, Any]] = {}
    for name, items in columns.items():
        for item in items:
            sentences.setdefault(item["id"], {})[name] = item
    folder = SCORES.parent / facts["title"]
    rows = [
        _row(id_, found, facts["metrics"], folder, run_folder, is_drawn=number < N_DRAWN)
        for number, (id_, found) in enumerate(sentences.items())
    ]
    return ScoredSet(facts["title"], facts["table"], list(columns), rows)


def _row(
    id_: str,
    found: Mapping[str, Any],
    metrics: Mapping[str, Any],
    folder: Path,
    run_folder: Path,
    *,
    is_drawn: bool,
) -> ScoredRow:
    files = {name: folder / FOLDERS.get(name, name) / f"{id_}.wav" for name in found}
    there = {name: file for name, file in files.items() if (run_folder / file).is_file()}
    heard = {
        name: Heard(
            link=quote(there[name].as_posix()) if name in there else None,
            remark=_remark(item, metrics),
            has_failed=bool(item["failed"]),
        )
        for name, item in found.items()
    }
    sounds = {name: run_folder / file for name, file in there.items() if name != CODEC}
    drawing = None
    if is_drawn:
        tiers = said_when(sounds[VOICE]) if VOICE in sounds else ()
        drawing = draw_speech({name: Waveform.load(file) for name, file in sounds.items()}, tiers)
    text = next(iter(found.values()))["text"]
    return ScoredRow(name=id_, text=text or "", heard=heard, drawing=drawing)


def _remark(item: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    parts = [f"{item['duration_s']:.2f} s"]
    parts += [
        f"{metrics[name]['title']} {score['value']:.3g}{metrics[name]['unit'] and ' ' + metrics[name]['unit']}"
        for name, score in item["scores"].items()
    ]
    heard = next((score["heard"] for score in item["scores"].values() if "heard" in score), None)
    return ", ".join(parts) + (f"; heard: {heard}" if heard is not None else "")
