"""Sound and the words it should say -> whether it says them, by forced alignment."""

import numpy as np

from toktts.alignment.pocketsphinx import ForcedAlignment, PocketSphinxAligner
from toktts.audio import Waveform
from toktts.errors import AlignmentError
from toktts.evaluation.corpus.sound import FRAME_S, LOUD_GATE_DB, centred_levels
from toktts.text.phonemes import Word

MAX_CLIPS = 600
"""Clips that are aligned, at most: an hour or two of speech, a minute or two of work."""
# Of the acoustic model, a frame. In 80 clips of the demo corpus and 24 of LJSpeech the right text has -20.4 or better;
# another one of the same length cannot be aligned in 90 of the 104, and has -24.4 or worse in the others.
MIN_SCORE = -22.5
# The right text leaves 0.03 s at most.
MAX_UNSAID_S = 0.3
NEAR_WORD_S = 0.03
LOUD_DB = 20.0


class Listener:
    """Listens whether clips say their words.

    Raises:
        MissingPackageError: pocketsphinx is not installed.
    """

    def __init__(self) -> None:
        self._aligner = PocketSphinxAligner()

    def fault(self, clip: Waveform, words: tuple[Word, ...]) -> str:
        """Say why a clip cannot say these words; "" if it does.

        Args:
            clip: one, at any sampling rate.
            words: all of them, in order.
        """
        try:
            found = self._aligner.align(clip, [(word.text or "inline", word.symbols) for word in words])
        except AlignmentError as error:
            return "cannot be aligned" if "do not say" in error.message else error.message.partition(";")[0]
        score = mean_score(found)
        if score < MIN_SCORE:
            return f"fits badly ({score:.0f} a frame, expected {MIN_SCORE:.0f} or more)"
        unsaid_s = unsaid_seconds(clip, found)
        return f"{unsaid_s:.1f} s of speech have no text" if unsaid_s > MAX_UNSAID_S else ""


def mean_score(found: ForcedAlignment) -> float:
    """What the acoustic model thinks of a frame of the phonemes, on average."""
    n_frames = sum(span.duration_s for span in found.phonemes) / FRAME_S
    return sum(span.score or 0.0 for span in found.phonemes) / max(n_frames, 1.0)


def unsaid_seconds(clip: Waveform, found: ForcedAlignment) -> float:
    """Seconds that are as loud as speech, and outside all words."""
    levels = centred_levels(clip)
    is_word = np.zeros(len(levels), dtype=bool)
    for span in found.words:
        is_word[_frame(span.start_s - NEAR_WORD_S) : _frame(span.end_s + NEAR_WORD_S)] = True
    speech_db = 10 * np.log10(np.mean(10 ** (levels[levels > levels.max() - LOUD_GATE_DB] / 10)))
    return float(((levels > speech_db - LOUD_DB) & ~is_word).sum()) * FRAME_S


def _frame(seconds: float) -> int:
    return max(0, round(seconds / FRAME_S))
