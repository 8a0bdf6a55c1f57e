"""How far the melody is from that of a recording."""

import numpy as np

from toktts.evaluation._base import Metric, Sample, Score
from toktts.evaluation._pairing import pitch_pairs

CENTS_PER_OCTAVE = 1200


class PitchError(Metric):
    """Root mean square of the pitch error in cents (100 = a semitone), where both have a pitch, along the best path.

    `details` holds the same in Hz. None where no frame of both has a pitch: see `voicing_error` then.
    """

    title = "F0 error"
    unit = "cents"
    higher_is_better = False
    needs = ("reference",)

    def _score(self, sample: Sample) -> Score | None:
        speech, reference = pitch_pairs(sample)
        both = (speech > 0) & (reference > 0)
        if not both.any():
            return None
        cents = CENTS_PER_OCTAVE * np.log2(speech[both] / reference[both])
        hertz = speech[both] - reference[both]
        return Score(_root_mean_square(cents), details={"rmse_hz": _root_mean_square(hertz)})


def _root_mean_square(errors: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> float:
    return float(np.sqrt(np.mean(errors**2)))
