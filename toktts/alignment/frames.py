"""Times of phonemes -> whole frames: how systems with durations round, and the silence around speech."""

from collections.abc import Collection, Sequence
from itertools import pairwise

from toktts.alignment.alignment import Alignment
from toktts.errors import AlignmentError

PAUSE = "sp"
SILENCES = frozenset(("sil", "sp", "spn"))
"""What the Montreal Forced Aligner calls silence, a short pause, and a noise that is no word."""


def speech_part(phones: Alignment, *, silences: Collection[str] = SILENCES, pause: str = PAUSE) -> Alignment:
    """Leave out the silence before and behind speech, and give every hole inside a pause of its own.

    Args:
        phones: of one sound.
        silences: units that are none of speech.
        pause: name for what the file leaves without one.
    Returns:
        Units that touch each other; times still count from the beginning of the sound.
    Raises:
        AlignmentError: nothing but silence.

    >>> speech_part(Alignment.from_durations(["sil", "AY1", "sp"], [2, 6, 1], frame_rate=10.0)).labels
    ('AY1',)
    """
    spans = phones.filled(pause).spans
    spoken = [index for index, span in enumerate(spans) if span.label not in silences]
    if not spoken:
        raise AlignmentError("holds no phonemes but silence; align the clip again or leave it out", key=phones.tier)
    return Alignment(spans[spoken[0] : spoken[-1] + 1], phones.duration_s, phones.tier)


def frame_range(phones: Alignment, *, frame_rate: float) -> tuple[int, int]:
    """Give the first frame of the first unit, and the frame behind the last one.

    A sound that is cut there has as many frames as `phones.durations(frame_rate=frame_rate)` add up to, if the units
    touch each other.

    Args:
        phones: at least one.
        frame_rate: frames per second.
    """
    return round(phones.spans[0].start_s * frame_rate), round(phones.spans[-1].end_s * frame_rate)


def frames_of_onsets(onsets_ms: Sequence[float], last_ms: float, *, frame_rate: float) -> list[int]:
    """Count the frames of units by their beginnings: each lasts until the next begins, the last as long as it says.

    Args:
        onsets_ms: milliseconds, never falling.
        last_ms: milliseconds that the last unit lasts.
        frame_rate: frames per second.
    Raises:
        AlignmentError: no unit, or one that begins before the unit in front of it.

    >>> frames_of_onsets([0.0, 100.0, 250.0], 50.0, frame_rate=22050 / 256)
    [9, 13, 4]
    """
    if not onsets_ms:
        raise AlignmentError("has no phonemes; give at least one")
    starts = [round(onset / 1000 * frame_rate) for onset in onsets_ms]
    for index, (onset, following) in enumerate(pairwise(onsets_ms), 1):
        if following < onset:
            fault = f"begins at {following:g} ms, before {onset:g} ms, where the one before it begins; mend the times"
            raise AlignmentError(fault, key=f"phoneme {index}")
    return [after - start for start, after in pairwise(starts)] + [round(last_ms / 1000 * frame_rate)]


def fitted(durations: Sequence[int], n_frames: int) -> list[int]:
    """Let durations add up to the frames there are, where rounding alone made them differ by one.

    The last unit that can gives or takes the frame.

    Args:
        durations: frames of each unit.
        n_frames: of the whole sound.
    Raises:
        AlignmentError: more than one frame too many or too few.
    """
    missing = n_frames - sum(durations)
    if abs(missing) > 1:
        raise AlignmentError(
            f"phonemes last {sum(durations)} frames, the sound {n_frames}; align this sound again or leave it out"
        )
    result = list(durations)
    if missing:
        index = max((place for place, frames in enumerate(result) if frames + missing >= 0), default=None)
        if index is None:
            raise AlignmentError(f"phonemes last no frame, the sound {n_frames}; align it again or leave it out")
        result[index] += missing
    return result
