import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from toktts.codecs.melrvq import MelRVQ
from toktts.data.corpora._base import tiny_clip
from toktts.errors import CheckpointError, TrainingError
from toktts.training.arguments import ToktsTrainingArguments
from toktts.training.callbacks import TimeLimit
from toktts.training.codec_data import CodecAudio, SegmentDataset, encode_audio, track_audio
from toktts.training.codec_run import held_out_distance
from toktts.training.codec_task import CodecRecipe
from toktts.training.codec_trainer import CodecTrainer

RECIPE = CodecRecipe(segment_frames=8, adversarial_from=0.5, adversarial_ramp=0.0)


def audio() -> CodecAudio:
    clips = [tiny_clip(index, sampling_rate=24_000).samples[0].half() for index in range(2)]
    return CodecAudio(["a", "b"], clips, 24_000)


def trainer(folder: Path, *, codec: MelRVQ | None = None, recipe: CodecRecipe = RECIPE, **wish: Any) -> CodecTrainer:
    codec = codec or MelRVQ.tiny()
    time_limit = wish.pop("time_limit", None)
    arguments = {"max_steps": 4, "save_steps": 2, "eval_steps": 2, "logging_steps": 1, "learning_rate": 1e-3} | wish
    args = ToktsTrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=2,
        use_cpu=True,
        report_to=[],
        disable_tqdm=True,
        save_strategy="steps",
        lr_scheduler_type="cosine",
        **arguments,
    )
    sound = audio()
    shape = {"hop_length": 320, "segment_frames": recipe.segment_frames, "seed": 0}
    codes, tracks = encode_audio(codec, sound), track_audio(sound, 320)
    segments = [SegmentDataset(sound, codes, tracks, n_segments=n, **shape) for n in (8, 2)]
    return CodecTrainer(
        codec, args, recipe=recipe, train_dataset=segments[0], eval_dataset=segments[1], time_limit=time_limit
    )


def weights(codec: MelRVQ) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in codec.parameters()])


@pytest.mark.parametrize(
    ("start", "ramp", "progress", "share"),
    [
        (0.25, 0.1, 0.24, 0.0),
        (0.25, 0.1, 0.25, 1e-3),
        (0.25, 0.1, 0.30, 0.5),
        (0.25, 0.1, 0.90, 1.0),
        (0.25, 0.0, 0.25, 1.0),
        (0.0, 0.2, 0.0, 1e-3),
        (1.0, 0.1, 1.0, 0.0),
    ],
)
def test_the_discriminators_word_grows_from_their_time_on(
    tmp_path: Path, start: float, ramp: float, progress: float, share: float
) -> None:
    recipe = dataclasses.replace(RECIPE, adversarial_from=start, adversarial_ramp=ramp)
    training = trainer(tmp_path, recipe=recipe)
    training.state.max_steps, training.state.global_step = 100, round(100 * progress)
    assert training.adversarial_share() == pytest.approx(share)


def test_progress_is_time_where_time_is_limited(tmp_path: Path) -> None:
    clock = iter([0.0, 30.0])
    limit = TimeLimit(2.0, clock=lambda: next(clock))
    training = trainer(tmp_path, time_limit=limit)
    limit.on_train_begin(training.args, training.state, training.control)
    assert training.progress == 0.25


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> CodecTrainer:
    """Four steps without a stop, discriminators in the last two."""
    training = trainer(tmp_path_factory.mktemp("run"))
    training.train()
    return training


def test_parts_of_the_loss_are_logged_from_their_time_on(finished: CodecTrainer) -> None:
    steps = [entry for entry in finished.state.log_history if "spectral_loss" in entry]
    assert [entry["step"] for entry in steps] == [1, 2, 3, 4]
    for entry in steps:
        assert ("discriminator_loss" in entry) == (entry["step"] > 2)
    last = steps[-1]
    paid = RECIPE.adversarial_weight * last["adversarial_loss"] + RECIPE.matching_weight * last["matching_loss"]
    paid += RECIPE.pitch_weight * last["pitch_loss"] + RECIPE.voicing_weight * last["voicing_loss"]
    assert last["loss"] == pytest.approx(last["spectral_loss"] + paid, rel=1e-4)


def test_training_leaves_the_codes_alone(finished: CodecTrainer) -> None:
    before = MelRVQ.tiny()
    assert finished.model.identity == before.identity
    assert not torch.equal(weights(finished.model), weights(before))


