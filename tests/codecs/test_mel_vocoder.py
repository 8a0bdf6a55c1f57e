import dataclasses
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from toktts.audio import Waveform
from toktts.codecs import load_codec
from toktts.codecs.mel_vocoder import MelVocoder, MelVocoderOptions
from toktts.data.corpora._base import tiny_clip
from toktts.errors import CodecError


@pytest.fixture(scope="module")
def codec() -> MelVocoder:
    return MelVocoder.tiny()


def voice(index: int = 0) -> Waveform:
    return tiny_clip(index, sampling_rate=22_050)


def test_the_usual_options_are_the_mel_of_ljspeech_systems() -> None:
    codec = MelVocoder(MelVocoderOptions(hidden_size=8, intermediate_size=8, num_hidden_layers=1))
    assert (codec.sampling_rate, codec.hop_length, codec.n_mels) == (22_050, 256, 80)
    assert codec.encode(voice()).shape == (1, 80, -(-voice().samples.shape[1] // 256))
    assert codec.vocoder.n_fft == 1024
    assert codec.identity == load_codec("griffin_lim").identity, "so that voices can change their way back to sound"


def test_the_usual_sizes_fit_into_eight_mebibytes() -> None:
    weights = sum(parameter.numel() for parameter in MelVocoder(MelVocoderOptions()).parameters())
    assert 2 * weights < 8 * 2**20


def test_the_vocoder_sees_mel_of_mean_0_and_deviation_1(codec: MelVocoder) -> None:
    options = codec.options
    mel = torch.tensor([options.mel_mean, options.mel_mean + options.mel_std]).expand(1, 20, 2)
    torch.testing.assert_close(codec.frame_vectors(mel), torch.tensor([0.0, 1.0])[None, :, None].expand(1, 2, 20))


def test_mel_in_half_precision_can_be_decoded(codec: MelVocoder) -> None:
    """Caches hold it so."""
    mel = codec.encode(voice())
    assert codec.decode(mel.half()).samples.shape == (1, mel.shape[2] * 256)


def test_the_identity_follows_the_mel_but_not_the_vocoder(codec: MelVocoder) -> None:
    other = MelVocoder(dataclasses.replace(codec.options, hidden_size=8, num_hidden_layers=1))
    wider = MelVocoder(dataclasses.replace(codec.options, f_max=11_000.0))
    assert other.identity == codec.identity != wider.identity


def test_gradients_reach_every_weight_of_the_vocoder(codec: MelVocoder) -> None:
    output = codec(torch.randn(1, 20, 12))
    (output.samples.square().mean() + output.log_pitch.mean() + output.voicing.mean()).backward()
    assert all(parameter.grad is not None for parameter in codec.parameters())
    codec.zero_grad()


def test_decoding_draws_nothing_and_equals_vocoding(codec: MelVocoder) -> None:
    mel, before = codec.encode(voice()).clone(), torch.get_rng_state()
    once, again = codec.decode(mel).samples, codec.decode(mel).samples
    assert torch.equal(once, again)
    assert torch.equal(torch.get_rng_state(), before)
    torch.testing.assert_close(codec.vocode(mel).clamp(-1, 1), once, rtol=0, atol=1e-5)


def test_weights_are_saved_in_half_precision_beside_their_options(codec: MelVocoder, tmp_path: Path) -> None:
    codec.save_pretrained(tmp_path)
    facts = json.loads((tmp_path / "codec.json").read_text(encoding="utf-8"))
    assert facts == {"codec": "mel_vocoder", "version": 1, "options": dataclasses.asdict(codec.options)}
    assert {tensor.dtype for tensor in load_file(tmp_path / "model.safetensors").values()} == {torch.float16}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hop_length": 0}, "hop_length must be at least 1, got 0; leave it out for the default"),
        ({"n_fft": 128}, "n_fft must be even and at least hop_length 256, got 128; use four times that"),
        ({"f_max": 12_000.0}, "f_max must lie above 0 and at most at 11025 Hz, got 12000.0; 8000 is usual"),
        ({"mel_std": 0.0}, "mel_std must lie between 0.01 and 100, got 0.0; leave it out"),
    ],
)
def test_options_that_make_no_codec_are_refused_by_key(change: dict[str, float], message: str) -> None:
    with pytest.raises(CodecError, match=message) as caught:
        MelVocoderOptions(**change)
    assert caught.value.key == f"codec.options.{next(iter(change))}"


def test_mel_of_another_shape_or_with_holes_is_refused(codec: MelVocoder) -> None:
    with pytest.raises(CodecError, match=r"mel must be \(batch, 20, n_frames\), got \(1, 21, 4\); encode it again"):
        codec.decode(torch.zeros(1, 21, 4))
    with pytest.raises(CodecError, match=r"mel is not finite \(NaN or infinity\); the model that made it is broken"):
        codec.decode(torch.full((1, 20, 4), torch.nan))


def test_a_folder_of_other_weights_is_refused(codec: MelVocoder, tmp_path: Path) -> None:
    codec.save_pretrained(tmp_path)
    facts = json.loads((tmp_path / "codec.json").read_text(encoding="utf-8"))
    facts["options"]["hidden_size"] = 24
    (tmp_path / "codec.json").write_text(json.dumps(facts), encoding="utf-8")
    with pytest.raises(CodecError, match=r"model.safetensors: cannot be read \(.*\); copy the whole folder again"):
        load_codec(tmp_path)
