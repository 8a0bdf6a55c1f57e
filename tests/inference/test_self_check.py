"""The report beside the sound: what it says, what it is held against, and what is spoken again."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_run import save_run

from toktts.alignment import Span
from toktts.alignment.findings import Report
from toktts.alignment.json_file import read_json
from toktts.alignment.srt import read_srt
from toktts.alignment.textgrid import read_textgrid
from toktts.errors import AlignmentError, ModelError
from toktts.inference import TokttsPipeline, say
from toktts.inference.retrying import SEED_STEP
from toktts.inference.timestamps import Tier
from toktts.models import ToktsModel
from toktts.models.tokar import Tokar
from toktts.models.tokflat import TokflatModel
from toktts.models.toknar import Toknar
from toktts.text.basic import BasicNormalizer
from toktts.tokens import build_tokenizer

FRAME_RATE, HOP = 75, 320
TEXT = "He was. So are we."
N_UNITS = {"He was.": 8, "So are we.": 10}  # phonemes, breaks between words, the full stop, the end


def pipe_of(model: ToktsModel, tokenizer: str = "phonemes") -> TokttsPipeline:
    return TokttsPipeline(
        model=model, tokenizer=build_tokenizer(tokenizer), normalizer=BasicNormalizer(), task="text-to-audio"
    )


def path_of(n_ids: int, frames: int = 7) -> torch.Tensor:
    return torch.arange(n_ids).repeat_interleave(frames)


Speaker = Callable[[torch.Tensor, int | None], torch.Tensor]


def speaking(
    monkeypatch: pytest.MonkeyPatch, path: Speaker, *, level: float = 0.1, knows_units: bool = True
) -> TokttsPipeline:
    """A pipeline whose model takes the paths given through its text; `path` gets a row's ids and the seed."""
    pipe = pipe_of(Tokar.tiny())

    def speak(inputs: dict[str, torch.Tensor], **params: Any) -> dict[str, Any]:
        seed = params["generate_kwargs"].get("seed")
        rows = zip(inputs["input_ids"], inputs["attention_mask"], strict=True)
        paths = [path(ids[mask.bool()], seed) for ids, mask in rows]
        n_frames = torch.tensor([len(one) for one in paths])
        total = int(n_frames.max())
        return {
            "features": torch.arange(2 * total).view(1, 2, total).expand(len(paths), -1, -1),
            "n_frames": n_frames,
            "audio": [torch.full((HOP * len(one),), level) for one in paths],
            "stop_reasons": ["eos"] * len(paths),
            "units": torch.nn.utils.rnn.pad_sequence(paths, batch_first=True) if knows_units else None,
        }

    monkeypatch.setattr(pipe, "forward", speak)
    return pipe


def good(ids: torch.Tensor, _seed: int | None) -> torch.Tensor:
    return path_of(len(ids))


def test_good_speech_passes_with_all_its_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    report: Report = speaking(monkeypatch, good)(TEXT, self_check=True)["report"]
    assert report.passed, report.reasons
    names = ["coverage", "monotonic", "repeats", "early_stop", "length", "silent", "runaway", "truncated"]
    assert [finding.name for finding in report.findings] == names
    assert all(line.startswith("ok   ") for line in report.lines)


def skipping(ids: torch.Tensor, _seed: int | None) -> torch.Tensor:
    path = path_of(len(ids))
    return path[(path < 1) | (path > 2)] if len(ids) == N_UNITS["So are we."] else path


def repeating(ids: torch.Tensor, _seed: int | None) -> torch.Tensor:
    path = path_of(len(ids))
    return torch.cat([path[:28], path[14:]])


def stopping(ids: torch.Tensor, _seed: int | None) -> torch.Tensor:
    return path_of(len(ids))[:21]


def dragging(ids: torch.Tensor, _seed: int | None) -> torch.Tensor:
    return path_of(len(ids), 30)


