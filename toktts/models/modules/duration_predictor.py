"""How long each unit lasts: what is learned of it, and a recurrent net that reads it off the text."""

import math

import torch
from torch import Tensor, nn

TYPICAL_FRAMES = 6.0
SPREAD = 0.7
"""Standard deviation of ln(1 + frames), about what speech has: outputs and targets are of size 1."""

UNSAID_FRAMES = 1 / 16
"""What stands for 0 frames where logarithms of frames are learned, far below the one frame of the shortest sounds."""


def log_frames(durations: Tensor) -> Tensor:
    """Take the logarithm of frames, int64, any shape, 0 or more: float32, finite also for what is not said."""
    return torch.log(durations.float().clamp(min=UNSAID_FRAMES))


def is_said(logs: Tensor) -> Tensor:
    """Say which units get frames: bool, shape of the predicted `log_frames`; the others are nearer to 0 than to 1."""
    return logs > math.log(UNSAID_FRAMES) / 2


class RecurrentDurations(nn.Module):
    """A bidirectional LSTM over the text, and one number a unit: ln(1 + frames), at least 0.

    Args:
        input_size: channels of what it reads.
        hidden_size: channels of each direction.
        num_layers: of the LSTM.
        dropout: between its layers.
    """

    def __init__(self, input_size: int, hidden_size: int, *, num_layers: int, dropout: float) -> None:
        super().__init__()
        self.lstm = nn.LSTM(
            input_size,
            hidden_size,
            num_layers,
            batch_first=True,
            bidirectional=True,
            dropout=dropout if num_layers > 1 else 0.0,
        )
        self.head = nn.Linear(2 * hidden_size, 1)

    def forward(self, hidden: Tensor, n_units: Tensor) -> Tensor:
        """Predict ln(1 + frames), float32 (batch, n_units), from (batch, n_units, input_size); any behind a row's end.

        Args:
            hidden: what is read.
            n_units: int64 (batch,), at least 1 each; what lies behind has no say.
        """
        # In bfloat16 a recurrence rounds at every step.
        with torch.autocast(hidden.device.type, enabled=False):
            packed = nn.utils.rnn.pack_padded_sequence(
                hidden.float(), n_units.cpu(), batch_first=True, enforce_sorted=False
            )
            read, _ = nn.utils.rnn.pad_packed_sequence(
                self.lstm(packed)[0], batch_first=True, total_length=hidden.shape[1]
            )
            standing: Tensor = self.head(read)[:, :, 0]
            return nn.functional.softplus(math.log1p(TYPICAL_FRAMES) + SPREAD * standing)


def duration_errors(log_durations: Tensor, durations: Tensor) -> Tensor:
    """Squared errors in standard deviations: (batch, n_units).

    Args:
        log_durations: of `RecurrentDurations`.
        durations: int64 frames, same shape.
    """
    return ((log_durations - torch.log1p(durations.float())) / SPREAD).square()
