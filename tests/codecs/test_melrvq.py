import dataclasses
import json
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from toktts.audio import Waveform
from toktts.codecs._rvq import dequantize
from toktts.codecs.melrvq import WEIGHTS_FILE, MelRVQ, MelRVQOptions
from toktts.data.corpora._base import tiny_clip
from toktts.errors import CodecError


@pytest.fixture(scope="module")
def codec() -> MelRVQ:
    return MelRVQ.tiny()


def voice(index: int = 0) -> Waveform:
    return tiny_clip(index, sampling_rate=24_000)


def test_the_usual_options_give_75_frames_of_2_x_10_bits_a_second() -> None:
    options = MelRVQOptions()
    assert options.sampling_rate / options.hop_length == 75
    assert options.n_codebooks * 75 * 10 == 1500
    assert options.codebook_size == 2**10


def test_codes_name_the_centroids_nearest_to_the_mel_frames(codec: MelRVQ) -> None:
    mel = (codec.log_mel(voice().samples)[0].T - codec.mean) * codec.scale
    codes = codec.encode(voice())[0]
    ours = (mel - dequantize(codes, codec.codebooks)).square().sum(dim=1)
    for first in range(codec.codebook_size):
        other = codes.clone()
        other[0] = first
        residual = mel - codec.codebooks[0][first]
        assert ((mel - codec.codebooks[0][codes[0]]).square().sum(1) <= residual.square().sum(1) + 1e-4).all()
    assert ours.mean() < mel.square().sum(dim=1).mean()


@settings(max_examples=10)
@given(n_samples=st.integers(1, 4000))
def test_silence_behind_a_clip_does_not_change_its_codes(codec: MelRVQ, n_samples: int) -> None:
    samples = voice().samples[:, 5000 : 5000 + n_samples]
    padded = torch.nn.functional.pad(samples, (0, 3000))
    alone, longer = (codec.encode(Waveform(given, 24_000)) for given in (samples, padded))
    assert torch.equal(longer[:, :, : alone.shape[2]], alone)


def test_the_low_bands_count_for_more_when_codes_are_chosen(codec: MelRVQ) -> None:
    assert (codec.scale.diff() < 0).all()
    assert float(codec.scale[0] / codec.scale[-1]) == pytest.approx(1.4 / 0.7, rel=1e-5)


def test_fitting_on_the_same_frames_gives_the_same_codec(codec: MelRVQ) -> None:
    mel = torch.randn(200, codec.n_mels)
    one, other = (MelRVQ(codec.options) for _ in range(2))
    for each in (one, other):
        each.fit(mel, iterations=3, seed=1)
    assert one.identity == other.identity != codec.identity


def test_training_the_vocoder_leaves_identity_and_codes_alone() -> None:
    codec = MelRVQ.tiny()
    identity, codes = codec.identity, codec.encode(voice()).clone()
    optimizer = torch.optim.SGD(codec.parameters(), lr=0.1)
    codec.train()
    codec(codes).samples.square().mean().backward()
    optimizer.step()
    assert codec.identity == identity
    assert torch.equal(codec.encode(voice()), codes)


def test_the_identity_follows_the_front_and_the_codebooks_but_not_the_vocoder() -> None:
    base = MelRVQ.tiny().options
    names = {
        name: MelRVQ(dataclasses.replace(base, **change)).identity
        for name, change in {
            "base": {},
            "vocoder": {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "kernel_size": 3}
            | {"code_embedding_size": 4},
            "floor": {"floor": 1e-4},
            "hop": {"hop_length": 160},
        }.items()
    }
    assert names["vocoder"] == names["base"]
    assert len({names["base"], names["floor"], names["hop"]}) == 3


def test_gradients_reach_the_vocoder_and_the_code_embeddings_only() -> None:
    codec = MelRVQ.tiny().train()
    output = codec(torch.randint(16, (1, 2, 20)))
    (output.samples.square().mean() + output.log_pitch.mean() + output.voicing.mean()).backward()
    assert all(parameter.grad is not None for parameter in codec.parameters())
    assert not any(tensor.requires_grad for tensor in (codec.mean, codec.scale, codec.codebooks))


def test_vocoding_equals_decoding(codec: MelRVQ) -> None:
    codes = codec.encode(voice()).clone()
    torch.testing.assert_close(codec.vocode(codes).clamp(-1, 1), codec.decode(codes).samples, rtol=0, atol=1e-5)


def test_decoding_is_the_same_every_time_and_draws_nothing(codec: MelRVQ) -> None:
    codes = codec.encode(voice())
    before = torch.get_rng_state()
    once, again = codec.decode(codes).samples, codec.decode(codes).samples
    assert torch.equal(once, again)
    assert torch.equal(torch.get_rng_state(), before)


def test_rows_of_a_batch_sound_as_they_do_alone(codec: MelRVQ) -> None:
    """Bit by bit: a rounding error in a pitch would grow with every period."""
    codes = torch.randint(16, (3, 2, 200), generator=torch.Generator().manual_seed(0))
    counts = torch.tensor([200, 3, 77])
    together = codec.decode(codes, n_frames=counts)
    for row, count, clip in zip(codes, counts.tolist(), together, strict=True):
        assert torch.equal(clip.samples, codec.decode(row[None, :, :count]).samples)


def test_the_codec_speaks_at_a_pitch_that_is_given(codec: MelRVQ) -> None:
    codes = codec.encode(voice())
    low, high = (codec(codes, pitch=torch.full((1, codes.shape[2]), hertz)) for hertz in (100.0, 200.0))
    assert not torch.allclose(low.samples, high.samples, atol=1e-3)
    assert torch.equal(low.log_pitch, high.log_pitch), "the prediction is what it was"


