"""What a self-check found: one finding a check, and all of them together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

CheckName = Literal[
    "empty", "coverage", "monotonic", "repeats", "early_stop", "length", "silent", "runaway", "truncated"
]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Args:
        name: what.
        value: the number found.
        limit: the number it was held against.
        passed: whether that is fine.
        reason: one line that says both.
    """

    name: CheckName
    value: float
    limit: float
    passed: bool
    reason: str

    @property
    def badness(self) -> tuple[bool, float]:
        """A measure to order findings of one name by: failed ones by their way past the limit, others by the room."""
        distance = abs(self.value - self.limit)
        return not self.passed, -distance if self.passed else distance


@dataclass(frozen=True)
class Report:
    """All findings about one piece of speech.

    Args:
        findings: one of each check.
        notes: what else is to be known of how it was spoken, one line each.
    """

    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.flags

    @property
    def flags(self) -> tuple[CheckName, ...]:
        """What is wrong, by name."""
        return tuple(finding.name for finding in self.findings if not finding.passed)

    @property
    def reasons(self) -> tuple[str, ...]:
        """What is wrong, one line each."""
        return tuple(finding.reason for finding in self.findings if not finding.passed)

    @property
    def lines(self) -> tuple[str, ...]:
        """All findings, one line each: `ok` or `FAIL`, what was looked at, what was found; then the notes."""
        marks = ("FAIL", "ok  ")
        found = (f"{marks[finding.passed]} {finding.name}: {finding.reason}" for finding in self.findings)
        return *found, *(f"note {note}" for note in self.notes)

    @property
    def badness(self) -> tuple[int, float]:
        """A measure to order reports by: how many checks fail, then by how much."""
        failed = [finding.badness[1] for finding in self.findings if not finding.passed]
        return len(failed), sum(failed)

    def __getitem__(self, name: CheckName) -> Finding:
        return next(finding for finding in self.findings if finding.name == name)


def worst(reports: Sequence[Report]) -> Report:
    """Merge the reports on the parts of a text: of every check, the part that did worst; the first of equal ones.

    Where there are several parts, the reason of a failed check says which of them it was, and so does a note.
    """
    findings: dict[CheckName, Finding] = {}
    notes: list[str] = []
    for number, report in enumerate(reports, 1):
        notes += [f"sentence {number}: {note}" if len(reports) > 1 else note for note in report.notes]
        for finding in report.findings:
            before = findings.get(finding.name)
            if before is None or finding.badness > before.badness:
                named = len(reports) > 1 and not finding.passed
                reason = f"sentence {number}: {finding.reason}" if named else finding.reason
                findings[finding.name] = replace(finding, reason=reason)
    return Report(tuple(findings.values()), tuple(notes))
