"""Self-check of speech: was every unit said, once, in order, at a likely pace, and is there sound?

`check` wants to know which unit each frame says; `check_sound` looks at what can be told without that.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import torch
from torch import Tensor

from toktts.alignment.alignment import Alignment
from toktts.alignment.findings import Finding, Report
from toktts.errors import AlignmentError

MIN_PACE, MAX_PACE = 0.5, 2.0
AUDIBLE_DB = -50.0
MIN_AUDIBLE = 0.25
SILENT_FROM_S = 0.5
RUNAWAY_UNIT_S = 0.2
RUNAWAY_EXTRA_S = 1.0
LOOP_FRAMES = 4
MAX_LOOPS = 20
DEFAULT_UNIT_S = 0.08


@dataclass(frozen=True)
class Sound:
    """What is known of speech without knowing what it says when.

    Args:
        n_units: units that were to be said: phonemes or characters.
        duration_s: seconds of it.
        levels_db: float (n_frames,), see `toktts.audio.energy`; None = not known.
        codes: int64 (n_codebooks, n_frames); None = not known.
        stop_reason: why generation ended, as models say it; None = not known.
    """

    n_units: int
    duration_s: float
    levels_db: Tensor | None = None
    codes: Tensor | None = None
    stop_reason: str | None = None


@dataclass(frozen=True)
class Spoken:
    """What is known of speech that was just made.

    Args:
        labels: the units that were to be said.
        path: int64 (n_frames,), the unit that each frame says, below `len(labels)`; see `path_of` and `frame_path`.
        expected_s: seconds each unit should last, 0 for one that may stay silent (a space, a comma) or be left out.
        frame_rate: frames per second.
        levels_db: float (n_frames,), see `toktts.audio.energy`; None = not known.
        codes: int64 (n_codebooks, n_frames); None = not known.
        stop_reason: why generation ended, as models say it; None = not known.
    """

    labels: Sequence[str]
    path: Tensor
    expected_s: Sequence[float]
    frame_rate: float
    levels_db: Tensor | None = None
    codes: Tensor | None = None
    stop_reason: str | None = None

    def __post_init__(self) -> None:
        n_units, n_frames = len(self.labels), len(self.path)
        if not n_units or len(self.expected_s) != n_units:
            raise AlignmentError(f"got {n_units} labels, {len(self.expected_s)} expected lengths; give one each a unit")
        if n_frames and (int(self.path.min()) < 0 or int(self.path.max()) >= n_units):
            got = f"{int(self.path.min())} to {int(self.path.max())}"
            raise AlignmentError(f"path must lie in [0, {n_units}), got {got}; give the unit of each frame")

    @property
    def duration_s(self) -> float:
        """Seconds of all frames."""
        return len(self.path) / self.frame_rate

    def names(self, units: Sequence[int]) -> str:
        """Write units for people: at most five, with their places."""
        shown = ", ".join(f"{self.labels[unit]!r} ({unit})" for unit in units[:5])
        return shown + (", …" if len(units) > 5 else "")


def check(spoken: Spoken) -> Report:
    """Look at speech for every known way to fail.

    `empty`: no frame at all. `coverage`: units that no frame says. `monotonic`: steps backwards. `repeats`: units said
    again later. `early_stop`: units behind the last one reached. `length`: seconds against expectation. `silent`: next
    to no sound. `runaway`: far too long, or the same frames in a loop. `truncated`: cut at the limit of the model.
    """
    sound = Sound(len(spoken.labels), spoken.duration_s, spoken.levels_db, spoken.codes, spoken.stop_reason)
    of_sound = check_sound(sound)
    return Report((*_of_path(spoken), *of_sound.findings)) if len(spoken.path) else of_sound


def check_sound(sound: Sound) -> Report:
    """Look for `empty`, `silent`, `runaway` and `truncated` alone, see `check`."""
    if not sound.duration_s:
        return Report((Finding("empty", 0, 1, False, "0 frames were made"),))
    return Report(tuple(_of_sound(sound)))


def path_of(attention: Tensor) -> Tensor:
    """Read int64 (n_frames,), the unit of each frame, off attention (n_frames, n_units): where it looks most."""
    return attention.argmax(dim=1)


def frame_path(alignment: Alignment, *, frame_rate: float) -> Tensor:
    """Give int64 (n_frames,), the unit of each frame of an alignment; a silence belongs to the unit before it."""
    n_frames = round(alignment.duration_s * frame_rate)
    middles = (torch.arange(n_frames, dtype=torch.float64) + 0.5) / frame_rate
    starts = torch.tensor([span.start_s for span in alignment], dtype=torch.float64)
    return (torch.searchsorted(starts, middles, right=True) - 1).clamp(min=0)


def mean_durations(alignments: Sequence[Alignment]) -> dict[str, float]:
    """Give the mean seconds of every label: what `expected_durations` expects of it."""
    totals, counts = Counter[str](), Counter[str]()
    for alignment in alignments:
        for span in alignment:
            totals[span.label] += span.duration_s  # type: ignore[assignment]  # a Counter adds floats as well
            counts[span.label] += 1
    return {label: totals[label] / counts[label] for label in counts}


def expected_durations(
    labels: Sequence[str], means_s: Mapping[str, float], *, default_s: float = DEFAULT_UNIT_S
) -> list[float]:
    """Look up seconds for every unit; white space and punctuation without a mean may last no time."""
    return [means_s.get(label, default_s if any(map(str.isalnum, label)) else 0.0) for label in labels]


def _of_path(spoken: Spoken) -> Iterator[Finding]:
    yield _coverage(spoken)
    yield _monotonic(spoken)
    yield _repeats(spoken)
    yield _early_stop(spoken)
    yield _length(spoken)


def _of_sound(sound: Sound) -> Iterator[Finding]:
    if sound.levels_db is not None:
        yield _silent(sound.duration_s, sound.levels_db)
    yield _runaway(sound)
    if sound.stop_reason is not None:
        cut = sound.stop_reason == "length"
        reason = "was cut at the limit of the model" if cut else "ended by itself"
        yield Finding("truncated", float(cut), 0, not cut, reason)


def _needed(spoken: Spoken) -> list[int]:
    return [unit for unit, expected_s in enumerate(spoken.expected_s) if expected_s > 0]


def _coverage(spoken: Spoken) -> Finding:
    said = set(spoken.path.tolist())
    needed = _needed(spoken)
    missing = [unit for unit in needed if unit not in said]
    share = 1 - len(missing) / len(needed) if needed else 1.0
    reason = f"{len(needed) - len(missing)} of {len(needed)} units were said"
    return Finding("coverage", share, 1, not missing, reason + (f", not {spoken.names(missing)}" if missing else ""))


def _monotonic(spoken: Spoken) -> Finding:
    steps = pairwise(spoken.path.tolist())
    back = [(frame, before, after) for frame, (before, after) in enumerate(steps, 1) if after < before]
    reason = f"{len(back)} steps backwards"
    if back:
        frame, before, after = back[0]
        reason += f", the first at {frame / spoken.frame_rate:.2f} s from unit {before} to {after}"
    return Finding("monotonic", len(back), 0, not back, reason)


def _repeats(spoken: Spoken) -> Finding:
    visits = Counter(unit for unit, _ in groupby(spoken.path.tolist()))
    again = sorted(unit for unit, count in visits.items() if count > 1)
    reason = f"{len(again)} units were said again later"
    return Finding("repeats", len(again), 0, not again, reason + (f": {spoken.names(again)}" if again else ""))


def _early_stop(spoken: Spoken) -> Finding:
    reached = int(spoken.path.max())
    left = [unit for unit in _needed(spoken) if unit > reached]
    reason = f"{len(left)} units are left behind the last one reached"
    return Finding("early_stop", len(left), 0, not left, reason + (f": {spoken.names(left)}" if left else ""))


def _length(spoken: Spoken) -> Finding:
    expected_s = sum(spoken.expected_s)
    pace = spoken.duration_s / expected_s if expected_s else math.inf
    too_short = pace < MIN_PACE
    # A few units in a second of sound are no fault: the sound may have silence around them.
    too_long = pace > MAX_PACE and spoken.duration_s - expected_s > RUNAWAY_EXTRA_S
    reason = f"{spoken.duration_s:.2f} s of speech where {expected_s:.2f} s were expected"
    return Finding("length", pace, MIN_PACE if too_short else MAX_PACE, not too_short and not too_long, reason)


def _silent(duration_s: float, levels_db: Tensor) -> Finding:
    audible = float((levels_db > AUDIBLE_DB).float().mean()) if len(levels_db) else 0.0
    fine = audible >= MIN_AUDIBLE or duration_s <= SILENT_FROM_S
    reason = f"{audible:.0%} of {duration_s:.2f} s are louder than {AUDIBLE_DB:.0f} dB"
    return Finding("silent", audible, MIN_AUDIBLE, fine, reason)


def _runaway(sound: Sound) -> Finding:
    limit_s = RUNAWAY_UNIT_S * sound.n_units + RUNAWAY_EXTRA_S
    loops = _most_frequent(sound)
    if loops > MAX_LOOPS:
        return Finding("runaway", loops, MAX_LOOPS, False, f"the same {LOOP_FRAMES} frames were made {loops} times")
    reason = f"{sound.duration_s:.2f} s of speech for {sound.n_units} units, at most {limit_s:.2f} s are likely"
    return Finding("runaway", sound.duration_s, limit_s, sound.duration_s <= limit_s, reason)


def _most_frequent(sound: Sound) -> int:
    """Count the run of frames that comes most often; silence may repeat itself, so only audible frames count."""
    if sound.codes is None or sound.codes.shape[1] < LOOP_FRAMES + MAX_LOOPS:
        return 0
    runs = sound.codes.unfold(1, LOOP_FRAMES, 1).transpose(0, 1).flatten(1)
    if sound.levels_db is not None:
        is_loud = sound.levels_db[: sound.codes.shape[1]] > AUDIBLE_DB
        runs = runs[is_loud.unfold(0, LOOP_FRAMES, 1).all(dim=1)]
    return int(runs.unique(dim=0, return_counts=True)[1].max()) if len(runs) else 0  # type: ignore[no-untyped-call]
