"""How the learning rate moves: by steps, or by the share of a training that is done where time may end it."""

import math
from collections.abc import Callable
from typing import Any, Literal

import torch
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

Kind = Literal["linear", "cosine"]
KINDS: tuple[Kind, ...] = ("linear", "cosine")


def decay_factor(kind: Kind, share: float, *, floor_ratio: float) -> float:
    """Fall from 1 to `floor_ratio` while `share` goes from 0 to 1, and stay there.

    Args:
        kind: along a line, or along half a cosine.
        share: of the decay that lies behind, 0 or more.
        floor_ratio: lowest over highest learning rate.

    >>> [round(decay_factor("cosine", share, floor_ratio=0.1), 3) for share in (0, 0.5, 1, 2)]
    [1.0, 0.55, 0.1, 0.1]
    """
    share = min(max(share, 0.0), 1.0)
    above = 1.0 - share if kind == "linear" else 0.5 * (1.0 + math.cos(math.pi * share))
    return floor_ratio + (1.0 - floor_ratio) * above


def reference_factor(kind: Kind, step: int, *, warmup_steps: int, decay_steps: int, floor_ratio: float) -> float:
    """Factor on the learning rate at a step: a line from 0 up to 1, then `decay_factor` until `decay_steps`.

    >>> reference_factor("linear", 5, warmup_steps=10, decay_steps=110, floor_ratio=0.0)
    0.5
    """
    if step < warmup_steps:
        return step / warmup_steps
    if decay_steps <= warmup_steps:
        return floor_ratio
    return decay_factor(kind, (step - warmup_steps) / (decay_steps - warmup_steps), floor_ratio=floor_ratio)


def reference_schedule(
    optimizer: torch.optim.Optimizer, *, kind: Kind, warmup_steps: int, decay_steps: int, floor_ratio: float
) -> LambdaLR:
    """Schedule by steps, as the reference does it.

    Args:
        optimizer: its learning rates are the highest ones.
        kind: form of the decay.
        warmup_steps: steps of the line from 0 up.
        decay_steps: step, counted from the beginning, at which the floor is reached; constant afterwards.
        floor_ratio: lowest over highest learning rate.
    """

    def factor(step: int) -> float:
        return reference_factor(kind, step, warmup_steps=warmup_steps, decay_steps=decay_steps, floor_ratio=floor_ratio)

    return LambdaLR(optimizer, factor)


class TimeSchedule(LRScheduler):
    """Schedule by what is done: a warm-up in steps, then a decay over all of the training, which time or steps may end.

    Args:
        optimizer: its learning rates are the highest ones.
        kind: form of the decay.
        warmup_steps: steps of the line from 0 up.
        share_done: gives the share of the training that lies behind, in [0, 1].
        floor_ratio: lowest over highest learning rate.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        *,
        kind: Kind,
        warmup_steps: int,
        share_done: Callable[[], float],
        floor_ratio: float,
    ) -> None:
        self._kind, self._warmup_steps, self._floor_ratio = kind, warmup_steps, floor_ratio
        self._share_done = share_done
        super().__init__(optimizer)

    def get_lr(self) -> list[float | torch.Tensor]:
        """Learning rate of each group now."""
        warmup = min(1.0, self.last_epoch / self._warmup_steps) if self._warmup_steps else 1.0
        factor = warmup * decay_factor(self._kind, self._share_done(), floor_ratio=self._floor_ratio)
        return [base * factor for base in self.base_lrs]

    def state_dict(self) -> dict[str, Any]:
        """Steps taken; what is done is the trainer's business."""
        return {"last_epoch": self.last_epoch, "_step_count": self._step_count}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on at a step."""
        self.last_epoch, self._step_count = state_dict["last_epoch"], state_dict["_step_count"]
