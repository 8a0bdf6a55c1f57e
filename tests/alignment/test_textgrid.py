import contextlib
from pathlib import Path

import pytest
from alignments import alignments, hello
from hypothesis import given
from hypothesis import strategies as st

from toktts.alignment import Alignment, Span
from toktts.alignment.textgrid import read_textgrid, textgrid, tier_named, write_textgrid
from toktts.errors import AlignmentError

# As Praat 6 writes it: a space behind every value, quotation marks doubled, silence without text.
LONG = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0 
xmax = 2 
tiers? <exists> 
size = 2 
item []: 
    item [1]:
        class = "IntervalTier" 
        name = "words" 
        xmin = 0 
        xmax = 2 
        intervals: size = 3 
        intervals [1]:
            xmin = 0 
            xmax = 0.25 
            text = "" 
        intervals [2]:
            xmin = 0.25 
            xmax = 1.5 
            text = "say ""hé""!" 
        intervals [3]:
            xmin = 1.5 
            xmax = 2 
            text = "" 
    item [2]:
        class = "TextTier" 
        name = "clicks" 
        xmin = 0 
        xmax = 2 
        points: size = 1 
        points [1]:
            number = 0.5 
            mark = "click" 
"""
SHORT = """File type = "ooTextFile"
Object class = "TextGrid"

