"""Alignments for tests: any that are allowed, and a small one by hand."""

from hypothesis import strategies as st

from toktts.alignment import Alignment, Span

TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)


@st.composite
def alignments(
    draw: st.DrawFn, *, labels: st.SearchStrategy[str] = TEXT, step_s: float = 1e-3, shortest: int = 0
) -> Alignment:
    """Units with silences between some of them; every time is a multiple of `step_s`."""
    steps, spans = 0, []
    for _ in range(draw(st.integers(0, 12))):
        start = steps + draw(st.sampled_from([0, 0, 1, 40, 700]))
        steps = start + draw(st.integers(shortest, 900))
        score = draw(st.none() | st.floats(-100, 0))
        spans.append(Span(draw(labels), start * step_s, steps * step_s, score))
    end = steps + draw(st.integers(1, 500))
    return Alignment(tuple(spans), end * step_s, draw(st.sampled_from(["word", "phoneme"])))


def hello() -> Alignment:
    """Two words with silence before, between and behind them."""
    spans = (Span("hello", 0.25, 0.75), Span("world", 1.0, 1.5, -3.0))
    return Alignment(spans, 2.0, "word")
