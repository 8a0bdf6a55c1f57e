import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from toktts.audio import Waveform
from toktts.audio.energy import frame_energy, frame_levels


def noise(n_samples: int) -> Waveform:
    return Waveform(0.1 * torch.randn(n_samples, generator=torch.Generator().manual_seed(n_samples)), 22_050)


@settings(max_examples=20)
@given(st.integers(513, 6000))
def test_it_is_the_norm_of_the_transform_written_out(n_samples: int) -> None:
    """What FastSpeech2's preparation computes: centred frames of 1024 under a Hann window, edges reflected."""
    waveform = noise(n_samples)
    padded = np.pad(waveform.samples[0].double().numpy(), 512, mode="reflect")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1024) / 1024)
    frames = [padded[k * 256 : k * 256 + 1024] * window for k in range(math.ceil(n_samples / 256))]
    expected = np.linalg.norm(np.fft.rfft(frames), axis=1)
    np.testing.assert_allclose(frame_energy(waveform, hop_length=256, first_centre=0)[0].numpy(), expected, rtol=1e-4)


@settings(max_examples=20)
@given(st.integers(0, 1500), st.sampled_from([None, 0, 128]))
def test_every_hop_begun_has_a_frame(n_samples: int, first_centre: float | None) -> None:
    energy = frame_energy(noise(n_samples), hop_length=256, first_centre=first_centre)
    assert energy.shape == (1, math.ceil(n_samples / 256))
    assert bool(torch.isfinite(energy).all())


@pytest.mark.parametrize("gain", [0.0, 0.5, 2.0])
def test_it_grows_as_the_samples_do(gain: float) -> None:
    waveform = noise(4000)
    louder = Waveform(waveform.samples * gain, 22_050)
    expected = gain * frame_energy(waveform, hop_length=256)
    torch.testing.assert_close(frame_energy(louder, hop_length=256), expected, rtol=1e-4, atol=1e-4)


def test_levels_are_in_decibel_of_full_scale() -> None:
    samples = torch.cat([torch.full((100,), 0.1), torch.zeros(100), torch.ones(50)])
    levels = frame_levels(Waveform(samples, 1000), hop_length=100)
    # The last frame is half padding: half the power.
    assert levels.tolist() == pytest.approx([-20.0, -120.0, -3.01], abs=0.01)
