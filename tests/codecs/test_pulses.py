import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from toktts.codecs._pulses import HIGHEST_HARMONIC, pulse_train, sum_of_cosines

RATE, HOP = 8000, 80


def explicit(angle: torch.Tensor, n_harmonics: int) -> torch.Tensor:
    """The sum that the closed form stands for, in double precision."""
    return torch.cos(torch.arange(1, n_harmonics + 1) * angle.double()[..., None]).sum(dim=-1)


@given(
    angles=st.lists(st.floats(2**-19, math.pi), min_size=1, max_size=20),
    n_harmonics=st.integers(1, 230),
    sign=st.sampled_from([-1.0, 1.0]),
)
def test_the_closed_form_equals_the_sum_of_cosines(angles: list[float], n_harmonics: int, sign: float) -> None:
    angle = sign * torch.tensor(angles)
    closed = sum_of_cosines(angle, torch.tensor(float(n_harmonics)))
    torch.testing.assert_close(closed.double(), explicit(angle, n_harmonics), rtol=1e-4, atol=2e-3)


@settings(max_examples=20)
@given(half_period=st.integers(7, 80))
def test_a_pulse_stands_where_all_harmonics_are_one_and_is_as_high_as_they_are_many(half_period: int) -> None:
    """Half a period is a whole number of samples, so pulses fall onto samples: the closed form's 0 / 0."""
    pitch = torch.full((1, 8), RATE / (2 * half_period))
    samples = pulse_train(pitch, hop_length=HOP, sampling_rate=RATE)[0]
    n_harmonics = math.floor(HIGHEST_HARMONIC * 2 * half_period)
    angle = (torch.arange(1, len(samples) + 1) / (2 * half_period) - 0.5) * 2 * math.pi
    torch.testing.assert_close(samples.double(), explicit(angle, n_harmonics), rtol=1e-3, atol=1e-2)
    assert float(samples.max()) == pytest.approx(n_harmonics, rel=1e-3)


@settings(max_examples=20)
@given(hertz=st.integers(50, 600))
def test_the_spectrum_is_one_at_every_harmonic_and_nothing_between(hertz: int) -> None:
    """A second at a whole number of Hz: bin k of the transform is k Hz, and a cosine of amplitude 1 is N / 2 there."""
    pitch = torch.full((1, RATE // HOP), float(hertz))
    samples = pulse_train(pitch, hop_length=HOP, sampling_rate=RATE)[0]
    magnitudes = torch.fft.rfft(samples).abs() / (RATE / 2)
    expected = torch.zeros_like(magnitudes)
    expected[hertz : math.floor(HIGHEST_HARMONIC * RATE) + 1 : hertz] = 1
    torch.testing.assert_close(magnitudes, expected, rtol=0, atol=1e-2)


@settings(max_examples=20)
@given(pitches=st.lists(st.floats(101, 199), min_size=1, max_size=12))
def test_the_phase_has_no_step_between_frames_of_different_pitch(pitches: list[float]) -> None:
    """With one harmonic only, neighbours of a sine of at most 199 Hz are at most 2 pi 199 / rate apart."""
    pitch = torch.tensor([pitches])
    sine = pulse_train(pitch, hop_length=HOP, sampling_rate=RATE, highest=200 / RATE)
    assert sine.shape == (1, len(pitches) * HOP)
    assert float(sine.abs().max()) <= 1 + 1e-3
    if sine.shape[1] > 1:
        assert float(sine.diff(dim=1).abs().max()) <= 2 * math.pi * 199 / RATE + 2e-3


def test_frames_that_follow_do_not_move_earlier_pulses_but_frames_before_do() -> None:
    pitch = 150 + 40 * torch.rand(1, 30, generator=torch.Generator().manual_seed(0))
    whole = pulse_train(pitch, hop_length=HOP, sampling_rate=RATE)
    beginning = pulse_train(pitch[:, :20], hop_length=HOP, sampling_rate=RATE)
    settled = 20 * HOP - HOP // 2  # behind the middle of its last frame, a pitch runs towards the next one's
    assert torch.equal(whole[:, :settled], beginning[:, :settled])
    pitch[0, 5] += 10
    moved = pulse_train(pitch, hop_length=HOP, sampling_rate=RATE)
    assert torch.equal(moved[:, : 4 * HOP], whole[:, : 4 * HOP])
    assert not torch.allclose(moved[:, -HOP:], whole[:, -HOP:], atol=0.1)


def test_a_phase_of_half_a_period_moves_pulses_by_half_a_period() -> None:
    pitch = torch.full((2, 10), 100.0)
    whole, half = pulse_train(pitch, hop_length=HOP, sampling_rate=RATE, phase=torch.tensor([0.0, 0.5]))
    torch.testing.assert_close(half[:-40], whole[40:], rtol=0, atol=1e-2)


def test_pulses_of_long_clips_keep_their_phase() -> None:
    """100 Hz at 8 kHz come every 80 samples; after two minutes they still do."""
    pitch = torch.full((1, 120 * RATE // HOP), 100.0)
    samples = pulse_train(pitch, hop_length=HOP, sampling_rate=RATE)[0]
    torch.testing.assert_close(samples[-800:], samples[:800], rtol=0, atol=1e-2)


def test_no_frames_have_no_pulses() -> None:
    assert pulse_train(torch.zeros(3, 0), hop_length=HOP, sampling_rate=RATE).shape == (3, 0)
