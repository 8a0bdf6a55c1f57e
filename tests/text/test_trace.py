from hypothesis import example, given
from hypothesis import strategies as st

from toktts.text._trace import COPY, Rewrite, TracedText
from toktts.text.basic import BasicNormalizer

normalize = BasicNormalizer()
FRAGMENTS = (
    "$5.10",
    " ",
    "Dr. ",
    "—",
    "1990-95",
    "é",
    "e\u0301",
    "½",
    "2",
    "\u200d",
    "[[",
    "[[AH0]]",
    "]]",
    "a@b.com",
    "...",
)
written = st.one_of(st.text(), st.lists(st.sampled_from(FRAGMENTS), max_size=10).map("".join))


@st.composite
def edits(draw: st.DrawFn, length: int) -> list[tuple[int, int, str]]:
    places = sorted(draw(st.lists(st.integers(0, length), max_size=8, unique=True)))
    return [
        (start, end, draw(st.text("xy", max_size=3))) for start, end in zip(places[::2], places[1::2], strict=False)
    ]


def assert_covers(rewrites: list[Rewrite], text: str) -> None:
    assert [rewrite.start for rewrite in rewrites] == [0, *(rewrite.end for rewrite in rewrites)][: len(rewrites)]
    assert (rewrites[-1].end if rewrites else 0) == len(text)
    assert all(text[r.start : r.end] == r.output for r in rewrites if r.rule == COPY)


@given(text=written)
@example(text="")
def test_a_trace_joins_to_the_output_and_covers_the_input(text: str) -> None:
    rewrites = normalize.trace(text)
    assert "".join(rewrite.output for rewrite in rewrites) == normalize(text)
    assert_covers(rewrites, text)


@given(st.data())
def test_edits_upon_edits_are_those_of_plain_slices(data: st.DataObject) -> None:
    text = data.draw(st.text("ab ", max_size=12))
    traced, plain = TracedText(text), text
    for number in range(3):
        changes = data.draw(edits(len(plain)))
        traced.edit(changes, f"rule {number}")
        for start, end, new in reversed(changes):
            plain = plain[:start] + new + plain[end:]
        assert traced.text == plain
    assert "".join(rewrite.output for rewrite in traced.rewrites()) == plain
    assert_covers(traced.rewrites(), text)


def test_a_trace_names_every_rule_with_its_span() -> None:
    assert normalize.trace("Dr. No paid  $5 in 1990-95!") == [
        Rewrite(0, 3, "abbreviation", "Doctor"),
        Rewrite(3, 11, COPY, " No paid"),
        Rewrite(11, 13, "white space", " "),
        Rewrite(13, 15, "money", "five dollars"),
        Rewrite(15, 19, COPY, " in "),
        Rewrite(19, 26, "range + number", "nineteen ninety to ninety-five"),
        Rewrite(26, 27, COPY, "!"),
    ]


def test_what_was_dropped_has_an_empty_output() -> None:
    assert Rewrite(1, 2, "control characters", "") in normalize.trace("a\x00b")
