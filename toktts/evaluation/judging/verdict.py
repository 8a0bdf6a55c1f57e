"""Judged sentences, side by side -> a plain table and JSON."""

import functools
import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from toktts.evaluation._base import Metric
from toktts.evaluation.judging.summary import Failures, Judged, Summary, failures_by_length, summarize

VOICE, CODEC, ORIGINALS, SOUND = "voice", "codec ceiling", "originals", "sound"
ALWAYS = (VOICE, CODEC, ORIGINALS)
FOLDERS = {VOICE: "voice", CODEC: "codec", ORIGINALS: "originals"}
"""Where the sound of a column lies below the folder of its set."""
NOTHING = "-"


@dataclass(frozen=True)
class Verdict:
    """One set of sentences, judged.

    Args:
        title: of the set.
        columns: who spoke -> sentences; the voice, the codec's ceiling and the originals, the last two may be empty.
        metrics: in order.
    """

    title: str
    columns: Mapping[str, Sequence[Judged]]
    metrics: Sequence[Metric]

    @functools.cached_property
    def summaries(self) -> dict[str, dict[str, Summary]]:
        """By column, then by metric, where there is something to take the mean of."""
        found = {
            column: {
                metric.name: summarize([item.scores[metric.name] for item in judged if metric.name in item.scores])
                for metric in self.metrics
            }
            for column, judged in self.columns.items()
        }
        return {
            column: {name: summary for name, summary in row.items() if summary is not None}
            for column, row in found.items()
        }

    @functools.cached_property
    def failures(self) -> dict[str, dict[str, Failures]]:
        """By column, then by length."""
        return {column: failures_by_length(judged) for column, judged in self.columns.items()}

    @property
    def shown(self) -> list[Metric]:
        """Metrics that at least one column has a score of."""
        return [metric for metric in self.metrics if any(metric.name in row for row in self.summaries.values())]

    def rows(self) -> list[list[str]]:
        """The table as words: a heading, a row a metric, a row a length."""
        table = [[self.title, *self.columns]]
        for metric in self.shown:
            cells = [_shown(row.get(metric.name)) for row in self.summaries.values()]
            table.append([f"{metric.title}{f', {metric.unit}' if metric.unit else ''} {_arrow(metric)}", *cells])
        lengths = dict.fromkeys(name for found in self.failures.values() for name in found)
        for name in lengths:
            table.append([f"failed, {name}", *(_share(found.get(name)) for found in self.failures.values())])
        return table

    def table(self) -> str:
        """Plain text: mean, 95 % interval and number of sentences for each column."""
        rows = self.rows()
        widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([lines[0], "-" * len(max(lines, key=len)), *lines[1:]])

    def facts(self) -> dict[str, Any]:
        """Everything, as JSON holds it."""
        return {
            "title": self.title,
            "table": self.rows(),
            "metrics": {
                metric.name: {"title": metric.title, "unit": metric.unit, "higher_is_better": metric.higher_is_better}
                for metric in self.shown
            },
            "columns": {
                column: {
                    "summary": {name: asdict(summary) for name, summary in self.summaries[column].items()},
                    "failures": {name: found._asdict() for name, found in self.failures[column].items()},
                    "sentences": [_facts(item) for item in judged],
                }
                for column, judged in self.columns.items()
            },
        }


def as_json(verdicts: Sequence[Verdict]) -> str:
    """Write verdicts down, with the version that gave them."""
    try:
        version = importlib.metadata.version("toktts")
    except importlib.metadata.PackageNotFoundError:
        version = "unknown"
    facts = {"toktts": version, "sets": [verdict.facts() for verdict in verdicts]}
    return json.dumps(facts, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _facts(item: Judged) -> dict[str, Any]:
    return {
        "id": item.id,
        "text": item.text,
        "duration_s": item.duration_s,
        "failed": item.has_failed,
        "scores": {name: {"value": score.value, **score.details} for name, score in item.scores.items()},
    }


def _shown(summary: Summary | None) -> str:
    if summary is None:
        return NOTHING
    digits = 3 if abs(summary.high) < 2 else 2 if abs(summary.high) < 20 else 1
    mean, low, high = (f"{value:.{digits}f}" for value in (summary.mean, summary.low, summary.high))
    return f"{mean} ({low} to {high}) n={summary.n}"


def _share(found: Failures | None) -> str:
    return NOTHING if found is None else f"{100 * found.failed / found.n:.1f} % ({found.failed} of {found.n})"


def _arrow(metric: Metric) -> str:
    return "(more is better)" if metric.higher_is_better else "(less is better)"
