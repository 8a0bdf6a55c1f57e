import json
import re
from pathlib import Path

import pytest

from toktts.data.corpora._base import tiny_clip
from toktts.errors import RunFolderError
from toktts.evaluation._base import Sample
from toktts.evaluation.judging import Verdict, judge, load_metrics
from toktts.evaluation.report.side_by_side import JudgedVoice, shared_sentences, write_side_by_side

EVIL = "<script>alert('x')</script>"


def judged(folder: Path, name: str, ids: list[str], *, recorded: bool = False) -> JudgedVoice:
    metrics = load_metrics(["wer"], transcribe=lambda _clip: "<i>good</i> morning")
    samples = [Sample(id=id_, text=f"Good {EVIL}", speech=tiny_clip(number)) for number, id_ in enumerate(ids)]
    columns = {"voice": judge(samples, metrics), "originals": judge(samples if recorded else [], metrics)}
    for column in ("voice", "originals")[: 1 + recorded]:
        (folder / name / column).mkdir(parents=True)
        for sample in samples:
            sample.speech.save(folder / name / column / f"{sample.id}.wav")
    facts = json.loads(json.dumps(Verdict("unseen", columns, metrics).facts()))
    return JudgedVoice(name, facts, folder / name)


def test_every_voice_has_a_column_and_the_recording_the_first(tmp_path: Path) -> None:
    voices = [judged(tmp_path, "one", ["a", "b"]), judged(tmp_path, "two", ["b", "a"], recorded=True)]
    page = write_side_by_side(tmp_path / "page.html", voices, title="unseen", table=[("set", "WER"), ("unseen", "1.5")])
    html = page.read_text(encoding="utf-8")
    heads = re.findall(r'<th scope="col">([^<]*)</th>', html)
    assert heads == ["text", "recording", "one", "two", "set", "WER"]
    assert html.count("<audio") == 6
    assert re.findall(r'aria-label="([^"]*)"', html)[:3] == ["a, recording", "a, one", "a, two"]
    assert "<td>1.5</td>" in html


def test_the_page_asks_nobody_and_nothing_that_is_shown_becomes_markup(tmp_path: Path) -> None:
    voices = [judged(tmp_path, "<one>", ["a"])]
    html = write_side_by_side(tmp_path / "page.html", voices, title="<unseen>").read_text(encoding="utf-8")
    assert all(link.startswith("data:audio/mpeg;base64,") for link in re.findall(r'src="([^"]*)"', html))
    for tag in ("<script", "<i>", "<one>", "<unseen>"):
        assert tag not in html
    assert "default-src 'none'" in html
    assert re.search(r"WER \d+ %; heard: &lt;i&gt;good&lt;/i&gt; morning", html)


def test_sentences_are_those_that_all_have_said_spread_over_the_set(tmp_path: Path) -> None:
    ids = [f"s{number:02d}" for number in range(24)]
    voices = [judged(tmp_path, "one", ids), judged(tmp_path, "two", [id_ for id_ in ids if id_ != "s00"])]
    (tmp_path / "one" / "voice" / "s23.wav").unlink()
    assert shared_sentences(voices, limit=11) == ids[1:23:2]
    assert shared_sentences(voices, limit=99) == ids[1:23]
    assert shared_sentences([]) == []


def test_sentences_of_one_name_and_two_texts_are_not_shown_side_by_side(tmp_path: Path) -> None:
    one, two = (judged(tmp_path, name, ["a", "b"]) for name in ("one", "two"))
    two.scores["columns"]["voice"]["sentences"][0]["text"] = "Something else."
    assert shared_sentences([one, two]) == ["b"]


def test_voices_that_said_nothing_alike_are_named(tmp_path: Path) -> None:
    voices = [judged(tmp_path, "one", ["a"]), judged(tmp_path, "two", ["b"])]
    with pytest.raises(RunFolderError, match="one, two have no sentence of the set 'plain' in common; judge them on"):
        write_side_by_side(tmp_path / "page.html", voices, title="plain")


def test_a_page_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match=r"page.html: cannot be written \(No such file or directory\); choose"):
        write_side_by_side(tmp_path / "no" / "page.html", [judged(tmp_path, "one", ["a"])], title="unseen")
