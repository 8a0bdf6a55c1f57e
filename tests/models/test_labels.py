"""Labels of codes and of mel: the same frames are real, and the same durations fit."""

import pytest
import torch

from toktts.errors import ModelError
from toktts.models._labels import check_durations, real_frames


@pytest.mark.parametrize("labels", [torch.tensor([[[0, 3, -100]]]), torch.tensor([[[-23.0, 2.0, -100.0]]])])
def test_code_0_and_the_quietest_mel_are_real_and_padding_is_not(labels: torch.Tensor) -> None:
    assert real_frames(labels).tolist() == [[True, True, False]]


def test_durations_with_units_of_no_frames_are_taken() -> None:
    check_durations(
        torch.tensor([[2, 0, 1], [1, 1, 0]]), torch.tensor([[1, 1, 1], [1, 1, 0]]).bool(), torch.tensor([3, 2])
    )


@pytest.mark.parametrize(
    ("durations", "message"),
    [
        ([[2, 1, 0], [1, 1, 1]], r"durations: must be \(2, 3\) as input_ids, 0 or more, and 0 behind a text"),
        ([[4, -1, 0], [1, 1, 0]], r"durations: must be \(2, 3\) as input_ids, 0 or more"),
        ([[2, 1, 0], [1, 2, 0]], "durations: of row 1 add up to 3 frames, its features have 2; cache again"),
    ],
)
def test_durations_of_other_texts_or_features_are_refused(durations: list[list[int]], message: str) -> None:
    is_text = torch.tensor([[1, 1, 1], [1, 1, 0]]).bool()
    with pytest.raises(ModelError, match=message):
        check_durations(torch.tensor(durations), is_text, torch.tensor([3, 2]))
