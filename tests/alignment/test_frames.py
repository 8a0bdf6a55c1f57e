from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toktts.alignment import Alignment, Span
from toktts.alignment.frames import fitted, frame_range, frames_of_onsets, speech_part
from toktts.errors import AlignmentError

FRAME_RATE = 22050 / 256  # 86.1328125


def phones(*spans: tuple[str, float, float], duration_s: float = 2.0) -> Alignment:
    return Alignment(tuple(Span(*span) for span in spans), duration_s, "phones")


def test_silence_around_speech_is_left_out_and_inner_pauses_stay() -> None:
    found = speech_part(
        phones(
            ("sil", 0.0, 0.2),
            ("spn", 0.2, 0.3),
            ("HH", 0.3, 0.4),
            ("sp", 0.4, 0.5),
            ("sil", 0.5, 0.6),
            ("AY1", 0.6, 0.9),
            ("sp", 0.9, 1.0),
            ("sil", 1.0, 2.0),
        )
    )
    assert found.labels == ("HH", "sp", "sil", "AY1")
    assert (found.spans[0].start_s, found.spans[-1].end_s) == (0.3, 0.9)


def test_a_hole_between_phonemes_is_a_pause_and_holes_at_the_ends_are_nothing() -> None:
    found = speech_part(phones(("HH", 0.3, 0.4), ("AY1", 0.6, 0.9)))
    assert [(span.label, span.start_s, span.end_s) for span in found] == [
        ("HH", 0.3, 0.4),
        ("sp", 0.4, 0.6),
        ("AY1", 0.6, 0.9),
    ]


def test_silence_alone_is_refused() -> None:
    with pytest.raises(AlignmentError, match="phones: holds no phonemes but silence; align the clip again or leave"):
        speech_part(phones(("sil", 0.0, 1.0), ("sp", 1.0, 2.0)))


def test_durations_are_differences_of_rounded_edges() -> None:
    # 0.3 s is frame 25.84 -> 26, 0.4 s 34.45 -> 34, 0.61 s 52.54 -> 53, 0.9 s 77.52 -> 78.
    found = phones(("HH", 0.3, 0.4), ("sp", 0.4, 0.61), ("AY1", 0.61, 0.9))
    assert found.durations(frame_rate=FRAME_RATE) == [8, 19, 25]
    assert frame_range(found, frame_rate=FRAME_RATE) == (26, 78)


@given(st.lists(st.floats(0.0, 0.3), min_size=1, max_size=20), st.floats(0.0, 0.5))
def test_durations_of_speech_add_up_to_the_frames_it_is_cut_to(lengths: list[float], offset: float) -> None:
    edges = [offset]
    for length in lengths:
        edges.append(edges[-1] + length)
    spans = [("AY1", start, end) for start, end in pairwise(edges)]
    part = speech_part(phones(*spans, duration_s=edges[-1] + 0.1))
    first, end = frame_range(part, frame_rate=FRAME_RATE)
    assert sum(part.durations(frame_rate=FRAME_RATE)) == end - first


@pytest.mark.parametrize(
    ("onsets_ms", "last_ms", "durations"),
    [
        # 1000 / 86.1328125 = 11.61 ms a frame: 5 ms is frame 0.43 -> 0, 6 ms 0.517 -> 1, 17 ms 1.46 -> 1.
        ([0.0, 5.0, 6.0, 17.0], 12.0, [0, 1, 0, 1]),
        # 70 ms is frame 6.03 -> 6, 190 ms 16.37 -> 16; the last rounds its own 100 ms = 8.61 -> 9.
        ([0, 70, 190], 100, [6, 10, 9]),
        # 15 ms is frame 1.29 -> 1, 30 ms 2.58 -> 3; the last rounds its own 1.29 -> 1.
        ([15.0, 30.0], 15.0, [2, 1]),
        # By its edges it would be round(86.56) - round(86.13) = 1; its own 5 ms are 0.43 -> 0.
        ([1000.0], 5.0, [0]),
    ],
)
def test_milliseconds_become_frames_by_onsets_and_the_last_by_its_own_length(
    onsets_ms: list[float], last_ms: float, durations: list[int]
) -> None:
    assert frames_of_onsets(onsets_ms, last_ms, frame_rate=FRAME_RATE) == durations


@given(st.lists(st.floats(0.0, 400.0), min_size=2, max_size=30))
def test_durations_by_onsets_are_contiguous(gaps: list[float]) -> None:
    onsets = [sum(gaps[:place]) for place in range(len(gaps))]
    durations = frames_of_onsets(onsets, gaps[-1], frame_rate=FRAME_RATE)
    starts = [round(onset / 1000 * FRAME_RATE) for onset in onsets]
    assert [starts[0] + sum(durations[:place]) for place in range(len(durations))] == starts


def test_onsets_that_run_backwards_are_refused() -> None:
    with pytest.raises(AlignmentError, match="phoneme 2: begins at 40 ms, before 50 ms, where the one before it"):
        frames_of_onsets([0, 50, 40], 10, frame_rate=FRAME_RATE)
    with pytest.raises(AlignmentError, match="has no phonemes; give at least one"):
        frames_of_onsets([], 10, frame_rate=FRAME_RATE)


@pytest.mark.parametrize(
    ("durations", "n_frames", "expected"),
    [([3, 4], 7, [3, 4]), ([3, 4], 8, [3, 5]), ([3, 4], 6, [3, 3]), ([3, 0], 2, [2, 0]), ([0], 1, [1])],
)
def test_one_frame_is_mended_at_the_last_phoneme_that_can(
    durations: list[int], n_frames: int, expected: list[int]
) -> None:
    assert fitted(durations, n_frames) == expected


@pytest.mark.parametrize("n_frames", [5, 9])
def test_two_frames_are_not_mended(n_frames: int) -> None:
    with pytest.raises(AlignmentError, match=f"phonemes last 7 frames, the sound {n_frames}; align this sound again"):
        fitted([3, 4], n_frames)


def test_a_frame_cannot_be_taken_from_phonemes_without_frames() -> None:
    with pytest.raises(AlignmentError, match="phonemes last no frame, the sound -1; align it again or leave it out"):
        fitted([0, 0], -1)
