"""Silence between units only where it is silent."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from toktts.alignment import Alignment
from toktts.alignment.pauses import MOST_S, fit_to_sound
from toktts.errors import AlignmentError

RATE = 100.0
LOUD, SOFT = -20.0, -70.0


def fitted(written: str, heard: str) -> list[tuple[str, int, int]]:
    """Units by letters, one a frame, `.` = between units; `#` = a frame that is heard, `_` = a quiet one."""
    groups = [(label, len(frames)) for label, frames in _runs(written)]
    alignment = Alignment.from_durations([g[0] for g in groups], [g[1] for g in groups], frame_rate=RATE).without(".")
    levels = torch.tensor([LOUD if frame == "#" else SOFT for frame in heard])
    moved = fit_to_sound(alignment, levels, frame_rate=RATE)
    assert moved.duration_s == alignment.duration_s
    return [(span.label, round(span.start_s * RATE), round(span.end_s * RATE)) for span in moved]


def _runs(written: str) -> list[tuple[str, str]]:
    runs: list[tuple[str, str]] = []
    for letter in written:
        if runs and runs[-1][0] == letter:
            runs[-1] = (letter, runs[-1][1] + letter)
        else:
            runs.append((letter, letter))
    return runs


def test_a_break_that_is_heard_begins_the_next_unit() -> None:
    assert fitted("aaaa....bbbb", "############") == [("a", 0, 4), ("b", 4, 12)]


def test_a_short_silence_is_a_closure_of_the_next_unit() -> None:
    assert fitted("aaaa....bbbb", "#####__#####") == [("a", 0, 4), ("b", 4, 12)]


def test_a_pause_is_where_it_is_quiet() -> None:
    assert fitted("aaaa" + "." * 16 + "bbbb", "######" + "_" * 10 + "########") == [("a", 0, 6), ("b", 16, 24)]
    assert fitted("aaaa" + "." * 8 + "bbbb", "###" + "_" * 10 + "###") == [("a", 0, 3), ("b", 13, 16)]


def test_a_long_hum_between_units_is_left_to_the_model() -> None:
    n_frames = round(MOST_S * RATE) + 1
    assert fitted("aa" + "." * n_frames + "bb", "#" * (n_frames + 4)) == [
        ("a", 0, 2),
        ("b", n_frames + 2, n_frames + 4),
    ]


def test_sound_begins_with_the_first_unit_and_ends_with_the_last() -> None:
    assert fitted("aaaa..", "__##__") == [("a", 2, 4)]
    assert fitted("..aa....", "_#####__") == [("a", 1, 6)]
    assert fitted("..aa....", "########") == [("a", 0, 8)]


def test_units_that_touch_keep_their_edge() -> None:
    assert fitted("aaaabbbb", "###__###") == [("a", 0, 4), ("b", 4, 8)]


@st.composite
def alignments(draw: st.DrawFn) -> tuple[Alignment, torch.Tensor]:
    durations = draw(st.lists(st.integers(0, 30), min_size=1, max_size=8))
    labels = draw(st.lists(st.sampled_from("ab."), min_size=len(durations), max_size=len(durations)))
    n_frames = sum(durations)
    levels = draw(st.lists(st.sampled_from([LOUD, SOFT]), min_size=n_frames, max_size=n_frames))
    whole = Alignment.from_durations(labels, durations, frame_rate=75.0)
    return whole.without("."), torch.tensor(levels)


@given(alignments())
def test_units_stay_in_order_and_those_that_are_said_keep_a_frame(given_: tuple[Alignment, torch.Tensor]) -> None:
    alignment, levels = given_
    moved = fit_to_sound(alignment, levels, frame_rate=75.0)  # an Alignment refuses units that overlap
    assert moved.labels == alignment.labels
    for before, after in zip(alignment, moved, strict=True):
        assert (before.duration_s > 0) == (after.duration_s > 0)


def test_levels_of_another_sound_are_refused() -> None:
    alignment = Alignment.from_durations(["a"], [50], frame_rate=RATE)
    with pytest.raises(AlignmentError, match="got levels of 40 frames for 0.50 s at 100 Hz; give one a frame"):
        fit_to_sound(alignment, torch.zeros(40), frame_rate=RATE)
