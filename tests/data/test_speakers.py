import pytest
from datasets import Dataset

from toktts.data.speakers import number_speakers
from toktts.errors import TrainingError

ROWS = Dataset.from_list([{"id": str(index), "speaker": name} for index, name in enumerate(["eve", "adam", "eve"])])


def test_speakers_are_numbered_by_the_alphabet() -> None:
    rows, names = number_speakers(ROWS, n_speakers=3)
    assert names == ["adam", "eve"]
    assert rows["speaker_id"] == [1, 0, 1]


def test_speakers_that_are_known_keep_their_ids() -> None:
    rows, names = number_speakers(ROWS, n_speakers=4, known=["eve", "zoe"])
    assert names == ["eve", "zoe", "adam"]
    assert rows["speaker_id"] == [0, 2, 0]


def test_a_model_that_does_not_tell_speakers_apart_gets_no_ids() -> None:
    rows, names = number_speakers(ROWS, n_speakers=0)
    assert names == []
    assert "speaker_id" not in rows.column_names


def test_more_speakers_than_room_are_refused() -> None:
    with pytest.raises(
        TrainingError, match="model.options.n_speakers: is 1, the corpus brings it to 2 speakers; set it to 2"
    ):
        number_speakers(ROWS, n_speakers=1)
