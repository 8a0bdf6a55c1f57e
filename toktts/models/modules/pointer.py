"""Where in the text each row of a batch is while it speaks."""

import torch
from torch import Tensor


def elapsed_frames(units: Tensor) -> Tensor:
    """Count the frames since the pointer came to its unit.

    >>> elapsed_frames(torch.tensor([[0, 0, 0, 1, 2, 2]]))
    tensor([[0, 1, 2, 0, 0, 1]])

    Args:
        units: int64 (batch, n_frames), the unit of each frame.
    Returns:
        int64 (batch, n_frames).
    """
    frame = torch.arange(units.shape[1], device=units.device).expand_as(units)
    came = torch.nn.functional.pad(units[:, 1:] != units[:, :-1], (1, 0), value=True)
    return frame - torch.where(came, frame, 0).cummax(dim=1).values


class Pointer:
    """A batch of pointers that walk over text units and leave at the end.

    Each frame comes with the probability of moving on. The pointer moves when it is more likely than not to have moved
    by now: at the median of the duration that these probabilities describe. That is steady where a draw a frame would
    stumble, and needs no threshold.

    Args:
        n_units: int64 (batch,).
        max_frames_per_unit: frames after which the pointer moves whatever the probabilities say.
    """

    def __init__(self, n_units: Tensor, *, max_frames_per_unit: int) -> None:
        self.n_units = n_units
        self.total_units = int(n_units.max())
        self.max_frames_per_unit = max_frames_per_unit
        self.units = torch.zeros_like(n_units)
        self.elapsed = torch.zeros_like(n_units)
        self.n_frames = torch.zeros_like(n_units)
        self.has_left = torch.zeros_like(n_units, dtype=torch.bool)
        self.has_left_text = self.has_left.clone()
        self._staying = torch.ones_like(n_units, dtype=torch.float32)

    @property
    def all_left(self) -> bool:
        """Whether no row has a frame to write any more."""
        return bool(self.has_left.all())

    def advance(self, probabilities: Tensor, *, limit: int) -> None:
        """Count one more frame in every row, and move where it is time.

        Args:
            probabilities: (batch,), of moving on after this frame.
            limit: most frames; a row that has them leaves without having said its text.
        """
        self.n_frames = self.n_frames + (~self.has_left).long()
        self._staying = self._staying * (1 - probabilities)
        moves = (self._staying < 0.5) | (self.elapsed + 1 >= self.max_frames_per_unit)
        moves &= ~self.has_left
        self.has_left_text = self.has_left_text | (moves & (self.units == self.n_units - 1))
        self.has_left = self.has_left | self.has_left_text | (self.n_frames >= limit)
        moves &= ~self.has_left
        self.units = self.units + moves.long()
        self.elapsed = torch.where(moves, 0, self.elapsed + 1)
        self._staying = torch.where(moves, 1.0, self._staying)
