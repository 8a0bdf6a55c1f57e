"""Mel-cepstral distortion."""

import math

from toktts.evaluation._base import Metric, Sample, Score
from toktts.evaluation._pairing import pair

DECIBELS = 10 * math.sqrt(2) / math.log(10)


class MelCepstralDistortion(Metric):
    """How far the spectrum is from that of a recording of the same sentence, frame by frame along the best path, in dB.

    Silence around the speech, level and everything above 8 kHz do not count. Cepstra are the cosine transform of 40
    log-mel bands; figures made from another analysis (WORLD, SPTK) are not comparable.

    Source: Kubichek 1993, "Mel-cepstral distance measure for objective speech quality assessment".
    """

    title = "MCD"
    unit = "dB"
    higher_is_better = False
    needs = ("reference",)

    def _score(self, sample: Sample) -> Score:
        return Score(DECIBELS * float(pair(sample).distances.mean()))
