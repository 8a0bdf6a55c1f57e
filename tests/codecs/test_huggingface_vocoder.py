import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    FastSpeech2ConformerHifiGan,
    FastSpeech2ConformerHifiGanConfig,
    SpeechT5FeatureExtractor,
    SpeechT5HifiGan,
    SpeechT5HifiGanConfig,
    UnivNetConfig,
    UnivNetFeatureExtractor,
    UnivNetModel,
)

from toktts.audio import Waveform
from toktts.codecs import load_codec
from toktts.codecs._mel import LogMel
from toktts.codecs._mel_codec import check_same_mel
from toktts.codecs.huggingface_vocoder import HuggingFaceVocoder
from toktts.data.corpora._base import tiny_clip
from toktts.errors import CodecError

SMALL = {"upsample_initial_channel": 16, "resblock_kernel_sizes": [3], "resblock_dilation_sizes": [[1]]}
SMALL_UNIVNET = {
    "model_in_channels": 4,
    "model_hidden_channels": 4,
    "resblock_kernel_sizes": [3, 3, 3],
    "resblock_dilation_sizes": [[1], [1], [1]],
    "kernel_predictor_num_blocks": 1,
    "kernel_predictor_hidden_channels": 4,
}


def speecht5(**wish: Any) -> SpeechT5HifiGan:
    return SpeechT5HifiGan(SpeechT5HifiGanConfig(**SMALL, **wish))


def conformer() -> FastSpeech2ConformerHifiGan:
    return FastSpeech2ConformerHifiGan(FastSpeech2ConformerHifiGanConfig(**SMALL))


def univnet() -> UnivNetModel:
    return UnivNetModel(UnivNetConfig(**SMALL_UNIVNET))


BUILDS: dict[str, tuple[Callable[[], Any], tuple[int, int, int, float, float]]] = {
    "speecht5": (speecht5, (16_000, 256, 80, 80.0, 7600.0)),
    "conformer": (conformer, (22_050, 256, 80, 80.0, 7600.0)),
    "univnet": (univnet, (24_000, 256, 100, 0.0, 12_000.0)),
}
every_kind = pytest.mark.parametrize("kind", BUILDS)


def saved(kind: str, folder: Path) -> Path:
    torch.manual_seed(0)
    BUILDS[kind][0]().save_pretrained(folder)
    return folder


def voice(rate: int) -> Waveform:
    return tiny_clip(0, sampling_rate=rate)


@every_kind
def test_a_folder_of_transformers_is_a_codec_of_the_mel_it_was_made_for(kind: str, tmp_path: Path) -> None:
    codec = load_codec(saved(kind, tmp_path))
    assert isinstance(codec, HuggingFaceVocoder)
    mel = codec.log_mel
    assert (codec.sampling_rate, codec.hop_length, codec.n_mels, mel.f_min, mel.f_max) == BUILDS[kind][1]
    features = codec.encode(voice(codec.sampling_rate))
    sound = codec.decode(features)
    assert sound.samples.shape == (1, features.shape[2] * codec.hop_length)
    assert torch.equal(sound.samples, codec.decode(features).samples)


@every_kind
@pytest.mark.parametrize("n_frames", [1, 3, 9])
def test_few_frames_can_be_spoken_too(kind: str, n_frames: int, tmp_path: Path) -> None:
    codec = load_codec(saved(kind, tmp_path))
    assert codec.decode(torch.zeros(1, codec.n_mels, n_frames)).samples.shape == (1, n_frames * 256)


@every_kind
def test_a_saved_copy_keeps_name_mel_and_sound(kind: str, tmp_path: Path) -> None:
    codec = load_codec(saved(kind, tmp_path / "theirs"))
    codec.save_pretrained(tmp_path / "ours")
    copy = load_codec(tmp_path / "ours")
    mel = codec.encode(voice(codec.sampling_rate))
    assert copy.identity == codec.identity
    assert torch.equal(copy.decode(mel).samples, codec.decode(mel).samples)


def test_mel_of_speecht5_is_what_its_feature_extractor_gives_but_with_natural_logarithms() -> None:
    codec, clip = HuggingFaceVocoder(speecht5()), voice(16_000)
    extractor = SpeechT5FeatureExtractor()
    theirs = torch.from_numpy(extractor(audio_target=clip.samples[0].numpy(), sampling_rate=16_000)["input_values"][0])
    ours = codec.encode(clip)[0].T
    # Far below that it is rounding that they hear.
    loud = theirs[: len(ours)] > -5
    assert loud.any()
    assert (ours / math.log(10) - theirs[: len(ours)]).abs()[loud].max() < 2e-3


def test_mel_of_univnet_is_what_its_feature_extractor_gives_but_for_the_edges() -> None:
    codec, clip = HuggingFaceVocoder(univnet()), voice(24_000)
    theirs = torch.from_numpy(UnivNetFeatureExtractor().mel_spectrogram(clip.samples[0].numpy()))
    ours = codec.encode(clip)[0].T
    loud = theirs > -8
    same = (ours[: len(theirs)] - theirs).abs()[2:-2][loud[2:-2]]
    assert same.max() < 0.02


