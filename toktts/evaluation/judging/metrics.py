"""Names of metrics -> metrics that share one pair of ears."""

from collections.abc import Sequence

from toktts import registry
from toktts.evaluation._base import Metric
from toktts.evaluation._hearing import HeardMetric, Transcribe, Transcriber

FIRST = ("wer", "cer", "mos", "speaker_similarity", "mcd", "f0_error", "voicing_error", "duration_error")
LAST = ("real_time_factor", "acoustic_real_time_factor")
PACKAGE = "toktts.evaluation"


def metric_names() -> list[str]:
    """All there are, the usual ones first, speeds last."""
    others = sorted(set(registry.available(PACKAGE)) - {*FIRST, *LAST})
    return [*FIRST, *others, *LAST]


def load_metrics(names: Sequence[str] | None = None, *, transcribe: Transcribe | None = None) -> list[Metric]:
    """Build metrics; those that need words hear each clip once for all of them.

    Args:
        names: file names in `toktts/evaluation/`; None = all.
        transcribe: gives the words of a clip; None = Whisper base.
    Raises:
        ConfigError: an unknown name; the nearest one is named.
    """
    ears = transcribe or Transcriber()
    classes: list[type[Metric]] = [
        registry.load(PACKAGE, name, Metric, key="--metrics")  # type: ignore[type-abstract]
        for name in (metric_names() if names is None else names)
    ]
    return [kind(ears) if issubclass(kind, HeardMetric) else kind() for kind in classes]