def test_rounded_weights_are_those_that_are_stored(tmp_path: Path) -> None:
    trained = MelRVQ.tiny()
    with torch.no_grad():
        for parameter in trained.parameters():
            parameter += 1e-5 * torch.randn_like(parameter)
    trained.round_weights()
    trained.save_pretrained(tmp_path)
    copy = MelRVQ.from_pretrained(tmp_path).state_dict()
    assert all(torch.equal(copy[name], tensor) for name, tensor in trained.state_dict().items())


def test_weights_are_stored_in_half_precision_but_the_quantiser_exactly(codec: MelRVQ, tmp_path: Path) -> None:
    codec.save_pretrained(tmp_path)
    stored = load_file(tmp_path / WEIGHTS_FILE)
    exact = {name for name, tensor in stored.items() if tensor.dtype == torch.float32}
    assert exact == {"mean", "scale", "codebooks"}
    assert torch.equal(stored["codebooks"], codec.codebooks)
    facts = json.loads((tmp_path / "codec.json").read_text(encoding="utf-8"))
    assert facts == {"codec": "melrvq", "version": 2, "options": dataclasses.asdict(codec.options)}


def test_building_a_tiny_codec_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    MelRVQ.tiny()
    assert torch.equal(before, torch.get_rng_state())


def test_too_few_frames_are_refused_with_how_many_are_wanted(codec: MelRVQ) -> None:
    with pytest.raises(CodecError, match="63 mel frames are too few for codebooks of 16, which want 64; give more"):
        codec.fit(torch.zeros(63, codec.n_mels))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_codebooks": 9}, "codec.options.n_codebooks: n_codebooks must be 1 to 8, got 9; 2 is 1.5 kbps"),
        ({"codebook_size": 40_000}, "codebook_size must be 2 to 32768, got 40000; 1024 is usual"),
        ({"hop_length": 7}, "hop_length must divide sampling_rate 24000, got 7; use 320 at 24000 Hz"),
        ({"hop_length": 0}, "hop_length must be at least 1, got 0"),
        ({"n_fft": 1281}, "n_fft must be even and at least hop_length 320, got 1281; use four times that"),
        ({"n_fft": 318}, "n_fft must be even and at least hop_length 320, got 318"),
        ({"n_mels": 641}, "n_mels must be 1 to 640, half of n_fft, got 641; 80 is usual"),
        ({"kernel_size": 4}, "kernel_size must be odd, got 4; 7 is usual"),
        ({"floor": 0.0}, "floor must lie above 0, got 0.0"),
        ({"code_embedding_size": 0}, "code_embedding_size must be at least 1, got 0"),
        ({"hidden_size": 0}, "hidden_size must be at least 1, got 0; leave it out for the default"),
    ],
)
def test_options_that_cannot_work_are_refused(options: dict[str, int], message: str) -> None:
    with pytest.raises(CodecError, match=message):
        MelRVQOptions(**options)


def damage_options(folder: Path) -> None:
    facts = json.loads((folder / "codec.json").read_text(encoding="utf-8"))
    facts["options"]["n_codebooks"] = 12
    (folder / "codec.json").write_text(json.dumps(facts), encoding="utf-8")


def widen_options(folder: Path) -> None:
    facts = json.loads((folder / "codec.json").read_text(encoding="utf-8"))
    facts["options"]["hidden_size"] = 24
    (folder / "codec.json").write_text(json.dumps(facts), encoding="utf-8")


def cut_weights(folder: Path) -> None:
    path = folder / WEIGHTS_FILE
    path.write_bytes(path.read_bytes()[:1000])


@pytest.mark.parametrize("damage", [damage_options, widen_options, cut_weights])
def test_a_damaged_folder_is_refused_in_one_line(codec: MelRVQ, tmp_path: Path, damage) -> None:
    codec.save_pretrained(tmp_path)
    damage(tmp_path)
    with pytest.raises(CodecError, match=r"cannot be read .*; copy the whole folder again") as caught:
        MelRVQ.from_pretrained(tmp_path)
    assert len(caught.value.one_line().splitlines()) == 1


def test_another_version_is_refused(codec: MelRVQ, tmp_path: Path) -> None:
    codec.save_pretrained(tmp_path)
    text = (tmp_path / "codec.json").read_text(encoding="utf-8")
    (tmp_path / "codec.json").write_text(text.replace('"version": 2', '"version": 1'), encoding="utf-8")
    with pytest.raises(CodecError, match="is not a melrvq codec of version 2; make it again"):
        MelRVQ.from_pretrained(tmp_path)


@torch.no_grad()
def test_certain_probabilities_sound_like_their_codes() -> None:
    codec = MelRVQ.tiny()
    codes = torch.randint(0, 16, (2, 2, 20), generator=torch.Generator().manual_seed(0))
    n_frames = torch.tensor([20, 6])
    hard = codec.decode(codes, n_frames=n_frames)
    soft = codec.decode_soft(torch.nn.functional.one_hot(codes, 16).float(), n_frames=n_frames)
    torch.testing.assert_close(soft.samples, hard.samples, rtol=0, atol=1e-4)
    assert torch.equal(soft.row_lengths, hard.row_lengths)


@torch.no_grad()
def test_mixed_probabilities_lie_between_their_codes() -> None:
    codec = MelRVQ.tiny()
    codes = torch.zeros(2, 2, 4, dtype=torch.long)
    codes[1] = 5
    halves = torch.nn.functional.one_hot(codes, 16).float().mean(dim=0)
    expected = codec.frame_vectors(codes).mean(dim=0)
    torch.testing.assert_close(codec._mean_frame_vectors(halves), expected)
