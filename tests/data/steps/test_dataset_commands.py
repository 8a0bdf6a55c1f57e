"""The data steps as a user runs them: alone, together, and again."""

import json
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toktts.alignment import Alignment
from toktts.alignment.textgrid import write_textgrid
from toktts.data.corpora.ljspeech import LJSpeech
from toktts.data.corpora.textgrid import TextGrid
from toktts.data.steps.create import statistics
from toktts_cli import datasets as dataset_commands

NAMES, FRAMES = ("sil", "HH", "AY1", "sp", "HH", "OW1"), (2, 8, 10, 2, 8, 10)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    LJSpeech.tiny(tmp_path / "LJSpeech-1.1")
    path = tmp_path / "LJSpeech-1.1.tar.bz2"
    with tarfile.open(path, "w:bz2") as tar:
        tar.add(tmp_path / "LJSpeech-1.1", "LJSpeech-1.1")
    return path


def write_grids(folder: Path) -> None:
    """An alignment for every clip, as an aligner would have left it there."""
    for sound in sorted(folder.glob("*/*.wav")):
        phones = Alignment.from_durations(NAMES, FRAMES, frame_rate=50.0)
        grid = sound.parent / "TextGrid" / f"{sound.stem}.TextGrid"
        grid.parent.mkdir(exist_ok=True)
        write_textgrid(grid, [Alignment(phones.spans, 1.0, "phones")])


def test_a_tar_archive_becomes_features_step_by_step_and_again(archive: Path, tmp_path: Path, run) -> None:
    folder = tmp_path / "set"
    cache = f"data.cache_dir={tmp_path / 'cache'}"
    assert run("prepare-dataset", archive, folder)[:2] == (0, "prepare: 4 done, 0 kept\n")
    assert len(list((folder / "LJ").glob("*.wav"))) == len(list((folder / "LJ").glob("*.lab"))) == 4
    write_grids(folder)
    assert run("align-dataset", folder)[:2] == (0, "align: 0 done, 4 kept\n")
    code, said, _ = run("create-dataset", folder, cache)
    assert code == 0
    assert said.startswith(f"create: 4 clips, {folder / 'metadata.json'}, features in {tmp_path / 'cache'}")
    made = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*.parquet")}
    code, said, _ = run("make-dataset", archive, folder, cache)
    assert code == 0
    assert said.splitlines()[:2] == ["prepare: 0 done, 4 kept", "align: 0 done, 4 kept"]
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*.parquet")} == made
    facts = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
    assert (facts["clips"], facts["speakers"], facts["hop_length"]) == (4, ["LJ"], 256)
    assert facts["phones"] == {"AY1": 4, "HH": 8, "OW1": 4, "sp": 4}
    assert set(facts["pitch"]) == set(facts["energy"]) == {"min", "max", "mean", "std"}
    # The toy voice sweeps around 110 to 161 Hz.
    assert 60 < facts["pitch"]["min"] < facts["pitch"]["mean"] < facts["pitch"]["max"] < 250


@pytest.mark.medium
def test_what_the_steps_made_is_trained_on_and_nothing_made_again(archive: Path, tmp_path: Path) -> None:
    from toktts.config import load_config
    from toktts.training.run import train_voice

    folder, cache = tmp_path / "set", f"data.cache_dir={tmp_path / 'cache'}"
    dataset_commands.prepare(str(archive), folder, [])
    write_grids(folder)
    dataset_commands.create(folder, [cache])
    made = sorted((tmp_path / "cache").rglob("*.parquet"))
    options = "{hidden_size: 32, num_attention_heads: 2, encoder_layers: 1, intermediate_size: 64, decoder_layers: 1"
    options += ", predictor_channels: [32], n_buckets: 8, decoder_intermediate_size: 64, postnet_layers: 2"
    overrides = [cache, "data.corpus=textgrid", f"data.path={folder}", "tokens.tokenizer=symbols360"]
    overrides += [
        "codec.name_or_path=griffin_lim",
        "model.family=fastspeech2",
        f"training.output_dir={tmp_path / 'run'}",
    ]
    overrides += [f"model.options={options}, learn_durations: false}}", "training.args.max_steps=2"]
    run = train_voice(load_config([], overrides=[*overrides, "training.samples_per_evaluation=0"]))
    assert (run / "model.safetensors").is_file()
    assert sorted((tmp_path / "cache").rglob("*.parquet")) == made


def test_every_fault_of_a_step_is_one_line(tmp_path: Path, run) -> None:
    TextGrid.tiny(tmp_path / "set")
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.tar").write_bytes(b"no tar")
    (tmp_path / "alone").mkdir()
    (tmp_path / "set" / "anna" / "clip-0.lab").unlink()
    TextGrid.tiny(tmp_path / "words")
    shutil.rmtree(tmp_path / "words" / "anna" / "TextGrid")
    for words, message in [
        (("prepare-dataset", tmp_path / "empty", tmp_path / "out"), "holds no metadata.csv; write one, name a config"),
        (("prepare-dataset", tmp_path / "bad.tar", tmp_path / "out"), "cannot be unpacked"),
        (("prepare-dataset", "no-such", tmp_path / "out"), "no-such"),
        (("align-dataset", tmp_path / "alone"), "holds no {speaker}/NAME.wav with NAME.lab"),
        (("align-dataset", tmp_path / "set"), "1 of 4"),
        (("align-dataset", tmp_path / "words", "data.language=de"), "language: is 'de', and only English is aligned"),
        (("create-dataset", tmp_path / "nowhere"), "no language; write 'language:"),
        (("create-dataset", tmp_path / "set", "codec.name_or_path=nothing"), "nothing"),
        (("create-dataset", tmp_path / "set", "data.nothing=1"), "data.nothing"),
    ]:
        code, _, fault = run(*words)
        assert code == 2, words
        assert fault.count("\n") == 1
        assert fault.startswith("toktts: error: ")
        assert message in fault


@given(st.lists(st.lists(st.floats(-1e3, 1e3), max_size=9).map(np.array), min_size=1, max_size=9))
def test_standard_scores_have_mean_0_and_deviation_1(clips: list[np.ndarray]) -> None:
    values = np.concatenate(clips)
    facts = statistics(clips)
    if not len(values):
        assert facts == {}
        return
    assert (facts["min"], facts["max"]) == (values.min(), values.max())
    if facts["std"] > 1e-3:
        scores = (values - facts["mean"]) / facts["std"]
        assert scores.mean() == pytest.approx(0, abs=1e-6)
        assert scores.std() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("command", ["prepare-dataset", "align-dataset", "create-dataset", "make-dataset"])
def test_help_of_a_step_needs_no_torch(command: str) -> None:
    code = "import sys; sys.modules['torch'] = None; import toktts_cli; toktts_cli.main(sys.argv[1:])"
    result = subprocess.run(
        [sys.executable, "-c", code, command, "--help"], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert "folder" in result.stdout


def test_which_corpus_lies_in_a_folder_is_seen(tmp_path: Path) -> None:
    from toktts.data.corpora.aligned_json import AlignedJson
    from toktts.data.corpora.folder import Folder

    for kind, corpus in (("ljspeech", LJSpeech), ("folder", Folder), ("aligned_json", AlignedJson)):
        corpus.tiny(tmp_path / kind)  # type: ignore[attr-defined]
        assert dataset_commands._kind(tmp_path / kind) == kind
