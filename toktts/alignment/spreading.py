"""Words with times -> phonemes with times, where nobody listened for them: each gets an equal share of its word."""

from collections.abc import Sequence

from toktts.alignment.alignment import Alignment, Span
from toktts.errors import AlignmentError


def spread_over_words(words: Alignment, pronunciations: Sequence[Sequence[str]]) -> Alignment:
    """Divide every word evenly among its phonemes.

    Args:
        words: with times.
        pronunciations: the phonemes of each.
    Raises:
        AlignmentError: another number of words, or one without phonemes.

    >>> spread_over_words(Alignment((Span("hi", 0.5, 0.7),), 1.0, "words"), [["HH", "AY1"]]).spans[1]
    Span(label='AY1', start_s=0.6, end_s=0.7, score=None)
    """
    if len(pronunciations) != len(words):
        raise AlignmentError(f"has {len(words)} words, {len(pronunciations)} are pronounced; give phonemes for each")
    spans: list[Span] = []
    for word, symbols in zip(words, pronunciations, strict=True):
        if not symbols:
            raise AlignmentError("has no phonemes; write how it is said", key=repr(word.label))
        share = word.duration_s / len(symbols)
        edges = [word.start_s + place * share for place in range(len(symbols))] + [word.end_s]
        spans += [Span(symbol, edges[place], edges[place + 1]) for place, symbol in enumerate(symbols)]
    return Alignment(tuple(spans), words.duration_s, "phones")
