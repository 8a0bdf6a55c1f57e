"""What every codec keeps: a new file in toktts/codecs/ is tested without a line here."""

import functools
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from toktts import registry
from toktts.audio import Waveform
from toktts.codecs import Codec, load_codec
from toktts.errors import AudioError, CodecError, SamplingRateError

NAMES = registry.available("toktts.codecs")
RECEPTIVE_FRAMES = 12
"""No codec here looks further than this at the frames beside one."""

every_codec = pytest.mark.parametrize("name", NAMES)
a_few = settings(max_examples=10)


@functools.cache
def tiny(name: str) -> Codec:
    return registry.load("toktts.codecs", name, Codec).tiny()


def speech_like(codec: Codec, n_samples: int, *, seed: int = 0, batch: int = 1) -> Waveform:
    """Noise that swells and fades: (batch, n_samples) in [-0.5, 0.5]."""
    noise = torch.rand(batch, n_samples, generator=torch.Generator().manual_seed(seed)) - 0.5
    swell = torch.sin(torch.arange(n_samples) / codec.sampling_rate * 9.0).abs()
    return Waveform(noise * swell, codec.sampling_rate)


def some_features(codec: Codec, n_frames: int, *, seed: int = 0, batch: int = 1) -> torch.Tensor:
    if codec.feature_kind == "codes":
        generator = torch.Generator().manual_seed(seed)
        return torch.randint(codec.codebook_size, (batch, codec.n_codebooks, n_frames), generator=generator)
    return codec.encode(speech_like(codec, n_frames * codec.hop_length, seed=seed, batch=batch))


def same(first: torch.Tensor, second: torch.Tensor, *, atol: float = 1e-4) -> bool:
    if not first.is_floating_point():
        return torch.equal(first, second)
    return first.shape == second.shape and torch.allclose(first, second, atol=atol)


@every_codec
def test_the_frame_rate_times_the_hop_is_the_sampling_rate(name: str) -> None:
    codec = tiny(name)
    assert codec.frame_rate * codec.hop_length == pytest.approx(codec.sampling_rate, rel=1e-12)


@every_codec
def test_a_codec_says_how_large_its_features_are(name: str) -> None:
    codec = tiny(name)
    sizes = (codec.n_codebooks, codec.codebook_size) if codec.feature_kind == "codes" else (codec.n_mels,)
    assert min(sizes) > 0


