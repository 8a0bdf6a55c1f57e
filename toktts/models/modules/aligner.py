"""A small net that learns, while the model trains, which frames say which text unit."""

import torch
from torch import Tensor, nn

from toktts.alignment.monotonic import beta_binomial_log_prior, forward_sum_loss, length_mask, search


class Aligner(nn.Module):
    """Match frames with text units by the angle between their projections.

    It sees the whole recording, both ways, and is needed in training only.

    Args:
        hidden_size: channels of the text and frame vectors that come in.
        alignment_size: channels they are compared in.
    Source: Badlani et al. 2021, arXiv:2108.10447, section 2.
    """

    def __init__(self, hidden_size: int, *, alignment_size: int = 96) -> None:
        super().__init__()
        self.units = nn.Sequential(
            nn.Conv1d(hidden_size, hidden_size, 3, padding=1), nn.GELU(), nn.Conv1d(hidden_size, alignment_size, 1)
        )
        self.frames = nn.Sequential(
            nn.Conv1d(hidden_size, hidden_size, 5, padding=2),
            nn.GELU(),
            nn.Conv1d(hidden_size, hidden_size, 3, padding=1),
            nn.GELU(),
            nn.Conv1d(hidden_size, alignment_size, 1),
        )
        self.sharpness = nn.Parameter(torch.tensor(10.0))

    def forward(self, units: Tensor, frames: Tensor, *, n_units: Tensor, n_frames: Tensor) -> tuple[Tensor, Tensor]:
        """Align a batch.

        Args:
            units: (batch, n_units, hidden_size), 0 behind a row's end.
            frames: (batch, n_frames, hidden_size), 0 behind a row's end.
            n_units: int64 (batch,).
            n_frames: int64 (batch,), at least n_units each.
        Returns:
            Units of the frames, int64 (batch, n_frames), as `search` gives them; and the forward-sum loss.
        """
        keys = nn.functional.normalize(self.units(units.transpose(1, 2)).float(), dim=1)
        # Zeros again where the first layers have put their biases, so that padding has no say in the last frames.
        near = self.frames[:2](frames.transpose(1, 2)) * length_mask(n_frames, frames.shape[1])[:, None]
        queries = nn.functional.normalize(self.frames[2:](near).float(), dim=1)
        similarity = self.sharpness * (queries.transpose(1, 2) @ keys)
        outside = ~length_mask(n_units, units.shape[1])
        log_attention = similarity.masked_fill(outside[:, None], -1e4).log_softmax(dim=2)
        size = (frames.shape[1], units.shape[1])
        scores = log_attention + beta_binomial_log_prior(n_units, n_frames, size=size)
        return search(scores, n_units, n_frames), forward_sum_loss(scores, n_units, n_frames)