def test_logarithms_are_converted_where_the_vocoder_wants_decimal_ones() -> None:
    seen: list[torch.Tensor] = []
    for model in (speecht5(), univnet()):
        codec = HuggingFaceVocoder(model)
        codec._model.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
        codec.decode(torch.full((1, codec.n_mels, 9), math.log(100.0)))
    torch.testing.assert_close(seen[0], torch.full((1, 9, 80), 2.0))
    torch.testing.assert_close(seen[1], torch.full((1, 9, 100), math.log(100.0)))


def test_settings_of_a_feature_extractor_beside_it_are_used(tmp_path: Path) -> None:
    UnivNetFeatureExtractor(sampling_rate=22_050, fmin=40.0, fmax=10_000.0).save_pretrained(saved("univnet", tmp_path))
    codec = load_codec(tmp_path)
    assert (codec.sampling_rate, codec.log_mel.f_min, codec.log_mel.f_max) == (22_050, 40.0, 10_000.0)
    codec.save_pretrained(tmp_path / "copy")
    assert load_codec(tmp_path / "copy").identity == codec.identity


def test_a_feature_extractor_that_contradicts_its_vocoder_is_refused(tmp_path: Path) -> None:
    UnivNetFeatureExtractor(num_mel_bins=80).save_pretrained(saved("univnet", tmp_path))
    message = r"preprocessor_config.json n_mels: says 80, but the vocoder beside it takes 100; save both again"
    with pytest.raises(CodecError, match=message):
        load_codec(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_mels": 100}, "reads mel of n_mels 80, it would get 100"),
        ({"hop_length": 200}, "reads mel of hop_length 256, it would get 200"),
        ({"sampling_rate": 22_050}, "reads mel of sampling_rate 16000, it would get 22050"),
    ],
)
def test_a_mel_that_the_vocoder_cannot_read_is_refused_with_both_numbers(change: dict[str, int], message: str) -> None:
    wanted = {"sampling_rate": 16_000, "n_fft": 1024, "hop_length": 256, "n_mels": 80} | change
    with pytest.raises(CodecError, match=message):
        HuggingFaceVocoder(speecht5(), log_mel=LogMel(**wanted))


def test_the_usual_mel_of_ljspeech_is_not_that_of_espnet() -> None:
    espnet, usual = HuggingFaceVocoder(conformer()).log_mel, LogMel.preset("tacotron2")
    check_same_mel(usual, LogMel.preset("tacotron2"))
    with pytest.raises(
        CodecError, match="vocoder reads mel of f_min 80.0, it would get 0.0; use a vocoder of that mel"
    ):
        check_same_mel(espnet, usual)


def test_a_mel_written_by_hand_into_its_codec_file_is_checked(tmp_path: Path) -> None:
    codec = HuggingFaceVocoder(speecht5())
    codec.save_pretrained(tmp_path)
    path = tmp_path / "codec.json"
    facts = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(facts | {"mel": facts["mel"] | {"hop_length": 320}}), encoding="utf-8")
    with pytest.raises(CodecError, match="hop_length 256, it would get 320"):
        load_codec(tmp_path)
    path.write_text(json.dumps(facts | {"mel": {"hop": 1}}), encoding="utf-8")
    with pytest.raises(CodecError, match=r"codec.json mel: has wrong settings \(.*\); write it with save_pretrained"):
        load_codec(tmp_path)


def test_the_oldest_configs_are_known_by_their_architecture(tmp_path: Path) -> None:
    """microsoft/speecht5_hifigan and espnet/fastspeech2_conformer_hifigan both say model_type "hifigan"."""
    path = saved("conformer", tmp_path) / "config.json"
    facts = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(facts | {"model_type": "hifigan"}), encoding="utf-8")
    assert load_codec(tmp_path).sampling_rate == 22_050


def test_lacking_weights_and_pickles_are_refused(tmp_path: Path) -> None:
    weights = saved("speecht5", tmp_path) / "model.safetensors"
    weights.rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(CodecError, match="pytorch_model.bin: is a pickle, which can run code"):
        load_codec(tmp_path)


def test_a_vocoder_has_no_bandwidth(tmp_path: Path) -> None:
    with pytest.raises(CodecError, match="has no codes, so no bandwidth; remove the key"):
        load_codec(saved("speecht5", tmp_path), bandwidth_kbps=1.5)


def test_other_models_are_no_vocoders() -> None:
    with pytest.raises(CodecError, match="Linear is no vocoder known here; use one of SpeechT5HifiGan"):
        HuggingFaceVocoder(torch.nn.Linear(1, 1))


def test_a_name_on_the_hub_is_kept_beside_its_commit(tmp_path: Path) -> None:
    from toktts.codecs._hub import Snapshot

    codec = HuggingFaceVocoder.from_snapshot(Snapshot(saved("speecht5", tmp_path / "hub"), "1" * 40), name="a/b")
    codec.save_pretrained(tmp_path / "copy")
    copy = HuggingFaceVocoder.from_pretrained(tmp_path / "copy")
    assert (copy.name, copy.revision) == ("a/b", "1" * 40)


def test_weights_that_are_not_finite_are_reported() -> None:
    model = speecht5()
    torch.nn.init.constant_(model.conv_post.bias, float("nan"))
    with pytest.raises(CodecError, match="decoded sound is not finite"):
        HuggingFaceVocoder(model).decode(torch.zeros(1, 80, 4))
