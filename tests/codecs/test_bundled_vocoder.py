"""The vocoder of mel that comes with the package."""

import hashlib
from pathlib import Path

import pytest
import torch

from toktts.audio import Waveform
from toktts.audio.reading import read_clip
from toktts.codecs import load_codec
from toktts.codecs.mel_vocoder import MelVocoder
from toktts.data.corpora.demo import Demo

FOLDER = Path(__file__).parents[2] / "toktts" / "assets" / "vocoder"


@pytest.fixture(scope="module")
def clip() -> Waveform:
    audio = next(iter(Demo())).audio
    assert isinstance(audio, bytes)
    return read_clip(audio, sampling_rate=22_050)


def loudness(wave: Waveform) -> torch.Tensor:
    """Nepers of (hop 100 samples, 201 bins of 55 Hz), not below -86 dB of a full-scale tone."""
    spectrum = torch.stft(wave.samples[0], 400, 100, window=torch.hann_window(400), return_complex=True).abs()
    return spectrum.clamp(min=0.01).log()


def test_the_card_names_the_file_it_is_about() -> None:
    digest = hashlib.sha256((FOLDER / "model.safetensors").read_bytes()).hexdigest()
    assert digest in (FOLDER / "CARD.md").read_text(encoding="utf-8")
    assert (FOLDER / "model.safetensors").stat().st_size <= 8 * 2**20


def test_speech_comes_back_with_its_spectrum(clip: Waveform) -> None:
    """Off by a third of a neper (3 dB), what is hardly heard included; without training by 1.5."""
    trained = load_codec("mel_vocoder")
    assert isinstance(trained, MelVocoder)
    mel = trained.encode(clip)
    off = {}
    for name, codec in (("trained", trained), ("new", MelVocoder(trained.options))):
        again = Waveform(codec.decode(mel).samples[:, : clip.samples.shape[1]], 22_050)
        off[name] = float((loudness(again) - loudness(clip)).abs().mean())
    assert off["trained"] < off["new"] / 3