@pytest.mark.parametrize(
    ("fault", "flags", "reason"),
    [
        (skipping, {"coverage"}, "sentence 2: 5 of 6 units were said, not 'OW1' (1)"),
        (repeating, {"monotonic", "repeats"}, "sentence 1: 1 steps backwards, the first at 0.37 s from unit 3 to 2"),
        (stopping, {"coverage", "early_stop"}, "sentence 2: 4 units are left behind the last one reached"),
        (dragging, {"length", "runaway"}, "sentence 2: 4.00 s of speech where 0.48 s were expected"),
    ],
)
def test_a_fault_in_the_path_is_reported_with_its_sentence(
    monkeypatch: pytest.MonkeyPatch, fault: Speaker, flags: set[str], reason: str
) -> None:
    report: Report = speaking(monkeypatch, fault)(TEXT, self_check=True)["report"]
    assert set(report.flags) == flags, report.lines
    assert any(line.startswith(reason) for line in report.reasons), report.reasons
    assert sum(line.startswith("FAIL ") for line in report.lines) == len(flags)


def test_without_asking_there_is_no_report_and_the_sound_is_the_same() -> None:
    pipe = pipe_of(Toknar.tiny())
    plain, checked = pipe(TEXT), pipe(TEXT, self_check=True)
    assert "report" not in plain
    np.testing.assert_array_equal(plain["audio"], checked["audio"])
    assert {key for key in checked if key not in plain} == {"report"}


def test_a_family_that_knows_no_units_is_checked_by_its_sound_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    report = speaking(monkeypatch, good, knows_units=False)(TEXT, self_check=True)["report"]
    assert [finding.name for finding in report.findings] == ["silent", "runaway", "truncated"]
    assert report.passed
    silent = speaking(monkeypatch, good, knows_units=False, level=0.0)(TEXT, self_check=True)["report"]
    assert silent.flags == ("silent",)
    flat = pipe_of(TokflatModel.tiny(), "bytes")("hi", self_check=True, num_beams=1, max_new_tokens=40)
    assert "coverage" not in [finding.name for finding in flat["report"].findings]


def test_fast_speech_is_held_against_fast_speech(monkeypatch: pytest.MonkeyPatch) -> None:
    def twice_as_fast(ids: torch.Tensor, _seed: int | None) -> torch.Tensor:
        return path_of(len(ids), 2)

    pipe = speaking(monkeypatch, twice_as_fast)
    assert "length" in pipe("Seven brothers were singing.", self_check=True)["report"].flags
    assert pipe("Seven brothers were singing.", self_check=True, speed=2.0)["report"].passed


def test_a_failed_sentence_is_spoken_again_with_other_seeds_and_the_best_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int | None]] = []

    def moody(ids: torch.Tensor, seed: int | None) -> torch.Tensor:
        asked.append((len(ids), seed))
        if len(ids) == N_UNITS["He was."]:
            return good(ids, seed)
        return good(ids, seed) if seed == 5 + 2 * SEED_STEP else stopping(ids, seed)

    pipe = speaking(monkeypatch, moody)
    assert not pipe(TEXT, seed=5, self_check=True)["report"].passed
    asked.clear()
    assert not pipe(TEXT, seed=5, self_check=True, retries=1)["report"].passed
    assert len(asked) == 3
    asked.clear()
    assert pipe(TEXT, seed=5, self_check=True, retries=3)["report"].passed
    long = N_UNITS["So are we."]
    assert asked == [(N_UNITS["He was."], 5), *((long, 5 + attempt * SEED_STEP) for attempt in range(3))]
    assert "report" not in pipe(TEXT, seed=5, retries=2)


def test_a_retry_that_is_worse_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def worse(ids: torch.Tensor, seed: int | None) -> torch.Tensor:
        return repeating(ids, seed) if seed == 5 else torch.cat([dragging(ids, seed), stopping(ids, seed)])

    pipe = speaking(monkeypatch, worse)
    once, often = (pipe("He was.", seed=5, self_check=True, retries=retries) for retries in (0, 3))
    np.testing.assert_array_equal(once["audio"], often["audio"])
    assert often["report"].flags == ("monotonic", "repeats")


def test_a_voice_that_does_not_draw_cannot_try_again() -> None:
    pipe = pipe_of(Toknar.tiny())
    with pytest.raises(ModelError, match="retries: have no effect on a voice that does not draw; pass do_sample=True"):
        pipe("hi", retries=1)
    assert pipe("hi", retries=1, do_sample=True, seed=0)["audio"].size
    with pytest.raises(ModelError, match="retries: must be at least 0, got -1; change it"):
        pipe("hi", retries=-1)


