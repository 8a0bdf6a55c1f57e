"""What text does not say: predictors of duration, pitch and energy, and pitch and energy as vectors."""

import itertools
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from toktts.models.modules.prosody import Kind, ProsodyScale

Spacing = Literal["log", "linear"]


class VariancePredictor(nn.Module):
    """One number a position: convolutions, each with ReLU, layer norm and dropout, then a linear layer.

    Args:
        size: channels that come in.
        channels: of each convolution.
        kernel_size: positions a convolution sees, odd.
        dropout: share of activations dropped in training.

    Source: Ren et al. 2021 (FastSpeech 2), arXiv:2006.04558, section 2.3.
    """

    def __init__(self, size: int, *, channels: Sequence[int], kernel_size: int, dropout: float) -> None:
        super().__init__()
        sizes = [size, *channels]
        self.convolutions = nn.ModuleList(
            nn.Conv1d(before, after, kernel_size, padding=kernel_size // 2)
            for before, after in itertools.pairwise(sizes)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(after) for after in channels)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(sizes[-1], 1)

    def forward(self, hidden: Tensor, is_real: Tensor) -> Tensor:
        """Map (batch, n_positions, size) to float32 (batch, n_positions), 0 where bool `is_real` is False."""
        seen = is_real[:, :, None]
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            hidden = convolution((hidden * seen).transpose(1, 2)).transpose(1, 2)
            hidden = self.dropout(norm(nn.functional.relu(hidden)))
        predicted: Tensor = self.head(hidden)[:, :, 0].float() * is_real
        return predicted


class Variance(nn.Module):
    """Pitch or energy: predicts it, and gives its vector, one of a table of buckets.

    Args:
        kind: which.
        predictor: of its standard score.
        n_buckets: rows of the table, at least 2; they share the range evenly.
        spacing: evenly in the logarithm, or in Hz (or the norm).
        size: channels of the vectors.
    """

    def __init__(
        self, kind: Kind, predictor: VariancePredictor, *, n_buckets: int, spacing: Spacing, size: int
    ) -> None:
        super().__init__()
        self.scale = ProsodyScale(kind)
        self.predictor = predictor
        self.spacing = spacing
        self.buckets = nn.Embedding(n_buckets, size)

    def forward(
        self, hidden: Tensor, is_real: Tensor, *, teacher: Tensor | None = None, factor: Tensor | float = 1.0
    ) -> tuple[Tensor, Tensor]:
        """Predict, and embed the true scores if they are known, else the prediction times the factor.

        Args:
            hidden: (batch, n_positions, size).
            is_real: bool (batch, n_positions).
            teacher: true scores, float (batch, n_positions).
            factor: on the natural values of the prediction.
        Returns:
            Vectors (batch, n_positions, size), 0 at padding; and predicted scores (batch, n_positions), the factor in.
        """
        predicted = self.predictor(hidden, is_real)
        if teacher is None:
            predicted = self.scale.scaled(predicted, factor)
        vectors = self.buckets(self.bucket(predicted if teacher is None else teacher))
        return vectors * is_real[:, :, None], predicted

    def bucket(self, scores: Tensor) -> Tensor:
        """Number the buckets of scores, int64, same shape: how many edges lie below."""
        edges = self.scale.edges(self.buckets.num_embeddings - 1, spacing=self.spacing)
        return torch.as_tensor(scores[..., None] > edges).sum(dim=-1)