def test_the_result_is_the_average_and_the_raw_weights_lie_beside_it(finished: CodecTrainer) -> None:
    folder = Path(finished.args.output_dir) / "checkpoint-4"
    average, raw = load_file(folder / "model.safetensors"), load_file(folder / "raw_weights.safetensors")
    for name, parameter in finished.model.named_parameters():
        assert torch.equal(parameter, average[name]), "in single precision"
    assert any(not torch.equal(average[name], raw[name]) for name in raw)
    torch.testing.assert_close(weights(MelRVQ.from_pretrained(folder)), weights(finished.model), rtol=0, atol=0)


@pytest.mark.medium
def test_a_run_that_goes_on_ends_as_one_that_never_stopped(finished: CodecTrainer, tmp_path: Path) -> None:
    again = trainer(tmp_path)
    again.train(resume_from_checkpoint=str(Path(finished.args.output_dir) / "checkpoint-2"))
    assert torch.equal(weights(again.model), weights(finished.model))
    for name in ("discriminators.safetensors", "discriminators_optimizer.safetensors"):
        ours, theirs = (
            load_file(folder / "checkpoint-4" / name) for folder in (tmp_path, Path(finished.args.output_dir))
        )
        assert ours
        assert all(torch.equal(ours[key], theirs[key]) for key in theirs)


@pytest.mark.medium
def test_the_spectral_distance_falls(tmp_path: Path) -> None:
    recipe = dataclasses.replace(RECIPE, adversarial_from=1.0)
    training = trainer(tmp_path, recipe=recipe, max_steps=30, learning_rate=2e-2, save_steps=100)
    segments = audio()
    codes, tracks = encode_audio(training.model, segments), track_audio(segments, 320)
    training.train_dataset = SegmentDataset(
        segments, codes, tracks, hop_length=320, segment_frames=8, n_segments=60, seed=0
    )
    before = held_out_distance(training.model, training.eval_dataset)
    training.train()
    assert held_out_distance(training.model, training.eval_dataset) < 0.9 * before


def test_bfloat16_is_for_the_nets_and_not_for_the_spectra(tmp_path: Path) -> None:
    training = trainer(tmp_path, bf16=True)
    seen: list[torch.dtype] = []
    training.spectral_distance.register_forward_hook(lambda _m, given, out: seen.extend([given[0].dtype, out.dtype]))
    training.model.vocoder.head.register_forward_hook(lambda _m, _given, out: seen.append(out.dtype))
    segment = training.eval_dataset[0]
    training.compute_loss(training.model.train(), {name: value[None] for name, value in segment.items()})
    assert seen == [torch.bfloat16, torch.float32, torch.float32]


def test_a_loss_that_is_not_finite_stops_the_run_and_names_the_clips(tmp_path: Path) -> None:
    codec = MelRVQ.tiny()
    training = trainer(tmp_path, codec=codec)
    torch.nn.init.constant_(codec.vocoder.head.bias, float("nan"))
    with pytest.raises(TrainingError, match=r"loss is nan at step 1, rows [ab], [ab]; nothing was saved"):
        training.train()
    assert not list(tmp_path.glob("checkpoint-*"))


def test_a_checkpoint_of_other_codebooks_is_refused(finished: CodecTrainer, tmp_path: Path) -> None:
    codec = MelRVQ.tiny()
    codec.codebooks += 1
    with pytest.raises(CheckpointError, match=r"codes was melrvq-1-\w+, is melrvq-1-\w+; set it back"):
        trainer(tmp_path, codec=codec).train(str(Path(finished.args.output_dir) / "checkpoint-2"))


def test_a_checkpoint_without_its_discriminators_is_refused(finished: CodecTrainer, tmp_path: Path) -> None:
    folder = Path(finished.args.output_dir) / "checkpoint-4"
    (tmp_path / "copy").mkdir()
    for path in folder.iterdir():
        if not path.name.startswith("discriminators"):
            (tmp_path / "copy" / path.name).write_bytes(path.read_bytes())
    with pytest.raises(CheckpointError, match="discriminators.safetensors: is missing, the checkpoint is incomplete"):
        trainer(tmp_path / "run").train(str(tmp_path / "copy"))
    with pytest.raises(CheckpointError, match="copy: discriminators cannot be read"):
        trainer(tmp_path / "run")._load_from_checkpoint(str(tmp_path / "copy"))
