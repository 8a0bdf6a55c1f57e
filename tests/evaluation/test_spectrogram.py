import io

import matplotlib.image
import numpy as np
import numpy.typing as npt
import pytest
import torch
from matplotlib.figure import Figure

from toktts.alignment import Alignment, Span
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


def test_what_is_said_when_is_drawn_below_at_its_time() -> None:
    waveform = Waveform(torch.zeros(48_000), 24_000)  # 2 s
    bare, timed = (_pixels(draw_spectrogram(waveform, tiers)) for tiers in ([], [_words(1.0, 1.5)]))
    assert timed.shape[0] > bare.shape[0]
    lowest = timed[-6, :, :3].mean(axis=1)  # a line through the box, below its label
    (boxed,) = np.nonzero(lowest < 0.99)
    inner_px = timed.shape[1] - 90 * 0.334
    left, right = ((edge - 90 * 0.304) / inner_px * 2.0 for edge in (boxed[0], boxed[-1]))
    assert (left, right) == (pytest.approx(1.0, abs=0.02), pytest.approx(1.5, abs=0.02))


def test_long_clips_are_wide_but_not_without_end() -> None:
    widths = [
        draw_spectrogram(Waveform(torch.zeros(24_000 * seconds), 24_000), [_words(0.1, 0.5)]).get_figwidth()
        for seconds in (1, 3, 100)
    ]
    assert widths == [3.2, pytest.approx(7.2), 12.0]


def _words(start_s: float, end_s: float) -> Alignment:
    return Alignment((Span("$2 word_", start_s, end_s),), 2.0, tier="word")  # no formula


def _pixels(figure: Figure) -> npt.NDArray[np.float32]:
    return np.asarray(matplotlib.image.imread(io.BytesIO(figure_png(figure))))
