"""A small network inside one decoder step: each code is read after hearing the codes before it in the same step."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class LocalNet(nn.Module):
    """One perceptron for each column of a step but the first, which is read off the decoder's state itself.

    The long history is the decoder's business; here a code meets only those it follows within its step, and that takes
    a matrix product or two where another decoder step takes all layers. Nothing is normalised again, for the state is;
    at a size where calling an operation costs more than what it does, each one left out is time won.

    Args:
        hidden_size: channels of the decoder's state and of a code's embedding.
        intermediate_size: width of the perceptrons.
        n_columns: codes of a step.
        dropout: share of activations dropped in training.
    """

    def __init__(self, hidden_size: int, *, intermediate_size: int, n_columns: int, dropout: float) -> None:
        super().__init__()
        sizes = [(hidden_size, intermediate_size)] * (n_columns - 1)
        self.expand = nn.ModuleList(nn.Linear(size, wide) for size, wide in sizes)
        self.contract = nn.ModuleList(nn.Linear(wide, size) for size, wide in sizes)
        self.dropout = nn.Dropout(dropout)

    def column(self, column: int, state: Tensor, before: Tensor) -> Tensor:
        """Give what a later column's code is read from, (..., hidden_size).

        Args:
            column: 1 or more.
            state: the decoder's, (..., hidden_size).
            before: same shape, the sum of the embeddings of the codes in the columns before it.
        """
        place = column - 1
        hidden = state + before
        added = self.contract[place](nn.functional.gelu(self.expand[place](hidden)))
        heard: Tensor = hidden + self.dropout(added)
        return heard

    def forward(self, state: Tensor, embedded: Sequence[Tensor]) -> list[Tensor]:
        """Give what each column's code is read from, when all codes are known.

        Args:
            state: (batch, n_steps, hidden_size).
            embedded: of each column, the embeddings of its codes, (batch, n_steps, hidden_size).
        Returns:
            Of each column, (batch, n_steps, hidden_size).
        """
        states, before = [state], torch.zeros_like(state)
        for column, vectors in enumerate(embedded[:-1], 1):
            before = before + vectors
            states.append(self.column(column, state, before))
        return states
