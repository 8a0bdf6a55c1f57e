import io

import matplotlib.image
import numpy as np
import pytest
import torch

from toktts.audio import Waveform
from toktts.evaluation.report.spectrogram import draw_spectrogram, figure_png, spectrogram_db


@pytest.mark.parametrize("sampling_rate", [16000, 22050, 24000])
def test_a_full_scale_sine_is_0_db_in_its_bin_alone(sampling_rate: int) -> None:
    seconds = torch.arange(sampling_rate) / sampling_rate
    level = spectrogram_db(Waveform(torch.sin(2 * torch.pi * 1000 * seconds), sampling_rate))[:, 20:-20]
    bin_hz = sampling_rate / 2 / (len(level) - 1)
    np.testing.assert_array_equal(level.argmax(axis=0), round(1000 / bin_hz))
    np.testing.assert_allclose(level.max(axis=0), 0.0, atol=0.2)
    assert level[round(3000 / bin_hz) :].max() < -60


@pytest.mark.parametrize("n_samples", [1, 100, 768, 5000])
def test_silence_of_any_length_is_the_floor(n_samples: int) -> None:
    level = spectrogram_db(Waveform(torch.zeros(n_samples), 24000))
    assert level.shape[1] >= 1
    assert (level == -80).all()


def test_padding_behind_a_clip_is_not_drawn() -> None:
    waveform = Waveform(torch.rand(1, 4000), 24000, torch.tensor([1000]))
    np.testing.assert_array_equal(spectrogram_db(waveform), spectrogram_db(Waveform(waveform.samples[:, :1000], 24000)))


def test_a_picture_is_small_and_the_same_each_time() -> None:
    waveform = Waveform(torch.rand(24000, generator=torch.Generator().manual_seed(0)) - 0.5, 24000)
    one, again = (figure_png(draw_spectrogram(waveform)) for _ in range(2))
    assert one == again
    height, width, _ = matplotlib.image.imread(io.BytesIO(one)).shape
    assert (width, height) == (288, 117)
    assert len(one) < 100_000
