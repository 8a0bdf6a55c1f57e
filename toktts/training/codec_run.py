"""A corpus -> a run folder with a codec in it: a new one, or one that is there already, tuned to a voice."""

import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import EarlyStoppingCallback, TrainerCallback

from toktts import build
from toktts.audio import Waveform
from toktts.codecs._base import CODEC_FILE
from toktts.codecs._vocoder_codec import WEIGHTS_FILE, VocoderCodec
from toktts.codecs.melrvq import MelRVQ
from toktts.config import Config
from toktts.data.atomic import scratch_path
from toktts.data.corpora._base import Corpus
from toktts.data.encoding import ClipSettings
from toktts.errors import CheckpointError, ConfigError
from toktts.training.arguments import ToktsTrainingArguments, best_precision
from toktts.training.callbacks import SamplesAtEvaluation, TimeLimit
from toktts.training.checkpoints import find_checkpoint
from toktts.training.codec_data import CodecAudio, SegmentDataset, fit_on_audio
from toktts.training.codec_material import count_steps, cut_segments, held_out_distance, read_sound
from toktts.training.codec_task import KEY, CodecTask, codec_task
from toktts.training.codec_trainer import CodecTrainer
from toktts.training.folder import CHECKPOINTS, open_run_folder, write_config

SAMPLE_SECONDS = 10.0


@dataclass(frozen=True)
class TrainedCodec:
    """What a training came to.

    Args:
        codec: in memory as it lies in the run folder.
        folder: the run folder; `codec/` in it, and it itself, can be given to `load_codec`.
        minutes: of training, all runs together.
        distance_before: mean spectral distance of held-out segments at the start; None for a new codec.
        distance: the same at the end.
    """

    codec: VocoderCodec
    folder: Path
    minutes: float
    distance_before: float | None
    distance: float


def train_codec_run(config: Config, with_model: Path | None = None, with_checkpoint: Path | None = None) -> Path:
    """Train, or go on training, the codec that a config describes; stop it at any time and call it again.

    Args:
        config: with `training.kind` codec; `codec.name_or_path` is `melrvq` for a new one, else what to start from.
        with_model: a run or codec folder to start from instead.
        with_checkpoint: checkpoint to go on from, whatever else is said.
    Returns:
        The run folder; `codec/` in it is what `load_codec` takes.
    Raises:
        ToktsError: anything the user can mend, before or during the training.
    """
    folder, plan = build.run_folder(config), build.training_plan(config)
    resume = plan.resume or with_checkpoint is not None
    name_or_path, options = build.codec_wishes(config)
    try:
        task = codec_task(
            options,
            name_or_path=name_or_path,
            with_model=with_model,
            max_minutes=plan.max_minutes,
            ema_decay=plan.ema_decay,
            early_stopping_patience=plan.early_stopping_patience,
            samples_per_evaluation=plan.samples_per_evaluation,
        )
    except ConfigError as error:
        raise config.fault(error.key or KEY, error.message) from error
    with open_run_folder(folder, resume=resume):
        write_config(folder, plan.config_yaml)
        arguments = {"use_cpu": not torch.cuda.is_available(), **best_precision(), **plan.arguments}
        train_codec(
            build.open_corpus(config),
            folder,
            task,
            args=ToktsTrainingArguments(output_dir=str(folder / CHECKPOINTS), **arguments),
            clips=build.clip_settings(config),
            split=functools.partial(build.split, config),
            max_rejected_fraction=plan.max_rejected_fraction,
            resume_from=_existing(with_checkpoint) or (find_checkpoint(folder / CHECKPOINTS) if resume else None),
        )
    return folder


def _existing(checkpoint: Path | None) -> Path | None:
    if checkpoint is not None and not checkpoint.is_dir():
        raise CheckpointError("does not exist; name a folder checkpoint-N of a run", file=checkpoint)
    return checkpoint


