import json
from pathlib import Path

from toy_run import tiny
from transformers import TrainingArguments

from toktts.training.facts import describe_differences, run_facts


def test_differences_name_both_values() -> None:
    then, now = {"seed": 1, "torch": "2.13.0", "old": True}, {"seed": 2, "torch": "2.13.0", "new": "x"}
    assert describe_differences(then, now) == ["new was None, is x", "old was True, is None", "seed was 1, is 2"]


def test_facts_come_back_from_json_as_they_are_and_change_with_the_model(tmp_path: Path) -> None:
    args = TrainingArguments(output_dir=str(tmp_path), use_cpu=True)
    model = tiny("tokar")
    facts = run_facts(model, args, n_batches=4, ema_decay=None)
    assert json.loads(json.dumps(facts)) == facts
    model.config.dropout = 0.25
    changed = run_facts(model, args, n_batches=4, ema_decay=None)
    assert describe_differences(facts, changed) == ["model.dropout was 0.1, is 0.25"]