0
2
<exists>
2
"IntervalTier"
"words"
0
2
3
0
0.25
""
0.25
1.5
"say ""hé""!"
1.5
2
""
"TextTier"
"clicks"
0
2
1
0.5
"click"
"""
WORDS = Alignment((Span('say "hé"!', 0.25, 1.5),), 2.0, "words")


@pytest.mark.parametrize("form", [LONG, SHORT, SHORT.replace("ooTextFile", "ooTextFile short")])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-16-le"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_both_forms_are_read_in_every_encoding_that_praat_writes(
    form: str, encoding: str, line_end: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.TextGrid"
    mark = "\ufeff" if encoding in ("utf-16-be", "utf-16-le") else ""
    path.write_bytes((mark + form.replace("\n", line_end)).encode(encoding))
    assert read_textgrid(path) == (WORDS,)


@given(tiers=st.lists(alignments(step_s=1e-3 / 3, shortest=1), min_size=1, max_size=3))
def test_what_is_written_is_read_back_exactly(tiers: list[Alignment], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "round_trip.TextGrid"
    one_sound = [Alignment(tier.spans, 20.0, tier.tier) for tier in tiers]
    write_textgrid(path, one_sound)
    without_scores = [
        Alignment(tuple(Span(s.label, s.start_s, s.end_s) for s in tier), tier.duration_s, tier.tier)
        for tier in one_sound
    ]
    assert list(read_textgrid(path)) == without_scores


def test_what_is_written_is_what_praat_would_write() -> None:
    points = LONG.index("    item [2]:")
    expected = LONG[:points].replace("size = 2 \nitem", "size = 1 \nitem").replace("xmax = 2 ", "xmax = 2.0 ")
    assert textgrid([WORDS]).replace("xmin = 0.0 ", "xmin = 0 ") == expected


def test_comments_and_a_beginning_other_than_zero_are_understood(tmp_path: Path) -> None:
    path = tmp_path / "a.TextGrid"
    path.write_text(
        '"ooTextFile"\n'.replace('"oo', 'File type = "oo')
        + '"TextGrid" ! 99\n10 12 <exists> 1 ! one "tier\n"IntervalTier" "phones" 10 12 1 10.5 11 "AH0"',
        encoding="utf-8",
    )
    assert read_textgrid(path) == (Alignment((Span("AH0", 0.5, 1.0),), 2.0, "phones"),)


def test_neighbours_that_miss_each_other_by_a_last_digit_are_joined(tmp_path: Path) -> None:
    path = tmp_path / "a.TextGrid"
    path.write_text(LONG.replace("xmin = 0.25 ", "xmin = 0.2499999").replace("xmax = 2 ", "xmax = 2"), encoding="utf-8")
    assert read_textgrid(path)[0].spans[0].start_s == 0.25


def test_a_file_without_tiers_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "a.TextGrid"
    path.write_text('File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n2\n<absent>\n', encoding="utf-8")
    assert read_textgrid(path) == ()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("0.25 \n            text", "3 \n            text", ":17: interval ends at 3.0 s, behind the end of the file"),
        ("xmin = 1.5", "xmin = 1.4", ":24: interval begins at 1.4 s, before 1.5 s, where the one before it ends"),
        ("xmax = 1.5", "xmax = 0.1", ":21: interval ends at 0.1 s, before its beginning 0.25 s; mend the times"),
        (
            "size = 3",
            "size = three",
            ':17: expected the class of a tier in "quotation marks", got 0.25; write the file',
        ),
        ("size = 3", "size = 4", ':28: expected the beginning of an interval in seconds, got "TextTier"'),
        ('class = "IntervalTier"', 'class = "Tier"', ":10: tier is a 'Tier'; only \"IntervalTier\" and"),
        ("xmax = 1.5", "xmax = soon", ':22: expected the end of an interval in seconds, got "say ""hé""!"'),
        ('"click"', '"click', ":35: quotation mark is not closed; add one"),
        ('"click" ', "", ':35: ends before the mark of a point in "quotation marks"; it is cut short'),
        ("xmax = 2 \ntiers", "xmax = -2 \ntiers", ":5: ends at -2.0 s, before its beginning 0.0 s; swap them"),
        ("TextGrid", "PitchTier", ':1: is no TextGrid: must begin with File type = "ooTextFile"'),
    ],
)
def test_a_broken_file_is_refused_with_its_line(old: str, new: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.TextGrid"
    assert old in LONG
    path.write_text(LONG.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(AlignmentError) as caught:
        read_textgrid(path)
    assert str(caught.value).startswith(f"{path}{message}")
    assert len(caught.value.one_line()) <= 300


def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AlignmentError, match=r"none.TextGrid: cannot be read \(No such file or directory\); name"):
        read_textgrid(tmp_path / "none.TextGrid")
    path = tmp_path / "latin.TextGrid"
    path.write_bytes(LONG.encode("latin-1"))
    with pytest.raises(AlignmentError, match=r"latin.TextGrid:22: byte \d+ is not UTF-8; save it as UTF-8"):
        read_textgrid(path)
    path.write_bytes(LONG.encode("utf-16")[:-1])
    with pytest.raises(AlignmentError, match="is not UTF-16; save it as UTF-8"):
        read_textgrid(path)


@given(text=st.text('"! <>019.eE-\n\tabxmin=', max_size=60))
def test_no_text_behind_the_header_crashes_the_reader(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "any.TextGrid"
    path.write_text('File type = "ooTextFile"\n"TextGrid"\n' + text, encoding="utf-8")
    with contextlib.suppress(AlignmentError):
        read_textgrid(path)


def test_what_a_textgrid_cannot_hold_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.TextGrid"
    with pytest.raises(AlignmentError, match="word 0 'a': lasts no time, which a TextGrid cannot hold; leave it out"):
        write_textgrid(path, [Alignment((Span("a", 0.5, 0.5),), 1.0, "word")])
    with pytest.raises(AlignmentError, match="needs at least one tier, got none"):
        write_textgrid(path, [])
    with pytest.raises(AlignmentError, match=r"phoneme: sound lasts 1.0 s, the first tier's 2.0 s; a TextGrid holds"):
        write_textgrid(path, [hello(), Alignment((), 1.0)])
    with pytest.raises(AlignmentError, match=r"cannot write '\\ud800', half a character; mend the label"):
        write_textgrid(path, [Alignment((Span("\ud800", 0.0, 0.5),), 1.0)])
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(AlignmentError, match=r"folder cannot be written \(No such file or directory\); choose another"):
        write_textgrid(tmp_path / "no" / "a.TextGrid", [hello()])


def test_a_tier_is_found_by_any_of_its_names() -> None:
    assert tier_named([Alignment((), 1.0, "phones"), hello()], "words", "word") == hello()
    with pytest.raises(AlignmentError, match="no tier named 'phones' or 'phone'; there is 'word'"):
        tier_named([hello()], "phones", "phone")
