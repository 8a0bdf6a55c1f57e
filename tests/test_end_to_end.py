"""From a config to sound, on the smallest models there are."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from transformers import pipeline as stock_pipeline

import toktts
from toktts.codecs import save_random_encodec
from toktts.commands import train_command
from toktts.errors import ConfigError, ModelError, RunFolderError
from toktts.training.folder import open_run_folder

pytestmark = pytest.mark.medium
TINY = ["--config", "tiny", "data.limit_rows=24"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny voice, trained for 20 steps."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    train_command([*TINY, f"training.output_dir={folder}"])
    return folder


def test_a_run_folder_holds_all_that_speaking_needs(run: Path) -> None:
    names = {path.name for path in run.iterdir()}
    assert {"model.safetensors", "config.json", "tokenizer.json", "codec", "config.yaml", "trainer_state.json"} <= names
    assert not [path for path in run.rglob("*") if path.suffix in {".bin", ".pt", ".pth", ".pkl"}]


def test_loss_falls_and_accuracy_is_logged(run: Path) -> None:
    history = json.loads((run / "trainer_state.json").read_text(encoding="utf-8"))["log_history"]
    losses = [entry["loss"] for entry in history if "loss" in entry]
    assert losses[-1] < losses[0]
    assert any("eval_accuracy_codebook_0" in entry for entry in history)


def test_each_evaluation_leaves_sound_and_its_picture(run: Path) -> None:
    for step in (10, 20):
        folder = run / "samples" / f"step-{step}"
        assert len(list(folder.glob("*.wav"))) == len(list(folder.glob("*.png"))) == 1


def test_the_stock_pipeline_speaks_what_ours_speaks(run: Path) -> None:
    stock = stock_pipeline("text-to-speech", model=str(run))
    ours = toktts.pipeline(run)
    for text in ("hello", "good morning"):
        theirs = stock(text)
        assert theirs["sampling_rate"] == 24_000
        # greedy, as config/tiny.yaml says
        np.testing.assert_allclose(np.ravel(theirs["audio"]), ours(text)["audio"], atol=1e-5)


def test_a_second_training_into_the_folder_is_refused_and_changes_nothing(run: Path) -> None:
    before = (run / "model.safetensors").read_bytes()
    with pytest.raises(RunFolderError, match=r"holds a run already; set training.resume=true .*, choose .*, or delete"):
        train_command([*TINY, f"training.output_dir={run}"])
    assert (run / "model.safetensors").read_bytes() == before


def test_resuming_a_complete_run_leaves_the_same_voice(run: Path) -> None:
    before = (run / "model.safetensors").read_bytes()
    train_command([*TINY, f"training.output_dir={run}", "training.resume=true"])
    assert (run / "model.safetensors").read_bytes() == before


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine", encoding="utf-8")
    with pytest.raises(RunFolderError, match="is a file, a run wants a folder; choose another"):
        train_command([*TINY, f"training.output_dir={tmp_path / 'taken'}"])
    assert (tmp_path / "taken").read_text(encoding="utf-8") == "mine"


def test_two_trainings_do_not_share_a_folder(tmp_path: Path) -> None:
    in_use = pytest.raises(RunFolderError, match=rf"{os.getpid()}")
    with open_run_folder(tmp_path / "run", resume=False), in_use, open_run_folder(tmp_path / "run", resume=True):
        pass


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--with-model", "/nowhere"], "/nowhere: no such folder; name a run folder, a checkpoint in one, or bundled"),
        (["tokens.tokenizer=bytes"], "run: has number of text ids .*, the config asks for 384; change one of them"),
        (["model.options.hidden_size=48"], "run: its weights do not fit model.options.hidden_size; leave out what"),
        (["model.family=tokflat", "model.options=null"], "has family tokar, the config asks for tokflat; change one"),
    ],
)
def test_weights_to_start_from_must_fit(run: Path, tmp_path: Path, words: list[str], message: str) -> None:
    folder = [] if words[0] == "--with-model" else ["--with-model", str(run)]
    with pytest.raises(ModelError, match=message.replace("run:", f"{run.name}:")):
        train_command([*TINY, *folder, *words, f"training.output_dir={tmp_path / 'new'}"])


def test_weights_that_learned_other_codes_are_no_start(run: Path, tmp_path: Path) -> None:
    save_random_encodec(tmp_path / "other")
    words = [f"codec.name_or_path={tmp_path / 'other'}", "codec.bandwidth_kbps=1.5", f"model.start_from={run}"]
    with pytest.raises(
        ModelError, match=r"learned the features of 'melrvq.*; name its own codec, or one tuned from that"
    ):
        train_command([*TINY, *words, f"training.output_dir={tmp_path / 'new'}"])


def test_weights_to_start_from_keep_all_but_the_options_that_change(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    words = [f"model.start_from={run}", "model.options.dropout=0.25", "training.args.learning_rate=1e-12"]
    train_command([*TINY, *words, f"training.output_dir={folder}"])
    before, after = toktts.pipeline(run).model, toktts.pipeline(folder).model
    assert after.config.dropout == 0.25 != before.config.dropout
    for (name, old), new in zip(before.state_dict().items(), after.state_dict().values(), strict=True):
        np.testing.assert_allclose(old, new, atol=1e-6, err_msg=name)


def test_a_run_goes_on_without_the_voice_it_began_with(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "old")
    words = [*TINY, f"model.start_from={tmp_path / 'old'}", f"training.output_dir={tmp_path / 'new'}"]
    train_command([*words, "training.args.max_steps=10", "training.args.lr_decay_steps=20"])
    shutil.rmtree(tmp_path / "old")
    train_command([*words, "training.args.lr_decay_steps=20", "training.resume=true"])
    state = json.loads((tmp_path / "new" / "trainer_state.json").read_text(encoding="utf-8"))
    assert state["global_step"] == 20


def test_a_wrong_option_stops_before_a_folder_is_filled(tmp_path: Path) -> None:
    for _ in range(2):  # The second time it is not "a run already".
        with pytest.raises(ConfigError, match="did you mean 'hidden_size'"):
            train_command([*TINY, "model.options.hiddensize=3", f"training.output_dir={tmp_path / 'run'}"])
    assert not (tmp_path / "run" / "config.yaml").exists()


def test_the_script_says_a_fault_in_one_line(root: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        str(root / "trainer.py"),
        "--config",
        "tiny",
        "data.corpus=ljspeech",
        "data.path=/nowhere",
    ]
    done = subprocess.run(
        [*command, f"training.output_dir={tmp_path / 'run'}"], capture_output=True, text=True, cwd=root, check=False
    )
    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if line.startswith("toktts: error:")]
    assert len(lines) == 1
    assert "/nowhere" in lines[0]
    assert "Traceback" not in done.stderr


def test_what_a_corpus_lacks_and_what_was_noticed_is_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    recordings = tmp_path / "recordings"
    (recordings / "wavs").mkdir(parents=True)
    noise = np.random.default_rng(0)
    for letter in "abcdefgh":
        soundfile.write(recordings / "wavs" / f"{letter}.wav", 0.1 * noise.standard_normal(44_100), 44_100)
    rows = [f"{letter}|the letter {letter}" for letter in "abcdefgh"]
    (recordings / "metadata.csv").write_text("\n".join([*rows, "lost|no sound", "b2|"]) + "\n", encoding="utf-8")
    facts = "{corpus: folder, speaker: me, language: en, licence: CC0-1.0, consent: mine, max_rejected_fraction: 0.5}"
    folder = tmp_path / "run"
    words = [f"data.path={recordings}", f"training.output_dir={folder}", "training.args.max_steps=1"]
    train_command(["--config", "tiny", "--yconfig", f"data: {facts}", *words])
    rejected = (folder / "rejected.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["id"] for line in rejected] == ["lost", "b2"]
    assert "accepted, but noticed: resampled 44100 Hz to 24000 Hz (8 of 8 clips)" in capfd.readouterr().err
