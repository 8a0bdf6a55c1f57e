"""Praat's TextGrid files: interval tiers in and out."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn

from toktts.alignment._textfile import line_of, read_text, write_text
from toktts.alignment.alignment import Alignment, Span
from toktts.errors import AlignmentError

# Other programs write times with few digits, so that neighbours may miss each other by a last digit.
TOLERANCE_S = 1e-6
_TOKEN = re.compile(r'\s*(?:(?P<string>"[^"]*(?:""[^"]*)*")|(?P<comment>![^\r\n]*)|(?P<word>[^\s"]+))')
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\Z", re.ASCII)


def read_textgrid(path: str | os.PathLike[str]) -> tuple[Alignment, ...]:
    """Read every interval tier, from the long or the short form; intervals without text are silence.

    Tiers of points have no durations and are left out. Times count from the file's own beginning.

    Args:
        path: a text file as Praat writes it (UTF-8 or UTF-16) or the Montreal Forced Aligner.
    Raises:
        AlignmentError: unreadable, not a TextGrid, cut short, or with intervals that overlap; names file and line.
    Source: Praat manual, "TextGrid file formats": free-standing numbers, strings and flags count, all else is comment.
    """
    tokens = _Tokens(path, read_text(path))
    tokens.expect_header()
    start_s, end_s = tokens.number("the beginning"), tokens.number("the end")
    if end_s < start_s:
        tokens.fail(f"ends at {end_s} s, before its beginning {start_s} s; swap them")
    if tokens.flag() != "<exists>":
        return ()
    read = [_read_tier(tokens, start_s, end_s) for _ in range(tokens.count("tiers"))]
    return tuple(tier for tier in read if tier is not None)


def write_textgrid(path: str | os.PathLike[str], tiers: Sequence[Alignment]) -> None:
    """Write tiers of one sound in the long form, as UTF-8, silence as intervals without text.

    Raises:
        AlignmentError: no tiers, tiers of different length, a unit that lasts no time, or a place that cannot be
            written.
    """
    write_text(path, textgrid(tiers, file=path))


def textgrid(tiers: Sequence[Alignment], *, file: str | os.PathLike[str] | None = None) -> str:
    """Give the long form of tiers of one sound; see `write_textgrid`."""
    if not tiers:
        raise AlignmentError("a TextGrid needs at least one tier, got none; give an alignment", file=file)
    end_s = tiers[0].duration_s
    for tier in tiers:
        if tier.duration_s != end_s or end_s <= 0:
            raise AlignmentError(
                f"sound lasts {tier.duration_s} s, the first tier's {end_s} s; a TextGrid holds tiers of one sound",
                file=file,
                key=tier.tier,
            )
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0 ", f"xmax = {end_s!r} "]
    lines += ["tiers? <exists> ", f"size = {len(tiers)} ", "item []: "]
    for number, tier in enumerate(tiers, 1):
        lines += [f"    item [{number}]:", *(f"        {line}" for line in _tier_lines(tier, file))]
    return "\n".join(lines) + "\n"


def tier_named(tiers: Sequence[Alignment], *names: str) -> Alignment:
    """Find the first tier that has one of these names.

    Raises:
        AlignmentError: none has; the message lists those there are.
    """
    for name in names:
        for tier in tiers:
            if tier.tier == name:
                return tier
    there = ", ".join(repr(tier.tier) for tier in tiers) or "none"
    raise AlignmentError(f"no tier named {' or '.join(map(repr, names))}; there is {there}")


def _tier_lines(tier: Alignment, file: str | os.PathLike[str] | None) -> Iterator[str]:
    intervals = list(_intervals(tier, file))
    yield 'class = "IntervalTier" '
    yield f"name = {_quoted(tier.tier)} "
    yield "xmin = 0 "
    yield f"xmax = {tier.duration_s!r} "
    yield f"intervals: size = {len(intervals)} "
    for number, (start_s, end_s, text) in enumerate(intervals, 1):
        yield f"intervals [{number}]:"
        yield f"    xmin = {start_s!r} "
        yield f"    xmax = {end_s!r} "
        yield f"    text = {_quoted(text)} "


def _intervals(tier: Alignment, file: str | os.PathLike[str] | None) -> Iterator[tuple[float, float, str]]:
    """Start, end and text of intervals that cover the sound: Praat wants no holes."""
    before_s = 0.0
    for index, span in enumerate(tier):
        # A hole that only rounding made would be an interval nobody can see.
        start_s = before_s if span.start_s - before_s < TOLERANCE_S / 1000 else span.start_s
        if span.end_s <= start_s:
            key = f"{tier.tier} {index} {span.label!r}"
            raise AlignmentError("lasts no time, which a TextGrid cannot hold; leave it out", file=file, key=key)
        if start_s > before_s:
            yield before_s, start_s, ""
        yield start_s, span.end_s, span.label
        before_s = span.end_s
    if tier.duration_s > before_s:
        yield before_s, tier.duration_s, ""


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


@dataclass
class _Tokens:
    """The numbers, strings and flags of a file, read one by one."""

    path: str | os.PathLike[str]
    text: str
    position: int = 0
    last: int = 0

    def fail(self, fault: str) -> NoReturn:
        """Refuse the file at the token that was read last."""
        raise AlignmentError(fault, file=self.path, line=line_of(self.text, self.last))

    def next_token(self, wanted: str, pattern: re.Pattern[str]) -> str:
        """Give the next token that counts, if it is of the wanted kind; words that are neither are skipped."""
        while True:
            match = _TOKEN.match(self.text, self.position)
            if match is None:
                self.last = len(self.text.rstrip())
                if self.text[self.position :].strip():
                    self.last = self.text.index('"', self.position)
                    self.fail("quotation mark is not closed; add one")
                self.fail(f"ends before {wanted}; it is cut short, write it again")
            self.position, kind = match.end(), match.lastgroup
            token = match[str(kind)]
            if kind == "comment" or (kind == "word" and not _NUMBER.match(token) and not _is_flag(token)):
                continue
            self.last = match.start(str(kind))
            if not pattern.match(token):
                self.fail(f"expected {wanted}, got {token[:60]}; write the file again with Praat")
            return token

    def expect_header(self) -> None:
        """Refuse anything that does not say it is a TextGrid."""
        found = re.match(r'\s*File type = "ooTextFile(?: short)?"\s*(?:Object class = )?"TextGrid"', self.text)
        if found is None:
            self.fail('is no TextGrid: must begin with File type = "ooTextFile", Object class = "TextGrid"; '
                      "save it from Praat as text file")  # fmt: skip
        self.position = found.end()

    def number(self, wanted: str) -> float:
        return float(self.next_token(f"{wanted} in seconds", _NUMBER))

    def count(self, wanted: str) -> int:
        return int(self.next_token(f"the number of {wanted}", re.compile(r"\d{1,9}\Z", re.ASCII)))

    def flag(self) -> str:
        return self.next_token("<exists>", re.compile(r"<\w+>\Z"))

    def string(self, wanted: str) -> str:
        return self.next_token(f'{wanted} in "quotation marks"', re.compile('"'))[1:-1].replace('""', '"')


def _is_flag(word: str) -> bool:
    return word.startswith("<") and word.endswith(">")


def _read_tier(tokens: _Tokens, start_s: float, end_s: float) -> Alignment | None:
    kind = tokens.string("the class of a tier")
    if kind not in ("IntervalTier", "TextTier"):
        tokens.fail(f'tier is a {kind!r}; only "IntervalTier" and "TextTier" exist')
    name = tokens.string("the name of a tier")
    tokens.number("the beginning of a tier")
    tokens.number("the end of a tier")
    n_entries = tokens.count("intervals" if kind == "IntervalTier" else "points")
    if kind == "TextTier":
        for _ in range(n_entries):
            tokens.number("a point")
            tokens.string("the mark of a point")
        return None
    spans: list[Span] = []
    before_s = start_s
    for _ in range(n_entries):
        span = _read_interval(tokens, before_s, end_s)
        before_s = max(before_s, span.end_s)
        if span.label:
            spans.append(span.shifted(-start_s) if start_s else span)
    return Alignment(tuple(spans), end_s - start_s, name)


def _read_interval(tokens: _Tokens, before_s: float, end_s: float) -> Span:
    """Read one interval, its ends within the tolerance moved to where its neighbours are."""
    start_s = tokens.number("the beginning of an interval")
    if start_s < before_s - TOLERANCE_S:
        tokens.fail(
            f"interval begins at {start_s} s, before {before_s} s, where the one before it ends; mend the times"
        )
    stop_s = tokens.number("the end of an interval")
    if stop_s < start_s:
        tokens.fail(f"interval ends at {stop_s} s, before its beginning {start_s} s; mend the times")
    if stop_s > end_s + TOLERANCE_S:
        tokens.fail(f"interval ends at {stop_s} s, behind the end of the file at {end_s} s; mend the times")
    start_s = max(start_s, before_s)
    label = tokens.string("the text of an interval")
    return Span(label, start_s, max(start_s, min(stop_s, end_s)))
