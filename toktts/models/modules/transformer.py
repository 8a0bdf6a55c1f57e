"""Pre-norm transformer layers with rotary positions: to read text both ways, to write frames left to right."""

import torch
from torch import Tensor, nn


def rotary_angles(positions: Tensor, head_size: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines (n_positions, head_size) that turn queries and keys by their position.

    Source: Su et al. 2021, arXiv:2104.09864, equation 15.
    """
    frequencies = 10_000.0 ** (-torch.arange(0, head_size, 2, device=positions.device) / head_size)
    angles = positions[:, None].float() * frequencies
    angles = torch.cat([angles, angles], dim=1)
    return angles.cos(), angles.sin()


def rotate(vectors: Tensor, angles: tuple[Tensor, Tensor]) -> Tensor:
    """Turn (..., n_positions, head_size) by `rotary_angles`."""
    first, second = vectors.chunk(2, dim=-1)
    cosines, sines = angles
    return vectors * cosines.to(vectors.dtype) + torch.cat([-second, first], dim=-1) * sines.to(vectors.dtype)


class SelfAttention(nn.Module):
    """Multi-head self-attention.

    Args:
        hidden_size: channels, a multiple of twice `num_attention_heads`.
        num_attention_heads: heads.
        is_causal: each position sees itself and what lies before.
    """

    def __init__(self, hidden_size: int, num_attention_heads: int, *, is_causal: bool) -> None:
        super().__init__()
        self.num_attention_heads = num_attention_heads
        self.is_causal = is_causal
        self.query_key_value = nn.Linear(hidden_size, 3 * hidden_size)
        self.output = nn.Linear(hidden_size, hidden_size)

    def forward(self, hidden: Tensor, angles: tuple[Tensor, Tensor], *, mask: Tensor | None = None) -> Tensor:
        """Map (batch, n_positions, hidden_size) to the same shape; `mask` is bool, True = may be seen."""
        batch, n_positions, size = hidden.shape
        projected = self.query_key_value(hidden).view(batch, n_positions, 3, self.num_attention_heads, -1)
        query, key, value = projected.permute(2, 0, 3, 1, 4)
        query, key = rotate(torch.stack([query, key]), angles)
        mixed = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask, is_causal=self.is_causal)
        projected_back: Tensor = self.output(mixed.transpose(1, 2).reshape(batch, n_positions, size))
        return projected_back


class TransformerLayer(nn.Module):
    """Self-attention and a feed-forward net that may look at its neighbours.

    Args:
        hidden_size: channels.
        num_attention_heads: heads.
        intermediate_size: width of the feed-forward net.
        kernel_size: positions its first layer sees; 1 in causal layers.
        dropout: share of activations dropped in training.
        is_causal: no position sees what comes after it.
    """

    def __init__(
        self,
        hidden_size: int,
        num_attention_heads: int,
        *,
        intermediate_size: int,
        kernel_size: int,
        dropout: float,
        is_causal: bool,
    ) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(hidden_size)
        self.attention = SelfAttention(hidden_size, num_attention_heads, is_causal=is_causal)
        self.feed_norm = nn.LayerNorm(hidden_size)
        self.kernel_size = kernel_size
        self.expand = (
            nn.Linear(hidden_size, intermediate_size)
            if kernel_size == 1
            else nn.Conv1d(hidden_size, intermediate_size, kernel_size, padding=kernel_size // 2)
        )
        self.contract = nn.Linear(intermediate_size, hidden_size)
        self.dropout = nn.Dropout(dropout)

    def forward(self, hidden: Tensor, angles: tuple[Tensor, Tensor], *, is_real: Tensor | None = None) -> Tensor:
        """Map (batch, n_positions, hidden_size) to the same shape.

        Args:
            hidden: activations.
            angles: of `rotary_angles`, for these positions.
            is_real: bool (batch, n_positions), False = padding that nobody may see; None = all real, or causal.
        """
        mask = None if is_real is None else is_real[:, None, None, :]
        attended = self.attention(self.attention_norm(hidden), angles, mask=mask)
        hidden = hidden + self.dropout(attended)
        feed = self.feed_norm(hidden)
        if self.kernel_size > 1:
            if is_real is not None:
                feed = feed * is_real[:, :, None]
            feed = self.expand(feed.transpose(1, 2)).transpose(1, 2)
        else:
            feed = self.expand(feed)
        added: Tensor = self.dropout(self.contract(nn.functional.gelu(feed)))
        return hidden + added
