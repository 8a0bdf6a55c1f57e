"""How long the model takes by itself, without what turns its codes or mel into sound."""

from toktts.evaluation._base import Metric, Sample, Score


class AcousticRealTimeFactor(Metric):
    """Seconds from text ids to codes or mel for a second of speech; 0.01 is 100 times real time."""

    title = "real-time factor without codec"
    unit = ""
    higher_is_better = False
    needs = ("acoustic_s",)

    def _score(self, sample: Sample) -> Score | None:
        assert sample.acoustic_s is not None
        return Score(sample.acoustic_s, sample.speech.duration_s) if sample.speech.duration_s else None
