import math

import pytest
from alignments import alignments, hello
from hypothesis import given
from hypothesis import strategies as st

from toktts.alignment import Alignment, Span, concatenate, words_of_characters
from toktts.errors import AlignmentError


def assert_close(found: Alignment, expected: Alignment) -> None:
    assert found.labels == expected.labels
    assert found.tier == expected.tier
    assert found.duration_s == pytest.approx(expected.duration_s, abs=1e-6)
    for one, other in zip(found, expected, strict=True):
        assert (one.start_s, one.end_s) == pytest.approx((other.start_s, other.end_s), abs=1e-6)
        assert one.score == other.score


@given(
    frames=st.lists(st.integers(0, 40), max_size=20),
    frame_rate=st.sampled_from([50.0, 75.0, 22050 / 256, 24000 / 300]),
)
def test_durations_come_back_as_they_went_in(frames: list[int], frame_rate: float) -> None:
    built = Alignment.from_durations(["a"] * len(frames), frames, frame_rate=frame_rate)
    assert built.durations(frame_rate=frame_rate) == frames
    assert built.duration_s == pytest.approx(sum(frames) / frame_rate)


@given(alignment=alignments(), frame_rate=st.sampled_from([12.5, 50.0, 22050 / 256]))
def test_frames_of_a_filled_alignment_add_up_to_those_of_the_sound(alignment: Alignment, frame_rate: float) -> None:
    durations = alignment.filled().durations(frame_rate=frame_rate)
    assert min(durations, default=0) >= 0
    assert sum(durations) == round(alignment.duration_s * frame_rate)


@given(alignment=alignments(labels=st.sampled_from(["AH0", "K"])))
def test_silence_filled_in_can_be_taken_out_again(alignment: Alignment) -> None:
    filled = alignment.filled("sil")
    assert filled.without("sil") == alignment
    assert sum(span.duration_s for span in filled) == pytest.approx(alignment.duration_s)


@given(alignment=alignments(), share=st.floats(0, 1))
def test_cutting_at_a_place_where_nothing_is_said_and_concatenating_changes_nothing(
    alignment: Alignment, share: float
) -> None:
    at_s = share * alignment.duration_s
    for span in alignment:
        if span.start_s < at_s < span.end_s:
            at_s = span.end_s
    # A unit without length at the very place would be in both parts.
    here = [span for span in alignment if span.start_s == span.end_s == at_s]
    parts = [alignment.cut(0.0, at_s), alignment.cut(at_s, alignment.duration_s)]
    if not here:
        assert_close(concatenate(parts), alignment)


