"""Where a model's units say nothing, but something is heard: whose sound that is."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from toktts.alignment.alignment import Alignment, Span
from toktts.errors import AlignmentError

QUIET_DB = 40.0
"""A frame is quiet that lies this far below the loudest one; forced alignment ends sentences at that level, to 5 ms."""
PAUSE_S = 0.1
"""Shorter silences between words are closures of stops: what is to come then has begun."""
MOST_S = 0.15
"""Longest sound that a neighbour is given; where more is heard without a pause (breath, hum), models are believed."""

Run = tuple[int, int]
"""First frame, and the one behind the last."""


def fit_to_sound(alignment: Alignment, levels_db: Tensor, *, frame_rate: float) -> Alignment:
    """Let what lies between units be silence only where it is silent.

    Models that read breaks between words, or marks, give each of them some frames, also where people make no pause:
    there they hold the beginning of the next word, which is given back to it. Around a real pause, and at both ends of
    the sound, units end and begin where it does.

    Args:
        alignment: units of whole frames.
        levels_db: float (n_frames,), the level of each frame, see `toktts.audio.energy`.
        frame_rate: frames per second.
    Raises:
        AlignmentError: another number of frames than the sound has.
    """
    n_frames = len(levels_db)
    if n_frames != round(alignment.duration_s * frame_rate):
        raise AlignmentError(
            f"got levels of {n_frames} frames for {alignment.duration_s:.2f} s at {frame_rate:g} Hz; give one a frame"
        )
    starts = [round(span.start_s * frame_rate) for span in alignment]
    ends = [round(span.end_s * frame_rate) for span in alignment]
    if n_frames and len(alignment):
        _move(starts, ends, levels_db, pause=round(PAUSE_S * frame_rate), most=round(MOST_S * frame_rate))
    spans = tuple(map(_moved, alignment, _seconds(starts, frame_rate), _seconds(ends, frame_rate)))
    return replace(alignment, spans=spans)


def inside_words(units: Alignment, groups: Sequence[tuple[str, int]], words: Alignment) -> Alignment:
    """Let units begin and end with their words, where those were fitted to the sound.

    Units that lie wholly outside take a part of the first or last one that does not.

    Args:
        units: all of them, as phonemes, one behind the other.
        groups: of them, as `Alignment.grouped` takes them.
        words: what `grouped` made of them, and `fit_to_sound` moved.
    Returns:
        The units of words; those between words are left out.
    """
    spans: list[Span] = []
    first, timed = 0, iter(words)
    for label, count in groups:
        members = units.spans[first : first + count]
        first += count
        if label:
            word = next(timed)
            edges = _squeezed([member.start_s for member in members] + [members[-1].end_s], word.start_s, word.end_s)
            spans += map(_moved, members, edges, edges[1:])
    return replace(units, spans=tuple(spans))


def _squeezed(edges: Sequence[float], start: float, end: float) -> list[float]:
    """Move the edges of units that follow each other between `start` and `end`, and let no unit vanish."""
    said = [number for number in range(len(edges) - 1) if edges[number + 1] > max(edges[number], start)]
    said = [number for number in said if edges[number] < end]
    head, tail = (said[0], said[-1]) if said else (0, 0)
    if head == tail:
        return _spread(edges, start, end)
    first, last = _spread(edges[: head + 2], start, edges[head + 1]), _spread(edges[tail:], edges[tail], end)
    return [*first[:-1], *edges[head + 1 : tail], *last]


def _spread(edges: Sequence[float], start: float, end: float) -> list[float]:
    """Lay edges between `start` and `end`, in proportion."""
    whole = edges[-1] - edges[0]
    inner = [start + (edge - edges[0]) / whole * (end - start) if whole > 0 else start for edge in edges[1:-1]]
    return [start, *(min(edge, end) for edge in inner), end]


def _move(starts: list[int], ends: list[int], levels_db: Tensor, *, pause: int, most: int) -> None:
    """Move the edges, in frames, that lie at gaps."""
    n_units, n_frames = len(starts), len(levels_db)
    runs = list(_quiet_runs(levels_db))
    # Units that nobody says have no edges to move.
    is_said = [end > start for start, end in zip(starts, ends, strict=True)]
    if is_said[0]:
        at_start = [run for run in runs if run[0] == 0]
        _, starts[0] = _gap(0, starts[0], at_start, most=most)
        starts[0] = min(starts[0], ends[0] - 1)
    for before, after in zip(range(n_units - 1), range(1, n_units), strict=True):
        if is_said[before] and is_said[after] and ends[before] < starts[after]:
            long = [run for run in runs if run[1] - run[0] >= pause]
            end, start = _gap(ends[before], starts[after], long, most=most)
            ends[before], starts[after] = max(end, starts[before] + 1), min(start, ends[after] - 1)
    if is_said[-1]:
        at_end = [run for run in runs if run[1] == n_frames]
        end, start = _gap(ends[-1], n_frames, at_end, most=most)
        ends[-1] = max(n_frames if end == start else end, starts[-1] + 1)


def _gap(end: int, start: int, runs: Sequence[Run], *, most: int) -> Run:
    """Say where the unit before a gap ends, and the one behind it starts."""
    inside = [run for run in runs if run[0] <= start and run[1] >= end]
    if inside:
        quiet = max(inside, key=lambda run: run[1] - run[0])
        return min(quiet[0], end + most), max(quiet[1], start - most)
    return (end, end) if start - end <= most else (end, start)


def _quiet_runs(levels_db: Tensor) -> Iterator[Run]:
    """Find the frames behind each other that are quiet."""
    is_quiet = levels_db < levels_db.max() - QUIET_DB
    edges = torch.diff(torch.nn.functional.pad(is_quiet.long(), (1, 1))).nonzero()[:, 0].tolist()
    return zip(edges[::2], edges[1::2], strict=True)


def _seconds(frames: Sequence[int], frame_rate: float) -> list[float]:
    return [frame / frame_rate for frame in frames]


def _moved(span: Span, start_s: float, end_s: float) -> Span:
    return replace(span, start_s=start_s, end_s=end_s)
