"""A voice that stands in: it speaks what failed, only when asked, and the report says so."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from test_self_check import N_UNITS, TEXT, good, pipe_of, speaking, stopping
from tiny_run import save_run

from toktts.alignment.findings import Finding, Report, worst
from toktts.errors import ModelError, TextError
from toktts.inference import TokttsPipeline, say
from toktts.inference import fallback as fallback_module
from toktts.inference.fallback import fallback_folder
from toktts.models.tokar import Tokar
from toktts.models.toknar import Toknar
from toktts.text.basic import BasicNormalizer
from toktts.tokens import build_tokenizer

LONG = N_UNITS["So are we."]


def half_failing(ids: torch.Tensor, seed: int | None) -> torch.Tensor:
    """The path of a voice that cannot say the second sentence."""
    return stopping(ids, seed) if len(ids) == LONG else good(ids, seed)


def standing_in(monkeypatch: pytest.MonkeyPatch, path: Any = good, level: float = 0.2) -> TokttsPipeline:
    """A one-pass voice that is louder than the other one, so that one hears which of them speaks."""
    donor, spare = speaking(monkeypatch, path, level=level), pipe_of(Toknar.tiny())
    monkeypatch.setattr(spare, "forward", lambda inputs, **params: donor.forward(inputs, **params))
    return spare


def test_what_fails_is_spoken_by_the_other_voice_and_the_report_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pipe, spare = speaking(monkeypatch, half_failing), standing_in(monkeypatch)
    with caplog.at_level(logging.WARNING):
        speech = pipe(TEXT, seed=3, self_check=True, retries=2, fallback=spare)
    report: Report = speech["report"]
    assert report.passed, report.lines
    note = "sentence 2: fallback: spoken by toknar (toknar) after 3 tries (coverage, early_stop)"
    assert report.notes == (note,)
    assert report.lines[-1] == f"note {note}"
    assert "a sentence was spoken by toknar (toknar) after 3 tries" in caplog.text
    assert {round(float(value), 3) for value in np.unique(speech["audio"])} == {0.0, 0.1, 0.2}


def test_without_asking_nobody_stands_in(monkeypatch: pytest.MonkeyPatch) -> None:
    report: Report = speaking(monkeypatch, half_failing)(TEXT, seed=3, self_check=True, retries=2)["report"]
    assert not report.passed
    assert report.notes == ()


def test_where_nothing_fails_the_other_voice_is_silent_and_the_report_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    spare = pipe_of(Toknar.tiny())
    monkeypatch.setattr(spare, "forward", lambda *_args, **_params: pytest.fail("spoke"))
    report: Report = speaking(monkeypatch, good)(TEXT, fallback=spare)["report"]
    assert report.passed
    assert report.notes == ()


def test_a_fallback_that_does_no_better_is_not_taken_and_that_is_said_too(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe, spare = speaking(monkeypatch, stopping), standing_in(monkeypatch, stopping, level=0.0)
    speech = pipe("So are we.", fallback=spare)
    assert not speech["report"].passed
    assert speech["report"].notes == ("fallback: not improved by toknar (toknar) after 1 try (coverage, early_stop)",)
    assert speech["audio"].max() == np.float32(0.1)


def test_times_come_from_whoever_spoke(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe, spare = speaking(monkeypatch, half_failing), standing_in(monkeypatch)
    alignment = pipe(TEXT, fallback=spare, return_timestamps="word")["alignment"]
    assert [span.label for span in alignment if span.label] == ["He", "was", "So", "are", "we"]


def refused(pipe: TokttsPipeline, spare: TokttsPipeline, message: str, **wish: Any) -> None:
    with pytest.raises(ModelError, match=message):
        pipe("hi", fallback=spare, **wish)


def test_a_voice_that_writes_frame_by_frame_cannot_stand_in() -> None:
    refused(
        pipe_of(Tokar.tiny()),
        pipe_of(Tokar.tiny()),
        "fallback: tokar writes frame by frame and may fail as well; name a toknar voice, or bundled",
    )


def test_a_voice_of_another_rate_cannot_stand_in() -> None:
    other = Toknar.tiny()
    other.config.codec_sampling_rate = 16_000
    message = "fallback: toknar speaks at 16000 Hz, the voice at 24000 Hz; name one of the same rate"
    refused(pipe_of(Tokar.tiny()), pipe_of(other), message)


def test_a_voice_that_cannot_time_what_is_to_be_timed_cannot_stand_in() -> None:
    message = "fallback: toknar cannot time 'phoneme'; time words, or name another"
    refused(pipe_of(Tokar.tiny()), pipe_of(Toknar.tiny(), "characters"), message, return_timestamps="phoneme")


def test_text_that_the_fallback_cannot_read_is_refused_before_anything_is_spoken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spare = TokttsPipeline(
        model=Toknar.tiny(),
        tokenizer=build_tokenizer("characters"),
        normalizer=BasicNormalizer(),
        task="text-to-audio",
    )
    pipe = pipe_of(Tokar.tiny(), "bytes")
    monkeypatch.setattr(pipe, "forward", lambda *_args, **_params: pytest.fail("spoke"))
    with pytest.raises(TextError):
        pipe("\u4f60\u597d", fallback=spare)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("runs")
    return save_run(folder / "tokar"), save_run(folder / "toknar", "toknar")


def test_a_fallback_is_named_by_its_folder_or_as_bundled_and_loaded_once(
    runs: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    voice, spare = runs
    pipe = TokttsPipeline(model=Tokar.from_pretrained(voice), tokenizer=build_tokenizer("bytes"), task="text-to-audio")
    asked: list[str] = []
    monkeypatch.setattr(fallback_module, "bundled_voice", lambda: (asked.append("bundled"), str(spare))[1])
    for name in (spare, "bundled", "bundled"):
        speech = pipe("no", fallback=name, seed=1, max_new_tokens=3)
        assert f" by {name} (toknar) after 1 try (" in speech["report"].notes[0]
    assert asked == ["bundled"]


def test_say_takes_retries_and_a_fallback(runs: tuple[Path, Path], tmp_path: Path) -> None:
    voice, spare = runs
    speech = say("hello friend", model=voice, output=tmp_path / "a.wav", retries=1, fallback=spare)
    assert isinstance(speech["report"], Report)
    assert (tmp_path / "a.wav").exists()


def test_bundled_is_the_voice_that_came_with_toktts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fallback_module, "bundled_voice", lambda: "somewhere")
    assert fallback_folder("bundled") == "somewhere"
    assert fallback_folder("runs/mine") == "runs/mine"


def test_notes_of_several_sentences_say_which_of_one_they_do_not() -> None:
    finding = Finding("length", 1.0, 2.0, True, "fine")
    reports = [Report((finding,), ("one",)), Report((finding,)), Report((finding,), ("three",))]
    assert worst(reports).notes == ("sentence 1: one", "sentence 3: three")
    assert worst(reports[:1]).notes == ("one",)
