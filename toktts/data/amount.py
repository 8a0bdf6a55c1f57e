"""How much speech a corpus holds, by the headers of its files."""

import io
import os
import stat
from dataclasses import dataclass
from pathlib import Path

import soundfile

from toktts.data.corpora._base import Corpus, Utterance


@dataclass(frozen=True)
class SpeechAmount:
    """How much there is to learn from.

    Args:
        hours: of speech, after cutting.
        n_clips: clips that can be used, as far as their headers tell.
        longest_s: seconds of the longest of them, after cutting.
    """

    hours: float
    n_clips: int
    longest_s: float


def measure_speech(corpus: Corpus, *, clip_seconds: float | None, max_seconds: float | None) -> SpeechAmount:
    """Add up the lengths of the clips; those that cannot be read, or are too long, do not count.

    Args:
        corpus: gone through once.
        clip_seconds: seconds that are kept of each clip; None = all.
        max_seconds: longer clips are left out; None = none.
    """
    total_s, n_clips, longest_s = 0.0, 0, 0.0
    for utterance in corpus:
        length_s = _length_s(utterance)
        if length_s == 0 or (max_seconds is not None and length_s > max_seconds):
            continue
        kept_s = length_s if clip_seconds is None else min(length_s, clip_seconds)
        total_s, n_clips, longest_s = total_s + kept_s, n_clips + 1, max(longest_s, kept_s)
    return SpeechAmount(total_s / 3600, n_clips, longest_s)


def _length_s(utterance: Utterance) -> float:
    """Length of a clip; of one that is cut to its phonemes, from the first to the last."""
    if utterance.phones is None:
        return header_seconds(utterance.audio)
    return utterance.phones.spans[-1].end_s - utterance.phones.spans[0].start_s


def header_seconds(audio: Path | bytes) -> float:
    """Length of a clip in seconds as its header tells it; 0 where there is none. Never blocks on a pipe."""
    try:
        if isinstance(audio, bytes):
            return float(soundfile.info(io.BytesIO(audio)).duration)
        if not stat.S_ISREG(os.stat(audio).st_mode):
            return 0.0
        with open(audio, "rb") as file:
            return float(soundfile.info(file).duration)
    except (soundfile.SoundFileError, OSError, ValueError, ZeroDivisionError):
        return 0.0
