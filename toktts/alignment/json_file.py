"""Alignments as JSON: `{"duration_s": ..., "tiers": [{"name": ..., "spans": [{"label", "start_s", "end_s"}]}]}`."""

import json
import os
from collections.abc import Sequence
from typing import TypeVar

from toktts.alignment._textfile import read_text, write_text
from toktts.alignment.alignment import Alignment, Span
from toktts.errors import AlignmentError

WantedT = TypeVar("WantedT")


def as_json(tiers: Sequence[Alignment]) -> str:
    """Give tiers of one sound as JSON, every number exact, one span a line.

    Raises:
        AlignmentError: no tiers, or tiers of different length.
    """
    lengths = sorted({tier.duration_s for tier in tiers})
    if len(lengths) != 1:
        got = " and ".join(f"{length} s" for length in lengths) or "none"
        raise AlignmentError(f"tiers must be of one sound, got {got}; give those of one length")
    blocks = []
    for tier in tiers:
        spans = ",\n".join(f"      {json.dumps(_span_facts(span), ensure_ascii=False)}" for span in tier)
        name = json.dumps(tier.tier, ensure_ascii=False)
        blocks.append(f'    {{"name": {name}, "spans": [\n{spans}\n    ]}}')
    return f'{{\n  "duration_s": {json.dumps(lengths[0])},\n  "tiers": [\n' + ",\n".join(blocks) + "\n  ]\n}\n"


def write_json(path: str | os.PathLike[str], tiers: Sequence[Alignment]) -> None:
    """Write what `as_json` gives.

    Raises:
        AlignmentError: as `as_json`, or a place that cannot be written.
    """
    write_text(path, as_json(tiers))


def read_json(path: str | os.PathLike[str]) -> tuple[Alignment, ...]:
    """Read what `write_json` wrote.

    Raises:
        AlignmentError: unreadable, not JSON (names the line), or a field that is missing, of another type, or
            contradicts the others (names the field).
    """
    try:
        facts = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise AlignmentError(f"is not JSON ({error.msg}); write it again", file=path, line=error.lineno) from error
    except (RecursionError, ValueError) as error:
        raise AlignmentError("is nested too deep, or holds endless numbers; write it again", file=path) from error
    reader = _Reader(path)
    root = reader.check(facts, dict, "the file")
    duration_s = reader.number(root, "duration_s", "")
    tiers = []
    for index, tier in enumerate(reader.field(root, "tiers", list, "")):
        place = f"tiers[{index}]"
        entry = reader.check(tier, dict, place)
        spans = [
            reader.span(span, f"{place}.spans[{number}]")
            for number, span in enumerate(reader.field(entry, "spans", list, place))
        ]
        name = reader.field(entry, "name", str, place)
        try:
            tiers.append(Alignment(tuple(spans), duration_s, name))
        except AlignmentError as error:
            raise AlignmentError(error.message, file=path, key=f"{place} {error.key or ''}".strip()) from error
    return tuple(tiers)


def _span_facts(span: Span) -> dict[str, object]:
    facts: dict[str, object] = {"label": span.label, "start_s": span.start_s, "end_s": span.end_s}
    return facts if span.score is None else facts | {"score": span.score}


class _Reader:
    """Takes fields out of a parsed file and names those that are not what they should be."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path

    def check(self, value: object, kind: type[WantedT], place: str) -> WantedT:
        if not isinstance(value, kind):
            got = f"must be {kind.__name__}, got {type(value).__name__}"
            raise AlignmentError(f"{got}; write it again", file=self.path, key=place)
        return value

    def field(self, owner: dict[str, object], name: str, kind: type[WantedT], place: str) -> WantedT:
        return self.check(self._get(owner, name, place), kind, f"{place}.{name}".lstrip("."))

    def number(self, owner: dict[str, object], name: str, place: str) -> float:
        value = self._get(owner, name, place)
        # An integer too large for a float is no time either.
        if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e12:
            key = f"{place}.{name}".lstrip(".")
            raise AlignmentError(f"must be a number, got {str(value)[:40]!r}; write it again", file=self.path, key=key)
        return float(value)

    def span(self, value: object, place: str) -> Span:
        owner = self.check(value, dict, place)
        label = self.field(owner, "label", str, place)
        score = self.number(owner, "score", place) if owner.get("score") is not None else None
        return Span(label, self.number(owner, "start_s", place), self.number(owner, "end_s", place), score)

    def _get(self, owner: dict[str, object], name: str, place: str) -> object:
        if name not in owner:
            raise AlignmentError(f"has no field {name!r}; write it again", file=self.path, key=place or None)
        return owner[name]
