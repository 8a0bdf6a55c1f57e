"""Frames -> sound in one pass: ConvNeXt blocks and an inverse short-time Fourier transform."""

import torch
from torch import Tensor, nn

MAX_LOG_MAGNITUDE = 6.0


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution over time, then a two-layer perceptron a frame, added to the input.

    Args:
        hidden_size: channels.
        intermediate_size: width of the perceptron.
        kernel_size: frames the convolution sees, odd.
        initial_scale: what the block adds at the start, so that deep stacks begin near the identity.

    Source: Liu et al. 2022, arXiv:2201.03545, section 2.
    """

    def __init__(self, hidden_size: int, intermediate_size: int, *, kernel_size: int, initial_scale: float) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(hidden_size, hidden_size, kernel_size, padding=kernel_size // 2, groups=hidden_size)
        self.norm = nn.LayerNorm(hidden_size)
        self.expand = nn.Linear(hidden_size, intermediate_size)
        self.contract = nn.Linear(intermediate_size, hidden_size)
        self.scale = nn.Parameter(torch.full((hidden_size,), initial_scale))

    def forward(self, hidden: Tensor) -> Tensor:
        """Map (batch, n_frames, hidden_size) to the same shape."""
        mixed = self.depthwise(hidden.transpose(1, 2)).transpose(1, 2)
        mixed = self.contract(nn.functional.gelu(self.expand(self.norm(mixed))))
        result: Tensor = hidden + self.scale * mixed
        return result


class FrameVocoder(nn.Module):
    """Predict magnitude and phase of every frame and overlap-add them into sound.

    Args:
        input_size: values a frame comes with.
        hidden_size: channels of the ConvNeXt blocks.
        intermediate_size: width of their perceptrons.
        num_hidden_layers: blocks.
        kernel_size: frames a block's convolution sees.
        n_fft: samples of an output frame.
        hop_length: samples from one frame to the next.

    Source: Siuzdak 2023 (Vocos), arXiv:2306.00814, section 3.
    """

    window: Tensor

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        intermediate_size: int,
        num_hidden_layers: int,
        kernel_size: int,
        n_fft: int,
        hop_length: int,
    ) -> None:
        super().__init__()
        self.n_fft = n_fft
        self.hop_length = hop_length
        self.embed = nn.Conv1d(input_size, hidden_size, kernel_size, padding=kernel_size // 2)
        self.embed_norm = nn.LayerNorm(hidden_size)
        self.blocks = nn.ModuleList(
            ConvNeXtBlock(
                hidden_size, intermediate_size, kernel_size=kernel_size, initial_scale=1.0 / num_hidden_layers
            )
            for _ in range(num_hidden_layers)
        )
        self.norm = nn.LayerNorm(hidden_size)
        self.head = nn.Linear(hidden_size, n_fft + 2)
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)

    def forward(self, frames: Tensor) -> Tensor:
        """Turn frames into sound.

        Args:
            frames: (batch, n_frames, input_size).
        Returns:
            float32 (batch, n_frames * hop_length), not yet clipped.
        """
        hidden = self.embed_norm(self.embed(frames.transpose(1, 2)).transpose(1, 2))
        for block in self.blocks:
            hidden = block(hidden)
        log_magnitude, phase = self.head(self.norm(hidden)).float().chunk(2, dim=-1)
        # torch.polar has no gradient kernel on some backends; cosine and sine have.
        magnitude = torch.exp(log_magnitude.clamp(max=MAX_LOG_MAGNITUDE))
        spectrum = torch.complex(magnitude * torch.cos(phase), magnitude * torch.sin(phase))
        return overlap_add(spectrum, self.window, hop_length=self.hop_length)


def overlap_add(spectrum: Tensor, window: Tensor, *, hop_length: int) -> Tensor:
    """Inverse short-time Fourier transform whose output is exactly `n_frames * hop_length` samples.

    torch.istft cannot pad "same" (pytorch/pytorch#62323), so frames are folded by hand.

    Args:
        spectrum: complex (batch, n_frames, n_fft // 2 + 1).
        window: (n_fft,).
        hop_length: samples from one frame to the next.
    Returns:
        (batch, n_frames * hop_length).
    """
    n_fft = len(window)
    n_frames = spectrum.shape[1]
    left = (n_fft - hop_length) // 2
    total = (n_frames - 1) * hop_length + n_fft
    frames = torch.fft.irfft(spectrum, n_fft, dim=2) * window
    sound = _fold(frames.transpose(1, 2), total, hop_length)
    weight = _fold(window.square()[None, :, None].expand(1, -1, n_frames), total, hop_length)
    keep = slice(left, left + n_frames * hop_length)
    return sound[:, keep] / weight[:, keep].clamp_min(1e-8)


def _fold(frames: Tensor, total: int, hop_length: int) -> Tensor:
    """Add frames (batch, n_fft, n_frames) into (batch, total) samples."""
    folded: Tensor = nn.functional.fold(frames, (1, total), (1, frames.shape[1]), stride=(1, hop_length))
    return folded[:, 0, 0]
