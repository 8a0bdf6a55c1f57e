"""Gaussian upsampling with one learned spread."""

import math
import time

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from toktts.models.modules.upsampling import SharedSpreadUpsampling, gaussian_weights

durations_of_units = st.lists(st.integers(0, 9), min_size=1, max_size=12).filter(any)
spreads = st.floats(0.05, 30.0)


def weights(lengths: list[int], spread: float) -> torch.Tensor:
    middles = torch.arange(sum(lengths)) + 0.5
    return gaussian_weights(torch.tensor([lengths]), middles, spread=torch.tensor(spread))[0]


def naive_weights(lengths: list[int], spread: float) -> torch.Tensor:
    """The formula as it is written: densities at t + 0.5 around e - d / 2, divided by their sum; float64."""
    ends = [sum(lengths[: unit + 1]) for unit in range(len(lengths))]
    result = torch.zeros(sum(lengths), len(lengths), dtype=torch.float64)
    for frame in range(sum(lengths)):
        exponents = [
            -((frame + 0.5 - (end - length / 2)) ** 2) / (2 * spread**2) if length else -math.inf
            for end, length in zip(ends, lengths, strict=True)
        ]
        densities = [math.exp(exponent - max(exponents)) for exponent in exponents]
        result[frame] = torch.tensor(densities, dtype=torch.float64) / sum(densities)
    return result


@given(durations_of_units, spreads)
def test_the_weights_of_a_frame_sum_to_one_and_units_without_frames_have_none(
    lengths: list[int], spread: float
) -> None:
    found = weights(lengths, spread)
    torch.testing.assert_close(found.sum(dim=1), torch.ones(sum(lengths)))
    assert not found[:, [unit for unit, length in enumerate(lengths) if not length]].any()


@given(durations_of_units, spreads)
def test_upsampling_equals_the_formula_in_a_loop(lengths: list[int], spread: float) -> None:
    torch.testing.assert_close(weights(lengths, spread).double(), naive_weights(lengths, spread), rtol=0, atol=1e-6)


@given(st.integers(1, 40).flatmap(lambda low: st.lists(st.integers(low, low + 1), min_size=1, max_size=12)))
def test_with_no_spread_units_of_like_length_are_repeated(lengths: list[int]) -> None:
    repeated = torch.arange(len(lengths)).repeat_interleave(torch.tensor(lengths))
    assert weights(lengths, 1e-4).argmax(dim=1).tolist() == repeated.tolist()
    torch.testing.assert_close(weights(lengths, 1e-4), torch.eye(len(lengths))[repeated])


@given(durations_of_units)
def test_with_no_spread_a_frame_belongs_to_the_nearest_centre(lengths: list[int]) -> None:
    ends = torch.tensor(lengths).cumsum(0)
    distances = (torch.arange(sum(lengths))[:, None] + 0.5 - (ends - torch.tensor(lengths) / 2)).abs()
    distances[:, torch.tensor(lengths) == 0] = torch.inf
    nearest = distances == distances.min(dim=1, keepdim=True).values
    torch.testing.assert_close(weights(lengths, 1e-4), nearest / nearest.sum(dim=1, keepdim=True))


@given(durations_of_units, st.integers(1, 5), spreads)
def test_padding_units_and_frames_changes_nothing(lengths: list[int], n_more: int, spread: float) -> None:
    upsampling = SharedSpreadUpsampling(spread=spread)
    units = torch.randn(1, len(lengths), 3, generator=torch.Generator().manual_seed(0))
    padded = torch.nn.functional.pad(units, (0, 0, 0, n_more), value=7.0)
    alone = upsampling(units, torch.tensor([lengths]), total=sum(lengths))
    together = upsampling(padded, torch.tensor([lengths + [0] * n_more]), total=sum(lengths) + n_more)
    torch.testing.assert_close(together[:, : sum(lengths)], alone, rtol=0, atol=1e-6)


def test_the_spread_learns() -> None:
    upsampling = SharedSpreadUpsampling(spread=2.0)
    assert [name for name, _ in upsampling.named_parameters()] == ["log_spread"]
    assert upsampling.log_spread.exp().item() == pytest.approx(2.0)
    upsampling(torch.eye(3)[None], torch.tensor([[2, 5, 3]]), total=10)[0, :, 1].sum().backward()
    assert upsampling.log_spread.grad is not None
    assert upsampling.log_spread.grad.abs().item() > 1e-3


def test_sixteen_long_rows_are_upsampled_in_a_fifth_of_a_second() -> None:
    durations = torch.full((16, 137), 6)
    durations[:, :47] += 1
    assert int(durations.sum(dim=1).max()) == 869
    upsampling, units = SharedSpreadUpsampling(), torch.randn(16, 137, 256)
    upsampling(units, durations, total=869)
    # Processor time, for other programs may be at work.
    took = min(_took(lambda: upsampling(units, durations, total=869)) for _ in range(5))
    assert took < 0.2


def _took(work: object) -> float:
    assert callable(work)
    before = time.process_time()
    work()
    return time.process_time() - before
