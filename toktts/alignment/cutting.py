"""Shorter training examples out of aligned recordings: pieces whose text is what their sound says."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from toktts.alignment.alignment import Alignment, Span
from toktts.errors import AlignmentError

PAUSE_S = 0.15
MARGIN_S = 0.1


@dataclass(frozen=True)
class Piece:
    """A stretch of a recording that holds whole words.

    Args:
        start_s: seconds from the beginning of the recording.
        end_s: seconds; the words end before it.
        first_word: index of its first word in the recording.
        words: the words inside, with times counted from `start_s`.
    """

    start_s: float
    end_s: float
    first_word: int
    words: Alignment

    @property
    def text(self) -> str:
        """The words with spaces between them; the recording's own punctuation stands in its transcript."""
        return " ".join(self.words.labels)

    def frames(self, *, frame_rate: float) -> range:
        """Give the frames it covers, edges rounded: pieces that touch share no frame and leave none between them."""
        return range(round(self.start_s * frame_rate), round(self.end_s * frame_rate))


@dataclass(frozen=True)
class Joined:
    """Pieces laid behind each other.

    Args:
        frames: of each piece, in its own recording: the features to be concatenated, in this order.
        pause_frames: frames of silence between two pieces.
        words: the words of all of them, with the times they have after joining.
    """

    frames: tuple[range, ...]
    pause_frames: int
    words: Alignment

    @property
    def n_frames(self) -> int:
        """Frames of the whole, pauses included."""
        return sum(map(len, self.frames)) + self.pause_frames * (len(self.frames) - 1)

    @property
    def text(self) -> str:
        """The words with spaces between them."""
        return " ".join(self.words.labels)


def cut_at_word(alignment: Alignment, max_seconds: float) -> tuple[float, int]:
    """Find the last word boundary that keeps a clip within some seconds, so that it keeps its own text.

    Args:
        alignment: words.
        max_seconds: longest clip wanted.
    Returns:
        `(end_seconds, n_words)`: cut the sound there, and the text behind that many words. A silence between two words
        is cut in its middle at the latest; `(0.0, 0)` where not even the first word fits.
    """
    n_words = sum(span.end_s <= max_seconds for span in alignment)
    if not n_words and len(alignment):
        return 0.0, 0
    if n_words == len(alignment):
        return max(0.0, min(max_seconds, alignment.duration_s)), n_words
    return min(max_seconds, _boundary(alignment, n_words)), n_words


def sub_phrases(
    alignment: Alignment,
    seed: int,
    *,
    min_seconds: float = 1.0,
    max_seconds: float = 6.0,
    pause_s: float = PAUSE_S,
    margin_s: float = MARGIN_S,
) -> tuple[Piece, ...]:
    """Divide a recording into pieces at its pauses, or between words where no pause comes in time.

    Args:
        alignment: words.
        seed: same seed, same pieces; another one draws other lengths.
        min_seconds: of a piece.
        max_seconds: of a piece; only what is left at the end may make the last one longer, by `min_seconds` at most,
            and a word that is longer.
        pause_s: silence between two words that counts as a pause.
        margin_s: silence a piece keeps before its first word and behind its last, if there is as much.
    Returns:
        Pieces in order; together they hold every word once. None if the recording is shorter than `min_seconds`.
    """
    if not 0 < min_seconds <= max_seconds:
        raise AlignmentError(
            f"cannot cut pieces of {min_seconds} to {max_seconds} s; give 0 < min_seconds <= max_seconds"
        )
    rng = random.Random(seed)
    pieces: list[Piece] = []
    first = 0
    while first < len(alignment):
        until = _next_boundary(alignment, first, rng, (min_seconds, max_seconds, pause_s, margin_s))
        piece = _piece(alignment, first, until, margin_s)
        if piece.end_s - piece.start_s >= min_seconds:
            pieces.append(piece)
        elif pieces:
            pieces[-1] = _piece(alignment, pieces[-1].first_word, until, margin_s)
        first = until
    return tuple(pieces)