def train_codec(
    corpus: Corpus,
    folder: Path,
    task: CodecTask,
    *,
    args: ToktsTrainingArguments,
    clips: ClipSettings,
    split: Callable[[list[str]], tuple[list[str], list[str]]],
    max_rejected_fraction: float = 0.01,
    resume_from: Path | None = None,
) -> TrainedCodec:
    """Train a codec on the sound of a corpus; its text is not looked at.

    A new codec has its codebooks, if it has any, fitted first; of one that is there already only the way back to
    sound is trained.

    Args:
        corpus: of any number of speakers.
        folder: run folder, which nobody else writes to.
        task: what is trained.
        args: how; `output_dir` is where the checkpoints go.
        clips: how files become clips; noise copies are not made.
        split: ids -> (training, held out).
        max_rejected_fraction: share of clips that may be left out.
        resume_from: a checkpoint of this run.
    Raises:
        CorpusError: too much sound for the memory it may take, or too many clips that cannot be used.
        CodecError: too little sound for the codebooks.
        CheckpointError: the checkpoint is of another run, or damaged.
    """
    codec = task.new_codec(seed=args.seed)
    training, held_out = read_sound(corpus, folder, codec, task.recipe, clips, split, max_rejected_fraction)
    if resume_from is not None and task.start is None:
        codec = type(codec).from_pretrained(resume_from)
    elif task.start is None and isinstance(codec, MelRVQ):
        n_frames = fit_on_audio(codec, training, seed=args.seed)
        print(f"codebooks fitted on {n_frames / codec.frame_rate:.0f} s of speech")
    args.max_steps = count_steps(args, task, training, codec.hop_length)
    train_set, held_out_set = cut_segments(codec, training, held_out, task.recipe, args)
    before = None if task.start is None else held_out_distance(codec, held_out_set)
    time_limit = None if task.max_minutes is None else TimeLimit(task.max_minutes)
    trainer = CodecTrainer(
        codec,
        args,
        recipe=task.recipe,
        train_dataset=train_set,
        eval_dataset=held_out_set,
        ema_decay=task.ema_decay,
        time_limit=time_limit,
        facts={"clips": len(training.ids), "hours": round(training.hours, 6)},
        callbacks=_callbacks(task, codec, held_out, folder / "samples"),
    )
    began = time.monotonic()
    trainer.train(resume_from_checkpoint=None if resume_from is None else str(resume_from))
    elapsed_s = time.monotonic() - began if time_limit is None else time_limit.elapsed_s
    codec = codec.cpu().eval()
    codec.round_weights()
    _save(codec, folder)
    _save(codec, folder / "codec")
    trainer.state.save_to_json(str(folder / "trainer_state.json"))
    trained = TrainedCodec(codec, folder, elapsed_s / 60, before, held_out_distance(codec, held_out_set))
    print(_summary(trained, held_out_set))
    return trained


def _callbacks(task: CodecTask, codec: VocoderCodec, held_out: CodecAudio, folder: Path) -> Sequence[TrainerCallback]:
    clips = [held_out.waveform(index) for index in range(min(task.samples_per_evaluation, len(held_out.clips)))]
    callbacks: list[TrainerCallback] = [
        SamplesAtEvaluation(lambda _, step: write_samples(codec, clips, folder / f"step-{step}"))
    ]
    if task.early_stopping_patience is not None:
        callbacks.append(EarlyStoppingCallback(early_stopping_patience=task.early_stopping_patience))
    return callbacks


def write_samples(codec: VocoderCodec, clips: Sequence[Waveform], folder: Path) -> None:
    """Write the first seconds of each clip as `NN-real.wav`, and through the codec as `NN-codec.wav`."""
    folder.mkdir(parents=True, exist_ok=True)
    device = next(codec.parameters()).device
    for index, clip in enumerate(clips):
        real = Waveform(clip.samples[:, : round(SAMPLE_SECONDS * clip.sampling_rate)], clip.sampling_rate)
        decoded = codec.decode(codec.encode(Waveform(real.samples.to(device), real.sampling_rate)))
        coded = Waveform(decoded.samples.cpu()[:, : real.samples.shape[1]], real.sampling_rate)
        real.save(folder / f"{index:02}-real.wav")
        coded.save(folder / f"{index:02}-codec.wav")


def _save(codec: VocoderCodec, folder: Path) -> None:
    """Write both files beside their places, then put the weights there before what points to them."""
    folder.mkdir(parents=True, exist_ok=True)
    staging = scratch_path(folder, "codec")
    codec.save_pretrained(staging)
    for name in (WEIGHTS_FILE, CODEC_FILE):
        (staging / name).replace(folder / name)
    staging.rmdir()


def _summary(trained: TrainedCodec, segments: SegmentDataset) -> str:
    was = "" if trained.distance_before is None else f", was {trained.distance_before:.3f}"
    return (
        f"trained {trained.minutes:.1f} minutes; spectral distance of {len(segments)} held-out segments "
        f"{trained.distance:.3f}{was}; codec: {trained.folder / 'codec'}"
    )
