"""What was found in a corpus, as lines for a reader and as facts for a program."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from toktts.evaluation.corpus.codec import CodecVerdict
from toktts.evaluation.corpus.findings import KINDS, Finding
from toktts.evaluation.corpus.sound import ClipSound

SHOWN_IDS = 3
MAX_DETAIL = 60


@dataclass(frozen=True)
class CorpusReport:
    """A corpus, looked at.

    Args:
        n_clips: with or without sound that can be read.
        sounds: by id, what can be read.
        speakers: all of them.
        languages: all of them.
        findings: by clip, in the order they were found.
        notes: what was not looked at, and why.
        codec_rate: Hz that the codec hears; None = no codec was asked.
        codec: what it does to the voice; None = it was not asked, or there was nothing to hear.
    """

    n_clips: int
    sounds: Mapping[str, ClipSound]
    speakers: tuple[str, ...]
    languages: tuple[str, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()
    codec_rate: int | None = None
    codec: CodecVerdict | None = None

    @property
    def faults(self) -> tuple[Finding, ...]:
        """Findings that something should be done about."""
        return tuple(finding for finding in self.findings if finding.is_fault)

    @property
    def is_fine(self) -> bool:
        """Whether nothing is wrong with the clips, and the codec knows the voice."""
        return not self.faults and (self.codec is None or self.codec.knows_voice)

    def ids(self, kind: str) -> list[str]:
        """Clips with one kind of finding."""
        return [finding.id for finding in self.findings if finding.kind == kind]

    def lines(self) -> list[str]:
        """Everything in short: amounts, levels, findings with the first ids, and the codec."""
        lines = [*self._amounts(), "", *self._found()]
        lines += ["", *table(self.codec.rows())] if self.codec is not None else []
        notes = [*self.notes]
        if self.codec is not None and self.codec.missing:
            notes.append(f"words and naturalness were not judged: {self.codec.missing}")
        return [*lines, *([""] if notes else []), *notes]

    def facts(self) -> dict[str, Any]:
        """Everything, as JSON holds it."""
        return {
            "n_clips": self.n_clips,
            "seconds": sum(sound.duration_s for sound in self.sounds.values()),
            "speakers": self.speakers,
            "languages": self.languages,
            "is_fine": self.is_fine,
            "findings": [asdict(finding) | {"is_fault": finding.is_fault} for finding in self.findings],
            "notes": self.notes,
            "clips": {id_: _numbers(sound) for id_, sound in self.sounds.items()},
            "codec": None if self.codec is None else _codec_facts(self.codec),
        }

    def _amounts(self) -> list[str]:
        seconds = [sound.duration_s for sound in self.sounds.values()]
        rates = Counter(sound.sampling_rate for sound in self.sounds.values())
        hears = "" if self.codec_rate is None else f"; the codec hears {self.codec_rate} Hz"
        rows = [["clips", f"{self.n_clips}, {sum(seconds) / 60:.1f} minutes, by {_shown(self.speakers)}"]]
        if self.sounds:
            rows += [
                ["sampling rate", ", ".join(f"{rate} Hz ({n})" for rate, n in rates.most_common()) + hears],
                ["length, s", self._range(lambda sound: sound.duration_s, 2)],
                ["peak", self._range(lambda sound: sound.peak, 2)],
                ["level, dB", self._range(lambda sound: sound.level_db, 1)],
                ["above noise, dB", self._range(lambda sound: sound.snr_db, 0)],
                ["silence before, s", self._range(lambda sound: sound.leading_s, 2)],
                ["silence behind, s", self._range(lambda sound: sound.trailing_s, 2)],
            ]
        return table(rows, heading=False)

    def _range(self, number: Callable[[ClipSound], float], digits: int) -> str:
        values = [number(sound) for sound in self.sounds.values()]
        low, middle, high = (f"{value:.{digits}f}" for value in (min(values), median(values), max(values)))
        return f"{middle} ({low} to {high})"

    def _found(self) -> list[str]:
        rows = [["finding", "clips", "which", "what to do"]]
        for name, kind in KINDS.items():
            found = [finding for finding in self.findings if finding.kind == name]
            if found:
                rows.append([kind.title, str(len({finding.id for finding in found})), _which(found), kind.advice])
        return table(rows) if len(rows) > 1 else ["nothing is wrong with the clips"]


def table(rows: Sequence[Sequence[str]], *, heading: bool = True) -> list[str]:
    """Align cells in columns, with a line below the heading."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [lines[0], "-" * len(max(lines, key=len)), *lines[1:]] if heading else lines


def _which(found: Sequence[Finding]) -> str:
    shown = ", ".join(f"{finding.id} ({_short(finding.detail)})" for finding in found[:SHOWN_IDS])
    return shown + (f", {len(found) - SHOWN_IDS} more" if len(found) > SHOWN_IDS else "")


def _short(detail: str) -> str:
    """One line, and of a fault that is long what is wrong, not what to do."""
    line = " ".join(detail.partition("; ")[0].split())
    return line if len(line) <= MAX_DETAIL else line[: MAX_DETAIL - 1] + "…"


def _shown(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN_IDS]) if len(names) <= SHOWN_IDS else f"{len(names)} speakers"


def _numbers(sound: ClipSound) -> dict[str, float]:
    return {name: value for name, value in asdict(sound).items() if name != "noticed"} | {"snr_db": sound.snr_db}


def _codec_facts(verdict: CodecVerdict) -> dict[str, Any]:
    return {
        "knows_voice": verdict.knows_voice,
        "reason": verdict.reason,
        "figures": verdict.figures,
        "clips": verdict.clips,
    }