def joined(pieces: Sequence[Piece], *, frame_rate: float, pause_frames: int = 0) -> Joined:
    """Say what it means to lay pieces behind each other: which frames, which words, and when.

    Args:
        pieces: at least one; of one recording or of several of the same speaker.
        frame_rate: frames per second of the features that are to be joined.
        pause_frames: frames of silence put between two pieces.
    """
    if not pieces or pause_frames < 0:
        raise AlignmentError(
            f"cannot join {len(pieces)} pieces with {pause_frames} frames between; give one and 0 or more"
        )
    frames = tuple(piece.frames(frame_rate=frame_rate) for piece in pieces)
    spans: list[Span] = []
    offset = 0
    for piece, covered in zip(pieces, frames, strict=True):
        start_s, end_s = offset / frame_rate, (offset + len(covered)) / frame_rate
        # The edges of a piece move to whole frames, and its words with them.
        shift_s = start_s + piece.start_s - covered.start / frame_rate
        for span in piece.words:
            moved = span.shifted(shift_s)
            inside = [min(max(time_s, start_s), end_s) for time_s in (moved.start_s, moved.end_s)]
            spans.append(Span(span.label, inside[0], inside[1], span.score))
        offset += len(covered) + pause_frames
    return Joined(
        frames, pause_frames, Alignment(tuple(spans), (offset - pause_frames) / frame_rate, pieces[0].words.tier)
    )


def _boundary(words: Alignment, index: int) -> float:
    """Time between two words, before the word of that index: the middle of the silence."""
    if index == 0:
        return 0.0
    if index == len(words):
        return words.duration_s
    return (words.spans[index - 1].end_s + words.spans[index].start_s) / 2


def _edges(words: Alignment, first: int, until: int, margin_s: float) -> tuple[float, float]:
    """Where a piece of the words `first` to `until` begins and ends."""
    start_s = max(_boundary(words, first), words.spans[first].start_s - margin_s)
    end_s = min(_boundary(words, until), words.spans[until - 1].end_s + margin_s)
    return start_s, end_s


def _piece(words: Alignment, first: int, until: int, margin_s: float) -> Piece:
    start_s, end_s = _edges(words, first, until, margin_s)
    spans = tuple(span.shifted(-start_s) for span in words.spans[first:until])
    return Piece(start_s, end_s, first, Alignment(spans, end_s - start_s, words.tier))


def _next_boundary(words: Alignment, first: int, rng: random.Random, options: tuple[float, float, float, float]) -> int:
    """Draw where the piece that begins with word `first` ends: a pause if there is one, else near a drawn length."""
    min_seconds, max_seconds, pause_s, margin_s = options
    wanted_s = rng.uniform(min_seconds, max_seconds)
    lengths: dict[int, float] = {}
    for until in range(first + 1, len(words) + 1):
        start_s, end_s = _edges(words, first, until, margin_s)
        if end_s - start_s > max_seconds:
            break
        if end_s - start_s >= min_seconds:
            lengths[until] = end_s - start_s
    if not lengths:
        return _first_long_enough(words, first, min_seconds, margin_s)
    pauses = [until for until in lengths if _is_pause(words, until, pause_s)]
    if pauses:
        return rng.choice(pauses)
    return min(lengths, key=lambda until: abs(lengths[until] - wanted_s))


def _is_pause(words: Alignment, index: int, pause_s: float) -> bool:
    return index == len(words) or words.spans[index].start_s - words.spans[index - 1].end_s >= pause_s


def _first_long_enough(words: Alignment, first: int, min_seconds: float, margin_s: float) -> int:
    """Where no boundary lies between the shortest and the longest piece, take the next one behind, or the end."""
    for until in range(first + 1, len(words)):
        start_s, end_s = _edges(words, first, until, margin_s)
        if end_s - start_s >= min_seconds:
            return until
    return len(words)