def test_speed_reaches_the_voice_and_is_refused_where_it_has_no_meaning(caplog: pytest.LogCaptureFixture) -> None:
    model = Toknar.tiny()
    with torch.no_grad():
        model.durations[-1].weight.zero_()
        model.durations[-1].bias.fill_(float(np.log(4.0)))
    pipe = pipe_of(model)
    lengths = [len(pipe("He was.", speed=speed)["audio"]) for speed in (None, 1.0, 2.0, 0.5)]
    assert [length // HOP // N_UNITS["He was."] for length in lengths] == [4, 4, 2, 8]
    with caplog.at_level(logging.WARNING), pytest.raises(ModelError, match="speed: must be from 0.5 to 2, got 3"):
        pipe("hi", speed=3.0)
    with pytest.raises(ModelError, match="speed: tokar cannot change its speed; leave it at 1, or use a toknar voice"):
        pipe_of(Tokar.tiny())("hi", speed=1.2)
    assert pipe_of(Tokar.tiny())("hi", speed=1.0, max_new_tokens=5, seed=0)["audio"].size


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_run(tmp_path_factory.mktemp("runs") / "toknar", "toknar")


@pytest.mark.parametrize(("name", "read"), [("a.TextGrid", read_textgrid), ("a.json", read_json), ("a.srt", None)])
def test_say_writes_what_is_said_when(run: Path, tmp_path: Path, name: str, read: Any) -> None:
    speech = say("hello friend", model=run, output=tmp_path / "a.wav", align_out=tmp_path / name, self_check=True)
    assert {"alignment", "report"} <= set(speech)
    if read is None:
        assert read_srt(tmp_path / name).labels == ("hello friend",)
    else:
        (tier,) = read(tmp_path / name)
        assert [span.label for span in tier if span.label] == ["hello", "friend"]


@pytest.mark.parametrize(("name", "read"), [("a.TextGrid", read_textgrid), ("a.json", read_json)])
def test_say_writes_words_and_units_into_one_file(run: Path, tmp_path: Path, name: str, read: Any) -> None:
    tiers: list[Tier] = ["word", "character"]
    say("hello friend", model=run, output=tmp_path / "a.wav", align_out=tmp_path / name, timestamps=tiers)
    words, characters = read(tmp_path / name)
    assert (words.tier, characters.tier) == ("word", "character")
    said = ["".join(unit.label for unit in characters if _within(unit, word)) for word in words if word.label]
    assert said == ["hello", "friend"]


def _within(unit: Span, word: Span) -> bool:
    return word.start_s <= unit.start_s and unit.end_s <= word.end_s


def test_words_that_were_cut_off_are_left_out(run: Path, tmp_path: Path) -> None:
    say("hello friend " * 3, model=run, output=tmp_path / "a.wav", align_out=tmp_path / "a.json")
    model = Toknar.from_pretrained(run)
    model.generation_config.max_new_tokens = 3
    model.attach_codec(model.codec).save_pretrained(tmp_path / "short")
    build_tokenizer("bytes").save_pretrained(tmp_path / "short")
    say("hello friend", model=tmp_path / "short", output=tmp_path / "b.wav", align_out=tmp_path / "b.TextGrid")
    (tier,) = read_textgrid(tmp_path / "b.TextGrid")
    assert [span.label for span in tier if span.label] == ["hello"]


@pytest.mark.parametrize(
    ("name", "tiers", "message"),
    [
        (None, ["word"], "--timestamps: need a file; name one with --align-out"),
        ("a.txt", [], r"cannot write '\.txt'; use one of \.TextGrid, \.srt, \.json"),
        ("a.srt", ["word", "phoneme"], r"subtitles hold words; time words, or write a \.TextGrid or \.json"),
        ("nowhere/a.srt", [], "is in a folder that does not exist; make the folder first"),
        ("old.json", [], "exists already; choose another name, or replace it with --force"),
    ],
)
def test_an_alignment_that_cannot_be_written_is_refused_before_any_work(
    tmp_path: Path, name: str | None, tiers: list[Tier], message: str
) -> None:
    (tmp_path / "old.json").write_text("{}", encoding="utf-8")
    target = None if name is None else tmp_path / name
    with pytest.raises(AlignmentError, match=message):
        say("hello", model="runs/nothing", output=tmp_path / "a.wav", timestamps=tiers, align_out=target)
