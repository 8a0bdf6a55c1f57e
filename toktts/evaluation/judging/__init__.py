"""Folders of sound, and voices -> scores with their uncertainty, beside the originals and the codec's ceiling."""

from toktts.evaluation.judging.metrics import load_metrics
from toktts.evaluation.judging.scorer import ErrorRateScorer
from toktts.evaluation.judging.summary import Judged, Summary, failures_by_length, judge, summarize
from toktts.evaluation.judging.verdict import Verdict

__all__ = [
    "ErrorRateScorer",
    "Judged",
    "Summary",
    "Verdict",
    "failures_by_length",
    "judge",
    "load_metrics",
    "summarize",
]
