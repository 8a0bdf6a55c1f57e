import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from toy_run import tiny
from transformers import EvalPrediction

from toktts.errors import TrainingError
from toktts.training.metrics import compute_metrics, token_accuracy

# Two clips of 2 and 3 frames, 2 codebooks.
LABELS = np.array([[[1, 2, -100], [3, 4, -100]], [[5, 6, 7], [1, 1, 1]]])
PREDICTED = np.array([[[1, 2, 9], [0, 4, 9]], [[5, 0, 0], [1, 1, 1]]])


def test_token_accuracy_counts_by_hand_and_ignores_what_is_padded() -> None:
    # Codebook 0: right are 1, 2 and 5 of 5. Codebook 1: 4 and three ones of 5.
    expected = {"accuracy": 7 / 10, "accuracy_codebook_0": 3 / 5, "accuracy_codebook_1": 4 / 5}
    assert token_accuracy(PREDICTED, LABELS) == pytest.approx(expected)


def test_the_trainers_arrays_have_frames_before_codebooks() -> None:
    prediction = EvalPrediction(predictions=PREDICTED.swapaxes(1, 2), label_ids=LABELS.swapaxes(1, 2))
    assert compute_metrics(prediction) == token_accuracy(PREDICTED, LABELS)


@pytest.mark.parametrize("family", ["tokar", "tokflat"])
def test_hand_made_logits_give_the_hand_value(family: str) -> None:
    model = tiny(family)
    labels = torch.randint(0, 4, (2, model.config.n_codebooks, 4), generator=torch.Generator().manual_seed(0))
    labels[1, :, 2:] = -100
    ids = torch.full((2, 2), 5)
    with torch.no_grad():
        shape = model(input_ids=ids, labels=labels).logits.shape
    # The same code everywhere: it is right where the label is 2.
    logits = torch.nn.functional.one_hot(torch.full(shape[:-1], 2), shape[-1]).float()
    predicted = model.predicted_codes(logits, labels)
    counted = [labels[:, k][labels[:, k] >= 0] for k in range(labels.shape[1])]
    scores = token_accuracy(predicted.numpy(), labels.numpy())
    for k, codes in enumerate(counted):
        assert scores[f"accuracy_codebook_{k}"] == pytest.approx((codes == 2).float().mean().item())
    assert scores["accuracy"] == pytest.approx((torch.cat(counted) == 2).float().mean().item())


@given(st.lists(st.lists(st.integers(0, 3), min_size=3, max_size=3), min_size=1, max_size=5))
def test_perfect_codes_score_one_whatever_the_padding_says(codes: list[list[int]]) -> None:
    labels = np.array(codes)[:, None]
    padded = np.pad(labels, ((0, 0), (0, 0), (0, 2)), constant_values=-100)
    predicted = np.pad(labels, ((0, 0), (0, 0), (0, 2)), constant_values=3)
    assert set(token_accuracy(predicted, padded).values()) == {1.0}


def test_a_split_without_codes_is_an_error_and_not_a_division_by_zero() -> None:
    with pytest.raises(TrainingError, match="no codes to score; check the validation split"):
        token_accuracy(PREDICTED, np.full_like(LABELS, -100))
