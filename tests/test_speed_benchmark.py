"""The speed benchmark leaves out what is not installed, with the reason, and divides what it measured."""

import subprocess
import sys
from typing import Any, cast

import pytest

from benchmarks import speed

NO_PROCESS = cast("subprocess.Popen[str]", None)


def measured(name: str, **figures: Any) -> speed.Worker:
    return speed.Worker(name, NO_PROCESS, load_s=1.25, first_s=0.08, later_s=[0.03, 0.02], memory_mb=512.0, **figures)


def test_a_row_holds_the_best_of_all_rounds_and_a_dash_for_what_an_engine_has_not() -> None:
    assert measured("toktts", alone=[40.0, 50.0], together=[80.0, 70.0]).row == (
        *("toktts", "50", "80", "80", "20", "1.2", "512"),
    )
    assert measured("piper-tts", alone=[10.0, 12.0]).row[2] == speed.NOTHING


def test_the_ratios_below_the_table_are_of_each_voice_at_its_best() -> None:
    voices = [measured("toktts", alone=[50.0], together=[80.0]), measured("piper-tts", alone=[16.0, 20.0])]
    assert speed.table(voices).splitlines()[-1] == "toktts at its best: 80x real time, 4.0x piper-tts"


def test_an_engine_that_is_not_installed_is_left_out_with_the_reason() -> None:
    with pytest.raises(speed.MissingVoiceError, match=r"^piper-tts left out: .* has no no_such_engine; see the top"):
        speed.find_python(sys.executable, ("json", "no_such_engine"), "piper-tts")


def test_a_python_that_does_not_run_is_named() -> None:
    with pytest.raises(speed.MissingVoiceError, match=r"hibari-tts left out: /no/such/python cannot be run"):
        speed.find_python("/no/such/python", ("json",), "hibari-tts")


def test_ten_sentences_are_spoken() -> None:
    sentences = speed.read_sentences()
    assert len(sentences) == speed.N_SENTENCES
    assert all(sentence[0].isupper() and sentence[-1] in ".?!" for sentence in sentences)
