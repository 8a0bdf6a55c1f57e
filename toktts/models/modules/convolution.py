"""Blocks over frames that see their neighbours: cheap on a CPU, and no frame waits for another."""

import torch
from torch import Tensor, nn

from toktts.codecs._vocoder import over_time


class FrameBlock(nn.Module):
    """Depthwise convolution over time, then a two-layer perceptron a position, added to the input.

    Args:
        hidden_size: channels.
        intermediate_size: width of the perceptron.
        kernel_size: positions the convolution sees, odd.
        dropout: share of what the block adds that is dropped in training.
        initial_scale: what the block adds at the start.

    Source: Liu et al. 2022, arXiv:2201.03545, section 2, in one dimension.
    """

    def __init__(
        self, hidden_size: int, intermediate_size: int, *, kernel_size: int, dropout: float, initial_scale: float
    ) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(hidden_size, hidden_size, kernel_size, padding=kernel_size // 2, groups=hidden_size)
        self.norm = nn.LayerNorm(hidden_size)
        self.expand = nn.Linear(hidden_size, intermediate_size)
        self.contract = nn.Linear(intermediate_size, hidden_size)
        self.dropout = nn.Dropout(dropout)
        self.scale = nn.Parameter(torch.full((hidden_size,), initial_scale))

    def forward(self, hidden: Tensor, is_real: Tensor) -> Tensor:
        """Map (batch, n_positions, hidden_size) to the same shape.

        Args:
            hidden: activations.
            is_real: bool (batch, n_positions, 1); what is False is silence to its neighbours.
        """
        mixed = over_time(self.depthwise, hidden * is_real)
        mixed = self.contract(nn.functional.gelu(self.expand(self.norm(mixed))))
        # Dropout makes zeros or a constant factor: it may come before the scale.
        return torch.addcmul(hidden, self.scale, self.dropout(mixed))
