"""How often the model chooses the codes of a recording."""

from toktts.errors import ToktsError
from toktts.evaluation._base import Metric, Sample, Score


class TokenAccuracy(Metric):
    """Codes that are those of a recording, per hundred of the recording's; what is too long or too short is wrong."""

    title = "token accuracy"
    unit = "%"
    higher_is_better = True
    needs = ("codes", "reference_codes")

    def _score(self, sample: Sample) -> Score | None:
        codes, wanted = sample.codes, sample.reference_codes
        assert codes is not None
        assert wanted is not None
        if codes.is_floating_point() or wanted.is_floating_point():
            raise ToktsError("a voice that writes mel has no codes; compare its mel_error in training", key=self.name)
        if codes.ndim != 2 or wanted.ndim != 2 or len(codes) != len(wanted):
            raise ToktsError(
                f"codes must be (n_codebooks, n_frames), got {tuple(codes.shape)} and {tuple(wanted.shape)}; "
                "compare codes of one codec",
                key=self.name,
            )
        n_frames = min(codes.shape[1], wanted.shape[1])
        n_codes = len(wanted) * max(codes.shape[1], wanted.shape[1])
        n_right = int((codes[:, :n_frames] == wanted[:, :n_frames]).sum())
        return Score(100.0 * n_right, n_codes) if n_codes else None
