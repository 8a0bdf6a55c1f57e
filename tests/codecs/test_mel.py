import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from toktts.codecs._mel import LogMel

LOG_MEL = LogMel()


def noise(n_samples: int, *, seed: int = 0) -> torch.Tensor:
    return torch.randn(1, n_samples, generator=torch.Generator().manual_seed(seed)) * 0.1


@settings(max_examples=25)
@given(st.integers(0, 3000))
def test_frames_are_the_samples_divided_by_the_hop_rounded_up(n_samples: int) -> None:
    assert LOG_MEL(noise(n_samples)).shape == (1, 80, math.ceil(n_samples / 320))


def test_silence_is_the_logarithm_of_the_floor() -> None:
    assert torch.allclose(LOG_MEL(torch.zeros(2, 960)), torch.tensor(math.log(1e-5)))


@settings(max_examples=25)
@given(st.integers(1, 3000), st.integers(0, 3000))
def test_a_clip_has_the_same_frames_alone_and_padded_with_silence(n_samples: int, padding: int) -> None:
    clip = noise(n_samples)
    alone = LOG_MEL(clip)
    padded = LOG_MEL(torch.nn.functional.pad(clip, (0, padding)))
    assert torch.allclose(alone, padded[..., : alone.shape[-1]], atol=1e-5)


def test_a_tone_is_loudest_in_the_band_that_holds_it() -> None:
    """A band's centre on the Slaney scale is linear below 1 kHz: 200/3 Hz a mel."""
    time_s = torch.arange(24_000) / 24_000
    tone = 0.5 * torch.sin(2 * math.pi * 600 * time_s)
    highest_mel = 15 + math.log(12_000 / 1000) / (math.log(6.4) / 27)
    expected_band = 600 / (200 / 3) / (highest_mel / 81) - 1
    assert abs(int(LOG_MEL(tone[None])[0, :, 30].argmax()) - expected_band) <= 1


@pytest.mark.parametrize(("n_fft", "hop_length"), [(512, 128), (401, 100), (1024, 255), (640, 640)])
def test_any_window_and_hop_keep_the_frame_law(n_fft: int, hop_length: int) -> None:
    log_mel = LogMel(16_000, n_fft, hop_length=hop_length, n_mels=20)
    for n_samples in (1, hop_length, hop_length + 1, 5 * hop_length - 1):
        assert log_mel(noise(n_samples)).shape[-1] == math.ceil(n_samples / hop_length)


def test_one_frame_equals_the_transform_written_out() -> None:
    log_mel = LogMel(n_fft=640, n_mels=12)
    samples = noise(320 * 5)
    segment = samples[0, 2 * 320 - 160 : 2 * 320 - 160 + 640].double().numpy()
    spectrum = np.abs(np.fft.rfft(segment * np.hanning(641)[:640]))
    expected = np.log(log_mel.filters.double().numpy() @ spectrum + 1e-5)
    assert np.allclose(log_mel(samples)[0, :, 2].numpy(), expected, atol=1e-4)
