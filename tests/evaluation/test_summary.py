import json
import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from toktts.audio import Waveform
from toktts.data.corpora._base import tiny_clip
from toktts.evaluation._base import Sample, Score
from toktts.evaluation.judging import Judged, Verdict, failures_by_length, judge, load_metrics, summarize
from toktts.evaluation.judging.verdict import as_json

scores = st.lists(st.builds(Score, st.floats(0, 1e4), st.floats(1, 50)), min_size=1, max_size=30)


def judged(text: str, wer: float | None = 0.0, *, is_silent: bool = False) -> Judged:
    return Judged(text[:9], text, 1.0, is_silent, {} if wer is None else {"wer": Score(wer)})


@given(scores)
def test_a_mean_lies_in_its_interval_and_between_its_scores(scores: list[Score]) -> None:
    summary = summarize(scores)
    assert summary is not None
    values = [score.value for score in scores]
    assert min(values) - 1e-6 <= summary.low <= summary.high <= max(values) + 1e-6
    assert min(values) - 1e-6 <= summary.mean <= max(values) + 1e-6
    assert summary.n == len(scores)


def test_the_mean_counts_words_and_not_sentences() -> None:
    # One word wrong of one, none of nine: 10 % of words, not 50 % of sentences.
    summary = summarize([Score(100.0, 1), Score(0.0, 9)])
    assert summary is not None
    assert summary.mean == 10.0


def test_more_sentences_give_a_narrower_interval_and_the_same_one_each_time() -> None:
    few = summarize([Score(float(value)) for value in (0, 1) * 5])
    many = summarize([Score(float(value)) for value in (0, 1) * 500])
    assert few is not None
    assert many is not None
    assert many.high - many.low < (few.high - few.low) / 5
    # The standard error of 1000 fair coins is 0.0158, so 95 % lie within 0.031.
    assert many.low == pytest.approx(0.469, abs=0.006)
    assert many.high == pytest.approx(0.531, abs=0.006)
    assert many == summarize([Score(float(value)) for value in (0, 1) * 500])


def test_nothing_has_no_mean() -> None:
    assert summarize([]) is None


def test_failures_are_counted_by_the_number_of_words() -> None:
    found = failures_by_length(
        [
            judged("No.", 100.0),
            judged("Yes!", 0.0),
            judged("Come here.", 50.0),
            judged("Come in now.", 51.0),
            judged("Nobody heard the telephone ring.", None, is_silent=True),
            judged(" ".join(["word"] * 13), 0.0),
            judged("...", None, is_silent=True),
        ]
    )
    assert {name: (of.failed, of.n) for name, of in found.items()} == {
        "1 word": (1, 2),
        "2 words": (0, 1),
        "3 words": (1, 1),
        "4-12 words": (1, 1),
        "13+ words": (0, 1),
    }


def verdict() -> Verdict:
    metrics = load_metrics(["wer", "mcd", "real_time_factor"], transcribe=lambda _clip: "good night")
    clip, silence = tiny_clip(0), Waveform(torch.zeros(100), 22050)
    said = [
        Sample(id="a", text="Good night.", speech=clip, reference=clip, compute_s=0.5),
        Sample(id="b", text="Come.", speech=silence, reference=clip),
    ]
    return Verdict("mine", {"voice": judge(said, metrics), "originals": []}, metrics)


def test_a_table_has_a_column_for_each_speaker_and_says_where_there_is_nothing() -> None:
    lines = [re.sub(" {2,}", "  ", line) for line in verdict().table().splitlines()]
    assert lines[0].split() == ["mine", "voice", "originals"]
    assert lines[2].startswith("WER, % (less is better)  66.7 (0.0 to 200.0) n=2")
    assert lines[2].endswith("-")
    assert "real-time factor (less is better)  0.500 (0.500 to 0.500) n=1" in lines[4]
    assert [line.split("  ")[0] for line in lines[-2:]] == ["failed, 1 word", "failed, 2 words"]
    assert "100.0 % (1 of 1)" in lines[-2]


def test_json_holds_every_sentence() -> None:
    facts = json.loads(as_json([verdict()]))["sets"][0]
    column = facts["columns"]["voice"]
    assert facts["metrics"]["wer"] == {"title": "WER", "unit": "%", "higher_is_better": False}
    assert column["summary"]["wer"]["mean"] == pytest.approx(200 / 3)
    assert column["failures"]["1 word"] == {"failed": 1, "n": 1}
    assert [(item["id"], item["failed"]) for item in column["sentences"]] == [("a", False), ("b", True)]
    assert column["sentences"][0]["scores"]["wer"] == {"value": 0.0, "heard": "good night"}
    assert facts["columns"]["originals"]["sentences"] == []
