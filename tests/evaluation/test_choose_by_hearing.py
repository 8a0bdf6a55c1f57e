import json
from pathlib import Path

import pytest

from toktts import build, commands
from toktts.commands import train_command
from toktts.config import load_config
from toktts.evaluation.judging import ErrorRateScorer
from toktts.inference import TokttsPipeline


class FirstIsBest(ErrorRateScorer):
    """Ears that hear well at first and badly later."""

    def __init__(self) -> None:
        self.scores = iter([{"cer": 10.0, "wer": 20.0}, {"cer": 60.0, "wer": 70.0}, {"cer": 60.0, "wer": 70.0}])

    def prepare(self) -> None:
        pass

    def __call__(self, pipe: TokttsPipeline) -> dict[str, float]:
        assert pipe("hello")["audio"].size
        return next(self.scores)


@pytest.mark.medium
def test_the_checkpoint_that_is_heard_best_is_what_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "ErrorRateScorer", FirstIsBest)
    best = ["training.args.metric_for_best_model=cer", "training.args.load_best_model_at_end=true"]
    train_command(["--config", "tiny", "data.limit_rows=24", f"training.output_dir={tmp_path / 'run'}", *best])
    state = json.loads((tmp_path / "run" / "trainer_state.json").read_text(encoding="utf-8"))
    heard = [(entry["step"], entry["eval_cer"]) for entry in state["log_history"] if "eval_cer" in entry]
    assert heard[:2] == [(10, 10.0), (20, 60.0)]
    assert (state["best_global_step"], state["best_metric"]) == (10, 10.0)


@pytest.mark.parametrize(("name", "chooses"), [("cer", True), ("eval_wer", True), ("loss", False)])
def test_an_error_rate_is_better_when_it_is_lower(name: str, chooses: bool) -> None:
    config = load_config(["tiny"], overrides=[f"training.args.metric_for_best_model={name}"])
    assert build.chooses_by_hearing(config) == chooses
    assert build.training_plan(config).arguments.get("greater_is_better") == (False if chooses else None)


def test_nothing_is_heard_in_a_training_that_chooses_by_loss() -> None:
    assert commands._scorers(load_config(["tiny"])) == ()
