import itertools

import pytest
from alignments import alignments, hello
from hypothesis import given, settings
from hypothesis import strategies as st

from toktts.alignment import Alignment, Span
from toktts.alignment.cutting import Piece, cut_at_word, joined, sub_phrases
from toktts.errors import AlignmentError

WORDS = alignments(labels=st.text("abc", min_size=1, max_size=3))


@given(words=WORDS, share=st.floats(0, 1.2))
def test_a_clip_cut_at_a_word_says_just_the_words_it_keeps(words: Alignment, share: float) -> None:
    max_seconds = share * words.duration_s
    end_s, n_words = cut_at_word(words, max_seconds)
    assert end_s <= max_seconds
    assert words.cut(0.0, end_s).labels == words.labels[:n_words]
    # No sound of the words that are left out is in the clip, and one word more would not have fitted.
    assert all(span.start_s >= end_s for span in words.spans[n_words:])
    assert all(span.end_s > max_seconds for span in words.spans[n_words : n_words + 1])


def test_a_clip_ends_in_the_middle_of_the_silence_or_where_it_must() -> None:
    assert cut_at_word(hello(), 0.9) == (0.875, 1)
    assert cut_at_word(hello(), 0.8) == (0.8, 1)
    assert cut_at_word(hello(), 5.0) == (2.0, 2)
    assert cut_at_word(hello(), 0.7) == (0.0, 0)


@settings(max_examples=60)
@given(words=WORDS, seed=st.integers(0, 99), shortest=st.floats(0.1, 2), longer=st.floats(0, 4))
def test_pieces_hold_every_word_once_and_last_long_enough(
    words: Alignment, seed: int, shortest: float, longer: float
) -> None:
    pieces = sub_phrases(words, seed, min_seconds=shortest, max_seconds=shortest + longer)
    assert pieces == sub_phrases(words, seed, min_seconds=shortest, max_seconds=shortest + longer)
    if pieces:
        assert sum((piece.words.labels for piece in pieces), ()) == words.labels
    else:
        assert not len(words) or words.duration_s < shortest + 1e-9 or speech_s(words) < shortest
    for piece in pieces:
        assert piece.end_s - piece.start_s >= shortest
        assert_text_is_sound(words, piece)
    for before, after in itertools.pairwise(pieces):
        assert before.end_s <= after.start_s


def speech_s(words: Alignment) -> float:
    """Seconds from the first word to the last, with the margins a piece may have."""
    return words.spans[-1].end_s - words.spans[0].start_s + 0.2 + 1e-9


def assert_text_is_sound(words: Alignment, piece: Piece) -> None:
    """The piece says its words and nothing of the others."""
    last = piece.first_word + len(piece.words)
    assert piece.words.labels == words.labels[piece.first_word : last]
    for span, original in zip(piece.words, words.spans[piece.first_word : last], strict=True):
        assert span.start_s + piece.start_s == pytest.approx(original.start_s)
        assert span.end_s + piece.start_s == pytest.approx(original.end_s)
    assert all(span.end_s <= piece.start_s for span in words.spans[: piece.first_word])
    assert all(span.start_s >= piece.end_s for span in words.spans[last:])


@settings(max_examples=60)
@given(
    words=WORDS.filter(len),
    seed=st.integers(0, 99),
    order=st.randoms(use_true_random=False),
    frame_rate=st.sampled_from([12.5, 75.0, 22050 / 256]),
    pause_frames=st.integers(0, 5),
)
def test_joining_pieces_joins_their_text_and_their_frames(
    words: Alignment, seed: int, order: object, frame_rate: float, pause_frames: int
) -> None:
    pieces = list(sub_phrases(words, seed, min_seconds=0.2, max_seconds=1.0))
    order.shuffle(pieces)  # type: ignore[attr-defined]
    if not pieces:
        return
    whole = joined(pieces, frame_rate=frame_rate, pause_frames=pause_frames)
    assert whole.text.split() == [word for piece in pieces for word in piece.text.split()]
    assert whole.n_frames == sum(map(len, whole.frames)) + pause_frames * (len(pieces) - 1)
    assert whole.words.duration_s == pytest.approx(whole.n_frames / frame_rate)
    offset, index = 0, 0
    for piece, frames in zip(pieces, whole.frames, strict=True):
        for span in piece.words:
            in_recording = (span.start_s + piece.start_s) * frame_rate - frames.start
            assert whole.words.spans[index].start_s * frame_rate - offset == pytest.approx(in_recording, abs=0.51)
            index += 1
        offset += len(frames) + pause_frames


@given(words=WORDS, seed=st.integers(0, 9))
def test_pieces_that_touch_share_no_frame(words: Alignment, seed: int) -> None:
    pieces = sub_phrases(words, seed, min_seconds=0.3, max_seconds=1.0)
    frames = [piece.frames(frame_rate=75.0) for piece in pieces]
    assert all(before.stop <= after.start for before, after in itertools.pairwise(frames))


def test_a_pause_is_where_pieces_part() -> None:
    times = [(0.0, 1.0), (1.0, 2.0), (2.4, 3.4), (3.4, 4.4)]
    words = Alignment(tuple(Span(f"w{index}", *ends) for index, ends in enumerate(times)), 4.4, "word")
    for seed in range(20):
        pieces = sub_phrases(words, seed, min_seconds=1.5, max_seconds=3.0)
        assert [piece.text for piece in pieces] == ["w0 w1", "w2 w3"]
        assert (pieces[0].end_s, pieces[1].start_s) == pytest.approx((2.1, 2.3))


def test_another_seed_draws_other_pieces() -> None:
    words = Alignment.from_durations(["w"] * 40, [30] * 40, frame_rate=100.0, tier="word")
    assert len({sub_phrases(words, seed) for seed in range(10)}) > 5


def test_impossible_cuts_are_refused() -> None:
    with pytest.raises(AlignmentError, match=r"cannot cut pieces of 2.0 to 1.0 s; give 0 < min_seconds <= max_seconds"):
        sub_phrases(hello(), 0, min_seconds=2.0, max_seconds=1.0)
    with pytest.raises(AlignmentError, match="cannot join 0 pieces with 0 frames between; give one and 0 or more"):
        joined([], frame_rate=75.0)
