import json
import math
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from toktts.audio import Waveform, pad_clips
from toktts.codecs._mel import LogMel
from toktts.codecs.griffin_lim import GriffinLim
from toktts.errors import CodecError

FRONT = LogMel(8000, 256, hop_length=64, n_mels=40)


def chord(duration_s: float) -> Waveform:
    time_s = torch.arange(int(8000 * duration_s)) / 8000
    tones = sum(torch.sin(2 * math.pi * frequency * time_s) for frequency in (220.0, 440.0, 930.0))
    return Waveform(0.2 * torch.as_tensor(tones), 8000)


def test_the_sound_that_comes_back_has_nearly_the_same_mel() -> None:
    """Off by under 0.35 nepers (3 dB) a band, where the bands themselves vary by about 3."""
    codec = GriffinLim(FRONT)
    mel = codec.encode(chord(0.5))
    again = codec.encode(codec.decode(mel))
    assert float((again - mel).clamp(min=-9).abs().mean()) < 0.35
    assert float(mel.std()) > 1.5


def test_more_iterations_are_closer() -> None:
    mel = GriffinLim(FRONT).encode(chord(0.5))

    def distance(n_iterations: int) -> float:
        codec = GriffinLim(FRONT, n_iterations=n_iterations)
        return float((codec.encode(codec.decode(mel)) - mel).abs().mean())

    assert distance(60) < distance(1)


@settings(max_examples=20)
@given(st.integers(1, 40))
def test_overlap_add_undoes_the_transform(n_frames: int) -> None:
    codec = GriffinLim(FRONT)
    samples = torch.rand(n_frames * 64, generator=torch.Generator().manual_seed(n_frames)) - 0.5
    assert torch.allclose(codec._overlap_add(FRONT.spectrum(samples[None])[0]), samples, atol=1e-4)


def test_the_same_mel_gives_the_same_samples() -> None:
    codec = GriffinLim(FRONT, n_iterations=5)
    mel = codec.encode(chord(0.2))
    assert torch.equal(codec.decode(mel).samples, codec.decode(mel).samples)


@pytest.mark.parametrize("bad", [float("nan"), float("-inf")])
def test_a_mel_that_is_not_finite_is_refused(bad: float) -> None:
    with pytest.raises(CodecError, match="mel is not finite"):
        GriffinLim(FRONT).decode(torch.full((1, 40, 4), bad))


def test_a_mel_far_above_full_scale_still_gives_sound_within_one() -> None:
    samples = GriffinLim(FRONT, n_iterations=3).decode(torch.full((1, 40, 8), 500.0)).samples
    assert bool(torch.isfinite(samples).all())
    assert float(samples.abs().max()) <= 1.0


@pytest.mark.parametrize("options", [{"n_iterations": 0}, {"momentum": 1.0}, {"momentum": -0.1}])
def test_impossible_settings_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(CodecError, match="n_iterations must be at least 1 and momentum in"):
        GriffinLim(FRONT, **options)


def test_a_saved_codec_with_a_wrong_setting_is_refused(tmp_path: Path) -> None:
    GriffinLim(FRONT).save_pretrained(tmp_path)
    path = tmp_path / "codec.json"
    facts = json.loads(path.read_text(encoding="utf-8"))
    facts["mel"]["n_bands"] = 3
    path.write_text(json.dumps(facts), encoding="utf-8")
    with pytest.raises(CodecError, match="has wrong settings .*n_bands"):
        GriffinLim.from_pretrained(tmp_path)


@pytest.mark.parametrize("preset", ["tacotron2", "torchaudio"])
def test_the_shared_mels_come_back_too(preset: str) -> None:
    """As above: within 0.5 nepers a band on average, squares of magnitudes count double."""
    front = LogMel.preset(preset)
    time_s = torch.arange(11_025) / 22_050
    tones = sum(torch.sin(2 * math.pi * frequency * time_s) for frequency in (220.0, 440.0, 930.0))
    codec = GriffinLim(front, n_iterations=30)
    mel = codec.encode(Waveform(0.2 * torch.as_tensor(tones), 22_050))
    again = codec.encode(codec.decode(mel))
    assert float((again - mel).clamp(min=-9, max=9)[mel > -8].abs().mean()) < 0.5 * front.power


def test_without_settings_the_mel_is_the_one_most_systems_share() -> None:
    codec = GriffinLim()
    assert (codec.sampling_rate, codec.hop_length, codec.n_mels) == (22_050, 256, 80)
    assert codec.log_mel.facts() == LogMel.preset("tacotron2").facts()


def test_clips_of_one_batch_have_the_frames_they_have_alone() -> None:
    codec = GriffinLim()
    clips = [0.1 * torch.randn(n, generator=torch.Generator().manual_seed(n)) for n in (3000, 700, 300)]
    batch = codec.encode(pad_clips(clips, 22_050))
    for row, clip in enumerate(clips):
        alone = codec.encode(Waveform(clip, 22_050))[0]
        assert torch.equal(batch[row, :, : alone.shape[1]], alone)
        assert torch.allclose(batch[row, :, alone.shape[1] :], torch.tensor(math.log(1e-5)))
