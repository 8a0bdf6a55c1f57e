"""Convolutions that correct a whole spectrogram after it was written."""

import itertools
from typing import Literal

from torch import Tensor, nn

Norm = Literal["batch", "layer", "none"]


class FrameNorm(nn.Module):
    """Normalise the channels of frames, without a look at padding.

    Args:
        size: channels.
        kind: over the real frames of a batch, over the channels of each frame, or not at all.
    """

    def __init__(self, size: int, *, kind: Norm) -> None:
        super().__init__()
        norms = {"batch": nn.BatchNorm1d(size), "layer": nn.LayerNorm(size), "none": nn.Identity()}
        self.norm = norms[kind]

    def forward(self, hidden: Tensor, is_real: Tensor) -> Tensor:
        """Map (batch, n_frames, size) to the same shape; `is_real` is bool (batch, n_frames, 1)."""
        if not isinstance(self.norm, nn.BatchNorm1d):
            normed: Tensor = self.norm(hidden)
            return normed
        if not self.training:
            return self.norm(hidden.transpose(1, 2)).transpose(1, 2)  # type: ignore[no-any-return]
        real = is_real[:, :, 0]
        normed = hidden.clone()
        normed[real] = self.norm(hidden[real]).to(hidden.dtype)
        return normed


class PostNet(nn.Module):
    """Convolutions over mel frames whose sum with the input (or which alone) is the corrected mel.

    Args:
        n_mels: bands.
        size: channels between the first layer and the last.
        n_layers: at least 2; all but the last end in tanh and dropout.
        kernel_size: frames a layer sees, odd.
        dropout: share of activations dropped in training.
        norm: behind each convolution but the last.
        is_residual: add the input to what the layers say.
        norm_last: normalise behind the last convolution too.

    Source: Shen et al. 2018, arXiv:1712.05884, section 2.2.
    """

    def __init__(
        self,
        n_mels: int,
        size: int,
        *,
        n_layers: int,
        kernel_size: int,
        dropout: float,
        norm: Norm,
        is_residual: bool = True,
        norm_last: bool = False,
    ) -> None:
        super().__init__()
        sizes = [n_mels, *[size] * (n_layers - 1), n_mels]
        self.layers = nn.ModuleList(
            nn.Conv1d(before, after, kernel_size, padding=kernel_size // 2)
            for before, after in itertools.pairwise(sizes)
        )
        kinds: list[Norm] = [*[norm] * (n_layers - 1), norm if norm_last else "none"]
        self.norms = nn.ModuleList(FrameNorm(after, kind=kind) for after, kind in zip(sizes[1:], kinds, strict=True))
        self.dropout = nn.Dropout(dropout)
        self.is_residual = is_residual

    def forward(self, mel: Tensor, is_real: Tensor) -> Tensor:
        """Map (batch, n_frames, n_mels) to the same shape.

        Args:
            mel: frames.
            is_real: bool (batch, n_frames, 1); what is False is 0 to its neighbours.
        """
        hidden = mel
        for index, (layer, norm) in enumerate(zip(self.layers, self.norms, strict=True)):
            hidden = layer((hidden * is_real).transpose(1, 2)).transpose(1, 2)
            hidden = norm(hidden, is_real)
            if index < len(self.layers) - 1:
                hidden = self.dropout(hidden.tanh())
        return mel + hidden if self.is_residual else hidden
