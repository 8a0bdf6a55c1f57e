"""The Trainer's log -> curves of training."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from toktts.errors import RunFolderError

STATE_FILE = "trainer_state.json"
PANELS = {"loss": ("loss", "eval_loss"), "learning rate": ("learning_rate",)}

Entry = Mapping[str, Any]


def read_history(run_folder: Path) -> list[Entry]:
    """Read the log of the furthest training state in a run folder: entries with `step` and numbers.

    Args:
        run_folder: states are looked for in it, in `checkpoints/` and in `checkpoints/*/`.
    Returns:
        Entries in order of step; none if the run was never trained here.
    Raises:
        RunFolderError: a state that is damaged.
    """
    checkpoints = run_folder / "checkpoints"
    files = [run_folder / STATE_FILE, checkpoints / STATE_FILE]
    files += [path for path in sorted(checkpoints.glob(f"*/{STATE_FILE}")) if not path.parent.name.startswith(".")]
    states = [_read_state(file) for file in files if file.is_file()]
    if not states:
        return []
    furthest = max(states, key=lambda state: int(state.get("global_step", 0)))
    return [entry for entry in furthest.get("log_history", []) if "step" in entry]


def _read_state(file: Path) -> Mapping[str, Any]:
    try:
        state = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunFolderError(f"cannot be read ({error}); delete it or train again", file=file) from error
    if not isinstance(state, dict):
        raise RunFolderError("is not a JSON object; delete it or train again", file=file)
    return state


def draw_curves(history: Sequence[Entry]) -> Figure:
    """Draw losses, accuracies and the learning rate over steps, one panel each where there is something to draw."""
    accuracies = sorted({name for entry in history for name in entry if "accuracy" in name})
    panels = {**PANELS, "accuracy": tuple(accuracies)}
    shown = {
        title: curves
        for title, names in panels.items()
        if (curves := {name: points for name in names if (points := _points(history, name))})
    }
    figure = Figure(figsize=(3.6 * max(1, len(shown)), 2.6), layout="constrained")
    for place, (title, curves) in enumerate(shown.items(), 1):
        axes = figure.add_subplot(1, len(shown), place)
        for name, points in curves.items():
            axes.plot(*zip(*points, strict=True), label=_label(name), marker="." if len(points) < 30 else "")
        axes.set_title(title, fontsize=9)
        axes.set_xlabel("step", fontsize=8)
        axes.tick_params(labelsize=7)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=7)
    return figure


def _label(name: str) -> str:
    return {"loss": "training", "eval_loss": "validation"}.get(name, name.removeprefix("eval_").replace("_", " "))


def _points(history: Sequence[Entry], name: str) -> list[tuple[float, float]]:
    return [(entry["step"], entry[name]) for entry in history if isinstance(entry.get(name), int | float)]
