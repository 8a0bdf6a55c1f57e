import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch

from toktts.alignment import Alignment, Span
from toktts.alignment.json_file import write_json
from toktts.audio import Waveform
from toktts.errors import AlignmentError, RunFolderError
from toktts.evaluation.report import page as report
from toktts.evaluation.report import write_report
from toktts.evaluation.report.curves import draw_curves, read_history

VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """Checks that tags nest, and collects attributes and words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.cells: list[list[str]] = []
        self.words = ""
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.cells.append([])
        for name, value in attributes:
            if name in ("src", "href", "srcset", "action", "poster", "data"):
                self.links.append(value or "")
                self.cells[-1:] = [[*row, tag] for row in self.cells[-1:]]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def save_clip(path: Path, seconds: float = 0.3) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Waveform(torch.sin(torch.arange(int(seconds * 24000)) / 20), 24000).save(path)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    samples = tmp_path / "run" / "samples"
    for name in ("seen/01", "reference/01", "codec/01", "unseen/01", "train/a", "train/a_ref", "train/a_real"):
        save_clip(samples / f"{name}.wav")
    save_clip(samples / "train" / "b_ref.wav")
    for name in ("seen/01", "unseen/01", "train/a", "train/b_ref"):
        (samples / f"{name}.txt").write_text(f"words of <b>{name}</b> & more\n", encoding="utf-8")
    (tmp_path / "run" / "config.yaml").write_text("model: {name: <script>}\n", encoding="utf-8")
    log = [{"step": 5, "loss": 3.0, "learning_rate": 1e-3}, {"step": 10, "eval_loss": 2.5, "eval_accuracy": 0.25}]
    state = {"global_step": 10, "log_history": log}
    (tmp_path / "run" / "trainer_state.json").write_text(json.dumps(state), encoding="utf-8")
    return tmp_path / "run"


def test_the_page_is_valid_and_asks_for_nothing(run: Path) -> None:
    path = write_report(run)
    assert path == run / "report.html"
    html = path.read_text(encoding="utf-8")
    page = Page(html)
    assert page.links
    assert all(link.startswith(("data:audio/mpeg;base64,", "data:image/png;base64,")) for link in page.links)
    assert not re.search(r"https?:|//[a-z]|url\(|@import|<script|<link|<iframe", re.sub(r"base64,[^\"]*", "", html))
    assert "default-src 'none'" in html
    assert [path.name for path in run.iterdir() if path.name.startswith(".")] == []


def test_real_stands_beside_codec_only_beside_generated(run: Path) -> None:
    html = write_report(run).read_text(encoding="utf-8")
    assert re.findall(r"<h2>(.*)</h2>", html) == ["seen", "unseen", "train", "training", "config"]
    assert re.findall(r'scope="col">([^<]+)<', html) == [
        *("text", "real", "codec only", "generated"),
        *("text", "generated"),
        *("text", "real", "codec only", "generated"),
    ]
    assert re.findall(r'aria-label="([^"]+)"', html) == [
        *("01, real", "01, codec only", "01, generated"),
        "01, generated",
        *("a, real", "a, codec only", "a, generated"),
        "b_ref, generated",
    ]


def test_what_a_sample_says_when_is_drawn_on_its_picture_only(run: Path) -> None:
    bare = write_report(run).read_text(encoding="utf-8")
    words = Alignment((Span("<i>", 0.1, 0.2),), 0.3, tier="word")
    write_json(run / "samples" / "train" / "a.json", [words])
    page = write_report(run).read_text(encoding="utf-8")
    assert (bare.count('class="timed"'), page.count('class="timed"')) == (0, 1)
    assert "<i>" not in page
    (run / "samples" / "train" / "a.json").write_text("{", encoding="utf-8")
    with pytest.raises(AlignmentError, match=r"a\.json:1: is not JSON .*; write it again"):
        write_report(run)


def test_text_and_config_are_shown_as_they_are(run: Path) -> None:
    page = Page(write_report(run).read_text(encoding="utf-8"))
    assert "words of <b>seen/01</b> & more" in page.words
    assert "model: {name: <script>}" in page.words
    assert "b" not in page.open


def test_the_same_run_gives_the_same_page(run: Path) -> None:
    assert write_report(run).read_bytes() == write_report(run).read_bytes()


def test_a_page_stays_small_and_says_what_it_leaves_out(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(2, 5):
        shutil.copy(run / "samples" / "unseen" / "01.wav", run / "samples" / "unseen" / f"{number:02d}.wav")
    size = len(write_report(run).read_bytes())
    monkeypatch.setattr(report, "MAX_BYTES", size // 3)
    html = write_report(run).read_text(encoding="utf-8")
    assert re.search(r"\d more in samples/unseen did not fit on this page", html)
    assert len(html) < 0.7 * size


def test_a_folder_without_samples_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match=r"holds no samples/\*/\*\.wav; run generate_samples\.py first"):
        write_report(tmp_path)


def test_the_furthest_state_is_the_one_that_is_drawn(run: Path) -> None:
    assert [entry["step"] for entry in read_history(run)] == [5, 10]
    for name, step in (("checkpoint-20", 20), (".staging", 99)):
        folder = run / "checkpoints" / name
        folder.mkdir(parents=True)
        state = {"global_step": step, "log_history": [{"step": step, "loss": 1.0}]}
        (folder / "trainer_state.json").write_text(json.dumps(state), encoding="utf-8")
    assert [entry["step"] for entry in read_history(run)] == [20]
    assert read_history(run / "samples") == []


def test_a_damaged_state_is_named(run: Path) -> None:
    (run / "trainer_state.json").write_text("{", encoding="utf-8")
    with pytest.raises(RunFolderError, match=r"trainer_state\.json: cannot be read \(.*\); delete it or train again"):
        write_report(run)


def test_curves_have_a_panel_for_each_thing_that_was_logged() -> None:
    history = [{"step": 1, "loss": 2.0}, {"step": 2, "eval_loss": float("nan"), "eval_accuracy_codebook_0": 0.5}]
    assert [axes.get_title() for axes in draw_curves(history).axes] == ["loss", "accuracy"]
