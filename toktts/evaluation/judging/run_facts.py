"""A voice and its run folder -> what a table says about its training."""

import json
from pathlib import Path
from typing import Any

from toktts import build
from toktts.config import Config
from toktts.errors import ToktsError
from toktts.models import ToktsModel

STATE_FILE = "trainer_state.json"


def run_facts(model: ToktsModel, run_folder: Path, config: Config) -> dict[str, Any]:
    """Say what a voice is and how it was trained: `family`, `n_parameters`, `codec`, `minutes` and `hours` of speech.

    Args:
        model: who speaks, with the codec it speaks through.
        run_folder: minutes and hours are known only where a training left its state.
        config: of the run, names the corpus.
    Returns:
        None for what is not known.
    """
    state = _state(run_folder / STATE_FILE)
    return {
        "family": model.config.model_type,
        "n_parameters": model.num_parameters(),
        "codec": type(model.codec).__module__.rpartition(".")[2],
        "minutes": _minutes(state),
        "hours": None if state is None else _hours(config),
    }


def _state(file: Path) -> Any:
    """The Trainer's state, if there is one that can be read; a report says what is wrong with it."""
    try:
        return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None
    except (OSError, ValueError):
        return None


def _minutes(state: Any) -> float | None:
    """What the clock of `training.max_minutes` counted, pauses between runs left out."""
    try:
        return float(state["stateful_callbacks"]["TimeLimit"]["attributes"]["elapsed_before_s"]) / 60
    except (KeyError, TypeError, ValueError):
        return None


def _hours(config: Config) -> float | None:
    try:
        return build.speech_amount(config, build.open_corpus(config)).hours
    except ToktsError:  # a corpus that is on the Hub, or cut by an aligner, and both are not needed to judge a voice
        return None
