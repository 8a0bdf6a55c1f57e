import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from toktts.alignment import Alignment, Span
from toktts.alignment.check import (
    Spoken,
    check,
    expected_durations,
    frame_path,
    mean_durations,
    path_of,
)
from toktts.alignment.findings import CheckName
from toktts.errors import AlignmentError

LABELS = ("HH", "AH0", "L", "OW1", " ", "W", "ER1", "L", "D", ".")
FRAMES = (5, 6, 7, 12, 2, 6, 10, 6, 8, 4)
FRAME_RATE = 75.0


def path(frames: tuple[int, ...] = FRAMES) -> torch.Tensor:
    return torch.arange(len(frames)).repeat_interleave(torch.tensor(frames))


def spoken(units: torch.Tensor | None = None, **changes: object) -> Spoken:
    """Good speech, or speech with the path or anything else changed."""
    expected_s = [0.0 if label in " ." else n / FRAME_RATE for label, n in zip(LABELS, FRAMES, strict=True)]
    facts: dict[str, object] = {"path": path() if units is None else units, "expected_s": expected_s}
    facts["levels_db"] = torch.full((len(facts["path"]),), -20.0)  # type: ignore[arg-type]
    return Spoken(LABELS, frame_rate=FRAME_RATE, **(facts | {"stop_reason": "eos"} | changes))  # type: ignore[arg-type]


def test_good_speech_passes_every_check_with_a_number_each() -> None:
    report = check(spoken(codes=torch.arange(66 * 2).view(2, 66)))
    assert report.passed
    assert report.flags == report.reasons == ()
    assert {finding.name: finding.value for finding in report.findings} == {
        "coverage": 1.0,
        "monotonic": 0,
        "repeats": 0,
        "early_stop": 0,
        "length": pytest.approx(66 / 60),
        "silent": 1.0,
        "runaway": 66 / FRAME_RATE,
        "truncated": 0.0,
    }


SKIPPED = torch.cat([path()[:11], path()[30:]])
REPEATED = torch.cat([path()[:30], path()[11:]])
STOPPED = path()[:38]
HELD = path((*FRAMES[:6], 200, *FRAMES[7:]))
LOOPED = torch.arange(4).repeat(50)[:66].expand(2, 66)


@pytest.mark.parametrize(
    ("faulty", "flags", "reason"),
    [
        (spoken(SKIPPED), {"coverage"}, "6 of 8 units were said, not 'L' (2), 'OW1' (3)"),
        (spoken(REPEATED), {"monotonic", "repeats"}, "1 steps backwards, the first at 0.40 s from unit 3 to 2"),
        (spoken(REPEATED), {"monotonic", "repeats"}, "2 units were said again later: 'L' (2), 'OW1' (3)"),
        (
            spoken(STOPPED),
            {"coverage", "early_stop"},
            "3 units are left behind the last one reached: 'ER1' (6), 'L' (7), 'D' (8)",
        ),
        (spoken(HELD), {"length", "runaway"}, "3.41 s of speech where 0.80 s were expected"),
        (spoken(HELD), {"length", "runaway"}, "3.41 s of speech for 10 units, at most 3.00 s are likely"),
        (spoken(path((1,) * 10)), {"length"}, "0.13 s of speech where 0.80 s were expected"),
        (spoken(levels_db=torch.full((66,), -70.0)), {"silent"}, "0% of 0.88 s are louder than -50 dB"),
        (spoken(codes=torch.zeros(2, 66)), {"runaway"}, "the same 4 frames were made 63 times"),
        (spoken(codes=torch.cat([LOOPED, LOOPED], 1), levels_db=None), {"runaway"}, "the same 4 frames were made"),
        (spoken(stop_reason="length"), {"truncated"}, "was cut at the limit of the model"),
        (spoken(path()[:0]), {"empty"}, "0 frames were made"),
    ],
)
def test_every_injected_fault_is_flagged_with_its_reason(faulty: Spoken, flags: set[CheckName], reason: str) -> None:
    report = check(faulty)
    assert set(report.flags) == flags
    assert any(line.startswith(reason) for line in report.reasons), report.reasons
    assert all("\n" not in line and len(line) <= 200 for line in report.reasons)
    assert not report.passed


def test_what_may_stay_silent_need_not_be_said_and_silence_may_repeat_itself() -> None:
    assert check(spoken(path()[:62])).passed
    quiet_end = torch.cat([torch.full((30,), -20.0), torch.full((36,), -90.0)])
    codes = torch.cat([torch.arange(30).expand(2, 30), torch.zeros(2, 36)], 1)
    assert check(spoken(codes=codes, levels_db=quiet_end)).passed


def test_a_finding_is_found_by_its_name() -> None:
    assert check(spoken(STOPPED))["early_stop"].value == 3
    assert check(spoken(SKIPPED))["coverage"].value == 0.75


@given(
    units=st.lists(st.integers(0, 9), max_size=60),
    stop=st.sampled_from(["eos", "length", "empty", None]),
    level=st.sampled_from([float("nan"), float("inf"), -float("inf"), -20.0]),
)
def test_any_path_gets_a_report(units: list[int], stop: str | None, level: float) -> None:
    report = check(
        spoken(
            torch.tensor(units, dtype=torch.long),
            stop_reason=stop,
            levels_db=torch.full((len(units),), level),
            codes=torch.tensor([units]),
        )
    )
    assert all(finding.reason for finding in report.findings)
    back = sum(after < before for before, after in itertools.pairwise(units))
    assert ("monotonic" in report.flags) == (back > 0)


@given(frames=st.lists(st.integers(1, 20), min_size=1, max_size=20))
def test_the_path_of_an_alignment_is_the_one_it_was_built_from(frames: list[int]) -> None:
    labels = [str(index) for index in range(len(frames))]
    built = Alignment.from_durations(labels, frames, frame_rate=FRAME_RATE)
    expected = torch.arange(len(frames)).repeat_interleave(torch.tensor(frames))
    assert torch.equal(frame_path(built, frame_rate=FRAME_RATE), expected)
    assert torch.equal(path_of(torch.nn.functional.one_hot(expected, len(frames)).float()), expected)


def test_silence_belongs_to_the_unit_before_it() -> None:
    words = Alignment((Span("a", 0.2, 0.4), Span("b", 0.6, 0.8)), 1.0, "word")
    assert frame_path(words, frame_rate=10.0).tolist() == [0] * 6 + [1] * 4


def test_expectations_are_means_of_what_was_heard() -> None:
    heard = [Alignment.from_durations(["K", "AH0"], pair, frame_rate=10.0) for pair in ([1, 2], [2, 4])]
    means = mean_durations(heard)
    assert means == pytest.approx({"K": 0.15, "AH0": 0.3})
    assert expected_durations(["K", "?", "Z", " "], means) == pytest.approx([0.15, 0.0, 0.08, 0.0])


def test_what_does_not_fit_together_is_refused() -> None:
    with pytest.raises(AlignmentError, match="got 10 labels, 9 expected lengths; give one each a unit"):
        spoken(expected_s=[0.1] * 9)
    with pytest.raises(AlignmentError, match=r"path must lie in \[0, 10\), got 0 to 10; give the unit of each frame"):
        spoken(torch.tensor([0, 10]))
