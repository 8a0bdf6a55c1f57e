import json
import re
from pathlib import Path

import pytest

from toktts.alignment import Alignment, Span
from toktts.alignment.json_file import write_json
from toktts.audio import Waveform
from toktts.data.corpora._base import tiny_clip
from toktts.errors import RunFolderError
from toktts.evaluation._base import Sample
from toktts.evaluation.judging import Verdict, judge, load_metrics
from toktts.evaluation.judging.scores import write_scores
from toktts.evaluation.report import write_report
from toktts.evaluation.report.drawing import CURVES_HEIGHT, PIXELS_PER_SECOND, draw_speech

EVIL = "<script>alert('x')</script> & \"more\""


@pytest.fixture
def run(tmp_path: Path) -> Path:
    metrics = load_metrics(["wer", "mcd"], transcribe=lambda _clip: "<i>heard</i>")
    samples = [
        Sample(id=id_, text=EVIL, speech=tiny_clip(number), reference=tiny_clip(0))
        for number, id_ in enumerate(["a b#1", "gone"])
    ]
    columns = {"voice": judge(samples, metrics), "codec ceiling": [], "originals": judge(samples[:1], metrics)}
    folder = tmp_path / "run" / "evaluation"
    for name in ("voice", "originals"):
        (folder / "<set>" / name).mkdir(parents=True)
        tiny_clip(0).save(folder / "<set>" / name / "a b#1.wav")
    write_scores([Verdict("<set>", columns, metrics)], folder / "scores.json")
    return folder.parent


def test_nothing_that_is_shown_becomes_markup(run: Path) -> None:
    write_json(
        run / "evaluation/<set>/voice/a b#1.json", [Alignment((Span(label="<b>\"AH'", start_s=0.1, end_s=0.4),), 1.0)]
    )
    page = write_report(run).read_text(encoding="utf-8")
    for tag in ("<script", "<i>", "<b>", "<set>"):
        assert tag not in page
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &#34;more&#34;" in page
    assert "heard: &lt;i&gt;heard&lt;/i&gt;" in page
    assert "&lt;b&gt;&#34;AH&#39;</text>" in page


def test_players_are_relative_and_only_where_there_is_a_file(run: Path) -> None:
    page = write_report(run).read_text(encoding="utf-8")
    links = re.findall(r'src="([^"]*)"', page)
    assert links == [f"evaluation/%3Cset%3E/{name}/a%20b%231.wav" for name in ("voice", "originals")]


def test_a_page_asks_nobody_and_runs_nothing(run: Path) -> None:
    page = write_report(run).read_text(encoding="utf-8")
    assert "http" not in page.replace("http-equiv", "")
    assert "default-src 'none'" in page
    assert "<script" not in page


def test_the_table_and_the_failures_are_on_the_page(run: Path) -> None:
    page = write_report(run).read_text(encoding="utf-8")
    assert "WER, % (less is better)" in page
    assert '<td class="failed">' in page
    assert page.count("<polyline") >= 2


def test_scores_that_are_damaged_are_one_line(run: Path) -> None:
    file = run / "evaluation" / "scores.json"
    for content in ("{", "[]", '{"sets": [{}]}', '{"sets": 3}'):
        file.write_text(content, encoding="utf-8")
        with pytest.raises(RunFolderError, match=r"scores.json: cannot be read .*; run toktts eval again"):
            write_report(run)
    json.loads("{}")


def test_a_steady_pitch_is_a_level_line_at_its_height() -> None:
    import torch

    tone = Waveform(0.5 * torch.sin(2 * torch.pi * 200 * torch.arange(24_000) / 24_000), 24_000)
    words = Alignment((Span(label="ah", start_s=0.25, end_s=0.75),), 1.0, tier="word")
    phonemes = Alignment((Span(label="AA", start_s=0.25, end_s=0.75),), 1.0)
    drawing = draw_speech({"voice": tone}, [words, phonemes])
    points = [tuple(map(float, point.split(","))) for stretch in drawing.curves["voice"] for point in stretch.split()]
    marked = dict((label, y) for y, label in drawing.lines)
    assert len(points) > 80
    assert all(y == pytest.approx(marked["200 Hz"], abs=1.0) for _, y in points[5:-5])
    assert 0 < marked["400 Hz"] < marked["200 Hz"] < marked["100 Hz"] < CURVES_HEIGHT
    upper, lower = drawing.boxes
    for box in (upper, lower):
        assert (box.x, box.width) == (0.25 * PIXELS_PER_SECOND, 0.5 * PIXELS_PER_SECOND)
        assert box.y < box.base < box.y + box.height <= drawing.height
    assert upper.y >= CURVES_HEIGHT
    assert lower.y == upper.y + upper.height
    assert (upper.label, lower.label) == ("ah", "AA")
