import dataclasses
import json
from pathlib import Path

import pytest

from toktts.data.corpora._base import tiny_clip
from toktts.errors import RunFolderError
from toktts.evaluation._base import Sample
from toktts.evaluation.judging import Verdict, judge, load_metrics
from toktts.evaluation.judging.scores import (
    Circumstances,
    evaluation_folder,
    fingerprint,
    is_judged,
    read_scores,
    sets_of,
    write_scores,
)

OURS = Circumstances(voice="aa", limit=None, seed=0, metrics=("wer",), run={"family": "toknar"})


def verdict(title: str, heard: str = "good night") -> Verdict:
    metrics = load_metrics(["wer"], transcribe=lambda _clip: heard)
    return Verdict(title, {"voice": judge([Sample(id="a", text="Good night.", speech=tiny_clip(0))], metrics)}, metrics)


def test_sets_judged_before_stay_until_they_are_judged_again(tmp_path: Path) -> None:
    file = tmp_path / "scores.json"
    write_scores([verdict("plain"), verdict("short", "good")], file, of=OURS)
    write_scores([verdict("short")], file, of=dataclasses.replace(OURS, limit=3))
    found = sets_of(file, voice="aa")
    assert list(found) == ["plain", "short"]
    assert found["short"]["columns"]["voice"]["summary"]["wer"]["mean"] == 0.0
    assert [one["limit"] for one in found.values()] == [None, 3]
    assert read_scores(file)["run"] == {"family": "toknar"}


def test_scores_of_another_voice_do_not_stay(tmp_path: Path) -> None:
    file = tmp_path / "scores.json"
    write_scores([verdict("plain")], file, of=OURS)
    assert sets_of(file, voice="bb") == {}
    write_scores([verdict("short")], file, of=dataclasses.replace(OURS, voice="bb"))
    assert [one["title"] for one in read_scores(file)["sets"]] == ["short"]
    assert sets_of(tmp_path / "none.json", voice="bb") == {}


def test_a_set_counts_as_judged_if_it_holds_all_that_is_wanted() -> None:
    whole, part = ({"limit": limit, "asked": ["wer", "mos"]} for limit in (None, 5))
    assert not is_judged(None, limit=None, metrics=[])
    assert is_judged(whole, limit=None, metrics=["wer"])
    assert is_judged(whole, limit=3, metrics=["wer", "mos"])
    assert not is_judged(whole, limit=3, metrics=["cer"])
    assert is_judged(part, limit=5, metrics=[])
    assert not is_judged(part, limit=6, metrics=[])
    assert not is_judged(part, limit=None, metrics=[])


def test_the_fingerprint_changes_with_whatever_changes_the_voice_and_with_nothing_else(tmp_path: Path) -> None:
    run, other = tmp_path / "run", tmp_path / "vocoder"
    (run / "codec").mkdir(parents=True)
    other.mkdir()
    seen = [fingerprint(run)]
    for name in ("model.safetensors", "config.json", "config.yaml", "tokenizer.json", "codec/codec.json"):
        (run / name).write_text("x", encoding="utf-8")
        seen.append(fingerprint(run))
    seen += [fingerprint(run, "griffin_lim"), fingerprint(run, str(other))]
    (other / "codec.json").write_text("x", encoding="utf-8")
    seen.append(fingerprint(run, str(other)))
    assert len(set(seen)) == len(seen)
    for name in ("trainer_state.json", "report.html", ".lock", "evaluation"):
        (run / name).write_text("x", encoding="utf-8")
    assert fingerprint(run) == seen[5]


def test_another_codec_has_a_folder_of_its_own() -> None:
    run = Path("run")
    folders = [evaluation_folder(run, codec) for codec in (None, "griffin_lim", "runs/voc/codec", "owner/name")]
    assert [folder.as_posix() for folder in folders] == [
        "run/evaluation",
        "run/evaluation/with-griffin_lim",
        "run/evaluation/with-runs-voc-codec",
        "run/evaluation/with-owner-name",
    ]


@pytest.mark.parametrize("content", ["{", "[]", '{"sets": 3}', '{"sets": [{"title": "a"}]}', '{"sets": [3]}'])
def test_a_damaged_file_is_one_line(tmp_path: Path, content: str) -> None:
    file = tmp_path / "scores.json"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(RunFolderError, match=r"scores.json: cannot be read .*; delete it and judge again"):
        read_scores(file)


def test_what_nobody_measured_is_no_number(tmp_path: Path) -> None:
    file = tmp_path / "scores.json"
    write_scores([verdict("plain")], file)
    assert "NaN" not in file.read_text(encoding="utf-8")
    assert read_scores(file)["voice"] is None
    assert json.loads(file.read_text(encoding="utf-8"))["toktts"]