@given(alignment=alignments(), ends=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_a_cut_keeps_exactly_the_units_that_lie_wholly_inside(alignment: Alignment, ends: tuple[float, float]) -> None:
    start_s, end_s = sorted(share * alignment.duration_s for share in ends)
    part = alignment.cut(start_s, end_s)
    inside = [span.label for span in alignment if start_s <= span.start_s and span.end_s <= end_s]
    assert list(part.labels) == inside
    assert part.duration_s == end_s - start_s


@given(several=st.lists(alignments(), min_size=1, max_size=4), gap_s=st.floats(0, 2))
def test_concatenating_keeps_every_unit_and_every_length(several: list[Alignment], gap_s: float) -> None:
    same = [Alignment(one.spans, one.duration_s, "word") for one in several]
    whole = concatenate(same, gap_s=gap_s)
    assert whole.labels == sum((one.labels for one in same), ())
    expected = sum(one.duration_s for one in same) + gap_s * (len(same) - 1)
    assert whole.duration_s == pytest.approx(expected)
    lengths = [span.duration_s for one in same for span in one]
    assert [span.duration_s for span in whole] == pytest.approx(lengths, abs=1e-9)


@given(alignment=alignments(), offset_s=st.floats(0, 100))
def test_shifting_there_and_back_changes_nothing(alignment: Alignment, offset_s: float) -> None:
    there = alignment.shifted(offset_s)
    assert there.duration_s == alignment.duration_s + offset_s
    # Back by a hair less, because rounding may put the first unit a hair before the beginning.
    assert_close(there.shifted(-offset_s + 1e-9), alignment)


@given(alignment=alignments(), data=st.data())
def test_groups_last_from_their_first_unit_to_their_last(alignment: Alignment, data: st.DataObject) -> None:
    counts, left = [], len(alignment)
    while left:
        counts.append(data.draw(st.integers(1, left)))
        left -= counts[-1]
    words = alignment.grouped([(f"w{count}", count) for count in counts])
    first = 0
    for span, count in zip(words, counts, strict=True):
        assert span.start_s == alignment.spans[first].start_s
        assert span.end_s == alignment.spans[first + count - 1].end_s
        first += count


def test_a_group_without_a_label_is_silence_and_scores_are_means() -> None:
    units = Alignment.from_durations(["HH", "AY1", ",", "Y"], [1, 2, 3, 4], frame_rate=10.0, scores=[-1, -2, -9, -5])
    words = units.grouped([("hi", 2), ("", 1), ("you", 1)])
    assert words == Alignment((Span("hi", 0.0, 0.3, -1.5), Span("you", 0.6, 1.0, -5.0)), 1.0, "word")


@given(text=st.text("ab' \t", min_size=1, max_size=30))
def test_words_of_characters_are_those_of_split(text: str) -> None:
    letters = Alignment.from_durations(list(text), [1] * len(text), frame_rate=10.0, tier="character")
    assert list(words_of_characters(letters).labels) == text.split()


@pytest.mark.parametrize(
    ("spans", "message"),
    [
        ([Span("a", 0.5, 0.2)], "phoneme 0 'a': 0.5 to 0.2 s runs backwards; swap the ends"),
        (
            [Span("a", 0, 0.5), Span("b", 0.4, 1)],
            "phoneme 1 'b': 0.4 to 1 s begins before 0.5 s, where the unit before",
        ),
        ([Span("a", -0.1, 0.5)], "phoneme 0 'a': -0.1 to 0.5 s begins before 0.0 s"),
        ([Span("a", 0.5, 1.5)], "phoneme 0 'a': 0.5 to 1.5 s ends behind the sound of 1.0 s"),
        ([Span("a", 0.5, math.nan)], "phoneme 0 'a': 0.5 to nan s is not finite; align it again"),
        ([Span("a", 0.5, math.inf)], "phoneme 0 'a': 0.5 to inf s is not finite; align it again"),
        ([Span("", 0, 0.5)], "phoneme 0 '': 0 to 0.5 s has no label; leave silence out"),
        ([Span("a", 0, 0.5, math.nan)], "phoneme 0 'a': score nan is not finite"),
    ],
)
def test_units_that_contradict_the_sound_or_each_other_are_refused(spans: list[Span], message: str) -> None:
    with pytest.raises(AlignmentError) as caught:
        Alignment(tuple(spans), 1.0)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("duration_s", [-1.0, math.nan, math.inf])
def test_a_sound_of_no_possible_length_is_refused(duration_s: float) -> None:
    with pytest.raises(AlignmentError, match=r"sound must last 0 s or longer, got .*; give its real length"):
        Alignment((), duration_s)


def test_what_does_not_fit_together_is_refused_with_the_numbers() -> None:
    with pytest.raises(AlignmentError, match="got 2 labels, 1 durations; give one of each a unit"):
        Alignment.from_durations(["a", "b"], [1], frame_rate=50.0)
    with pytest.raises(AlignmentError, match="got 1 labels, 1 durations and 2 scores; give one of each a unit"):
        Alignment.from_durations(["a"], [1], frame_rate=50.0, scores=[0.0, 1.0])
    with pytest.raises(AlignmentError, match="phoneme 0 'a': lasts -1 frames; give 0 or more"):
        Alignment.from_durations(["a"], [-1], frame_rate=50.0)
    with pytest.raises(AlignmentError, match=r"frame rate must be above 0 Hz, got 0.0; give the codec's"):
        Alignment.from_durations(["a"], [1], frame_rate=0.0)
    with pytest.raises(AlignmentError, match="groups count 3 units, the alignment has 2; count all of them"):
        hello().grouped([("a", 3)])
    with pytest.raises(AlignmentError, match="word 1 'b': has no units; leave it out, or give it some"):
        hello().grouped([("a", 2), ("b", 0)])
    with pytest.raises(AlignmentError, match=r"cannot cut from 0.5 to 2.5 s out of 2.0 s; stay inside the sound"):
        hello().cut(0.5, 2.5)
    with pytest.raises(AlignmentError, match="of one tier, got phoneme and word; choose one"):
        concatenate([hello(), Alignment((), 1.0)])
    with pytest.raises(AlignmentError, match="of one tier, got none; choose one"):
        concatenate([])
