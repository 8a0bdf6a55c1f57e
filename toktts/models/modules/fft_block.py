"""The feed-forward transformer block of one-pass synthesis: attention, then convolutions over time."""

from typing import Literal

from torch import Tensor, nn

NormPlace = Literal["pre", "post", "branch"]


class Attention(nn.Module):
    """Multi-head self-attention whose heads may be of any size.

    Args:
        size: channels.
        n_heads: heads.
        head_size: channels of each.
        dropout: share of the attention weights dropped in training.
    """

    def __init__(self, size: int, n_heads: int, *, head_size: int, dropout: float) -> None:
        super().__init__()
        self.n_heads, self.head_size, self.dropout = n_heads, head_size, dropout
        self.query_key_value = nn.Linear(size, 3 * n_heads * head_size)
        self.output = nn.Linear(n_heads * head_size, size)

    def forward(self, hidden: Tensor, is_real: Tensor) -> Tensor:
        """Map (batch, n_positions, size) to the same shape; bool `is_real` (batch, n_positions, 1) may be seen."""
        batch, n_positions, _ = hidden.shape
        projected = self.query_key_value(hidden).view(batch, n_positions, 3, self.n_heads, self.head_size)
        query, key, value = projected.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = nn.functional.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=is_real[:, None, None, :, 0],
            dropout_p=self.dropout if self.training else 0.0,
        )
        out: Tensor = self.output(mixed.transpose(1, 2).reshape(batch, n_positions, self.n_heads * self.head_size))
        return out


class FFTBlock(nn.Module):
    """Self-attention and two convolutions, each added to its input.

    Args:
        size: channels.
        n_heads: heads.
        head_size: channels of each head.
        intermediate_size: channels between the convolutions.
        kernel_sizes: positions that the two see, odd.
        dropout: share dropped of attention weights and of what attention adds.
        feed_dropout: share dropped of what the convolutions add.
        norm: where the layer norm stands: `pre`, x + f(norm(x)); `post`, norm(x + f(x)); `branch`, x + norm(f(x)).

    Source: Ren et al. 2019 (FastSpeech), arXiv:1905.09263, section 3.1.
    """

    def __init__(
        self,
        size: int,
        n_heads: int,
        *,
        head_size: int,
        intermediate_size: int,
        kernel_sizes: tuple[int, int],
        dropout: float,
        feed_dropout: float,
        norm: NormPlace,
    ) -> None:
        super().__init__()
        first, second = kernel_sizes
        self.attention = Attention(size, n_heads, head_size=head_size, dropout=dropout)
        self.attention_norm = nn.LayerNorm(size)
        self.expand = nn.Conv1d(size, intermediate_size, first, padding=first // 2)
        self.contract = nn.Conv1d(intermediate_size, size, second, padding=second // 2)
        self.feed_norm = nn.LayerNorm(size)
        self.attention_dropout, self.feed_dropout = nn.Dropout(dropout), nn.Dropout(feed_dropout)
        self.norm = norm

    def forward(self, hidden: Tensor, is_real: Tensor) -> Tensor:
        """Map (batch, n_positions, size) to the same shape, 0 where bool `is_real` (batch, n_positions, 1) is False."""
        attended = self.attention(self._before(hidden, self.attention_norm), is_real)
        hidden = self._after(hidden, self.attention_dropout(attended), self.attention_norm)
        fed = self._feed(self._before(hidden, self.feed_norm), is_real)
        return self._after(hidden, self.feed_dropout(fed), self.feed_norm) * is_real

    def _feed(self, hidden: Tensor, is_real: Tensor) -> Tensor:
        expanded = nn.functional.relu(self.expand((hidden * is_real).transpose(1, 2)))
        fed: Tensor = self.contract(expanded * is_real.transpose(1, 2)).transpose(1, 2)
        return fed

    def _before(self, hidden: Tensor, norm: nn.Module) -> Tensor:
        return norm(hidden) if self.norm == "pre" else hidden

    def _after(self, hidden: Tensor, added: Tensor, norm: nn.Module) -> Tensor:
        if self.norm == "post":
            normed: Tensor = norm(hidden + added)
            return normed
        return hidden + (norm(added) if self.norm == "branch" else added)
