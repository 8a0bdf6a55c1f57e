"""Silence between units only where it is silent."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from toktts.alignment import Alignment, Span
from toktts.alignment.pauses import MOST_S, fit_to_sound, inside_words
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


@given(st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=5), min_size=1, max_size=4), st.integers(0, 2**31 - 1))
def test_units_fill_their_words_wherever_these_were_moved(words: list[list[int]], seed: int) -> None:
    counts = [count for word in words for count in [2, *word]]
    groups = [group for number, word in enumerate(words) for group in [("", 1), (f"w{number}", len(word))]]
    units = Alignment.from_durations([f"u{number}" for number in range(len(counts))], counts, frame_rate=50.0)
    levels = torch.randn(sum(counts), generator=torch.Generator().manual_seed(seed)) * 60
    fitted = fit_to_sound(units.grouped(groups), levels, frame_rate=50.0)
    placed = inside_words(units, groups, fitted)
    sizes = [("w", len(word)) for word in words]
    again = placed.grouped(sizes)
    for word, found in zip(fitted, again, strict=True):
        assert found.start_s == pytest.approx(word.start_s, abs=1e-9)
        assert found.end_s == pytest.approx(word.end_s, abs=1e-9)
    said = [count for word in words for count in word]
    for count, span in zip(said, placed, strict=True):
        assert (span.duration_s > 1e-9) <= (count > 0)
    for word, (members, moved) in enumerate(zip(words, _split(placed.spans, sizes), strict=True)):
        if fitted.spans[word].duration_s > 0:
            assert all(span.duration_s > 0 for count, span in zip(members, moved, strict=True) if count)


def _split(spans: tuple[Span, ...], sizes: list[tuple[str, int]]) -> list[tuple[Span, ...]]:
    edges = [0, *itertools.accumulate(count for _, count in sizes)]
    return [spans[first:last] for first, last in itertools.pairwise(edges)]


def test_units_keep_their_own_edges_inside_a_word() -> None:
    units = Alignment.from_durations(["#", "AH", "N", "D", "#"], [1, 2, 2, 4, 1], frame_rate=10.0)
    word = Alignment((Span("and", 0.4, 1.0),), 1.0, tier="word")
    placed = inside_words(units, [("", 1), ("and", 3), ("", 1)], word)
    edges = [(span.label, pytest.approx(span.start_s), pytest.approx(span.end_s)) for span in placed]
    assert edges == [("AH", 0.4, 0.45), ("N", 0.45, 0.5), ("D", 0.5, 1.0)]
