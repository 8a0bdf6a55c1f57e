"""Names of speakers -> the numbers that a model knows them by."""

from collections.abc import Sequence

from datasets import Dataset

from toktts.errors import TrainingError


def number_speakers(rows: Dataset, *, n_speakers: int, known: Sequence[str] = ()) -> tuple[Dataset, list[str]]:
    """Give rows a column `speaker_id`: the known speakers keep their ids, others follow in the order of the alphabet.

    Args:
        rows: with a column `speaker`.
        n_speakers: that the model has room for; 0 = it does not tell them apart, and the rows stay as they are.
        known: names that the model has learned already, by id.
    Returns:
        The rows, and the name of each id.
    Raises:
        TrainingError: more speakers than room.
    """
    names = [*known, *sorted({*rows["speaker"]} - {*known})] if n_speakers else []
    if len(names) > n_speakers:
        raise TrainingError(
            f"is {n_speakers}, the corpus brings it to {len(names)} speakers; set it to {len(names)}",
            key="model.options.n_speakers",
        )
    if not names:
        return rows, []
    return rows.add_column("speaker_id", [names.index(name) for name in rows["speaker"]]), names
