"""Pitch by WORLD beside our own."""

import importlib.util
import itertools
import math
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from toktts.audio import Waveform
from toktts.audio.pitch import track_pitch
from toktts.audio.pitch_world import require_world, track_pitch_with_world
from toktts.audio.reading import read_clip
from toktts.data.corpora.demo import Demo
from toktts.errors import AudioError, MissingPackageError

HAS_WORLD = importlib.util.find_spec("pyworld") is not None
needs_world = pytest.mark.skipif(not HAS_WORLD, reason="needs pyworld (pip install 'toktts[pitch]')")
RATES = [(22050, 256), (24000, 300), (16000, 200), (22050, 275)]
EDGE = 3  # frames at either end that see the end of the tone


def tone(f0: torch.Tensor, rate: int) -> torch.Tensor:
    """A tone of f0 (n_samples,) Hz with ten harmonics, those the rate can hold."""
    phase = 2 * math.pi * torch.cumsum(f0.double() / rate, 0)
    return (0.2 * torch.stack([torch.sin(phase * k) / k * (f0 * k < rate / 2.2) for k in range(1, 11)]).sum(0)).float()


def noise(n_samples: int, seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(n_samples, generator=torch.Generator().manual_seed(seed))


@needs_world
@pytest.mark.parametrize(("rate", "hop"), RATES)
@pytest.mark.parametrize("pitch_hz", [80.0, 123.4, 220.0, 350.0])
def test_the_pitch_of_a_harmonic_tone_is_found_within_1_percent(rate: int, hop: int, pitch_hz: float) -> None:
    samples = tone(torch.full((rate // 2,), pitch_hz), rate)
    f0 = track_pitch_with_world(Waveform(samples, rate), hop_length=hop).f0
    assert len(f0) == math.ceil(len(samples) / hop)
    torch.testing.assert_close(f0[EDGE:-EDGE], torch.full_like(f0[EDGE:-EDGE], pitch_hz), rtol=0.01, atol=0)


@needs_world
@pytest.mark.parametrize("centre", [None, 0.0, 37.0])
def test_frames_lie_where_those_of_our_own_do(centre: float | None) -> None:
    """A glide of 200 Hz a second: a hop too early or too late would be 10 Hz off."""
    rate, hop = 16_000, 800
    f0 = 150 + 200 * torch.arange(rate) / rate
    found = track_pitch_with_world(Waveform(tone(f0, rate), rate), hop_length=hop, first_centre=centre).f0
    where = (torch.arange(len(found)) * hop + (hop / 2 if centre is None else centre)).long()
    assert (found - f0[where])[EDGE:-EDGE].abs().max() < 2


@needs_world
@pytest.mark.parametrize("seed", range(3))
def test_noise_has_no_pitch(seed: int) -> None:
    assert not track_pitch_with_world(Waveform(noise(44100, seed), 22050), hop_length=256).voiced.any()


@needs_world
@pytest.mark.parametrize("samples", [torch.zeros(22050), torch.full((22050,), 0.3)])
def test_silence_has_no_pitch(samples: torch.Tensor) -> None:
    assert not track_pitch_with_world(Waveform(samples, 22050), hop_length=256).voiced.any()


@needs_world
def test_both_agree_on_recordings_within_5_percent_where_both_hear_a_voice() -> None:
    """Frames beside an unvoiced one aside, where a part of what is heard is no voice."""
    gaps = []
    for utterance in itertools.islice(Demo(), 8):
        clip = read_clip(utterance.audio, sampling_rate=22_050)
        ours, world = (track(clip, hop_length=256).f0 for track in (track_pitch, track_pitch_with_world))
        both = (ours > 0) & (world > 0)
        inside = both[:-2] & both[1:-1] & both[2:]
        assert inside.float().mean() > 0.3
        gaps.append((world / ours - 1).abs()[1:-1][inside])
    assert float(torch.cat(gaps).median()) < 0.01
    assert float((torch.cat(gaps) < 0.05).float().mean()) > 0.97
    assert float(gaps[2].max()) < 0.05


@needs_world
@settings(max_examples=25, deadline=None)
@given(
    n_samples=st.sampled_from([0, 1, 2, 255, 256, 257]) | st.integers(0, 4000),
    hop=st.sampled_from([7, 160, 256, 5000]),
    level=st.sampled_from([0.0, 1e-6, 1.0]),
)
def test_any_short_sound_gives_a_finite_pitch_for_each_hop(n_samples: int, hop: int, level: float) -> None:
    samples = level * noise(n_samples if hop > 7 else n_samples % 300)
    f0 = track_pitch_with_world(Waveform(samples, 16000), hop_length=hop).f0
    assert len(f0) == math.ceil(len(samples) / hop)
    assert torch.isfinite(f0).all()
    assert (f0 >= 0).all()


@needs_world
def test_several_clips_at_once_are_refused() -> None:
    with pytest.raises(AudioError, match="pitch is tracked one clip at a time, not 2 at once; pass one row"):
        track_pitch_with_world(Waveform(torch.zeros(2, 100), 22050), hop_length=256)


def test_a_missing_package_is_one_line_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyworld", None)
    with pytest.raises(MissingPackageError) as caught:
        require_world()
    assert caught.value.one_line() == (
        "toktts: error: pyworld: is not installed, and the pitch is to be WORLD's (data.pitch_estimator); "
        "pip install 'pyworld>=0.3.5'"
    )
