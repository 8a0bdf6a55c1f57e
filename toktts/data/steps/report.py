"""What a step did, in one line, and what it left out, in a file."""

from dataclasses import dataclass, field
from pathlib import Path

from toktts.data.rejects import Rejected, Rejects

REJECTED_FILE = "rejected-{step}.jsonl"


@dataclass
class StepReport:
    """Counts of one step.

    Args:
        step: its name.
        done: clips that it made something of.
        kept: clips that were done already.
        rejected: clips left out, with the reason.
    """

    step: str
    done: int = 0
    kept: int = 0
    rejected: list[Rejected] = field(default_factory=list)

    def finish(self, folder: Path, *, max_rejected_fraction: float) -> "StepReport":
        """Write `rejected-STEP.jsonl`, and refuse to go on if too much was left out.

        Raises:
            CorpusError: more than this share of all clips, or all of them.
        """
        rejects = Rejects(folder / REJECTED_FILE.format(step=self.step), max_rejected_fraction=max_rejected_fraction)
        rejects.extend(self.rejected)
        rejects.finish(self.done + self.kept)
        return self

    def line(self, folder: Path) -> str:
        """Say it to a reader."""
        left_out = ""
        if self.rejected:
            left_out = f", {len(self.rejected)} left out ({folder / REJECTED_FILE.format(step=self.step)})"
        return f"{self.step}: {self.done} done, {self.kept} kept{left_out}"
