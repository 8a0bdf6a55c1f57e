import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from toktts.audio import Waveform
from toktts.audio.pitch import DIGITAL_SILENCE, PitchTrack, track_pitch
from toktts.errors import AudioError

RATES = [(22050, 256), (24000, 300), (16000, 200)]
EDGE = 5  # frames at either end that see the end of the tone


def voice(f0: torch.Tensor, rate: int, harmonics: range = range(1, 11)) -> torch.Tensor:
    """A tone of f0 (n_samples,) Hz with these harmonics, those the rate can hold."""
    phase = 2 * math.pi * torch.cumsum(f0.double() / rate, 0)
    parts = [torch.sin(phase * order) / order * (f0 * order < rate / 2.2) for order in harmonics]
    return (0.2 * torch.stack(parts).sum(0)).float()


def steady(pitch_hz: float, rate: int, *, seconds: float = 0.4, harmonics: range = range(1, 11)) -> torch.Tensor:
    return voice(torch.full((round(seconds * rate),), pitch_hz), rate, harmonics)


def cents(found: torch.Tensor, expected: torch.Tensor | float) -> torch.Tensor:
    return 1200 * torch.log2(found / expected)


def noise(n_samples: int, seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(n_samples, generator=torch.Generator().manual_seed(seed))


# 1: a sine; 1 to 10: like a voice; 3 to 8: as by telephone, with nothing at the pitch itself.
@pytest.mark.parametrize("harmonics", [range(1, 2), range(1, 11), range(3, 9)])
@pytest.mark.parametrize(("rate", "hop"), RATES)
def test_steady_tones_are_found_within_10_cents_and_never_an_octave_off(rate: int, hop: int, harmonics: range) -> None:
    for pitch_hz in (62.0, 80.0, 100.0, 123.4, 150.0, 180.0, 220.0, 261.6, 300.0, 350.0, 440.0, 495.0):
        samples = steady(pitch_hz, rate, harmonics=harmonics)
        f0 = track_pitch(Waveform(samples, rate), hop_length=hop).f0[EDGE:-EDGE]
        assert (f0 > 0).all(), pitch_hz
        assert cents(f0, pitch_hz).abs().max() < 10, pitch_hz


@pytest.mark.parametrize(("rate", "hop"), RATES)
@pytest.mark.parametrize(("first_hz", "last_hz"), [(80.0, 320.0), (320.0, 80.0), (150.0, 250.0)])
def test_glides_are_followed_within_10_cents_at_the_middle_of_each_frame(
    rate: int, hop: int, first_hz: float, last_hz: float
) -> None:
    n_samples = 2 * rate
    f0 = first_hz * (last_hz / first_hz) ** (torch.arange(n_samples) / n_samples)
    track = track_pitch(Waveform(voice(f0, rate), rate), hop_length=hop)
    middles = ((torch.arange(len(track.f0)) + 0.5) * hop).long().clamp(max=n_samples - 1)
    assert cents(track.f0, f0[middles])[EDGE:-EDGE].abs().max() < 10


@pytest.mark.parametrize("samples", [torch.zeros(22050), torch.full((22050,), 0.3), torch.full((22050,), 1e-5)])
def test_silence_has_no_pitch(samples: torch.Tensor) -> None:
    assert not track_pitch(Waveform(samples, 22050), hop_length=256).voiced.any()


def test_silence_between_two_tones_has_no_pitch() -> None:
    tone = steady(150.0, 22050)
    samples = torch.cat([tone, torch.zeros(22050), tone])
    voiced = track_pitch(Waveform(samples, 22050), hop_length=256).voiced
    first, last = len(tone) // 256 + EDGE, (len(tone) + 22050) // 256 - EDGE
    assert not voiced[first:last].any()
    assert voiced[EDGE : first - 2 * EDGE].all()


@pytest.mark.parametrize("seed", range(3))
def test_noise_is_mostly_without_pitch(seed: int) -> None:
    voiced = track_pitch(Waveform(noise(44100, seed), 22050), hop_length=256).voiced
    assert voiced.float().mean() < 0.02


def test_a_voice_in_noise_20_db_below_it_is_still_found() -> None:
    samples = steady(140.0, 22050, seconds=1.0)
    noisy = samples + noise(len(samples)) * samples.std()
    f0 = track_pitch(Waveform(noisy, 22050), hop_length=256).f0[EDGE:-EDGE]
    assert (f0 > 0).float().mean() > 0.98
    assert cents(f0[f0 > 0], 140.0).abs().max() < 30


@settings(max_examples=40)
@given(
    n_samples=st.sampled_from([0, 1, 2, 10, 255, 256, 257, 1000, 3000]) | st.integers(0, 4000),
    hop=st.sampled_from([1, 7, 160, 256, 2000, 5000]),
    level=st.sampled_from([0.0, 1e-6, 0.1, 1.0]),
    seed=st.integers(0, 9),
)
def test_any_short_sound_gives_a_finite_pitch_for_each_hop(n_samples: int, hop: int, level: float, seed: int) -> None:
    samples = level * 10 * noise(n_samples if hop > 7 else n_samples % 300, seed).clamp(-0.1, 0.1)
    track = track_pitch(Waveform(samples, 16000), hop_length=hop)
    assert len(track.f0) == math.ceil(len(samples) / hop)
    assert torch.isfinite(track.f0).all()
    assert ((track.f0 == 0) | ((track.f0 > 55) & (track.f0 < 530))).all()
    assert torch.isfinite(track.continuous()).all()


def sentence(rate: int = 22050) -> torch.Tensor:
    """Tones, noise and silence in turn."""
    syllables = [steady(pitch_hz, rate, seconds=0.25) for pitch_hz in (120.0, 180.0, 95.0)]
    pieces = [[tone * torch.hann_window(len(tone)), noise(1500), torch.zeros(2000)] for tone in syllables]
    return torch.cat([part for piece in pieces for part in piece])


@pytest.mark.parametrize("hops", [1, 2, 7])
def test_silence_in_front_moves_the_pitch_by_whole_hops(hops: int) -> None:
    later = torch.cat([torch.zeros(hops * 256), sentence()])
    before, after = (track_pitch(Waveform(x, 22050), hop_length=256).f0 for x in (sentence(), later))
    assert not after[: max(0, hops - 2)].any()
    torch.testing.assert_close(after[hops:], before, rtol=1e-5, atol=0)


@pytest.mark.parametrize("gain_db", [-30.0, -6.0, 5.3])
def test_loudness_does_not_change_the_pitch(gain_db: float) -> None:
    before, after = (
        track_pitch(Waveform(gain * sentence(), 22050), hop_length=256).f0 for gain in (1.0, 10 ** (gain_db / 20))
    )
    torch.testing.assert_close(after, before, rtol=1e-3, atol=0)


def test_a_constant_offset_does_not_change_the_pitch() -> None:
    before, after = (track_pitch(Waveform(x, 22050), hop_length=256).f0 for x in (sentence(), sentence() + 0.2))
    # One frame that is barely voiced may fall to the other side.
    assert int((~torch.isclose(after, before, rtol=1e-3, atol=0)).sum()) <= 1


def test_samples_behind_the_length_of_a_clip_are_not_heard() -> None:
    padded = Waveform(torch.cat([sentence(), noise(5000)])[None], 22050, torch.tensor([len(sentence())]))
    alone = track_pitch(Waveform(sentence(), 22050), hop_length=256).f0
    assert torch.equal(track_pitch(padded, hop_length=256).f0, alone)


@given(f0=st.lists(st.sampled_from([0.0, 100.0, 200.0]), max_size=12))
def test_unvoiced_frames_lie_on_the_line_between_their_neighbours(f0: list[float]) -> None:
    track = PitchTrack(torch.tensor(f0), 256, 22050)
    filled = track.continuous()
    assert torch.equal(filled[track.voiced].round(), track.f0[track.voiced])
    if not track.voiced.any():
        assert not filled.any()
        return
    assert ((filled > 99) & (filled < 201)).all()
    for run_before, run_after in itertools.pairwise(torch.nonzero(track.voiced)[:, 0].tolist()):
        steps = filled[run_before : run_after + 1].log2().diff()
        torch.testing.assert_close(steps, steps.mean().expand_as(steps), rtol=1e-3, atol=1e-4)


def test_a_line_in_log_pitch_by_hand() -> None:
    track = PitchTrack(torch.tensor([0.0, 100.0, 0.0, 400.0, 0.0]), 256, 22050)
    torch.testing.assert_close(track.continuous(), torch.tensor([100.0, 100.0, 200.0, 400.0, 400.0]))


def test_what_cannot_be_tracked_is_refused() -> None:
    with pytest.raises(AudioError, match="pitch is tracked one clip at a time, not 2 at once; pass one row"):
        track_pitch(Waveform(torch.zeros(2, 100), 22050), hop_length=256)
    for f_min, f_max in ((0.0, 500.0), (500.0, 60.0), (60.0, 6000.0)):
        with pytest.raises(AudioError, match=rf"cannot search pitch from {f_min} to {f_max} Hz at 22050 Hz; give 0 < "):
            track_pitch(Waveform(torch.zeros(100), 22050), hop_length=256, f_min=f_min, f_max=f_max)


def test_digital_silence_is_what_16_bits_cannot_hold() -> None:
    assert DIGITAL_SILENCE == 1 / 32768


def test_frames_can_be_centred_elsewhere() -> None:
    """A glide of 100 Hz a second, tracked half a hop earlier, is half a hop's rise lower."""
    rate, hop = 16_000, 800
    time_s = torch.arange(rate) / rate
    glide = Waveform(0.4 * torch.sin(2 * math.pi * (150 * time_s + 50 * time_s**2)), rate)
    middle, start = (track_pitch(glide, hop_length=hop, first_centre=centre).f0[3:-3] for centre in (None, 0.0))
    assert float((middle - start).median()) == pytest.approx(100 * hop / 2 / rate, abs=0.5)
