"""Where in the text each row of a batch is while it speaks."""

from collections.abc import Sequence

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
    stumble, and needs no threshold. Plain numbers, for a handful of them costs less than one operation on a tensor.

    Args:
        n_units: text units of each row.
        max_frames_per_unit: frames after which the pointer moves whatever the probabilities say.
    """

    def __init__(self, n_units: Sequence[int], *, max_frames_per_unit: int) -> None:
        self.n_units = list(n_units)
        self.max_frames_per_unit = max_frames_per_unit
        self.units = [0] * len(self.n_units)
        self.elapsed = [0] * len(self.n_units)
        self.n_frames = [0] * len(self.n_units)
        self.has_left = [False] * len(self.n_units)
        self.has_left_text = [False] * len(self.n_units)
        self._staying = [1.0] * len(self.n_units)

    @property
    def all_left(self) -> bool:
        """Whether no row has a frame to write any more."""
        return all(self.has_left)

    def advance(self, probabilities: Sequence[float], *, limit: int) -> None:
        """Count one more frame in every row, and move where it is time.

        Args:
            probabilities: of moving on after this frame, one a row.
            limit: most frames; a row that has them leaves without having said its text.
        """
        for row, probability in enumerate(probabilities):
            if not self.has_left[row]:
                self._advance_row(row, probability, limit)

    def _advance_row(self, row: int, probability: float, limit: int) -> None:
        self.n_frames[row] += 1
        self.elapsed[row] += 1
        self._staying[row] *= 1 - probability
        moves = self._staying[row] < 0.5 or self.elapsed[row] >= self.max_frames_per_unit
        self.has_left_text[row] = moves and self.units[row] == self.n_units[row] - 1
        self.has_left[row] = self.has_left_text[row] or self.n_frames[row] >= limit
        if moves and not self.has_left[row]:
            self.units[row] += 1
            self.elapsed[row] = 0
            self._staying[row] = 1.0
