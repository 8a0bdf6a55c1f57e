"""One rewriting rule: a name, a pattern, and what its match is read as."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from toktts.text._trace import TracedText


@dataclass(frozen=True)
class Rule:
    """What is rewritten where.

    Args:
        name: for traces.
        pattern: what it reads.
        say: a match -> words; they may hold digits and signs for later rules, as long as nothing is left at the end.
    """

    name: str
    pattern: re.Pattern[str]
    say: Callable[[re.Match[str]], str]

    def apply(self, text: TracedText) -> None:
        """Rewrite every match, with a blank where its words would touch a letter."""
        text.sub(self.pattern, lambda match: apart(match, self.say(match)), self.name)


def apart(match: re.Match[str], words: str) -> str:
    """Keep words apart from letters that what they replace stood against."""
    if not words:
        return words
    before, after = match.string[: match.start()][-1:], match.string[match.end() :][:1]
    first, last = words[0].isalnum(), words[-1].isalnum()
    return (" " if before.isalnum() and first else "") + words + (" " if after.isalnum() and last else "")
