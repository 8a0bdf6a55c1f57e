"""The one type that timing has everywhere: which unit is said from when to when."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self

from toktts.errors import AlignmentError


@dataclass(frozen=True)
class Span:
    """One unit and when it is said.

    Args:
        label: the unit as it is written: a word, a phoneme, a character; never empty.
        start_s: seconds from the beginning of the sound.
        end_s: seconds; not before `start_s`.
        score: how sure the aligner is, in its own terms, higher = surer; None = it does not say.
    """

    label: str
    start_s: float
    end_s: float
    score: float | None = None

    @property
    def duration_s(self) -> float:
        """Seconds the unit lasts."""
        return self.end_s - self.start_s

    def shifted(self, offset_s: float) -> "Span":
        """Move it by some seconds."""
        return replace(self, start_s=self.start_s + offset_s, end_s=self.end_s + offset_s)


@dataclass(frozen=True)
class Alignment:
    """Units in the order they are said; what lies between them is silence.

    Args:
        spans: one a unit, none beginning before the end of the one before it, all inside the sound.
        duration_s: seconds of the whole sound.
        tier: what the units are: `phoneme`, `word`, `character`, or the name of a tier in a file.
    Raises:
        AlignmentError: times that are not finite, run backwards, overlap or leave the sound, or a unit without label.
    """

    spans: tuple[Span, ...]
    duration_s: float
    tier: str = "phoneme"

    def __post_init__(self) -> None:
        object.__setattr__(self, "spans", tuple(self.spans))
        if not (math.isfinite(self.duration_s) and self.duration_s >= 0):
            raise AlignmentError(f"sound must last 0 s or longer, got {self.duration_s} s; give its real length")
        before_s = 0.0
        for index, span in enumerate(self.spans):
            fault = _fault(span, before_s, self.duration_s)
            if fault:
                raise AlignmentError(fault, key=f"{self.tier} {index} {span.label!r}")
            before_s = span.end_s

    def __len__(self) -> int:
        return len(self.spans)

    def __iter__(self) -> Iterator[Span]:
        return iter(self.spans)

    @property
    def labels(self) -> tuple[str, ...]:
        """The units in order."""
        return tuple(span.label for span in self.spans)

    @classmethod
    def from_durations(
        cls,
        labels: Sequence[str],
        durations: Sequence[int],
        *,
        frame_rate: float,
        tier: str = "phoneme",
        scores: Sequence[float] | None = None,
    ) -> Self:
        """Lay units behind each other, from the beginning of the sound to its end.

        Args:
            labels: one a unit.
            durations: frames of each unit, 0 or more; a tensor's `tolist()` will do.
            frame_rate: frames per second.
            tier: what the units are.
            scores: one a unit; None = not known.
        Raises:
            AlignmentError: lists of different lengths, or a negative number of frames.

        >>> Alignment.from_durations(["HH", "AY1"], [2, 6], frame_rate=50.0).spans[1]
        Span(label='AY1', start_s=0.04, end_s=0.16, score=None)
        """
        if not (math.isfinite(frame_rate) and frame_rate > 0):
            raise AlignmentError(f"frame rate must be above 0 Hz, got {frame_rate}; give the codec's")
        if len(labels) != len(durations) or (scores is not None and len(scores) != len(labels)):
            n_scores = "" if scores is None else f" and {len(scores)} scores"
            raise AlignmentError(
                f"got {len(labels)} labels, {len(durations)} durations{n_scores}; give one of each a unit"
            )
        spans, end = [], 0
        for index, (label, n_frames) in enumerate(zip(labels, durations, strict=True)):
            if n_frames < 0:
                raise AlignmentError(f"lasts {n_frames} frames; give 0 or more", key=f"{tier} {index} {label!r}")
            start, end = end, end + int(n_frames)
            score = None if scores is None else float(scores[index])
            spans.append(Span(label, start / frame_rate, end / frame_rate, score))
        return cls(tuple(spans), end / frame_rate, tier)

    def durations(self, *, frame_rate: float) -> list[int]:
        """Count the frames of each unit, both its edges rounded to whole frames.

        Units that touch share their edge, so after `filled` the frames add up to those of the sound.
        """
        return [round(span.end_s * frame_rate) - round(span.start_s * frame_rate) for span in self.spans]

    def filled(self, label: str = "sil") -> "Alignment":
        """Put a unit into every silence, at both ends too, so that the units cover the whole sound."""
        spans, before_s = [], 0.0
        for span in self.spans:
            if span.start_s > before_s:
                spans.append(Span(label, before_s, span.start_s))
            spans.append(span)
            before_s = span.end_s
        if self.duration_s > before_s:
            spans.append(Span(label, before_s, self.duration_s))
        return replace(self, spans=tuple(spans))

    def without(self, *labels: str) -> "Alignment":
        """Leave out units with any of these labels: where they were is silence."""
        return replace(self, spans=tuple(span for span in self.spans if span.label not in labels))

    def grouped(self, groups: Sequence[tuple[str, int]], *, tier: str = "word") -> "Alignment":
        """Make larger units of these, as words of phonemes; a group lasts from its first unit to its last.

        Args:
            groups: `(label, n_units)` in order, all units together; an empty label leaves its units out (punctuation).
            tier: what the groups are.
        Returns:
            Scores are the mean of the group's, where all its units have one.
        Raises:
            AlignmentError: counts that do not add up, or a group with a label and no unit.
        """
        n_units = sum(count for _, count in groups)
        if n_units != len(self) or any(count < 0 for _, count in groups):
            raise AlignmentError(f"groups count {n_units} units, the alignment has {len(self)}; count all of them")
        spans, first = [], 0
        for index, (label, count) in enumerate(groups):
            members = self.spans[first : first + count]
            first += count
            if not label:
                continue
            if not members:
                raise AlignmentError("has no units; leave it out, or give it some", key=f"{tier} {index} {label!r}")
            spans.append(Span(label, members[0].start_s, members[-1].end_s, _mean_score(members)))
        return Alignment(tuple(spans), self.duration_s, tier)

    def shifted(self, offset_s: float) -> "Alignment":
        """Put silence before the sound, or take some away where it is negative; the end moves along."""
        return replace(
            self, spans=tuple(span.shifted(offset_s) for span in self.spans), duration_s=self.duration_s + offset_s
        )

    def cut(self, start_s: float, end_s: float) -> "Alignment":
        """Keep what is said from one time to another: only whole units, with times counted from `start_s`.

        Raises:
            AlignmentError: a range that runs backwards or leaves the sound.
        """
        if not 0 <= start_s <= end_s <= self.duration_s:
            raise AlignmentError(
                f"cannot cut from {start_s} to {end_s} s out of {self.duration_s} s; stay inside the sound"
            )
        spans = [span.shifted(-start_s) for span in self.spans if start_s <= span.start_s and span.end_s <= end_s]
        return replace(self, spans=tuple(spans), duration_s=end_s - start_s)


def concatenate(alignments: Sequence[Alignment], *, gap_s: float = 0.0) -> Alignment:
    """Lay sounds behind each other, with some silence between them.

    Args:
        alignments: at least one, all of one tier.
        gap_s: seconds between two sounds.
    Raises:
        AlignmentError: none given, or tiers that differ.
    """
    tiers = sorted({alignment.tier for alignment in alignments})
    if len(tiers) != 1:
        got = " and ".join(tiers) or "none"
        raise AlignmentError(f"can only concatenate alignments of one tier, got {got}; choose one")
    spans: list[Span] = []
    end_s = 0.0
    for index, alignment in enumerate(alignments):
        start_s = end_s + (gap_s if index else 0.0)
        spans.extend(span.shifted(start_s) for span in alignment)
        end_s = start_s + alignment.duration_s
    return Alignment(tuple(spans), end_s, tiers[0])


def words_of_characters(characters: Alignment) -> Alignment:
    """Group characters into the words between white space.

    >>> letters = Alignment.from_durations("I am", [3, 1, 2, 4], frame_rate=10.0, tier="character")
    >>> words_of_characters(letters).labels
    ('I', 'am')
    """
    groups: list[tuple[str, int]] = []
    for label in characters.labels:
        if not label.strip():
            groups.append(("", 1))
        elif groups and groups[-1][0]:
            groups[-1] = (groups[-1][0] + label, groups[-1][1] + 1)
        else:
            groups.append((label, 1))
    return characters.grouped(groups)


def _fault(span: Span, before_s: float, duration_s: float) -> str | None:
    """What is wrong with a span that follows another which ended at `before_s`."""
    times = f"{span.start_s} to {span.end_s} s"
    if not span.label:
        return f"{times} has no label; leave silence out"
    if not (math.isfinite(span.start_s) and math.isfinite(span.end_s)):
        return f"{times} is not finite; align it again"
    if span.score is not None and not math.isfinite(span.score):
        return f"score {span.score} is not finite; give None where there is none"
    if span.end_s < span.start_s:
        return f"{times} runs backwards; swap the ends"
    if span.start_s < before_s:
        return f"{times} begins before {before_s} s, where the unit before it ends; give units in order"
    if span.end_s > duration_s:
        return f"{times} ends behind the sound of {duration_s} s; give the sound's real length"
    return None


def _mean_score(members: Sequence[Span]) -> float | None:
    scores = [member.score for member in members if member.score is not None]
    return sum(scores) / len(scores) if len(scores) == len(members) else None
