"""A `fastspeech2` voice in a folder, spoken with and without controls."""

import math
from pathlib import Path

import pytest
import torch
from transformers import GenerationConfig

from toktts.audio import Waveform
from toktts.errors import ModelError
from toktts.inference import pipeline, say
from toktts.models.fastspeech2 import FastSpeech2, FastSpeech2Config
from toktts.tokens import build_tokenizer

TEXT = "hello friend"


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three frames a unit: 13 ids are 39 frames of 64 samples."""
    folder = tmp_path_factory.mktemp("voice")
    model = FastSpeech2.tiny()
    with torch.no_grad():
        model.duration.head.weight.zero_()  # type: ignore[operator, union-attr]
        model.duration.head.bias.fill_(math.log1p(3.0))  # type: ignore[operator, union-attr]
    model.save_pretrained(folder)
    build_tokenizer("bytes").save_pretrained(folder)
    return folder


@pytest.mark.parametrize(("speed", "n_frames"), [(1.0, 39), (2.0, 20), (0.5, 78)])
def test_the_length_of_the_sound_file_follows_the_speed(
    voice: Path, speed: float, n_frames: int, tmp_path: Path
) -> None:
    say(TEXT, model=str(voice), output=tmp_path / "said.wav", speed=speed)
    assert Waveform.load(tmp_path / "said.wav").samples.shape[1] == 64 * n_frames


def test_pitch_and_energy_change_the_sound_and_not_its_length(voice: Path) -> None:
    speak = pipeline(voice)
    plain = speak(TEXT)["audio"]
    for control in ({"pitch": 1.5}, {"energy": 1.5}):
        changed = speak(TEXT, **control)["audio"]
        assert changed.shape == plain.shape
        assert abs(changed - plain).max() > 1e-6
    with pytest.raises(ModelError, match=r"pitch: must be from 0\.5 to 2, got 3; change it"):
        speak(TEXT, pitch=3.0)


def test_what_is_said_when_is_known(voice: Path) -> None:
    speech = pipeline(voice)(TEXT, return_timestamps="word")
    assert speech["alignment"].labels == ("hello", "friend")


def test_a_voice_of_speakers_is_loaded_before_it_is_said_who_speaks(tmp_path: Path) -> None:
    tiny = FastSpeech2.tiny()
    config = FastSpeech2Config.from_dict({**tiny.config.to_dict(), "speaker_vector_size": 3})
    FastSpeech2(config).attach_codec(tiny.codec).save_pretrained(tmp_path)
    build_tokenizer("bytes").save_pretrained(tmp_path)
    speak = pipeline(tmp_path)
    with pytest.raises(ModelError, match="speaker_vectors: must be"):
        speak(TEXT)
    who = GenerationConfig(speaker_vector=[0.6, 0.8, 0.0])
    assert speak(TEXT, generation_config=who)["audio"].size > 0
