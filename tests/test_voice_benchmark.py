"""The table of finished voices reads what is there and invents nothing."""

import json
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from benchmarks import voice


def judged_run(folder: Path) -> Path:
    (folder / "evaluation").mkdir(parents=True)
    (folder / "config.yaml").write_text("model: {family: toknar}\ntraining: {max_minutes: 60}\n", encoding="utf-8")
    save_file({"a": torch.zeros(1000, 1000), "b": torch.zeros(500_000)}, folder / "model.safetensors")
    short = {"1 word": {"failed": 1, "n": 30}, "2 words": {"failed": 0, "n": 30}, "13+ words": {"failed": 9, "n": 9}}
    column = {"summary": {"wer": {"mean": 1.234}}, "failures": short, "sentences": [{}]}
    empty = {"summary": {}, "failures": {}, "sentences": []}
    sets = [{"title": "short", "columns": {"voice": column, "codec ceiling": empty, "originals": empty}}]
    (folder / "evaluation" / "scores.json").write_text(json.dumps({"sets": sets}), encoding="utf-8")
    return folder


def test_a_row_holds_the_run_and_its_scores(tmp_path: Path) -> None:
    rows = voice.rows_of(judged_run(tmp_path / "mine"))
    assert rows == [("mine", "toknar", "1.5 M", "60", "short", "voice", "1.23", "-", "-", "-", "1 of 60")]
    assert len(rows[0]) == len(voice.HEAD)


def test_a_run_that_was_not_judged_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["voice", str(tmp_path)])
    with pytest.raises(SystemExit, match="2"):
        voice.main()
    assert "was not judged yet; run toktts eval" in capsys.readouterr().err
