"""A decoder that writes one position at a time: the numbers of `TransformerLayer`, from few operations.

One position of one text is little arithmetic: what it costs is calling operations and reading weights. So all that does
not change between steps is done once: weights lie as they are read, angles are tables, keys and values have their place
before they come.
"""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from toktts.models.modules.transformer import TransformerLayer, rotary_angles

FIRST_ROOM = 128
Affine = tuple[Tensor, Tensor]


class StepDecoder:
    """Causal transformer layers over positions that come one by one; weights are copied when it is made.

    Args:
        layers: causal, kernel size 1, in eval mode.
        norm: after the last layer.
        heads: read from every state, side by side.
    """

    def __init__(self, layers: Sequence[TransformerLayer], norm: nn.LayerNorm, heads: Sequence[nn.Linear]) -> None:
        self._layers = [_StepLayer(layer) for layer in layers]
        self._norm = (norm.weight, norm.bias)
        self._head_bias = torch.cat([head.bias for head in heads])
        self._head_weight = torch.cat([head.weight.t() for head in heads], dim=1)
        self._position = 0
        self._cache = self._head_bias.new_zeros(len(layers), 0, 2, 1, 0, 1)
        self._angles = self._cache

    def __call__(self, hidden: Tensor) -> Tensor:
        """Map the next position of each row, (batch, hidden_size), to (batch, sum of the heads' widths)."""
        return self.read(self.advance(hidden))

    def advance(self, hidden: Tensor) -> Tensor:
        """Map the next position of each row, (batch, hidden_size), to its state, same shape, which the heads read."""
        if self._position == self._cache.shape[4]:
            self._make_room(len(hidden))
        position = self._position
        slots = self._cache.select(4, position).unbind(0)
        seen = self._cache.narrow(4, 0, position + 1).unbind(0)
        angles = self._angles[position]
        for layer, slot, past in zip(self._layers, slots, seen, strict=True):
            hidden = layer(hidden, angles, slot, past)
        self._position += 1
        return torch.layer_norm(hidden, hidden.shape[1:], *self._norm)

    def read(self, state: Tensor) -> Tensor:
        """Read a state by all heads: (batch, hidden_size) -> (batch, sum of the heads' widths)."""
        return torch.addmm(self._head_bias, state, self._head_weight)

    def _make_room(self, batch: int) -> None:
        """Double the places for keys and values, (n_layers, batch, 2, n_heads, n_positions, head_size)."""
        heads, head_size = self._layers[0].n_heads, self._layers[0].head_size
        room = max(FIRST_ROOM, 2 * self._position)
        cache = self._cache.new_empty(len(self._layers), batch, 2, heads, room, head_size)
        if self._position:
            cache[:, :, :, :, : self._position] = self._cache
        self._cache = cache
        turn = torch.complex(*(table[:, : head_size // 2] for table in self._tables(room)))
        self._angles = torch.stack([turn, turn, torch.ones_like(turn)], dim=1)[:, :, None]

    def _tables(self, room: int) -> tuple[Tensor, Tensor]:
        return rotary_angles(torch.arange(room, device=self._cache.device), self._layers[0].head_size)


class _StepLayer:
    """One layer at one position; queries and keys lie as (first, second) pairs, so that turning is one product."""

    def __init__(self, layer: TransformerLayer) -> None:
        attention = layer.attention
        self.n_heads = attention.num_attention_heads
        self.head_size = attention.output.in_features // self.n_heads
        self._attention_norm = (layer.attention_norm.weight, layer.attention_norm.bias)
        self._feed_norm = (layer.feed_norm.weight, layer.feed_norm.bias)
        order = self._pairs(attention.query_key_value.weight.device)
        projection = attention.query_key_value
        self._project = (projection.bias[order], projection.weight.t().index_select(1, order))
        self._output = _affine(attention.output)
        bias, weight = _affine(cast(nn.Linear, layer.expand))
        # Rows as wide as the result are read from memory in order; narrow ones gain nothing.
        self._expand = (bias, weight.contiguous())
        self._contract = _affine(layer.contract)

    def _pairs(self, device: torch.device) -> Tensor:
        """Rows of the projection, (3, n_heads, head_size), in the order wanted here."""
        rows = torch.arange(3 * self.n_heads * self.head_size, device=device).view(3, self.n_heads, 2, -1)
        turned = rows[:2].transpose(2, 3).reshape(-1)
        return torch.cat([turned, rows[2].reshape(-1)])

    def __call__(self, hidden: Tensor, angles: Tensor, slot: Tensor, past: Tensor) -> Tensor:
        """Map (batch, hidden_size) to the same shape.

        Args:
            hidden: activations.
            angles: complex (3, 1, head_size / 2), by which queries, keys and values are turned.
            slot: (batch, 2, n_heads, head_size), where this position's key and value go.
            past: (batch, 2, n_heads, n_positions, head_size), all keys and values up to it.
        """
        size = hidden.shape[1:]
        projected = torch.addmm(*self._with(self._project, torch.layer_norm(hidden, size, *self._attention_norm)))
        pairs = projected.float().view(len(hidden), 3, self.n_heads, self.head_size // 2, 2)
        turned = torch.view_as_real(torch.view_as_complex(pairs) * angles).flatten(3)
        slot.copy_(turned[:, 1:])
        query = turned[:, 0, :, None].to(past.dtype)
        key, value = past.unbind(1)
        mixed = nn.functional.scaled_dot_product_attention(query, key, value).view(hidden.shape)
        hidden = hidden + torch.addmm(*self._with(self._output, mixed))
        expanded = torch.addmm(*self._with(self._expand, torch.layer_norm(hidden, size, *self._feed_norm)))
        return hidden + torch.addmm(*self._with(self._contract, nn.functional.gelu(expanded)))

    @staticmethod
    def _with(affine: Affine, vectors: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return affine[0], vectors, affine[1]


def _affine(linear: nn.Linear) -> Affine:
    """Bias (n_outputs,) and weight (n_inputs, n_outputs)."""
    return linear.bias, linear.weight.t()
