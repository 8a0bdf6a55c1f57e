"""How far the length of a sentence is from that of a recording."""

from toktts.evaluation._base import Metric, Sample, Score
from toktts.evaluation._sound import judge_samples, speech_part


class DurationError(Metric):
    """Difference in duration, silence around the speech left out, per hundred of the recording's."""

    title = "duration error"
    unit = "%"
    higher_is_better = False
    needs = ("reference",)

    def _score(self, sample: Sample) -> Score | None:
        assert sample.reference is not None
        n_samples, n_wanted = (len(speech_part(judge_samples(clip))) for clip in (sample.speech, sample.reference))
        if not n_wanted:
            return None
        return Score(100.0 * abs(n_samples - n_wanted) / n_wanted)
