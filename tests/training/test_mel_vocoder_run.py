"""The same training as `melrvq` gets, of a codec without codes."""

from pathlib import Path

import pytest
import torch

from toktts.audio import Waveform
from toktts.codecs import load_codec
from toktts.codecs.mel_vocoder import MelVocoder, MelVocoderOptions
from toktts.config import Config, load_config
from toktts.errors import CheckpointError, ConfigError
from toktts.training.codec_data import CodecAudio, SegmentDataset, encode_audio, track_audio
from toktts.training.codec_run import train_codec_run
from toktts.training.codec_task import codec_task

pytestmark = pytest.mark.medium


def tiny_config(root: Path, corpus: Path, run: Path, *overrides: str) -> Config:
    """`config/codec/mel_vocoder.yaml` on four clips of a second, small and with few steps."""
    words = [f"data.path={corpus}", "data.corpus=folder", f"training.output_dir={run}", "data.train_fraction=0.7"]
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "segment_frames": 16}
    words += [f"codec.options.{name}={size}" for name, size in sizes.items()]
    words += ["codec.options.adversarial_from=0.5", "codec.options.held_out_segments=4"]
    words += ["training.max_minutes=null", "training.samples_per_evaluation=1"]
    args = {"max_steps": 4, "eval_steps": 2, "save_steps": 2, "logging_steps": 1, "warmup_steps": 1}
    args |= {"per_device_train_batch_size": 4, "per_device_eval_batch_size": 4}
    words += [f"training.args.{name}={value}" for name, value in args.items()]
    return load_config([root / "config/codec/mel_vocoder.yaml"], overrides=[*words, *overrides])


@pytest.fixture(scope="module")
def run(root: Path, corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new vocoder, of clips at 24 kHz."""
    folder = tmp_path_factory.mktemp("runs") / "new"
    assert train_codec_run(tiny_config(root, corpus, folder)) == folder
    return folder


def test_a_run_folder_holds_a_vocoder_that_speaks_mel(run: Path) -> None:
    codec = load_codec(run / "codec")
    assert isinstance(codec, MelVocoder)
    assert codec.options == MelVocoderOptions(hidden_size=16, intermediate_size=32, num_hidden_layers=1)
    assert load_codec(run).identity == codec.identity
    real, coded = (Waveform.load(run / f"samples/step-4/00-{kind}.wav") for kind in ("real", "codec"))
    assert real.sampling_rate == coded.sampling_rate == 22_050
    assert real.samples.shape == coded.samples.shape


def test_a_run_that_goes_on_ends_as_one_that_never_stopped(root: Path, corpus: Path, run: Path, tmp_path: Path) -> None:
    config = tiny_config(root, corpus, tmp_path / "again")
    train_codec_run(config, with_checkpoint=run / "checkpoints/checkpoint-2")
    ours, theirs = (load_codec(folder).state_dict() for folder in (tmp_path / "again", run))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_trained_vocoder_is_gone_on_with(
    root: Path, corpus: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train_codec_run(tiny_config(root, corpus, tmp_path / "tuned", "training.args.max_steps=1"), run)
    assert load_codec(tmp_path / "tuned").identity == load_codec(run).identity
    assert ", was " in capsys.readouterr().out


def test_a_checkpoint_of_another_mel_is_refused(root: Path, corpus: Path, run: Path, tmp_path: Path) -> None:
    config = tiny_config(root, corpus, tmp_path / "other", "codec.options.adversarial_from=0.25")
    with pytest.raises(CheckpointError, match="codec.options.adversarial_from was 0.5, is 0.25; set it back"):
        train_codec_run(config, with_checkpoint=run / "checkpoints/checkpoint-2")


def test_options_of_codes_are_unknown_to_it() -> None:
    with pytest.raises(ConfigError, match="codec.options.n_codebooks: mel_vocoder has no option 'n_codebooks'"):
        codec_task({"n_codebooks": 2}, name_or_path="mel_vocoder")
    with pytest.raises(ConfigError, match="codec.options.f_max: f_max must lie above 0 and at most at 11025 Hz"):
        codec_task({"f_max": 20_000}, name_or_path="mel_vocoder")


def test_mel_and_samples_of_a_segment_are_of_the_same_place() -> None:
    """Of noise that sounds in two of twelve frames only: there, and nowhere else, is the mel loud."""
    codec = MelVocoder.tiny()
    samples = torch.zeros(12 * 256)
    samples[5 * 256 : 7 * 256] = 0.3 * torch.randn(512, generator=torch.Generator().manual_seed(0))
    audio = CodecAudio(["a"], [samples.half()], codec.sampling_rate)
    mel = encode_audio(codec, audio)
    assert mel[0].dtype == torch.float16
    data = SegmentDataset(
        audio, mel, track_audio(audio, 256), hop_length=256, segment_frames=6, n_segments=9, seed=0, feature_kind="mel"
    )
    for segment in map(data.__getitem__, range(9)):
        assert segment["mel"].dtype == torch.float32
        assert segment["mel"].shape == (20, 6)
        loud = segment["samples"].view(6, 256).abs().amax(dim=1) > 0.05
        heard = segment["mel"].amax(dim=0) > segment["mel"].min() + 4
        assert not (loud & ~heard).any()
