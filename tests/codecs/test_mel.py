import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from toktts.codecs._mel import LogMel
from toktts.errors import CodecError

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


# The mel that most LJSpeech systems share: 22,050 Hz, 1024 / 256, 80 Slaney bands to 8 kHz, reflected edges.

TACOTRON2 = LogMel.preset("tacotron2")


def slaney_filters(sampling_rate: int, n_fft: int, n_mels: int, f_max: float) -> np.ndarray:
    """Triangles of area 1 between points that are equally far apart on Slaney's scale, written out."""

    def hz(mel: np.ndarray) -> np.ndarray:
        return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * math.log(6.4) / 27))

    highest = 15 + 27 * math.log(f_max / 1000) / math.log(6.4)
    points = hz(np.linspace(0, highest, n_mels + 2))
    bins = np.arange(n_fft // 2 + 1) * sampling_rate / n_fft
    filters = np.zeros((n_mels, len(bins)))
    for band in range(n_mels):
        low, centre, high = points[band : band + 3]
        triangle = np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre))
        filters[band] = np.maximum(0, triangle) * 2 / (high - low)
    return filters


def centred_mel(samples: np.ndarray) -> np.ndarray:
    """What `np.log(np.maximum(librosa.feature.melspectrogram(y=samples, power=1, ...), 1e-5))` computes, in float64."""
    padded = np.pad(samples.astype(np.float64), 512, mode="reflect")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1024) / 1024)
    n_frames = len(samples) // 256 + 1
    frames = np.stack([padded[k * 256 : k * 256 + 1024] * window for k in range(n_frames)], axis=1)
    magnitudes = np.abs(np.fft.rfft(frames, axis=0))
    return np.log(np.maximum(slaney_filters(22_050, 1024, 80, 8000) @ magnitudes, 1e-5))


@settings(max_examples=15)
@given(st.integers(513, 9000))
def test_the_shared_mel_equals_the_one_written_out_without_its_last_frame(n_samples: int) -> None:
    samples = noise(n_samples, seed=n_samples)
    n_frames = math.ceil(n_samples / 256)
    ours = TACOTRON2(samples)[0].numpy()
    expected = centred_mel(samples[0].numpy())
    assert ours.shape == (80, n_frames)
    assert expected.shape[1] - n_frames == (1 if n_samples % 256 == 0 else 0)
    np.testing.assert_allclose(ours, expected[:, :n_frames], rtol=0, atol=1e-4)


@pytest.mark.parametrize("preset", ["tacotron2", "torchaudio"])
def test_the_shared_mel_equals_librosa_where_that_is_installed(preset: str) -> None:
    librosa = pytest.importorskip("librosa", reason="pip install librosa, to compare with it")
    samples = noise(22_050)
    options = {"htk": True, "norm": None, "power": 2.0} if preset == "torchaudio" else {"power": 1.0}
    mel = librosa.feature.melspectrogram(
        y=samples[0].numpy(), sr=22_050, n_fft=1024, hop_length=256, fmax=8000, n_mels=80, pad_mode="reflect", **options
    )
    ours = LogMel.preset(preset)(samples)[0].numpy()
    np.testing.assert_allclose(ours, np.log(np.maximum(mel, 1e-5))[:, : ours.shape[1]], rtol=0, atol=1e-4)


@pytest.mark.parametrize("n_samples", [0, 1, 255, 256, 257, 512, 513])
def test_clips_shorter_than_the_mirror_have_their_frames_too(n_samples: int) -> None:
    mel = TACOTRON2(noise(n_samples))
    assert mel.shape == (1, 80, math.ceil(n_samples / 256))
    assert bool(torch.isfinite(mel).all())


def test_a_clipped_floor_is_reached_exactly() -> None:
    assert torch.allclose(TACOTRON2(torch.zeros(1, 2048)), torch.tensor(math.log(1e-5)))


def test_bands_of_the_other_scale_have_equal_height_and_powers_are_squares() -> None:
    """A band's centre on the HTK scale is 2595 log10(1 + f / 700) apart from the next by the same step."""
    front = LogMel(16_000, 4096, hop_length=256, n_mels=10, mel_scale="htk", power=2)
    highest = 2595 * math.log10(1 + 8000 / 700)
    centres = 700 * (10 ** (np.arange(1, 11) * highest / 11 / 2595) - 1)
    peaks = front.filters.argmax(dim=1).numpy() * 16_000 / 4096
    np.testing.assert_allclose(peaks, centres, atol=16_000 / 4096)
    assert bool((front.filters.amax(dim=1) > 0.95).all())
    half, full = (front(scale * noise(4096)).clamp(min=-5) for scale in (0.5, 1.0))
    loud = half > -4
    torch.testing.assert_close((full - half)[loud], torch.full_like(full, math.log(4))[loud], rtol=0, atol=1e-2)


@pytest.mark.parametrize("preset", ["tacotron2", "torchaudio"])
def test_facts_build_the_same_frames_again(preset: str) -> None:
    front = LogMel.preset(preset)
    assert torch.equal(LogMel(**front.facts())(noise(3000)), front(noise(3000)))


def test_facts_of_the_usual_choices_are_as_they_always_were() -> None:
    names = {"sampling_rate", "n_fft", "hop_length", "win_length", "n_mels", "f_min", "f_max", "floor"}
    assert set(LOG_MEL.facts()) == names


@pytest.mark.parametrize("floor_by", ["add", "clip"])
@pytest.mark.parametrize("power", [1, 2])
def test_mel_values_undo_the_logarithm_and_the_floor(floor_by: str, power: int) -> None:
    front = LogMel(8000, 256, hop_length=64, n_mels=20, floor_by=floor_by, power=power)
    samples = noise(800)
    expected = front.filters @ front.spectrum(samples).abs() ** power
    torch.testing.assert_close(front.mel_values(front(samples)), expected, rtol=1e-4, atol=2e-5)
    assert float(front.mel_values(front(torch.zeros(1, 800))).abs().max()) < 1e-9


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"edges": "zero"}, "mel edges must be silence or reflect, got 'zero'; change it"),
        ({"floor_by": "max"}, "mel floor_by must be add or clip, got 'max'; change it"),
        ({"mel_scale": "bark"}, "mel mel_scale must be slaney or htk, got 'bark'; change it"),
        ({"power": 3}, "mel power must be 1 or 2, got 3; change it"),
    ],
)
def test_choices_that_do_not_exist_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(CodecError, match=message):
        LogMel(**options)


def test_an_unknown_preset_names_the_others() -> None:
    with pytest.raises(CodecError, match="no mel preset 'tacotron'; choose one of tacotron2, torchaudio"):
        LogMel.preset("tacotron")
