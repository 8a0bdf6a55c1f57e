"""Attention over everything and convolution over neighbours by turns, normalised by the statistics of a batch."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from toktts.alignment.monotonic import length_mask
from toktts.models.modules.windows import LearnedPositions, Windows


class MaskedBatchNorm(nn.BatchNorm1d):
    """Batch normalisation that counts real positions only, in training and for the running statistics."""

    def forward(self, hidden: Tensor, is_real: Tensor | None = None) -> Tensor:
        """Normalise (batch, n_positions, channels); `is_real` is bool (batch, n_positions), the rest becomes 0."""
        assert is_real is not None
        rows = hidden[is_real].float()
        if self.training and len(rows) > 1:
            normal = super().forward(rows)
        else:  # one position has no variance
            normal = nn.functional.batch_norm(
                rows, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
            )
        spread = torch.zeros_like(hidden)
        spread[is_real] = normal.to(hidden.dtype)
        return spread


class ConvolutionResidual(nn.Module):
    """Convolution, ReLU, batch normalisation and dropout, beside a pointwise convolution; both are added.

    Args:
        in_size: channels that come in.
        out_size: channels that go out.
        kernel_size: positions that the convolution sees, odd.
        dropout: share of what the convolution says that is dropped in training.
    """

    def __init__(self, in_size: int, out_size: int, *, kernel_size: int, dropout: float) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(in_size, out_size, kernel_size, padding=kernel_size // 2)
        self.norm = MaskedBatchNorm(out_size)
        self.dropout = nn.Dropout(dropout)
        self.shortcut = nn.Linear(in_size, out_size)

    def forward(self, hidden: Tensor, is_real: Tensor) -> Tensor:
        """Map (batch, n_positions, in_size) to (batch, n_positions, out_size), 0 where `is_real` is False."""
        quiet = hidden * is_real[:, :, None]
        seen = nn.functional.relu(self.convolution(quiet.transpose(1, 2)).transpose(1, 2))
        added: Tensor = self.dropout(self.norm(seen, is_real)) + self.shortcut(quiet)
        return added * is_real[:, :, None]


class AttentionBlock(nn.Module):
    """Residual self-attention without layer normalisation, a wider layer, and a convolutional residual block back.

    Args:
        hidden_size: channels, a multiple of the heads.
        num_attention_heads: heads.
        intermediate_size: channels between the two.
        kernel_size: of the convolution.
        dropout: of the convolution; whom the attention looks at is not dropped.
    """

    def __init__(
        self, hidden_size: int, num_attention_heads: int, *, intermediate_size: int, kernel_size: int, dropout: float
    ) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(hidden_size, num_attention_heads, batch_first=True)
        self.expand = nn.Linear(hidden_size, intermediate_size)
        self.residual = ConvolutionResidual(intermediate_size, hidden_size, kernel_size=kernel_size, dropout=dropout)

    def forward(self, hidden: Tensor, is_real: Tensor) -> Tensor:
        """Map (batch, n_positions, hidden_size) to the same shape; nobody sees where `is_real` is False."""
        attended, _ = self.attention(hidden, hidden, hidden, key_padding_mask=_unseen(is_real), need_weights=False)
        mixed: Tensor = self.residual(self.expand(hidden + attended), is_real)
        return mixed


class TorchBlock(nn.Module):
    """PyTorch's transformer layer, which holds two layer normalisations, then a convolutional residual block.

    Args:
        hidden_size: channels, a multiple of the heads.
        num_attention_heads: heads.
        intermediate_size: width of the layer's feed-forward net.
        kernel_size: of the convolution.
        dropout: of both.
    """

    def __init__(
        self, hidden_size: int, num_attention_heads: int, *, intermediate_size: int, kernel_size: int, dropout: float
    ) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(
            hidden_size, num_attention_heads, intermediate_size, dropout, batch_first=True
        )
        self.residual = ConvolutionResidual(hidden_size, hidden_size, kernel_size=kernel_size, dropout=dropout)

    def forward(self, hidden: Tensor, is_real: Tensor) -> Tensor:
        """Map (batch, n_positions, hidden_size) to the same shape; nobody sees where `is_real` is False."""
        mixed: Tensor = self.residual(self.layer(hidden, src_key_padding_mask=_unseen(is_real)), is_real)
        return mixed


def _unseen(is_real: Tensor) -> Tensor:
    """Which positions are not attended to; in a row of padding alone all are, for attention to nothing is no number."""
    return ~is_real & is_real.any(dim=1, keepdim=True)


class Interleaved(nn.Module):
    """Learned positions, then blocks that see the whole window. Longer rows are read in windows of the same length.

    Args:
        positions: as many as a window has at most.
        blocks: how many.
        block: builds one.
    """

    def __init__(self, positions: LearnedPositions, blocks: int, block: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.positions = positions
        self.blocks = nn.ModuleList(block() for _ in range(blocks))

    def forward(self, hidden: Tensor, lengths: Tensor) -> Tensor:
        """Map (batch, n_positions, hidden_size) to the same shape, 0 behind the rows' `lengths` (batch,)."""
        limit = self.positions.reach
        if hidden.shape[1] <= limit or int(lengths.max()) <= limit:
            longest = max(1, int(lengths.max()))
            read = self._read(hidden[:, :longest], lengths)
            return nn.functional.pad(read, (0, 0, 0, hidden.shape[1] - longest))
        windows = Windows.of(lengths, limit=limit)
        return windows.join(self._read(windows.cut(hidden), windows.lengths), like=hidden)

    def _read(self, hidden: Tensor, lengths: Tensor) -> Tensor:
        is_real = length_mask(lengths, hidden.shape[1])
        hidden = self.positions(hidden)
        for block in self.blocks:
            hidden = block(hidden, is_real)
        return hidden
