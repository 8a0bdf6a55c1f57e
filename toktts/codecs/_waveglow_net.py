"""Noise -> sound by invertible steps that look at a mel spectrogram."""

import torch
from torch import Tensor, nn

from toktts.codecs._waveglow_options import WaveGlowOptions


class CouplingNet(nn.Module):
    """Say from one half of the channels, and the mel, how the other half is scaled and shifted.

    Dilated convolutions with gates, each adding to a sum, as in WaveNet, but seeing both ways.

    Args:
        n_channels: of each half.
        options: of the codec.
    Source: Prenger et al. 2018, arXiv:1811.00002, section 2.1.
    """

    def __init__(self, n_channels: int, options: WaveGlowOptions) -> None:
        super().__init__()
        size, n_layers, kernel = options.hidden_size, options.num_hidden_layers, options.kernel_size
        self.size = size
        self.embed = nn.Conv1d(n_channels, size, 1)
        self.dilated = nn.ModuleList(
            nn.Conv1d(size, 2 * size, kernel, dilation=2**layer, padding=kernel // 2 * 2**layer)
            for layer in range(n_layers)
        )
        self.condition = nn.Conv1d(options.n_mels * options.n_group, 2 * size * n_layers, 1)
        # The last layer goes on to nobody, so it only adds to the sum.
        self.contract = nn.ModuleList(
            nn.Conv1d(size, size if layer == n_layers - 1 else 2 * size, 1) for layer in range(n_layers)
        )
        self.head = nn.Conv1d(size, 2 * n_channels, 1)

    def forward(self, half: Tensor, mel: Tensor) -> tuple[Tensor, Tensor]:
        """Give shifts and logarithms of scales, (batch, n_channels, n_positions) each.

        Args:
            half: (batch, n_channels, n_positions).
            mel: of each position (batch, n_mels * n_group, n_positions).
        """
        hidden, total = self.embed(half), torch.zeros((), device=half.device)
        for layer, (dilated, contract) in enumerate(zip(self.dilated, self.contract, strict=True)):
            filtered, gate = (dilated(hidden) + self._conditioned(mel, layer)).chunk(2, dim=1)
            output = contract(torch.tanh(filtered) * torch.sigmoid(gate))
            if output.shape[1] == self.size:
                total = total + output
            else:
                hidden, total = hidden + output[:, : self.size], total + output[:, self.size :]
        shift, log_scale = self.head(total).chunk(2, dim=1)
        return shift, log_scale

    def _conditioned(self, mel: Tensor, layer: int) -> Tensor:
        """What the mel says to one layer; all at once would be most of the memory."""
        own = slice(2 * self.size * layer, 2 * self.size * (layer + 1))
        assert self.condition.bias is not None
        return nn.functional.conv1d(mel, self.condition.weight[own], self.condition.bias[own])


class Flow(nn.Module):
    """Mix channels by a matrix, then scale and shift half of them as the other half says.

    Args:
        n_channels: even.
        options: of the codec.
    Source: Prenger et al. 2018, arXiv:1811.00002, equations 4 to 10.
    """

    def __init__(self, n_channels: int, options: WaveGlowOptions) -> None:
        super().__init__()
        self.mix = nn.Parameter(torch.linalg.qr(torch.randn(n_channels, n_channels))[0])
        self.net = CouplingNet(n_channels // 2, options)

    def undo(self, hidden: Tensor, mel: Tensor) -> Tensor:
        """Go one step from noise towards sound, (batch, n_channels, n_positions)."""
        kept, changed = hidden.chunk(2, dim=1)
        shift, log_scale = self.net(kept, mel)
        hidden = torch.cat([kept, (changed - shift) * torch.exp(-log_scale)], dim=1)
        # A matrix of eight rows; in double precision its inverse is exact to what single precision can hold.
        unmixed: Tensor = torch.linalg.inv(self.mix.double()).to(hidden.dtype) @ hidden
        return unmixed


class WaveGlowNet(nn.Module):
    """Mel -> sound: noise goes backwards through the flows that would turn the sound into noise.

    Args:
        options: of the codec.
    Source: Prenger et al. 2018, arXiv:1811.00002, section 2.
    """

    def __init__(self, options: WaveGlowOptions) -> None:
        super().__init__()
        self.options = options
        self.upsample = nn.ConvTranspose1d(
            options.n_mels, options.n_mels, options.upsample_kernel_size, stride=options.hop_length
        )
        self.flows = nn.ModuleList(Flow(options.channels(flow), options) for flow in range(options.n_flows))

    def spread(self, mel: Tensor) -> Tensor:
        """Give each position its mel: (batch, n_mels, n_frames) -> (batch, n_mels * n_group, n_positions)."""
        n_samples = mel.shape[2] * self.options.hop_length
        samples = self.upsample(mel)[:, :, :n_samples].unflatten(2, (-1, self.options.n_group))
        spread: Tensor = samples.transpose(2, 3).flatten(1, 2)
        return spread

    def forward(self, mel: Tensor, noise: Tensor) -> Tensor:
        """Turn noise into sound.

        Args:
            mel: natural logarithms (batch, n_mels, n_frames).
            noise: (batch, n_group, n_positions), `hop_length / n_group` positions a frame. Its first channels enter
                last: they are those that are taken out first on the way from sound to noise.
        Returns:
            Samples (batch, n_frames * hop_length), not yet clipped.
        """
        conditions = self.spread(mel)
        first = self.options.n_group - self.options.channels(self.options.n_flows - 1)
        hidden = noise[:, first:]
        for index in reversed(range(self.options.n_flows)):
            flow = self.flows[index]
            assert isinstance(flow, Flow)
            hidden = flow.undo(hidden, conditions)
            if self.options.takes_out(index):
                hidden = torch.cat([noise[:, first - self.options.n_early_size : first], hidden], dim=1)
                first -= self.options.n_early_size
        return hidden.transpose(1, 2).flatten(1)
