from pathlib import Path

import pytest
from alignments import alignments, hello
from hypothesis import given
from hypothesis import strategies as st

from toktts.alignment import Alignment, Span
from toktts.alignment.srt import MAX_CHARACTERS, MAX_SECONDS, as_srt, lines_of, read_srt, write_srt
from toktts.errors import AlignmentError

WORDS = st.text("abc'é漢", min_size=1, max_size=12)


@given(words=alignments(labels=WORDS))
def test_lines_hold_all_words_in_order_and_stay_short(words: Alignment) -> None:
    lines = lines_of(words)
    assert " ".join(lines.labels).split() == list(words.labels)
    for line in lines:
        if " " in line.label:
            assert len(line.label) <= MAX_CHARACTERS
            assert line.duration_s <= MAX_SECONDS


@given(words=alignments(labels=WORDS, step_s=1e-3))
def test_subtitles_are_read_back_as_the_lines_that_were_written(
    words: Alignment, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "round_trip.srt"
    write_srt(path, words)
    read, lines = read_srt(path, duration_s=words.duration_s), lines_of(words)
    assert read.labels == lines.labels
    for one, other in zip(read, lines, strict=True):
        assert (one.start_s, one.end_s) == pytest.approx((other.start_s, other.end_s), abs=1e-6)


def test_a_pause_ends_a_line() -> None:
    assert lines_of(hello(), pause_s=0.3).labels == ("hello world",)
    assert lines_of(hello(), pause_s=0.25).labels == ("hello", "world")


def test_subtitles_look_as_players_want_them() -> None:
    late = Alignment((Span("so late", 3661.0015, 3662.5),), 4000.0, "line")
    assert as_srt(late) == "1\n01:01:01,002 --> 01:01:02,500\nso late\n\n"


def test_subtitles_of_other_programs_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.srt"
    text = "\ufeff1\r\n00:00:01.000 --> 00:00:02,500 X1:40 X2:600\r\nHello,\r\nworld!\r\n\r\n\r\n"
    text += "00:00:02,500 --> 00:00:03,000\r\n42\r\n"
    path.write_bytes(text.encode("utf-8"))
    expected = (Span("Hello, world!", 1.0, 2.5), Span("42", 2.5, 3.0))
    assert read_srt(path) == Alignment(expected, 3.0, "line")
    path.write_bytes(b"")
    assert read_srt(path) == Alignment((), 0.0, "line")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1\n00:00:01 --> 00:00:02\nHi\n", ":2: expected times as 00:00:01,000 --> 00:00:02,500, got '00:00:01 --> "),
        ("\n\n1\n00:00:01,000 --> 00:00:02,000\n\n", ":4: subtitle has no text; write some, or leave it out"),
        ("00:00:02,000 --> 00:00:01,000\nHi", ":1: subtitle ends before it begins (00:00:02,000 --> 00:00:01,000);"),
        (
            "1\n00:00:01,000 --> 00:00:02,000\na\n\n2\n00:00:01,500 --> 00:00:03,000\nb\n",
            ":5: subtitle begins at 1.5 s, before 2.0 s, where the one before it ends; mend the times",
        ),
        ("1", ":1: expected times as 00:00:01,000 --> 00:00:02,500, got '1'; mend it"),
        ("1\n00:00:01,000 --> 00:00:09,000\na\n", ": ends at 9.0 s, behind the sound of 5.0 s; it is of another"),
    ],
)
def test_broken_subtitles_are_refused_with_their_line(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.srt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(AlignmentError) as caught:
        read_srt(path, duration_s=5.0)
    assert str(caught.value).startswith(f"{path}{message}")
