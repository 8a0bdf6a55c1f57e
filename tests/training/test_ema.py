from pathlib import Path

import pytest
import torch
from safetensors.torch import save_model
from torch import nn

from toktts.training.ema import WeightAverage
from toktts.training.saved_state import load_weights


class Tied(nn.Module):
    """Two names for one tensor, as an output head tied to an embedding."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.full((3, 2), value))
        self.head = self.embedding
        self.bias = nn.Parameter(torch.full((2,), -value))
        self.register_buffer("scale", torch.ones(1))


def set_to(model: Tied, value: float) -> None:
    with torch.no_grad():
        model.embedding.fill_(value)
        model.bias.fill_(-value)


def test_the_average_follows_its_closed_form() -> None:
    model = Tied(0.0)
    average = WeightAverage(model, decay=0.3)
    expected = 0.0
    for step, value in enumerate([1.0, 5.0, -2.0, 4.0, 4.0]):
        set_to(model, value)
        average.update(model)
        decay = min(0.3, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * value
    with average.swapped_in(model):
        assert model.embedding[0, 0].item() == pytest.approx(expected, rel=1e-6)
        assert model.bias[0].item() == pytest.approx(-expected, rel=1e-6)


def test_swapping_in_gives_the_raw_weights_back_bit_for_bit_even_after_an_error() -> None:
    model = Tied(0.1)
    average = WeightAverage(model, decay=0.9)
    set_to(model, 0.7)
    swapped = average.swapped_in(model)
    swapped.__enter__()
    assert model.embedding[0, 0].item() == pytest.approx(0.1)
    assert not swapped.__exit__(KeyError, KeyError(), None), "the error goes on"
    assert torch.equal(model.embedding.detach(), torch.full((3, 2), 0.7))


def test_swapping_keeps_tied_weights_tied() -> None:
    model = Tied(0.1)
    with WeightAverage(model, decay=0.9).swapped_in(model):
        assert model.head is model.embedding


def test_a_resumed_average_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    model = Tied(1.0)
    average = WeightAverage(model, decay=0.9)
    for value in (2.0, 3.0, 5.0):
        set_to(model, value)
        average.update(model)
    average.save_raw(model, tmp_path)
    with average.swapped_in(model):
        save_model(model, str(tmp_path / "model.safetensors"))

    other = Tied(0.0)
    load_weights(other, tmp_path / "model.safetensors")
    resumed = WeightAverage(other, decay=0.9)
    resumed.resume(other, tmp_path)
    assert torch.equal(other.embedding, model.embedding)
    for each, owner in ((average, model), (resumed, other)):
        set_to(owner, 7.0)
        each.update(owner)
        each.copy_to(owner)
    assert resumed.n_updates == average.n_updates == 4
    assert torch.equal(other.embedding, model.embedding)


def test_a_run_that_had_no_average_begins_one_with_its_weights_now() -> None:
    model = Tied(1.0)
    average = WeightAverage(model, decay=0.9)
    set_to(model, 3.0)
    average.resume(model, None)
    average.copy_to(model)
    assert model.embedding[0, 0].item() == 3.0
    assert average.n_updates == 0
