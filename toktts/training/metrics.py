"""Token accuracy: how often the most likely code is the right one, all codes before it given; and the error of mel."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

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


def mel_error(prediction: EvalPrediction) -> dict[str, float]:
    """Mean absolute error over bands and real frames, in the unit of the mel: natural logarithm of magnitudes.

    Args:
        prediction: of each row the sum of its errors, and how many values they are of, (n_rows,) each.
    Returns:
        `mel_error`.
    Raises:
        TrainingError: nothing to count.
    """
    sums: Any = prediction.predictions
    counts: Any = prediction.label_ids
    if not counts.sum():
        raise TrainingError("there are no frames to score; check the validation split")
    return {"mel_error": float(sums.sum() / counts.sum())}


def metrics_of(feature_kind: Literal["codes", "mel"]) -> Callable[[EvalPrediction], dict[str, float]]:
    """Choose what an evaluation scores, by what the model writes."""
    return mel_error if feature_kind == "mel" else compute_metrics


def compute_metrics_and(
    scorers: Sequence[Callable[[], Mapping[str, float]]], *, feature_kind: Literal["codes", "mel"] = "codes"
) -> Callable[[EvalPrediction], dict[str, float]]:
    """Give a `compute_metrics` with more scores, so that they are logged and can choose the best checkpoint.

    Args:
        scorers: called at each evaluation, with the evaluated weights in the model.
        feature_kind: what the model writes.
    """
    score = metrics_of(feature_kind)

    def compute(prediction: EvalPrediction) -> dict[str, float]:
        """Score features, then what the scorers look at."""
        scores = score(prediction)
        for scorer in scorers:
            scores.update(scorer())
        return scores

    return compute
