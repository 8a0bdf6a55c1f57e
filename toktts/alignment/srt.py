"""Subtitles (SubRip, `.srt`): words gathered into lines that can be read, times in milliseconds."""

import os
import re
from collections.abc import Iterator

from toktts.alignment._textfile import read_text, write_text
from toktts.alignment.alignment import Alignment, Span
from toktts.errors import AlignmentError

MAX_CHARACTERS = 42
MAX_SECONDS = 6.0
PAUSE_S = 0.5
_TIME = r"(\d{1,3}):([0-5]\d):([0-5]\d)[,.](\d{3})"
_TIMES = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}(?:\s.*)?\Z", re.ASCII)


def lines_of(
    words: Alignment,
    *,
    max_characters: int = MAX_CHARACTERS,
    max_seconds: float = MAX_SECONDS,
    pause_s: float = PAUSE_S,
) -> Alignment:
    """Gather words into lines, each as long as it may be.

    Args:
        words: a tier of words; spaces go between them.
        max_characters: of a line; a single longer word is a line of its own. 42 is what broadcasters allow.
        max_seconds: from a line's first word to its last.
        pause_s: silence between two words that ends a line.
    Returns:
        The tier `line`.
    """
    groups: list[tuple[str, int]] = []
    first_s = last_s = 0.0
    for word in words:
        text = " ".join(word.label.split())
        if not text:
            groups.append(("", 1))
            continue
        line, count = groups[-1] if groups else ("", 0)
        fits = len(line) + 1 + len(text) <= max_characters and word.end_s - first_s <= max_seconds
        if line and fits and word.start_s - last_s < pause_s:
            groups[-1] = (f"{line} {text}", count + 1)
        else:
            groups.append((text, 1))
            first_s = word.start_s
        last_s = word.end_s
    return words.grouped(groups, tier="line")


def as_srt(lines: Alignment) -> str:
    """Give one subtitle a unit, times rounded to milliseconds."""
    return "".join(
        f"{number}\n{_clock(span.start_s)} --> {_clock(span.end_s)}\n{' '.join(span.label.split())}\n\n"
        for number, span in enumerate(lines, 1)
    )


def write_srt(path: str | os.PathLike[str], words: Alignment) -> None:
    """Write words as subtitles, gathered by `lines_of`.

    Raises:
        AlignmentError: a place that cannot be written.
    """
    write_text(path, as_srt(lines_of(words)))


def read_srt(path: str | os.PathLike[str], *, duration_s: float | None = None) -> Alignment:
    """Read subtitles as the tier `line`; several lines of text are joined by spaces.

    Args:
        path: UTF-8 or UTF-16.
        duration_s: seconds of the sound, which the file does not know; None = the end of the last subtitle.
    Raises:
        AlignmentError: unreadable, or subtitles without times or text, that overlap or run backwards; names the line.
    """
    spans: list[Span] = []
    for line, block in _blocks(read_text(path)):
        span = _read_block(block, path, line)
        if spans and span.start_s < spans[-1].end_s:
            raise AlignmentError(
                f"subtitle begins at {span.start_s} s, before {spans[-1].end_s} s, where the one before it ends; "
                "mend the times",
                file=path,
                line=line,
            )
        spans.append(span)
    end_s = spans[-1].end_s if spans else 0.0
    if duration_s is not None and duration_s < end_s:
        raise AlignmentError(f"ends at {end_s} s, behind the sound of {duration_s} s; it is of another", file=path)
    return Alignment(tuple(spans), end_s if duration_s is None else duration_s, "line")


def _blocks(text: str) -> Iterator[tuple[int, list[str]]]:
    """Give the lines between empty lines, with the number of the first."""
    block: list[str] = []
    first = 1
    for number, line in enumerate([*re.split(r"\r\n|\r|\n", text), ""], 1):
        if line.strip():
            first = first if block else number
            block.append(line.strip())
        elif block:
            yield first, block
            block = []


def _read_block(block: list[str], path: str | os.PathLike[str], line: int) -> Span:
    has_number = block[0].isdecimal() and len(block) > 1
    times, text = block[int(has_number)], block[int(has_number) + 1 :]
    line += int(has_number)
    match = _TIMES.match(times)
    if match is None:
        raise AlignmentError(
            f"expected times as 00:00:01,000 --> 00:00:02,500, got {times[:40]!r}; mend it", file=path, line=line
        )
    start_s, end_s = _seconds(match.groups()[:4]), _seconds(match.groups()[4:])
    if end_s < start_s:
        raise AlignmentError(f"subtitle ends before it begins ({times[:40]}); mend the times", file=path, line=line)
    if not text:
        raise AlignmentError("subtitle has no text; write some, or leave it out", file=path, line=line)
    return Span(" ".join(" ".join(text).split()), start_s, end_s)


def _clock(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02},{rest % 1000:03}"


def _seconds(clock: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, milliseconds = (int(part or 0) for part in clock)
    return (((hours * 60 + minutes) * 60 + seconds) * 1000 + milliseconds) / 1000
