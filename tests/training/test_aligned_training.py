"""A voice from a folder of mel and JSON alone, from its first file to its last."""

from pathlib import Path

import numpy as np
import pytest
from datasets import Dataset

from toktts.config import load_config
from toktts.data.corpora.aligned_json import write_aligned
from toktts.training.run import Start, prepare, train_voice

PHONES = [("pau", 0, 100), ("HH", 100, 150), ("AY1", 250, 500), ("pau", 750, 250)]
OPTIONS = (
    "{hidden_size: 32, num_attention_heads: 2, encoder_layers: 1, decoder_layers: 1, intermediate_size: 64,"
    " duration_size: 16, duration_layers: 1, postnet_layers: 1}"
)


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    folder = tmp_path / "mels"
    folder.mkdir()
    facts = "speaker: nobody\nlanguage: en\nlicence: CC0-1.0\nconsent: made by a formula\n"
    (folder / "corpus.yaml").write_text(facts, encoding="utf-8")
    for number in range(6):
        write_aligned(folder / f"LJ-{number}.json", "Hi!", PHONES)
        # 1 s has 22050 // 256 + 1 = 87 frames. By their onsets the phonemes last 9, 13 and 43, the last 21.5 -> 22.
        mel = np.random.default_rng(number).uniform(-11, 1, (80, 87)).astype(np.float32)
        np.save(folder / f"LJ-{number}.mel.npy", mel)
    values = {
        "data.corpus": "aligned_json",
        "data.path": folder,
        "data.cache_dir": tmp_path / "cache",
        "data.n_validation": 2,
        "tokens.tokenizer": "pauses",
        "codec.name_or_path": "griffin_lim",
        "model.family": "nonattentive",
        "model.options": OPTIONS,
        "training.output_dir": tmp_path / "run",
        "training.args.max_steps": 2,
        "training.samples_per_evaluation": 0,
    }
    return [f"{key}={value}" for key, value in values.items()]


def ids_of(rows: Dataset) -> set[str]:
    return set(rows["id"])


@pytest.mark.medium
def test_a_voice_is_trained_on_aligned_mel_and_the_first_clips_validate(words: list[str], tmp_path: Path) -> None:
    config = load_config([], overrides=words)
    material = prepare(config, tmp_path / "run", Start())
    assert ids_of(material.validation) == {"LJ-0", "LJ-1"}
    assert ids_of(material.training) == {"LJ-2", "LJ-3", "LJ-4", "LJ-5"}
    row = material.training[0]
    assert row["durations"] == [9, 13, 43, 22, 0]
    assert sum(row["durations"]) == len(row["mel"][0]) == 87
    assert (train_voice(config) / "model.safetensors").is_file()


@pytest.mark.medium
def test_phonemes_that_nobody_reads_are_mentioned(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(load_config([], overrides=[*words, "tokens.tokenizer=characters"]), tmp_path / "run", Start())
    assert "the corpus says when its phonemes are said, but the text is read instead" in capsys.readouterr().err
