"""An exponential average of the weights: what is evaluated, saved and spoken with."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from toktts.training.saved_state import load_weights

RAW_WEIGHTS = "raw_weights.safetensors"


class WeightAverage(TrainerCallback):
    """Averages the parameters of a model while it trains.

    After t steps the average moves by 1 - min(decay, (1 + t) / (10 + t)), so that the beginning is soon forgotten.

    Args:
        model: its parameters now are the first average.
        decay: share of the average that a step leaves, in (0, 1).
    """

    def __init__(self, model: nn.Module, *, decay: float) -> None:
        self.decay, self.n_updates = decay, 0
        self._average = _copies(model)

    def on_optimizer_step(
        self,
        args: TrainingArguments,  # noqa: ARG002 - the Trainer hands every event the same arguments
        state: TrainerState,  # noqa: ARG002
        control: TrainerControl,  # noqa: ARG002
        **kwargs: Any,
    ) -> None:
        """Take a step of the optimizer into the average."""
        self.update(kwargs["model"])

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Move the average towards the model."""
        decay = min(self.decay, (1 + self.n_updates) / (10 + self.n_updates))
        torch._foreach_lerp_(self._average, _values(model), weight=1.0 - decay)
        self.n_updates += 1

    @contextlib.contextmanager
    def swapped_in(self, model: nn.Module) -> Iterator[None]:
        """Give the model the average for the time of the `with` block."""
        raw = _copies(model)
        self.copy_to(model)
        try:
            yield
        finally:
            _fill(model, raw)

    def copy_to(self, model: nn.Module) -> None:
        """Give the model the average for good."""
        _fill(model, self._average)

    def save_raw(self, model: nn.Module, folder: Path) -> None:
        """Write the weights that training goes on from, beside the average."""
        # Of tied tensors one name, for safetensors refuses shared memory.
        raw = {tensor.data_ptr(): (name, tensor.detach().contiguous()) for name, tensor in model.state_dict().items()}
        save_file(dict(raw.values()), folder / RAW_WEIGHTS, metadata={"n_updates": str(self.n_updates)})

    def resume(self, model: nn.Module, folder: Path | None) -> None:
        """Take the model's weights, as just loaded, for the average, and give the model its raw ones back.

        Args:
            model: with the average that was saved.
            folder: where `save_raw` wrote; None = the run kept no average, it begins now.
        """
        self._average, self.n_updates = _copies(model), 0
        if folder is not None:
            load_weights(model, folder / RAW_WEIGHTS)
            with safe_open(folder / RAW_WEIGHTS, framework="pt") as file:
                self.n_updates = int(file.metadata()["n_updates"])


def _values(model: nn.Module) -> list[Tensor]:
    return [parameter.detach() for parameter in model.parameters()]


def _copies(model: nn.Module) -> list[Tensor]:
    return [value.clone() for value in _values(model)]


@torch.no_grad()
def _fill(model: nn.Module, values: list[Tensor]) -> None:
    torch._foreach_copy_(_values(model), values)
