"""Finished voices, judging what has not been judged yet, and reading what was found."""

import contextlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toktts.errors import RunFolderError
from toktts.evaluation._base import Metric
from toktts.evaluation.judging.command import UNSEEN, Request, evaluate
from toktts.evaluation.judging.scores import SCORES, evaluation_folder, fingerprint, is_judged, read_scores, sets_of
from toktts.evaluation.report.side_by_side import JudgedVoice
from toktts.inference import bundled_voice
from toktts.inference.voices import BUNDLED


@dataclass(frozen=True)
class Voice:
    """A run folder and a codec.

    Args:
        name: as tables head it.
        folder: of the run.
        evaluation: where its scores lie.
        codec: that it speaks through instead of its own; None = its own.
        is_ours: whether it came with toktts: its corpus did not, so it has no unseen sentences.
    """

    name: str
    folder: Path
    evaluation: Path
    codec: str | None = None
    is_ours: bool = False

    @property
    def scores(self) -> dict[str, Any]:
        """What was found; fails where nothing was."""
        if not self.is_judged:
            raise RunFolderError("was not judged yet; add --judge", key=self.name)
        return read_scores(self.evaluation / SCORES)

    @property
    def is_judged(self) -> bool:
        """Whether anything was found."""
        return (self.evaluation / SCORES).is_file()

    @property
    def has_changed(self) -> bool:
        """Whether its scores are of other weights."""
        return bool(self.scores["voice"] != fingerprint(self.folder, self.codec))

    def on(self, title: str) -> JudgedVoice | None:
        """What it said of a set, if it was judged on that."""
        found = [one for one in self.scores["sets"] if one["title"] == title]
        return JudgedVoice(self.name, found[0], self.evaluation / title) if found else None


@dataclass(frozen=True)
class Task:
    """What voices are to be judged on: see `Request`."""

    sets: tuple[str, ...]
    ljspeech: Path | None = None
    limit: int | None = None


def voices_of(runs: Sequence[str], codecs: Sequence[str]) -> list[Voice]:
    """List each run as it is, and with every other codec that fits it.

    Args:
        runs: run folders; `bundled` is the voice that came with toktts.
        codecs: names or folders of ways back from mel; runs that write codes have none but their own.
    Raises:
        RunFolderError: a folder that is not there.
    """
    found = []
    names = [Path(run).resolve().name for run in runs]
    for run, name in zip(runs, names, strict=True):
        is_ours = run == BUNDLED
        folder = Path(bundled_voice() if is_ours else run)
        if not folder.is_dir():
            raise RunFolderError("no such run folder; train it first, or check the name", file=folder)
        home = Path("runs", BUNDLED) if is_ours else folder
        shown = run if names.count(name) > 1 else name
        found.append(Voice(shown, folder, evaluation_folder(home), None, is_ours))
        found += [
            Voice(f"{shown}, {codec}", folder, evaluation_folder(home, codec), codec, is_ours)
            for codec in codecs
            if _fits(folder, codec)
        ]
    return found


def _fits(folder: Path, codec: str) -> bool:
    """Whether a run writes mel, and does not speak through that codec anyway."""
    own = _read(folder / "codec" / "codec.json").get("codec")
    return _read(folder / "config.json").get("feature") == "mel" and own != codec


def _read(file: Path) -> Mapping[str, Any]:
    try:
        facts = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    except ValueError as error:
        raise RunFolderError(f"cannot be read ({error}); copy the whole folder again", file=file) from error
    return facts if isinstance(facts, dict) else {}


def judge_missing(voice: Voice, task: Task, metrics: Sequence[Metric]) -> list[str]:
    """Judge a voice on the sets that it was not judged on since it was trained, and name them."""
    done = sets_of(voice.evaluation / SCORES, voice=fingerprint(voice.folder, voice.codec))
    asked = [metric.name for metric in metrics]
    missing = [
        name
        for name in task.sets
        if not (voice.is_ours and name == UNSEEN) and not is_judged(done.get(name), limit=task.limit, metrics=asked)
    ]
    request = Request(
        what=str(voice.folder),
        sets=tuple(missing),
        ljspeech=task.ljspeech,
        codec=voice.codec,
        limit=task.limit,
        out=voice.evaluation if voice.is_ours else None,
    )
    if missing:
        print(f"judging {voice.name}: {', '.join(missing)}", file=sys.stderr)
        with contextlib.redirect_stdout(sys.stderr):
            evaluate(request, metrics=metrics)
    return missing
