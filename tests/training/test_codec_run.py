from pathlib import Path

import pytest
import torch

from toktts.audio import Waveform
from toktts.codecs import load_codec
from toktts.codecs.melrvq import MelRVQ
from toktts.config import Config, load_config
from toktts.errors import CheckpointError, ConfigError, RunFolderError
from toktts.training import codec_run
from toktts.training.codec_run import train_codec_run, write_samples

pytestmark = pytest.mark.medium


def tiny_config(root: Path, corpus: Path, run: Path, *overrides: str) -> Config:
    """`config/codec/tiny.yaml` on four clips of a second, with fewer steps."""
    words = [f"data.path={corpus}", "data.corpus=folder", f"training.output_dir={run}"]
    words += ["training.args.max_steps=4", "training.args.eval_steps=2", "training.args.save_steps=2"]
    return load_config([root / "config/codec/tiny.yaml"], overrides=[*words, *overrides])


@pytest.fixture(scope="module")
def run(root: Path, corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new codec."""
    folder = tmp_path_factory.mktemp("runs") / "new"
    assert train_codec_run(tiny_config(root, corpus, folder)) == folder
    return folder


def test_a_run_folder_holds_the_codec_twice_and_what_it_came_from(run: Path) -> None:
    at_root, beside = load_codec(run), load_codec(run / "codec")
    assert at_root.identity == beside.identity
    assert isinstance(at_root, MelRVQ)
    assert (run / "config.yaml").is_file()
    assert (run / "trainer_state.json").is_file()
    assert (run / "rejected.jsonl").read_text(encoding="utf-8") == ""
    assert sorted(path.name for path in (run / "checkpoints").glob("checkpoint-*")) == ["checkpoint-2", "checkpoint-4"]
    assert not list(run.glob(".tmp-*"))


def test_the_codec_that_training_returns_is_the_one_that_was_saved(
    root: Path, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    returned = []
    monkeypatch.setattr(codec_run, "_summary", lambda trained, _: returned.append(trained.codec) or "")
    train_codec_run(tiny_config(root, corpus, tmp_path / "run", "training.args.max_steps=1"))
    saved = load_codec(tmp_path / "run").state_dict()
    assert all(torch.equal(saved[name], tensor) for name, tensor in returned[0].state_dict().items())


def test_each_evaluation_leaves_a_clip_real_and_coded_equally_long(run: Path) -> None:
    for step in (2, 4):
        real, coded = (Waveform.load(run / f"samples/step-{step}/00-{kind}.wav") for kind in ("real", "codec"))
        assert real.samples.shape == coded.samples.shape
        assert not torch.equal(real.samples, coded.samples)


def test_a_second_run_into_the_same_folder_is_refused_and_resuming_a_finished_one_changes_nothing(
    root: Path, corpus: Path, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(RunFolderError, match="holds a run already; set training.resume=true"):
        train_codec_run(tiny_config(root, corpus, run))
    before = (run / "codec/model.safetensors").read_bytes()
    train_codec_run(tiny_config(root, corpus, run, "training.resume=true"))
    assert (run / "codec/model.safetensors").read_bytes() == before
    assert "spectral distance of 4 held-out segments" in capsys.readouterr().out


@pytest.mark.parametrize("way", ["codec.name_or_path", "--with-model"])
def test_fine_tuning_keeps_the_codes_and_says_what_it_changed(
    root: Path, corpus: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], way: str
) -> None:
    words = [f"codec.name_or_path={run / 'codec'}"] if way == "codec.name_or_path" else []
    config = tiny_config(root, corpus, tmp_path / "tuned", *words, "training.args.max_steps=2")
    train_codec_run(config, None if words else run)
    start, tuned = load_codec(run), load_codec(tmp_path / "tuned")
    assert tuned.identity == start.identity
    assert (run / "codec/model.safetensors").read_bytes() != (tmp_path / "tuned/codec/model.safetensors").read_bytes()
    assert ", was " in capsys.readouterr().out


def test_a_checkpoint_can_be_gone_on_from_by_name(root: Path, corpus: Path, run: Path, tmp_path: Path) -> None:
    config = tiny_config(root, corpus, tmp_path / "again")
    train_codec_run(config, with_checkpoint=run / "checkpoints/checkpoint-2")
    ours, theirs = (load_codec(folder).state_dict() for folder in (tmp_path / "again", run))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    with pytest.raises(CheckpointError, match="does not exist; name a folder checkpoint-N of a run"):
        train_codec_run(tiny_config(root, corpus, tmp_path / "other"), with_checkpoint=tmp_path / "nowhere")


def test_time_ends_a_run_that_has_no_number_of_steps(
    root: Path, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("training.max_minutes=0.01", "training.args.max_steps=null", "training.args.eval_strategy='no'")
    train_codec_run(tiny_config(root, corpus, tmp_path / "timed", *words))
    assert "trained 0.0 minutes" in capsys.readouterr().out
    assert load_codec(tmp_path / "timed").n_codebooks == 2


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("codec.options.n_codebooks=9", "command line codec.options.n_codebooks: n_codebooks must be 1 to 8, got 9"),
        ("codec.options.n_mel=9", r"codec.options.n_mel: melrvq has no option 'n_mel'; did you mean 'n_mels'\?"),
        ("codec.options.segment_frames=6", "segment_frames: 6 frames are 1920 samples, the losses want 2048; write 7"),
    ],
)
def test_a_fault_in_the_config_is_named_with_its_place(
    root: Path, corpus: Path, tmp_path: Path, override: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        train_codec_run(tiny_config(root, corpus, tmp_path / "run", override))


def test_samples_are_cut_after_ten_seconds(tmp_path: Path) -> None:
    write_samples(MelRVQ.tiny(), [Waveform(torch.zeros(1, 11 * 24_000), 24_000)], tmp_path)
    assert Waveform.load(tmp_path / "00-codec.wav").duration_s == 10.0
