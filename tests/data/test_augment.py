import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from toktts.data.augment import add_noise


def noise(*, copy: int = 1, clip_id: str = "a", seed: int = 0, n: int = 240_000) -> torch.Tensor:
    return add_noise(torch.zeros(n), clip_id=clip_id, copy=copy, std=6e-4, seed=seed)


def test_the_first_copy_is_the_clip_itself():
    samples = torch.rand(100)
    assert add_noise(samples, clip_id="a", copy=0, std=0.1, seed=0) is samples


def test_noise_has_the_standard_deviation_asked_for():
    added = noise()
    assert float(added.std()) == pytest.approx(6e-4, rel=0.02)
    # The mean of 240,000 draws has a standard error of 1.2e-6.
    assert abs(float(added.mean())) < 6e-6


def test_noise_is_white():
    added = noise()
    correlation = float((added[1:] * added[:-1]).mean() / added.square().mean())
    assert abs(correlation) < 0.01


def test_noise_follows_from_seed_id_and_copy_alone():
    assert torch.equal(noise(), noise())
    others = [noise(copy=2), noise(clip_id="b"), noise(seed=1)]
    assert not any(torch.equal(noise(), other) for other in others)


def test_noise_does_not_touch_the_global_generator():
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    noise()
    assert torch.equal(torch.rand(1), expected)


@given(st.floats(0, 1, width=32), st.integers(0, 3))
def test_noisy_samples_stay_within_one(std, copy):
    noisy = add_noise(torch.full((64,), 0.9), clip_id="a", copy=copy, std=std, seed=0)
    assert float(noisy.abs().max()) <= 1.0
