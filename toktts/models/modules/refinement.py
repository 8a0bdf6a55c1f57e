"""Codes chosen again: those that are least certain, given the others, a few times over.

Source: Chang et al. 2022 (MaskGIT), arXiv:2202.04200, sections 3.1 and 3.2.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn


class SettledCodes(nn.Module):
    """Tells a decoder which codes are settled, so that it can fit the others to them.

    Args:
        size: channels of the decoder, and of the code tables.
        n_codebooks: codes a frame.
        frames_per_position: frames a decoder position stands for.
    """

    def __init__(self, size: int, *, n_codebooks: int, frames_per_position: int) -> None:
        super().__init__()
        self.open = nn.Embedding(n_codebooks, size)
        self.projection = nn.Linear(size * frames_per_position, size, bias=False)
        self.frames_per_position = frames_per_position

    def forward(self, codes: Tensor, settled: Tensor, tables: Sequence[nn.Module], is_real: Tensor) -> Tensor:
        """Give what is to be added to the decoder's input; nothing in rows that have no settled code.

        Args:
            codes: int64 (batch, n_frames, n_codebooks), legal also where they are not settled.
            settled: bool, same shape.
            tables: of the codes, one a codebook.
            is_real: bool (batch, n_frames, 1), False = behind a row's end.
        Returns:
            (batch, n_positions, size).
        """
        books = [
            torch.where(settled[:, :, book, None], table(codes[:, :, book]), self.open.weight[book])
            for book, table in enumerate(tables)
        ]
        frames = torch.stack(books).sum(dim=0) * is_real * settled.any(dim=2).any(dim=1)[:, None, None]
        rate = self.frames_per_position
        padded = nn.functional.pad(frames, (0, 0, 0, -frames.shape[1] % rate))
        added: Tensor = self.projection(padded.reshape(len(padded), -1, rate * frames.shape[2]))
        return added


def draw_settled(is_real: Tensor, *, n_codebooks: int, row_share: float) -> Tensor:
    """Draw which true codes a model may see in training, from torch's own generator.

    Args:
        is_real: bool (batch, n_frames).
        n_codebooks: codes a frame.
        row_share: of the rows that see any; how many they see differs from row to row, few more often than many.
    Returns:
        bool (batch, n_frames, n_codebooks).
    """
    batch, n_frames = is_real.shape
    device = is_real.device
    share = 1.0 - torch.cos(torch.rand(batch, device=device) * (math.pi / 2))
    share = share * (torch.rand(batch, device=device) < row_share)
    drawn = torch.rand(batch, n_frames, n_codebooks, device=device) < share[:, None, None]
    return drawn & is_real[:, :, None]


def open_share(step: int, n_steps: int) -> float:
    """Share of the codes that are chosen again in a step, counted from 1: nearly all at first, few in the last one."""
    return math.cos(math.pi / 2 * step / (n_steps + 1))


def most_certain(certainty: Tensor, is_real: Tensor, *, share_open: float) -> Tensor:
    """Settle the codes that are most certain, row by row.

    Args:
        certainty: (batch, n_frames, n_codebooks), larger = more certain; of equal ones the later are settled.
        is_real: bool (batch, n_frames).
        share_open: of a row's codes that stay open, rounded down.
    Returns:
        bool, shape of `certainty`; False behind a row's end.
    """
    counted = is_real[:, :, None].expand_as(certainty).flatten(1)
    order = certainty.flatten(1).masked_fill(~counted, math.inf).argsort(dim=1, stable=True)
    n_open = (counted.sum(dim=1).double() * share_open).long()
    ranks = torch.empty_like(order).scatter_(
        1, order, torch.arange(order.shape[1], device=order.device).expand_as(order)
    )
    return ((ranks >= n_open[:, None]) & counted).view_as(certainty)
