"""The table of finished voices judges what is missing, reads the rest again, and invents nothing."""

import json
import re
from pathlib import Path

import pytest
from tiny_run import save_run

from benchmarks import voice
from benchmarks._judged import voices_of
from toktts.codecs import load_codec
from toktts.codecs.griffin_lim import GriffinLim
from toktts.evaluation._base import Metric
from toktts.evaluation.judging import load_metrics
from toktts.evaluation.judging.scores import read_scores

SHORT = {"1 word": {"failed": 1, "n": 30}, "2 words": {"failed": 0, "n": 30}, "13+ words": {"failed": 9, "n": 9}}
EMPTY = {"summary": {}, "failures": {}, "sentences": []}


def column(**means: float) -> dict[str, object]:
    summary = {name: {"mean": mean} for name, mean in means.items()}
    return {"summary": summary, "failures": SHORT, "sentences": [{}]}


def judged_run(folder: Path, *, title: str = "short") -> Path:
    (folder / "evaluation").mkdir(parents=True)
    (folder / "config.json").write_text("{}", encoding="utf-8")
    columns = {
        "voice": column(wer=1.234, duration_error=5.0, real_time_factor=0.05, acoustic_real_time_factor=0.02),
        "codec ceiling": EMPTY,
        "originals": column(wer=0.5, speaker_similarity=0.91),
    }
    facts = {"family": "toknar", "n_parameters": 1_500_000, "codec": "melrvq", "minutes": 60.04, "hours": None}
    scores = {"voice": "aa", "run": facts, "sets": [{"title": title, "columns": columns}]}
    (folder / "evaluation" / "scores.json").write_text(json.dumps(scores), encoding="utf-8")
    return folder


def run(*arguments: str, metrics: list[Metric] | None = None) -> int:
    try:
        voice.main(arguments, metrics=metrics)
    except SystemExit as end:
        return int(end.code or 0)
    return 0


@pytest.fixture
def metrics() -> list[Metric]:
    names = ["wer", "duration_error", "real_time_factor", "acoustic_real_time_factor"]
    return load_metrics(names, transcribe=lambda _clip: "yes")


def test_a_row_holds_the_run_and_its_scores(tmp_path: Path) -> None:
    head, spoken, original = voice.table_of(voices_of([str(judged_run(tmp_path / "mine"))], []))
    about = ("mine", "toknar", "melrvq", "1.5 M", "60", "-")
    assert spoken == ("short", *about, "voice", "1", "1.23", "-", "-", "5.00", "20", "50", "1 of 60")
    assert original == ("short", *"------", "originals", "1", "0.50", "-", "0.910", "-", "-", "-", "1 of 60")
    assert len(head) == len(spoken) == len(original)


def test_rows_go_set_by_set_and_originals_that_are_alike_stand_there_once(tmp_path: Path) -> None:
    runs = [
        str(judged_run(tmp_path / name, title=title))
        for name, title in zip("abc", ["mine", "short", "mine"], strict=True)
    ]
    rows = voice.table_of(voices_of(runs, []))[1:]
    assert [row[:2] for row in rows] == [
        ("short", "b"), ("short", "-"), ("mine", "a"), ("mine", "-"), ("mine", "c")
    ]  # fmt: skip


def test_a_run_that_was_not_judged_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = judged_run(tmp_path / "mine")
    (folder / "evaluation" / "scores.json").unlink()
    assert run(str(folder)) == 2
    assert capsys.readouterr().err == "toktts: error: mine: was not judged yet; add --judge\n"


def test_a_run_that_is_not_there_stops_before_anything_is_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(str(judged_run(tmp_path / "mine")), "mien", "--judge") == 2
    assert capsys.readouterr().err == "toktts: error: mien: no such run folder; train it first, or check the name\n"


def test_judging_no_sentence_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        voice.main([str(judged_run(tmp_path / "run")), "--judge", "--limit", "0"])
    assert stop.value.code == 2
    assert "--limit: must be at least 1, got 0; leave it out to judge all" in capsys.readouterr().err


