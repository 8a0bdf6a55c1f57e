"""A small network that guesses how an unknown word is said: letters in, up to three sounds a letter out.

All letters are read at once. Each gives three slots that hold a sound or nothing, trained by connectionist temporal
classification (Graves et al. 2006), so that no alignment of letters and sounds is needed. Between layers the guess so
far is fed back, which lets the slots agree with each other (Nozaki and Komatsu 2021, arXiv:2104.02724).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from toktts.text.phonemes.symbols import ARPABET, LETTERS, Symbols, with_one_primary

NOTHING: Final = 0
"""The class of a slot without a sound; the others are `ARPABET` from 1 on."""
N_CLASSES: Final = len(ARPABET) + 1


@dataclass(frozen=True)
class NetworkSize:
    """What the network in the package has; one size fits all words."""

    hidden_size: int = 128
    intermediate_size: int = 256
    num_hidden_layers: int = 5
    num_attention_heads: int = 4
    kernel_size: int = 5
    slots: int = 3
    fed_back: tuple[int, ...] = (1, 3)


class Layer(nn.Module):
    """Neighbouring letters, then all letters, then each for itself; every step is added to its input."""

    def __init__(self, size: NetworkSize, dropout: float) -> None:
        super().__init__()
        hidden = size.hidden_size
        self.heads = size.num_attention_heads
        self.conv_norm, self.attention_norm, self.feed_norm = (nn.LayerNorm(hidden) for _ in range(3))
        self.neighbours = nn.Parameter(torch.randn(size.kernel_size, hidden) / size.kernel_size)
        self.query_key_value = nn.Linear(hidden, 3 * hidden)
        self.attention_out = nn.Linear(hidden, hidden)
        self.feed_in = nn.Linear(hidden, size.intermediate_size)
        self.feed_out = nn.Linear(size.intermediate_size, hidden)
        self.dropout = nn.Dropout(dropout)

    def forward(self, hidden: Tensor) -> Tensor:
        """Mix (batch, n_letters, hidden_size)."""
        hidden = hidden + self._mix(self.conv_norm(hidden))
        hidden = hidden + self._attend(self.attention_norm(hidden))
        inner = functional.gelu(self.feed_in(self.feed_norm(hidden)))
        mixed: Tensor = hidden + self.dropout(self.feed_out(inner))
        return mixed

    def _mix(self, hidden: Tensor) -> Tensor:
        """Weigh each letter with its neighbours, every channel for itself: a depthwise convolution."""
        reach = len(self.neighbours) // 2
        n_letters = hidden.shape[1]
        padded = functional.pad(hidden, (0, 0, reach, reach))
        # By hand, since the convolution kernels of PyTorch take ten times as long for so few letters.
        mixed = padded[:, :n_letters] * self.neighbours[0]
        for place in range(1, len(self.neighbours)):
            mixed = mixed + padded[:, place : place + n_letters] * self.neighbours[place]
        return mixed

    def _attend(self, hidden: Tensor) -> Tensor:
        batch, n_letters, size = hidden.shape
        parts = self.query_key_value(hidden).view(batch, n_letters, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        query, key, value = parts
        weights = (query @ key.transpose(-1, -2) * (size // self.heads) ** -0.5).softmax(-1)
        mixed = weights.to(value.dtype) @ value
        out: Tensor = self.attention_out(mixed.transpose(1, 2).reshape(batch, n_letters, size))
        return out


class LetterNetwork(nn.Module):
    """Letters -> log probabilities of sounds, three slots a letter."""

    def __init__(self, size: NetworkSize | None = None, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.size = size or NetworkSize()
        self.embedding = nn.Embedding(len(LETTERS), self.size.hidden_size)
        self.layers = nn.ModuleList(Layer(self.size, dropout) for _ in range(self.size.num_hidden_layers))
        self.norm = nn.LayerNorm(self.size.hidden_size)
        self.head = nn.Linear(self.size.hidden_size, self.size.slots * N_CLASSES)
        self.feedback = nn.Linear(self.size.slots * N_CLASSES, self.size.hidden_size, bias=False)

    def forward(self, letter_ids: Tensor) -> list[Tensor]:
        """Guess the sounds of words of one length.

        Args:
            letter_ids: int64 (batch, n_letters), places in `LETTERS`.
        Returns:
            Log probabilities (batch, n_letters * slots, N_CLASSES): the guesses fed back, and last the answer.
        """
        hidden = self.embedding(letter_ids)
        guesses: list[Tensor] = []
        for place, layer in enumerate(self.layers):
            hidden = layer(hidden)
            if place in self.size.fed_back:
                guesses.append(self._guess(hidden))
                hidden = hidden + self.feedback(guesses[-1].exp().view(*letter_ids.shape, -1))
        return [*guesses, self._guess(hidden)]

    def _guess(self, hidden: Tensor) -> Tensor:
        batch, n_letters, _ = hidden.shape
        logits: Tensor = self.head(self.norm(hidden)).float()
        return logits.view(batch, n_letters * self.size.slots, N_CLASSES).log_softmax(-1)

    @torch.inference_mode()
    def pronounce(self, words: Sequence[str]) -> list[Symbols]:
        """Say words of one length.

        Args:
            words: folded, each at least one letter.
        Returns:
            The most probable sounds, with exactly one primary stress where there is a vowel.
        """
        ids = torch.tensor([[LETTERS.index(letter) for letter in word] for word in words])
        return [collapse(row) for row in self(ids)[-1].argmax(-1).tolist()]


def collapse(classes: Sequence[int]) -> Symbols:
    """Read slots as sounds: repeats count once, then nothing falls away.

    >>> collapse([0, ARPABET.index("K") + 1, ARPABET.index("K") + 1, 0, ARPABET.index("AE1") + 1])
    ('K', 'AE1')
    """
    kept = [now for before, now in zip([NOTHING, *classes], classes, strict=False) if now not in (before, NOTHING)]
    return with_one_primary([ARPABET[number - 1] for number in kept])


def load_network(weights: Mapping[str, Tensor]) -> LetterNetwork:
    """Build the network in the package from its weights, in float32."""
    network = LetterNetwork()
    network.load_state_dict({name: weight.float() for name, weight in weights.items()})
    return network.eval()
