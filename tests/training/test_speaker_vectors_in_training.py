"""Vectors of speakers from a file, through a training, to the voice that speaks."""

import functools
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tiny_run import save_run

from toktts.audio import Waveform
from toktts.config import load_config
from toktts.data.corpora._base import tiny_clip
from toktts.errors import ConfigError, CorpusError, ModelError
from toktts.inference import pipeline, say
from toktts.inference.loading import load_model
from toktts.models.fastspeech2 import FastSpeech2
from toktts.training.run import Start, prepare, train_voice

TEXT = "ba da"
ADAM, EVE = [8.0, 0.0, 1.0], [0.0, 8.0, 1.0]
GAIN = {"adam": 1.0, "eve": 0.02}
OPTIONS = (
    "{hidden_size: 32, num_attention_heads: 2, encoder_layers: 1, intermediate_size: 64, predictor_channels: [32],"
    " decoder_layers: 1, decoder_intermediate_size: 64, postnet_layers: null, dropout: 0.0, pitch_level: none,"
    " energy_level: none}"
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten clips, of adam, who is loud, and of eve, who is not; and a vector of each."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "wavs").mkdir()
    lines = ["id,text,speaker"]
    for number in range(10):
        speaker = ("adam", "eve")[number % 2]
        clip = tiny_clip(number)
        Waveform(GAIN[speaker] * clip.samples, clip.sampling_rate).save(folder / "wavs" / f"c{number}.wav")
        lines.append(f"c{number},{TEXT},{speaker}")
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    save_file({"eve": torch.tensor(EVE), "adam": torch.tensor(ADAM)}, folder / "both.safetensors")
    save_file({"eve": torch.tensor(EVE)}, folder / "eve.safetensors")
    save_file({"eve": torch.ones(2), "adam": torch.ones(2)}, folder / "two.safetensors")
    return folder


def words(data: Path, run: Path, *more: str, family: str = "fastspeech2", options: str = OPTIONS) -> list[str]:
    values = {
        "data.corpus": "folder",
        "data.path": data,
        "data.speaker": "nobody",
        "data.language": "en",
        "data.licence": "CC0-1.0",
        "data.consent": "made by a formula",
        "data.cache_dir": data / "cache",
        "data.n_validation": 2,
        "data.speaker_vectors": data / "both.safetensors",
        "codec.name_or_path": "griffin_lim",
        "model.family": family,
        "model.options": options,
        "training.output_dir": run,
        "training.args.max_steps": 45,
        "training.args.learning_rate": 0.01,
        "training.args.per_device_train_batch_size": 8,
        "training.samples_per_evaluation": 0,
    }
    return [*(f"{key}={value}" for key, value in values.items()), *more]


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_voice(load_config([], overrides=words(data, tmp_path_factory.mktemp("runs") / "run")))


def refused(data: Path, run: Path, *more: str, **model: str) -> str:
    cache = f"data.cache_dir={run / 'cache'}"
    with pytest.raises((ConfigError, CorpusError)) as caught:
        prepare(load_config([], overrides=words(data, run, cache, *more, **model)), run, Start())
    return str(caught.value)


@pytest.mark.medium
def test_each_row_has_its_speakers_vector_and_the_model_room_for_it(data: Path, tmp_path: Path) -> None:
    material = prepare(load_config([], overrides=words(data, tmp_path)), tmp_path, Start())
    assert material.model.config.speaker_vector_size == 3
    rows = material.training
    assert {(row["speaker"], tuple(row["speaker_vector"])) for row in rows} == {("adam", (*ADAM,)), ("eve", (*EVE,))}
    assert "speaker_id" not in rows.column_names


@pytest.mark.medium
def test_two_vectors_speak_with_two_voices_and_the_first_one_unless_asked(run: Path) -> None:
    model = load_model(run)
    assert model.generation_config.speaker_vector == ADAM
    ids = torch.tensor([[5, 9, 3, 7, 11, 1]])
    level = {}
    for name, vector in (("adam", ADAM), ("eve", EVE), ("none", None)):
        model.generation_config.speaker_vector = vector or ADAM
        level[name] = float(model.generate(ids, max_new_tokens=60).features.mean())
    assert level["none"] == level["adam"]
    assert level["adam"] - level["eve"] > 1, "the recordings differ by 34 dB, 3.9 in natural logarithms"


@pytest.mark.medium
def test_phrases_are_cut_where_a_model_that_takes_vectors_hears_them(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[torch.Tensor] = []
    align = FastSpeech2.align

    def listen(self: FastSpeech2, *tensors: torch.Tensor, **named: torch.Tensor) -> torch.Tensor:
        heard.extend(named["speaker_vectors"])
        return align(self, *tensors, **named)

    monkeypatch.setattr(FastSpeech2, "align", functools.wraps(align)(listen))
    train_voice(load_config([], overrides=words(data, tmp_path, "data.phrase_share=0.5", "training.args.max_steps=6")))
    assert {tuple(vector.tolist()) for vector in heard} == {(*ADAM,), (*EVE,)}


@pytest.mark.medium
def test_say_speaks_as_the_vector_of_a_name(data: Path, run: Path, tmp_path: Path) -> None:
    def spoken(where: str | None) -> np.ndarray:
        say(TEXT, model=run, output=tmp_path / "said.wav", force=True, speaker_vector=where)
        return Waveform.load(tmp_path / "said.wav").samples.numpy()

    both = data / "both.safetensors"
    adam, eve = spoken(f"{both}:adam"), spoken(f"{both}:eve")
    assert np.array_equal(spoken(None), adam)
    assert np.array_equal(spoken(str(data / "eve.safetensors")), eve)
    assert np.square(adam).mean() > 4 * np.square(eve).mean()


def test_what_say_cannot_use_is_one_line_before_a_voice_is_loaded(data: Path, tmp_path: Path) -> None:
    both = data / "both.safetensors"
    for where, message in (
        (f"{both}", f"{both}: holds 2 speakers; name one, as {both}:adam"),
        (f"{both}:eva", f"{both}: has no vector of speaker 'eva'; did you mean 'eve'?"),
        ("nowhere.safetensors:eve", "nowhere.safetensors: cannot be read (No such file or directory"),
    ):
        with pytest.raises(CorpusError) as caught:
            say(TEXT, model="no-such-run", output=tmp_path / "said.wav", speaker_vector=where)
        assert str(caught.value).startswith(message)


@pytest.mark.medium
def test_a_vector_of_another_size_is_refused(data: Path, run: Path, tmp_path: Path) -> None:
    two = data / "two.safetensors"
    with pytest.raises(ModelError) as caught:
        say(TEXT, model=run, output=tmp_path / "said.wav", speaker_vector=f"{two}:eve")
    assert str(caught.value) == (
        f"{two}: has vectors of 2 numbers, the voice was trained with 3; take them from the same speaker encoder"
    )


@pytest.mark.medium
def test_a_training_goes_on_from_a_voice_that_takes_vectors_only_with_some(
    data: Path, run: Path, tmp_path: Path
) -> None:
    without = [word for word in words(data, tmp_path) if not word.startswith("data.speaker_vectors")]
    with pytest.raises(
        ConfigError, match="data.speaker_vectors: is not set, the model wants vectors of 3 numbers; name"
    ):
        prepare(load_config([], overrides=without), tmp_path, Start(model=run))
    material = prepare(load_config([], overrides=words(data, tmp_path)), tmp_path, Start(model=run))
    assert material.model.config.speaker_vector_size == 3
    assert pipeline(material.model, tokenizer=material.tokenizer)(TEXT)["audio"].size


def test_vectors_that_do_not_fit_are_refused_before_anything_is_encoded(data: Path, tmp_path: Path) -> None:
    eve, two = data / "eve.safetensors", data / "two.safetensors"
    assert refused(data, tmp_path, f"data.speaker_vectors={eve}") == (
        f"{eve}: has no vector of speaker 'adam'; add what is missing, under the names of the corpus"
    )
    sized = f"{OPTIONS[:-1]}, speaker_vector_size: 3}}"
    assert refused(data, tmp_path, f"data.speaker_vectors={two}", options=sized).endswith(
        f"data.speaker_vectors: {two} has vectors of 2 numbers, the model wants 3; use others, or leave "
        "model.options.speaker_vector_size out of a new one"
    )
    assert refused(data, tmp_path, "codec.name_or_path=bundled", family="toknar", options="{}").endswith(
        "data.speaker_vectors: are nothing the model takes; leave it out, or train a new fastspeech2"
    )
    assert not (tmp_path / "cache").exists()


def test_a_voice_that_takes_no_vectors_refuses_one(data: Path, tmp_path: Path) -> None:
    message = "speaker_vector: has no meaning for this voice, which takes no vectors; leave it out"
    with pytest.raises(ModelError, match=message):
        say(
            TEXT,
            model=save_run(tmp_path, "fastspeech2"),
            output=tmp_path / "a.wav",
            speaker_vector=str(data / "eve.safetensors"),
        )
