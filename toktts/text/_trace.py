"""Text that remembers where it came from: every rewrite keeps the span of the input it stands for."""

import bisect
import re
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

COPY: Final = "copy"
JOINT: Final = " + "
INLINE: Final = re.compile(r"\[\[([^\[\]]*)\]\]")
"""Phonemes that somebody wrote into a text, which no rule may touch: `[[HH AH0 L OW1]]`."""


@dataclass(frozen=True)
class Rewrite:
    """A stretch of input and what became of it.

    Args:
        start: first character in the input, 0-based.
        end: the one behind the last; equal to `start` for what was put in.
        rule: what did it, in order, joined by " + "; `copy` for nothing.
        output: what stands there now.
    """

    start: int
    end: int
    rule: str
    output: str


class TracedText:
    """A text under rewriting: a row of stretches that cover the input without gaps, in order.

    Args:
        text: the input.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._rewrites = [Rewrite(0, len(text), COPY, text)] if text else []

    def sub(self, pattern: re.Pattern[str], say: Callable[[re.Match[str]], str], rule: str) -> None:
        """Replace every match of a pattern that does not reach into inline phonemes."""
        kept = [match.span() for match in INLINE.finditer(self.text)] if "[[" in self.text else []
        matches = (match for match in pattern.finditer(self.text) if not _overlaps(match, kept))
        self.edit(((match.start(), match.end(), say(match)) for match in matches), rule)

    def edit(self, edits: Iterable[tuple[int, int, str]], rule: str) -> None:
        """Replace spans of the current text.

        Args:
            edits: (start, end, new text), in order, none reaching into the next.
            rule: the name under which they are remembered.
        """
        changes = [edit for edit in edits if self.text[edit[0] : edit[1]] != edit[2]]
        if changes:
            self._rewrites = _lay(self._rewrites, changes, rule)
            self.text = "".join(rewrite.output for rewrite in self._rewrites)

    def rewrites(self) -> list[Rewrite]:
        """What became of each stretch: the outputs together are the text, the spans together the input."""
        joined: list[Rewrite] = []
        for rewrite in self._rewrites:
            if joined and _belongs(joined[-1], rewrite):
                joined[-1] = _melt([joined[-1], rewrite], joined[-1].output + rewrite.output, rewrite.rule)
            else:
                joined.append(rewrite)
        return joined


def _overlaps(match: re.Match[str], spans: list[tuple[int, int]]) -> bool:
    """Whether a match shares a character with one of some spans that are in order."""
    if not spans:
        return False
    place = bisect.bisect_left(spans, (match.end(),)) - 1
    return place >= 0 and match.start() < spans[place][1]


def _lay(rewrites: list[Rewrite], changes: list[tuple[int, int, str]], rule: str) -> list[Rewrite]:
    """Lay changes over rewrites: what a change covers melts into one, the rest stays as it is."""
    done: list[Rewrite] = []
    todo = deque(rewrites)
    at = 0  # where the next of `todo` begins in the text
    for start, end, new in changes:
        while todo and at < start:
            at += _take(todo, done, start - at)
        covered: list[Rewrite] = []
        while todo and at < end:
            at += _take(todo, covered, end - at)
        place = done[-1].end if done else 0
        done.append(_melt(covered, new, rule) if covered else Rewrite(place, place, rule, new))
    return [*done, *todo]


def _take(todo: deque[Rewrite], taken: list[Rewrite], n_characters: int) -> int:
    """Move the next rewrite over, or as much of it as is wanted; give the characters moved."""
    rewrite = todo.popleft()
    if len(rewrite.output) > n_characters:
        # Only a copy knows which character came from where; of anything else the first part keeps the whole span.
        cut = rewrite.start + n_characters if rewrite.rule == COPY else rewrite.end
        todo.appendleft(Rewrite(cut, rewrite.end, rewrite.rule, rewrite.output[n_characters:]))
        rewrite = Rewrite(rewrite.start, cut, rewrite.rule, rewrite.output[:n_characters])
    taken.append(rewrite)
    return len(rewrite.output)


def _melt(rewrites: list[Rewrite], output: str, rule: str) -> Rewrite:
    rules = [name for rewrite in rewrites for name in rewrite.rule.split(JOINT) if name != COPY]
    names = [*dict.fromkeys([*rules, *([] if rule == COPY else rule.split(JOINT))])] or [COPY]
    return Rewrite(rewrites[0].start, rewrites[-1].end, JOINT.join(names), output)


def _belongs(before: Rewrite, after: Rewrite) -> bool:
    """Whether two neighbours are one: both copied, or the second what was cut from the first."""
    if COPY in (before.rule, after.rule):
        return before.rule == after.rule
    return after.start == after.end and bool(before.output) and bool(after.output)
