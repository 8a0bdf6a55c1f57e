"""Token accuracy: how often the most likely code is the right one, all codes before it given."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from transformers import EvalPrediction

from toktts.data.collate import IGNORED
from toktts.errors import TrainingError

Codes = np.ndarray[tuple[int, ...], np.dtype[np.int64]]


def token_accuracy(predicted: Codes, labels: Codes) -> dict[str, float]:
    """Share of codes that are right, over all of them and for each codebook.

    Args:
        predicted: codes (batch, n_codebooks, n_frames).
        labels: the right ones, same shape; -100 is not counted.
    Returns:
        `accuracy`, `accuracy_codebook_0`, ..., in [0, 1].
    Raises:
        TrainingError: nothing to count.

    >>> token_accuracy(np.array([[[1, 2, 9]]]), np.array([[[1, 3, -100]]]))
    {'accuracy': 0.5, 'accuracy_codebook_0': 0.5}
    """
    counts = labels != IGNORED
    right = (predicted == labels) & counts
    n_counts, n_right = counts.sum(axis=(0, 2)), right.sum(axis=(0, 2))
    if not n_counts.all():
        raise TrainingError("there are no codes to score; check the validation split")
    scores = {"accuracy": float(n_right.sum() / n_counts.sum())}
    for codebook, share in enumerate(n_right / n_counts):
        scores[f"accuracy_codebook_{codebook}"] = float(share)
    return scores


def compute_metrics(prediction: EvalPrediction) -> dict[str, float]:
    """Score what the Trainer gathered: codes and labels as (batch, n_frames, n_codebooks), see `ToktsTrainer`."""
    predicted: Any = prediction.predictions
    labels: Any = prediction.label_ids
    return token_accuracy(predicted.swapaxes(1, 2), labels.swapaxes(1, 2))


def compute_metrics_and(
    scorers: Sequence[Callable[[], Mapping[str, float]]],
) -> Callable[[EvalPrediction], dict[str, float]]:
    """Give a `compute_metrics` with more scores, so that they are logged and can choose the best checkpoint.

    Args:
        scorers: called at each evaluation, with the evaluated weights in the model.
    """

    def compute(prediction: EvalPrediction) -> dict[str, float]:
        """Score codes, then what the scorers look at."""
        scores = compute_metrics(prediction)
        for scorer in scorers:
            scores.update(scorer())
        return scores

    return compute