@every_codec
@a_few
@given(n_samples=st.integers(0, 9000))
def test_encode_gives_as_many_frames_as_n_frames_promises(name: str, n_samples: int) -> None:
    codec = tiny(name)
    features = codec.encode(speech_like(codec, n_samples))
    channels = codec.n_codebooks or codec.n_mels
    assert features.shape == (1, channels, codec.n_frames(n_samples))
    assert codec.n_frames(n_samples) == -(-n_samples // codec.hop_length)
    assert features.dtype == (torch.int64 if codec.feature_kind == "codes" else torch.float32)


@every_codec
@a_few
@given(n_frames=st.integers(0, 40))
def test_decode_gives_a_hop_of_samples_a_frame_finite_and_within_one(name: str, n_frames: int) -> None:
    codec = tiny(name)
    waveform = codec.decode(some_features(codec, n_frames, seed=n_frames))
    assert waveform.samples.shape == (1, n_frames * codec.hop_length)
    assert waveform.sampling_rate == codec.sampling_rate
    assert bool(torch.isfinite(waveform.samples).all())
    assert not n_frames or float(waveform.samples.abs().max()) <= 1.0


@every_codec
def test_different_sounds_have_different_features_that_sound_different(name: str) -> None:
    codec = tiny(name)
    one, other = (codec.encode(speech_like(codec, 8000, seed=seed)) for seed in (1, 2))
    assert not torch.equal(one, other)
    assert not torch.equal(codec.decode(one).samples, codec.decode(other).samples)


@every_codec
def test_a_saved_and_loaded_codec_has_equal_features_and_sound(name: str, tmp_path: Path) -> None:
    """Weights may be stored in half precision, but a tiny codec has only such as that holds exactly."""
    codec = tiny(name)
    waveform = speech_like(codec, 8000)
    features = codec.encode(waveform)
    codec.save_pretrained(tmp_path / "copy")
    copy = load_codec(tmp_path / "copy")
    assert type(copy) is type(codec)
    assert copy.identity == codec.identity
    assert torch.equal(copy.encode(waveform), features)
    assert torch.equal(copy.decode(features).samples, codec.decode(features).samples)


@every_codec
def test_a_tiny_codec_is_the_same_every_time(name: str) -> None:
    again = registry.load("toktts.codecs", name, Codec).tiny()
    assert again.identity == tiny(name).identity


@every_codec
@a_few
@given(lengths=st.lists(st.integers(0, 9000), min_size=1, max_size=4))
def test_encoding_a_batch_equals_encoding_one_by_one(name: str, lengths: list[int]) -> None:
    codec = tiny(name)
    samples = speech_like(codec, max(lengths), batch=len(lengths)).samples
    batch = Waveform(samples, codec.sampling_rate, torch.tensor(lengths))
    features = codec.encode(batch)
    for row, clip in zip(features, batch, strict=True):
        alone = codec.encode(clip)[0]
        assert same(row[:, : alone.shape[-1]], alone)


@every_codec
@a_few
@given(counts=st.lists(st.integers(0, 30), min_size=1, max_size=4))
def test_decoding_a_batch_equals_decoding_one_by_one(name: str, counts: list[int]) -> None:
    codec = tiny(name)
    features = some_features(codec, max(counts), batch=len(counts))
    waveform = codec.decode(features, n_frames=torch.tensor(counts))
    assert waveform.row_lengths.tolist() == [count * codec.hop_length for count in counts]
    for row, count, clip in zip(features, counts, waveform, strict=True):
        assert same(clip.samples, codec.decode(row[None, :, :count]).samples)


@every_codec
def test_frames_that_do_not_count_may_hold_anything(name: str) -> None:
    """A collator pads codes with -100."""
    codec = tiny(name)
    features = some_features(codec, 20)
    padded = features.clone()
    padded[..., 12:] = -100
    count = torch.tensor([12])
    assert same(codec.decode(features, n_frames=count).samples, codec.decode(padded, n_frames=count).samples)


@every_codec
@a_few
@given(n_samples=st.integers(1, 6000), n_silence=st.integers(1, 6000))
def test_silence_behind_a_clip_does_not_change_its_earlier_frames(name: str, n_samples: int, n_silence: int) -> None:
    codec = tiny(name)
    clip = speech_like(codec, n_samples)
    padded = Waveform(torch.nn.functional.pad(clip.samples, (0, n_silence)), codec.sampling_rate)
    settled = max(0, codec.n_frames(n_samples) - RECEPTIVE_FRAMES)
    assert same(codec.encode(padded)[..., :settled], codec.encode(clip)[..., :settled])


@every_codec
def test_features_of_a_clip_can_train_a_model(name: str) -> None:
    """Tensors made in inference mode cannot be saved for a backward pass."""
    codec = tiny(name)
    assert not codec.encode(speech_like(codec, 2000)).is_inference()
    assert not codec.decode(some_features(codec, 4)).samples.is_inference()


@every_codec
def test_sound_at_another_rate_is_refused_with_both_rates(name: str) -> None:
    codec = tiny(name)
    message = f"codec expects {codec.sampling_rate} Hz, got 11025 Hz; call toktts.audio.resample first"
    with pytest.raises(SamplingRateError, match=message):
        codec.encode(Waveform(torch.zeros(1, 500), 11_025))


@every_codec
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_sound_that_is_not_finite_is_refused(name: str, bad: float) -> None:
    codec = tiny(name)
    samples = torch.zeros(1, 4000)
    samples[0, 1234] = bad
    with pytest.raises(AudioError, match="samples are not finite"):
        codec.encode(Waveform(samples, codec.sampling_rate))


@every_codec
def test_features_of_another_shape_are_refused(name: str) -> None:
    codec = tiny(name)
    features = some_features(codec, 6)
    wrong = torch.cat([features, features[:, :1]], dim=1)
    with pytest.raises(CodecError, match="must be"):
        codec.decode(wrong)


@every_codec
@a_few
@given(data=st.data())
def test_codes_are_decoded_in_range_and_refused_outside(name: str, data: st.DataObject) -> None:
    codec = tiny(name)
    if codec.feature_kind != "codes":
        return
    n_frames = data.draw(st.integers(1, 6))
    ids = st.integers(0, codec.codebook_size - 1)
    row = st.lists(ids, min_size=n_frames, max_size=n_frames)
    codes = torch.tensor([data.draw(st.lists(row, min_size=codec.n_codebooks, max_size=codec.n_codebooks))])
    assert codec.decode(codes).samples.shape == (1, n_frames * codec.hop_length)
    codes[0, -1, -1] = data.draw(st.sampled_from([-1, codec.codebook_size, 2**31]))
    with pytest.raises(CodecError, match=rf"must lie in \[0, {codec.codebook_size}\)"):
        codec.decode(codes)


@every_codec
def test_encoding_leaves_the_global_random_state_alone(name: str) -> None:
    codec = tiny(name)
    before = torch.get_rng_state()
    codec.decode(codec.encode(speech_like(codec, 3000)))
    registry.load("toktts.codecs", name, Codec).tiny()
    assert torch.equal(torch.get_rng_state(), before)