def test_runs_of_one_name_are_told_apart_and_codecs_go_with_mel_only(tmp_path: Path) -> None:
    runs = [tmp_path / "a" / "same", tmp_path / "b" / "same", tmp_path / "c"]
    for folder, feature, codec in zip(
        runs, ("codes", "mel", "mel"), ("melrvq", "mel_vocoder", "griffin_lim"), strict=True
    ):
        (folder / "codec").mkdir(parents=True)
        (folder / "config.json").write_text(json.dumps({"n_mels": 80, "feature": feature}), encoding="utf-8")
        (folder / "codec" / "codec.json").write_text(json.dumps({"codec": codec}), encoding="utf-8")
    found = voices_of([str(folder) for folder in runs], ["griffin_lim"])
    assert [each.name for each in found] == [str(runs[0]), str(runs[1]), f"{runs[1]}, griffin_lim", "c"]
    assert found[2].evaluation == runs[1] / "evaluation" / "with-griffin_lim"


def test_the_bundled_voice_is_judged_outside_of_the_package() -> None:
    (ours,) = voices_of(["bundled"], ["griffin_lim"])
    assert ours.name == "bundled"
    assert ours.evaluation == Path("runs", "bundled", "evaluation")


def test_what_is_missing_is_judged_once_and_all_families_stand_on_one_page(
    tmp_path: Path, metrics: list[Metric], capsys: pytest.CaptureFixture[str]
) -> None:
    codes, mel = (save_run(tmp_path / family, family) for family in ("toknar", "fastspeech2"))
    vocoder, page = tmp_path / "vocoder", tmp_path / "page.html"
    GriffinLim(load_codec(mel / "codec").log_mel, n_iterations=3).save_pretrained(vocoder)
    command = [str(codes), str(mel), "--codec", str(vocoder), "--judge", "--sets", "short", "--limit", "3"]
    assert run(*command, "--page", str(page), metrics=metrics) == 0
    first = capsys.readouterr()
    names = ["toknar", "fastspeech2", f"fastspeech2, {vocoder}"]
    assert re.findall(r"^judging (.*): short$", first.err, re.MULTILINE) == names
    rows = [line.strip("| ").split(" | ") for line in first.out.splitlines() if line.startswith("| short")]
    assert [row[1] for row in rows] == names
    assert [row[-1] for row in rows] == ["2 of 3"] * 3  # who always hears "yes" is right about the first word only
    html = page.read_text(encoding="utf-8")
    assert html.count("<audio") == 9
    assert all(f'<th scope="col">{name}</th>' in html for name in names)

    assert run(*command, metrics=metrics) == 0
    again = capsys.readouterr()
    assert "judging" not in again.err
    assert again.out in first.out

    (codes / "config.yaml").write_text("inference: {max_seconds: 1}\n", encoding="utf-8")
    assert run(str(codes)) == 0
    assert "toknar: was trained again after it was judged; add --judge" in capsys.readouterr().err


def test_a_voice_that_cannot_be_judged_does_not_stop_the_others(
    tmp_path: Path, metrics: list[Metric], capsys: pytest.CaptureFixture[str]
) -> None:
    other, broken = (save_run(tmp_path / name, "toknar") for name in ("other", "broken"))
    (broken / "model.safetensors").unlink()
    code = run(str(broken), str(other), "--judge", "--sets", "short", "--limit", "1", metrics=metrics)
    output = capsys.readouterr()
    assert code == 2
    faults = [line for line in output.err.splitlines() if line.startswith("broken: toktts: error: ")]
    assert len(faults) == 1
    assert "broken: toktts: error: " + str(broken) in faults[0]
    assert "| short | other |" in output.out
    assert len(read_scores(other / "evaluation" / "scores.json")["sets"]) == 1


def test_a_page_of_voices_that_said_nothing_alike_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [str(judged_run(tmp_path / name, title=name)) for name in ("short", "plain")]
    assert run(*runs, "--page", str(tmp_path / "page.html")) == 2
    assert (
        "--page: these voices were judged on no sentence in common; judge them on the same" in capsys.readouterr().err
    )
