import random
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from toy_run import tiny

from toktts.errors import CheckpointError
from toktts.training import saved_state


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))


def grouped(model: nn.Sequential, name: str) -> torch.optim.Optimizer:
    groups = [{"params": model[0].parameters(), "weight_decay": 0.1}, {"params": model[1].parameters()}]
    if name == "sgd":
        return torch.optim.SGD(groups, lr=0.1, momentum=0.9)
    return torch.optim.AdamW(groups, lr=0.1, betas=(0.8, 0.95))


def step(model: nn.Sequential, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    model(torch.arange(6.0).reshape(2, 3)).square().sum().backward()
    optimizer.step()


@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_an_optimizer_read_back_takes_the_same_next_step(name: str, tmp_path: Path) -> None:
    model = network()
    optimizer = grouped(model, name)
    step(model, optimizer)
    optimizer.param_groups[0]["lr"] = 0.1 + 0.2  # a number that a short decimal form would change
    saved_state.save_optimizer(optimizer, model, tmp_path)
    other = network()
    other.load_state_dict(model.state_dict())
    resumed = grouped(other, name)
    saved_state.load_optimizer(resumed, other, tmp_path)
    for group, expected in zip(resumed.param_groups, optimizer.param_groups, strict=True):
        assert {**group, "params": None} == {**expected, "params": None}
    step(model, optimizer)
    step(other, resumed)
    for mine, theirs in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(mine, theirs)


def test_an_optimizer_that_has_not_stepped_yet_can_be_saved(tmp_path: Path) -> None:
    model = network()
    saved_state.save_optimizer(grouped(model, "adamw"), model, tmp_path)
    saved_state.load_optimizer(grouped(model, "adamw"), model, tmp_path)


def test_an_optimizer_of_other_parameters_is_refused(tmp_path: Path) -> None:
    model, other = network(), nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2, bias=False))
    saved_state.save_optimizer(grouped(model, "adamw"), model, tmp_path)
    with pytest.raises(CheckpointError, match=r"optimizer.json: holds other parameters than the model has;"):
        saved_state.load_optimizer(grouped(other, "adamw"), other, tmp_path)


def test_a_state_that_is_neither_tensor_nor_number_is_refused(tmp_path: Path) -> None:
    model = network()
    optimizer = grouped(model, "sgd")
    optimizer.param_groups[0]["hook"] = object()
    with pytest.raises(CheckpointError, match="a object in the state of the optimizer or scheduler cannot be saved"):
        saved_state.save_optimizer(optimizer, model, tmp_path)


def test_random_generators_read_back_draw_the_same_numbers(tmp_path: Path) -> None:
    random.seed(1)
    np.random.seed(2)
    torch.manual_seed(3)
    np.random.standard_normal()  # leaves half of a pair behind

    def draw() -> list[float]:
        return [
            random.random(),
            random.gauss(0, 1),
            np.random.standard_normal(),
            np.random.rand(),
            torch.rand(1).item(),
        ]

    saved_state.save_rng_state(tmp_path / "rng")
    expected = draw()
    draw()
    saved_state.load_rng_state(tmp_path / "rng")
    assert draw() == expected


@pytest.mark.parametrize("family", ["tokar", "tokflat"])
def test_weights_read_back_are_equal_also_when_tied(family: str, tmp_path: Path) -> None:
    model, other = tiny(family), tiny(family)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.5)
    model.save_pretrained(tmp_path, save_codec=False)
    saved_state.load_weights(other, tmp_path / saved_state.WEIGHTS)
    for (name, mine), theirs in zip(model.named_parameters(), other.parameters(), strict=True):
        assert torch.equal(mine, theirs), name


WRONG = {
    "missing": ({"0.bias": None}, "0.bias: tensor is missing; the checkpoint is of another model"),
    "foreign": ({"2.bias": torch.zeros(2)}, r"2.bias: tensor is \(2,\), expected no such tensor; the checkpoint"),
    "shape": ({"0.bias": torch.zeros(5)}, r"0.bias: tensor is \(5,\), expected \(4,\); the checkpoint is of another"),
    "nan": ({"0.bias": torch.full((4,), torch.nan)}, "0.bias: tensor is not finite; use an earlier checkpoint"),
}


@pytest.mark.parametrize("name", WRONG)
def test_weights_that_do_not_fit_are_refused_by_the_first_tensor(name: str, tmp_path: Path) -> None:
    changes, message = WRONG[name]
    weights = {**network().state_dict(), **changes}
    save_file({key: tensor for key, tensor in weights.items() if tensor is not None}, tmp_path / "w")
    with pytest.raises(CheckpointError, match=message):
        saved_state.load_weights(network(), tmp_path / "w")


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_weights_that_are_no_numbers_are_not_saved(value: float) -> None:
    model = network()
    with torch.no_grad():
        model[1].weight[0, 1] = value
    with pytest.raises(CheckpointError, match="1.weight: weights are not finite at step 7, so they are not saved"):
        saved_state.check_finite(model, step=7)
