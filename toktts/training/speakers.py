"""What a model must know of who speaks before its first step."""

from datasets import Dataset

from toktts.data.speaker_vectors import SpeakerVectors
from toktts.data.speakers import number_speakers
from toktts.models import ToktsModel


def tell_speakers_apart(model: ToktsModel, rows: Dataset, vectors: SpeakerVectors | None) -> Dataset:
    """Give rows the number and the vector of their speaker, as far as the model wants them, and tell it the names.

    Args:
        model: gets `speakers`, and speaks as the first of the alphabet unless somebody else is asked for.
        rows: with a column `speaker`.
        vectors: of all of them; None = the model wants none.
    Returns:
        The rows, with columns `speaker_id` and `speaker_vector` as `data/collate.py` reads them.
    Raises:
        TrainingError: more speakers than the model has room for.
    """
    room, known = getattr(model.config, "n_speakers", 0), model.config.speakers or []
    rows, names = number_speakers(rows, n_speakers=room, known=known)
    model.config.speakers = names or None
    if vectors is None:
        return rows
    model.generation_config.speaker_vector = vectors.of(min(rows["speaker"]))  # type: ignore[attr-defined]  # our own
    return vectors.added_to(rows)
