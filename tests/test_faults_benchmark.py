"""The bundled voice speaks; three faults are put into what it spoke, and each is found by its name."""

import pytest

import toktts
from benchmarks import faults
from toktts.alignment.findings import CheckName

TEXTS = ["The kettle is whistling in the kitchen.", "Could you hold this bag for a moment?"]


@pytest.fixture(scope="module")
def tallies() -> dict[str, faults.Tally]:
    return faults.measure(toktts.pipeline(toktts.bundled_voice()), TEXTS)


def test_clean_sentences_raise_no_alarm(tallies: dict[str, faults.Tally]) -> None:
    clean = tallies["none (false alarms)"]
    assert [report.flags for report in clean.reports] == [(), ()]
    assert clean.row("none") == ("none", "2", "0", "-", "-")


@pytest.mark.parametrize(
    ("fault", "flags"),
    [
        ("a word is skipped", {"coverage"}),
        ("two words are said twice", {"monotonic", "repeats"}),
        ("it stops early", {"coverage", "early_stop"}),
    ],
)
def test_a_fault_in_real_speech_is_found(tallies: dict[str, faults.Tally], fault: str, flags: set[CheckName]) -> None:
    for report in tallies[fault].reports:
        assert set(report.flags) == flags, report.lines
    assert len(tallies[fault].row(fault)) == len(faults.HEAD)
