"""Positions that are learned, and so have an end: what is longer is read in windows."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn

from toktts.alignment.monotonic import length_mask
from toktts.models.modules.positions import sinusoids


@dataclass(frozen=True)
class Windows:
    """Where the rows of a batch are cut: each into as few pieces as can be, of the same length but for the last.

    How a row is cut follows from its own length alone, so it is read alone as it is in a batch.

    Args:
        rows: int64 (n_windows,), the row of each window.
        starts: int64 (n_windows,), where it begins in its row.
        lengths: int64 (n_windows,), how long it is.
    """

    rows: Tensor
    starts: Tensor
    lengths: Tensor

    @classmethod
    def of(cls, lengths: Tensor, *, limit: int) -> Self:
        """Cut rows of these lengths (batch,) into windows of at most `limit` positions."""
        n_pieces = -(-lengths // limit)
        size = -(-lengths // n_pieces.clamp(min=1))
        rows = torch.arange(len(lengths), device=lengths.device).repeat_interleave(n_pieces)
        first = n_pieces.cumsum(dim=0) - n_pieces
        starts = (torch.arange(len(rows), device=lengths.device) - first[rows]) * size[rows]
        return cls(rows, starts, torch.minimum(size[rows], lengths[rows] - starts))

    def cut(self, hidden: Tensor) -> Tensor:
        """Take (batch, n_positions, channels) apart: (n_windows, longest, channels), anything behind their ends."""
        return hidden[self.rows[:, None], self._places().clamp(max=hidden.shape[1] - 1)]

    def join(self, windows: Tensor, *, like: Tensor) -> Tensor:
        """Put windows back: the shape of `like`, 0 behind the ends of the rows."""
        is_real = length_mask(self.lengths, windows.shape[1])
        joined = windows.new_zeros(like.shape[0], like.shape[1], windows.shape[2])
        joined[self.rows[:, None].expand_as(is_real)[is_real], self._places()[is_real]] = windows[is_real]
        return joined

    def _places(self) -> Tensor:
        longest = int(self.lengths.max()) if len(self.lengths) else 0
        return self.starts[:, None] + torch.arange(longest, device=self.starts.device)


class LearnedPositions(nn.Module):
    """A vector a position, added to what stands there.

    Positions that no training row was long enough to reach have learned nothing: the longest one that was seen is
    kept with the weights, and `reach` tells how far they can be trusted.

    Args:
        n_positions: how many there are.
        hidden_size: channels.
    """

    longest: Tensor

    def __init__(self, n_positions: int, hidden_size: int) -> None:
        super().__init__()
        self.table = nn.Embedding(n_positions, hidden_size)
        with torch.no_grad():
            # Waves, for positions that begin as noise take long to tell near from far.
            self.table.weight.copy_(sinusoids(torch.arange(n_positions), hidden_size))
        self.register_buffer("longest", torch.tensor(0))

    @property
    def reach(self) -> int:
        """Positions that a window may have: all in training, and of an untrained model."""
        seen = int(self.longest)
        return self.table.num_embeddings if self.training or not seen else seen

    def forward(self, hidden: Tensor) -> Tensor:
        """Add positions to (batch, n_positions, hidden_size), at most `reach`."""
        n_positions = hidden.shape[1]
        if self.training:
            self.longest.clamp_(min=n_positions)
        added: Tensor = hidden + self.table.weight[:n_positions].to(hidden.dtype)
        return added
