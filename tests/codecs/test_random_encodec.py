from pathlib import Path

import torch
from transformers import EncodecModel

from toktts.audio import Waveform
from toktts.codecs import fill_codebooks, load_codec, save_random_encodec
from toktts.codecs._random_encodec import random_encodec, tiny_config
from toktts.codecs.encodec import HuggingFaceCodec


def entropy_bits(codes: torch.Tensor) -> float:
    shares = torch.bincount(codes.flatten()).float() / codes.numel()
    shares = shares[shares > 0]
    return float(-(shares * shares.log2()).sum())


def test_a_saved_random_encodec_has_the_frames_and_codes_of_the_real_one(tmp_path: Path) -> None:
    save_random_encodec(tmp_path, seed=3, small=True)
    codec = load_codec(tmp_path)
    assert isinstance(codec, HuggingFaceCodec)
    facts = (codec.sampling_rate, codec.frame_rate, codec.n_codebooks, codec.codebook_size, codec.bandwidth_kbps)
    assert facts == (24_000, 75.0, 2, 1024, 1.5)


def test_sound_chooses_the_codes_of_a_random_encodec() -> None:
    """At least 2 of the 4 bits of each codebook of 16 are used on noise that swells."""
    codec = HuggingFaceCodec.tiny()
    noise = torch.rand(1, 72_000, generator=torch.Generator().manual_seed(5)) - 0.5
    codes = codec.encode(Waveform(noise * torch.linspace(0, 1, 72_000), 24_000))[0]
    assert min(entropy_bits(row) for row in codes) > 2


def test_filling_touches_the_codebooks_only_and_gives_the_same_for_a_seed() -> None:
    torch.manual_seed(0)
    model = EncodecModel(tiny_config())
    before = {key: value.clone() for key, value in model.state_dict().items()}
    fill_codebooks(model, 7)
    changed = {key for key, value in model.state_dict().items() if not torch.equal(value, before[key])}
    assert all("codebook" in key for key in changed)
    assert sum(key.endswith("embed") for key in changed) == 2
    filled = {key: value.clone() for key, value in model.state_dict().items()}
    fill_codebooks(model, 7)
    assert all(torch.equal(value, filled[key]) for key, value in model.state_dict().items())
    fill_codebooks(model, 8)
    assert not all(torch.equal(value, filled[key]) for key, value in model.state_dict().items())


def test_seeds_give_different_models_and_leave_the_global_seed_alone() -> None:
    before = torch.get_rng_state()
    one, two = (random_encodec(tiny_config(), seed=seed) for seed in (1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(one.quantizer.layers[0].codebook.embed, two.quantizer.layers[0].codebook.embed)
