"""How often the speech is voiced where a recording is not, or the other way round."""

from toktts.evaluation._base import Metric, Sample, Score
from toktts.evaluation._pairing import pitch_pairs


class VoicingError(Metric):
    """Frames that have a pitch in only one of speech and recording, per hundred, along the best path."""

    title = "voicing error"
    unit = "%"
    higher_is_better = False
    needs = ("reference",)

    def _score(self, sample: Sample) -> Score:
        speech, reference = pitch_pairs(sample)
        return Score(100.0 * float(((speech > 0) != (reference > 0)).mean()))
