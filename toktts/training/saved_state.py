"""Optimizer, scheduler and random generators <-> safetensors and JSON: nothing that could run code when it is read."""

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from toktts.errors import CheckpointError

WEIGHTS = "model.safetensors"
OPTIMIZER, OPTIMIZER_GROUPS = "optimizer.safetensors", "optimizer.json"
SCHEDULER, SCALER, RNG = "scheduler.json", "scaler.json", "rng_state.safetensors"


def check_finite(model: nn.Module, *, step: int) -> None:
    """Refuse weights that are not numbers any more.

    Raises:
        CheckpointError: names the first such tensor.
    """
    for name, parameter in model.named_parameters():
        if not bool(torch.isfinite(parameter).all()):
            raise CheckpointError(
                f"weights are not finite at step {step}, so they are not saved; resume from the last checkpoint with a "
                "lower learning rate",
                key=name,
            )


def load_weights(model: nn.Module, path: Path) -> None:
    """Fill a model with the weights of a file.

    Raises:
        CheckpointError: a tensor is missing, foreign, of another shape or not finite.
    """
    found = load_file(path)
    wanted = dict(model.state_dict(keep_vars=True))
    loaded = {wanted[name].data_ptr() for name in found if name in wanted}
    for name, tensor in wanted.items():
        # Of tied tensors one is saved.
        if name not in found and tensor.data_ptr() not in loaded:
            raise CheckpointError("tensor is missing; the checkpoint is of another model", file=path, key=name)
    for name, tensor in found.items():
        if name not in wanted or wanted[name].shape != tensor.shape:
            expected = tuple(wanted[name].shape) if name in wanted else "no such tensor"
            raise CheckpointError(
                f"tensor is {tuple(tensor.shape)}, expected {expected}; the checkpoint is of another model",
                file=path,
                key=name,
            )
        if not bool(torch.isfinite(tensor).all()):
            raise CheckpointError("tensor is not finite; use an earlier checkpoint", file=path, key=name)
    model.load_state_dict(found, strict=False)


def save_optimizer(optimizer: torch.optim.Optimizer, model: nn.Module, folder: Path) -> None:
    """Write the optimizer's tensors under the names of their parameters, and its settings as JSON.

    Raises:
        CheckpointError: an optimizer that keeps more than tensors and numbers.
    """
    names = _parameter_names(optimizer, model)
    state = optimizer.state_dict()
    tensors: dict[str, Tensor] = {}
    numbers: dict[str, dict[str, Any]] = {}
    for index, values in state["state"].items():
        for key, value in values.items():
            if isinstance(value, Tensor):
                tensors[f"{names[index]}:{key}"] = value.detach().contiguous()
            else:
                numbers.setdefault(names[index], {})[key] = _plain(value)
    groups = [
        {key: _plain(value) for key, value in group.items() if key != "params"}
        | {"params": [names[index] for index in group["params"]]}
        for group in state["param_groups"]
    ]
    save_file(tensors, folder / OPTIMIZER)
    _write_json(folder / OPTIMIZER_GROUPS, {"groups": groups, "numbers": numbers})


def load_optimizer(optimizer: torch.optim.Optimizer, model: nn.Module, folder: Path) -> None:
    """Put an optimizer into the state that `save_optimizer` wrote.

    Raises:
        CheckpointError: it was written for other parameters.
    """
    names = _parameter_names(optimizer, model)
    index_of = {name: index for index, name in enumerate(names)}
    saved = _read_json(folder / OPTIMIZER_GROUPS)
    current = optimizer.state_dict()["param_groups"]
    saved_names = [[name for name in group["params"]] for group in saved["groups"]]
    if saved_names != [[names[index] for index in group["params"]] for group in current]:
        raise CheckpointError(
            "holds other parameters than the model has; the checkpoint is of another model",
            file=folder / OPTIMIZER_GROUPS,
        )
    state: dict[int, dict[str, Any]] = {index_of[name]: dict(values) for name, values in saved["numbers"].items()}
    for name, tensor in load_file(folder / OPTIMIZER).items():
        parameter, _, key = name.rpartition(":")
        state.setdefault(index_of[parameter], {})[key] = tensor
    groups = [
        {key: _as_in(now.get(key), value) for key, value in then.items()} | {"params": now["params"]}
        for then, now in zip(saved["groups"], current, strict=True)
    ]
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def save_steppable(steppable: Any, path: Path) -> None:
    """Write the state of a scheduler or a gradient scaler as JSON."""
    _write_json(path, {key: _plain(value) for key, value in steppable.state_dict().items()})


def load_steppable(steppable: Any, path: Path) -> None:
    """Read what `save_steppable` wrote."""
    steppable.load_state_dict(_read_json(path))


def save_rng_state(path: Path) -> None:
    """Write the states of the global random generators of Python, NumPy and torch, on CPU and CUDA."""
    tensors = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        tensors |= {f"cuda:{index}": state for index, state in enumerate(torch.cuda.get_rng_state_all())}
    name, keys, *rest = np.random.get_state(legacy=True)
    metadata = {
        "python": json.dumps(random.getstate()),
        "numpy": json.dumps([name, np.asarray(keys).tolist(), *rest]),
    }
    save_file(tensors, path, metadata=metadata)


def load_rng_state(path: Path) -> None:
    """Put the global random generators into the states that `save_rng_state` wrote."""
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    version, internal, gauss = json.loads(metadata["python"])
    random.setstate((version, tuple(internal), gauss))
    name, keys, *rest = json.loads(metadata["numpy"])
    np.random.set_state((name, np.array(keys, dtype=np.uint32), *rest))
    torch.set_rng_state(tensors["cpu"])
    if torch.cuda.is_available():
        for index in range(min(torch.cuda.device_count(), len(tensors) - 1)):
            torch.cuda.set_rng_state(tensors[f"cuda:{index}"], index)


def _parameter_names(optimizer: torch.optim.Optimizer, model: nn.Module) -> list[str]:
    """Name of each parameter, in the order in which `state_dict` numbers them."""
    name_of = {parameter: name for name, parameter in model.named_parameters()}
    return [name_of[parameter] for group in optimizer.param_groups for parameter in group["params"]]


def _plain(value: Any) -> Any:
    """The same value as JSON keeps it."""
    if isinstance(value, Tensor) and value.numel() == 1:
        return value.item()
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise CheckpointError(
        f"a {type(value).__name__} in the state of the optimizer or scheduler cannot be saved; choose another one",
        key="training.args.optim",
    )


def _as_in(now: Any, value: Any) -> Any:
    """Give back what JSON takes away: tuples."""
    return tuple(value) if isinstance(now, tuple) else value


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
