"""Scores of sentences -> means with their uncertainty, and how often a sentence fails."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from toktts.evaluation._base import Metric, Sample, Score
from toktts.evaluation._sound import is_silent, judge_samples
from toktts.evaluation._words import words

N_RESAMPLES = 1000
INTERVAL = (2.5, 97.5)  # percentiles
FAILED_WER = 50.0  # per cent
LENGTHS = {"1 word": (1, 1), "2 words": (2, 2), "3 words": (3, 3), "4-12 words": (4, 12), "13+ words": (13, None)}


@dataclass(frozen=True)
class Summary:
    """One metric over many sentences.

    Args:
        mean: over all words (or frames, or sentences), in the metric's unit.
        low: lower end of the bootstrap's 95 % interval over sentences.
        high: upper end.
        n: sentences that have a score.
    """

    mean: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Judged:
    """One sentence and its scores.

    Args:
        id: its name.
        text: what should be heard; None = not known.
        duration_s: seconds of sound.
        is_silent: whether nothing is heard.
        scores: by metric, those that could be given.
    """

    id: str
    text: str | None
    duration_s: float
    is_silent: bool
    scores: Mapping[str, Score]

    @property
    def has_failed(self) -> bool:
        """Whether nothing is said, or more than half of the words are wrong."""
        return self.is_silent or ("wer" in self.scores and self.scores["wer"].value > FAILED_WER)


class Failures(NamedTuple):
    """How many of how many sentences failed."""

    failed: int
    n: int


def judge(samples: Iterable[Sample], metrics: Sequence[Metric]) -> list[Judged]:
    """Score sentences with every metric that has what it needs.

    Args:
        samples: one after another; none is kept.
        metrics: see `load_metrics`.
    """
    return [_judge(sample, metrics) for sample in samples]


def _judge(sample: Sample, metrics: Sequence[Metric]) -> Judged:
    found = {metric.name: metric.score(sample) for metric in metrics if metric.can_score(sample)}
    return Judged(
        id=sample.id,
        text=sample.text,
        duration_s=sample.speech.duration_s,
        is_silent=is_silent(judge_samples(sample.speech)),
        scores={name: score for name, score in found.items() if score is not None},
    )


def summarize(scores: Sequence[Score]) -> Summary | None:
    """Take the mean, and how much it would vary with other sentences of the same kind; the same each time.

    Args:
        scores: of one metric, one a sentence.
    Returns:
        None of nothing.

    Source: Efron 1979, the percentile bootstrap; sentences are drawn, not words, for errors come in clusters.
    """
    if not scores:
        return None
    totals, counts = (np.array([getattr(score, name) for score in scores]) for name in ("total", "count"))
    drawn = np.random.default_rng(0).integers(len(scores), size=(N_RESAMPLES, len(scores)))
    low, high = np.percentile(totals[drawn].sum(1) / counts[drawn].sum(1), INTERVAL)
    return Summary(float(totals.sum() / counts.sum()), float(low), float(high), len(scores))


def failures_by_length(judged: Sequence[Judged]) -> dict[str, Failures]:
    """Count failures by the number of words that should be heard; lengths without a sentence are left out."""
    by_length: dict[str, Failures] = {}
    for name, (fewest, most) in LENGTHS.items():
        group = [item for item in judged if fewest <= _n_words(item) <= (most or _n_words(item))]
        if group:
            by_length[name] = Failures(sum(item.has_failed for item in group), len(group))
    return by_length


def _n_words(item: Judged) -> int:
    return 0 if item.text is None else len(words(item.text))
