"""How long speaking takes."""

from toktts.evaluation._base import Metric, Sample, Score


class RealTimeFactor(Metric):
    """Seconds of computing for a second of speech; below 1 is faster than listening, 0.01 is 100 times real time."""

    title = "real-time factor"
    unit = ""
    higher_is_better = False
    needs = ("compute_s",)

    def _score(self, sample: Sample) -> Score | None:
        assert sample.compute_s is not None
        return Score(sample.compute_s, sample.speech.duration_s) if sample.speech.duration_s else None
