"""A config -> a run folder with a voice in it."""

import functools
import hashlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset
from tqdm.auto import tqdm
from transformers import EarlyStoppingCallback, PreTrainedTokenizerBase, TrainerCallback

from toktts import build
from toktts.config import Config
from toktts.data.bucketing import BucketBatchSampler
from toktts.data.collate import Collator, feature_of
from toktts.data.corpora._base import Corpus
from toktts.data.examples import Examples, make_examples
from toktts.data.rejects import Rejects
from toktts.errors import CheckpointError
from toktts.inference.voices import voice_folder
from toktts.models._base import ToktsModel
from toktts.training.board import show_samples
from toktts.training.callbacks import SamplesAtEvaluation, TimeLimit, share_done
from toktts.training.checkpoints import find_checkpoint
from toktts.training.fitting import fit_to_data
from toktts.training.folder import CHECKPOINTS, open_run_folder, write_config
from toktts.training.metrics import compute_metrics_and
from toktts.training.phrases import Phrases, phrases_of
from toktts.training.prosody import fit_prosody
from toktts.training.speakers import tell_speakers_apart
from toktts.training.stages import add_second_stage
from toktts.training.starting import load_weights
from toktts.training.trainer import ToktsTrainer, ToktsTrainingArguments, best_precision


@dataclass(frozen=True)
class Start:
    """What a training begins with, besides its config.

    Args:
        model: run folder whose weights to start from.
        checkpoint: checkpoint to go on from: weights, optimiser, step and clock.
    """

    model: Path | None = None
    checkpoint: Path | None = None


@dataclass(frozen=True)
class Material:
    """What a voice is trained on.

    Args:
        model: new or loaded, with its codec attached.
        tokenizer: of its text.
        training: rows with `id`, `text`, `input_ids`, `codes` or `mel`.
        validation: the same, of other clips, without noise.
    """

    model: ToktsModel
    tokenizer: PreTrainedTokenizerBase
    training: Dataset
    validation: Dataset


@dataclass(frozen=True)
class Hooks:
    """What others want to do during a training.

    Args:
        at_evaluation: called with the material and the step, model in eval mode.
        scorers: give more scores of an evaluation, lower-case name -> number; `metric_for_best_model` may name them.
    """

    at_evaluation: Sequence[Callable[[Material, int], None]] = field(default_factory=tuple)
    scorers: Sequence[Callable[[Material], Mapping[str, float]]] = field(default_factory=tuple)


def train_voice(config: Config, start: Start = Start(), hooks: Hooks = Hooks()) -> Path:
    """Train, or go on training, what the config describes; stop it at any time and call it again.

    Args:
        config: with `training.kind` voice.
        start: weights or checkpoint to begin with.
        hooks: what to do besides.
    Returns:
        The run folder: the path to give to `pipeline`.
    Raises:
        ToktsError: anything the user can mend, before or during the training.
    """
    folder, plan = build.run_folder(config), build.training_plan(config)
    resume = plan.resume or start.checkpoint is not None
    if (wish := start.model or build.start_wish(config)) is not None:
        # A run that is gone on with needs the voice it began with no more.
        start = replace(start, model=voice_folder(_checkpoint(folder, start, resume=resume) or wish))
    with open_run_folder(folder, resume=resume):
        config = fit_to_data(config, folder, checkpoint=start.checkpoint, is_new=start.model is None)
        plan = build.training_plan(config)
        material = prepare(config, folder, start)
        material.model.generation_config = build.generation(config, material.model)
        # Not before: a config that cannot be used leaves no run behind that its correction would have to go on with.
        write_config(folder, plan.config_yaml)
        trainer = make_trainer(plan, folder, material, hooks)
        trainer.train(resume_from_checkpoint=_checkpoint(folder, start, resume=resume))
        finish(folder, material, trainer)
    return folder


def prepare(config: Config, folder: Path, start: Start) -> Material:
    """Encode the corpus (or find it encoded), tokenise its text, and build or load the model."""
    codec = build.load_codec(config)
    tokenizer = build.tokenizer(config)
    model = build.model(config, tokenizer, codec)
    if start.model is not None:
        options = build.model_options(config)
        model = load_weights(start.model, like=model, n_text_ids=len(tokenizer), options=options).attach_codec(codec)
    corpus = build.open_corpus(config)
    vectors = build.speaker_vectors(config, corpus, size=getattr(model.config, "speaker_vector_size", 0))
    examples = tokenise(config, corpus, model, tokenizer, folder)
    training_ids, validation_ids = build.split(config, sorted(set(examples.rows["id"])))
    examples = replace(examples, rows=tell_speakers_apart(model, examples.rows, vectors))
    training = examples.of(training_ids, with_copies=True)
    if start.model is None:
        fit_prosody(model, training)
    return Material(
        model=model,
        tokenizer=tokenizer,
        training=training,
        validation=examples.of(validation_ids, with_copies=False),
    )


def tokenise(
    config: Config, corpus: Corpus, model: ToktsModel, tokenizer: PreTrainedTokenizerBase, folder: Path
) -> Examples:
    """Turn a corpus into rows of text ids and codes; what cannot be used goes to `rejected.jsonl` of the run."""
    with tqdm(desc="encoding the corpus", unit="clip", disable=None, file=sys.stderr) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        cache = build.token_cache(config, corpus, model.codec, prosody=model.wants_prosody, on_progress=show)
    rows = cache.load()
    examples = make_examples(
        rows,
        normalizer=build.normalizer(config),
        tokenizer=tokenizer,
        text_limit=model.config.text_limit,
        frames_per_id=model.config.frames_per_text_id,
        takes_durations=model.config.takes_durations,
        frame_rate=build.whole_clip_rate(config, model.codec),
    )
    if "phones" in rows.column_names and "durations" not in examples.rows.column_names:
        print(
            "the corpus says when its phonemes are said, but the text is read instead; "
            "tokens.tokenizer: pauses or symbols360 would read them",
            file=sys.stderr,
        )
    plan = build.training_plan(config)
    rejects = Rejects(folder / "rejected.jsonl", max_rejected_fraction=plan.max_rejected_fraction)
    rejects.extend([*corpus.rejected, *cache.rejected, *examples.rejected])
    rejects.finish(len(set(examples.rows["id"])))
    for finding, n_clips in sorted(cache.findings.items()):
        print(f"accepted, but noticed: {finding} ({n_clips} of {cache.n_clips} clips)", file=sys.stderr)
    return examples


def make_trainer(plan: build.TrainingPlan, folder: Path, material: Material, hooks: Hooks) -> ToktsTrainer:
    """Put model, rows, schedule and callbacks together."""
    arguments = {"use_cpu": not torch.cuda.is_available(), **best_precision(), **plan.arguments}
    args = ToktsTrainingArguments(output_dir=str(folder / CHECKPOINTS), **arguments)
    time_limit = TimeLimit(plan.max_minutes) if plan.max_minutes is not None else None
    batches = _sampler(plan, material.training, args)
    phrases = _phrases(plan, material, batches, seed=args.seed, time_limit=time_limit) if plan.phrase_share else None
    trainer = ToktsTrainer(
        material.model,
        args,
        train_dataset=phrases.rows if phrases else material.training.with_format("numpy"),
        eval_dataset=material.validation.with_format("numpy"),
        collator=Collator(material.tokenizer.pad_token_id),
        batch_sampler=phrases.sampler if phrases else batches,
        tokenizer=material.tokenizer,
        time_limit=time_limit,
        ema_decay=plan.ema_decay,
        facts={"training rows": _digest(material.training)} | ({"phrases": plan.phrase_share} if phrases else {}),
        allow_inexact=plan.allow_inexact,
        callbacks=[*_callbacks(plan, material, hooks), *(phrases.callbacks if phrases else [])],
    )
    trainer.compute_metrics = compute_metrics_and(
        [functools.partial(scorer, material) for scorer in hooks.scorers], feature_kind=material.model.feature_kind
    )
    add_second_stage(trainer, time_limit=time_limit)
    show_samples(trainer, folder / "samples")
    return trainer


def _digest(rows: Dataset) -> str:
    """Hash of what is trained on: ids, copies, text ids and features."""
    digest = hashlib.sha256()
    feature = feature_of(rows.column_names)
    more = ("pitch", "energy", "durations", "speaker_id", "speaker_vector")
    others = [name for name in more if name in rows.column_names]
    for row in rows.select_columns(["id", "copy", "input_ids", feature, *others]).with_format("numpy"):
        digest.update(f"{row['id']} {row['copy']} ".encode())
        digest.update(row["input_ids"].astype("int64").tobytes())
        digest.update(row[feature].astype("int16" if feature == "codes" else "float16").tobytes())
        for name in others:
            digest.update(np.asarray(row[name], dtype="float64").tobytes())
    return digest.hexdigest()[:16]


def _sampler(plan: build.TrainingPlan, rows: Dataset, args: ToktsTrainingArguments) -> BucketBatchSampler:
    lengths = [len(clip[0]) for clip in rows.with_format("arrow")[feature_of(rows.column_names)]]
    if plan.max_frames_per_batch is not None:
        return BucketBatchSampler(lengths, max_frames=plan.max_frames_per_batch, seed=args.seed)
    return BucketBatchSampler(lengths, batch_size=args.per_device_train_batch_size, seed=args.seed)


def _phrases(
    plan: build.TrainingPlan,
    material: Material,
    batches: BucketBatchSampler,
    *,
    seed: int,
    time_limit: TimeLimit | None,
) -> Phrases:
    return phrases_of(
        material.training,
        batches,
        model=material.model,
        tokenizer=material.tokenizer,
        collator=Collator(material.tokenizer.pad_token_id),
        share=plan.phrase_share,
        seed=seed,
        share_done=functools.partial(share_done, time_limit=time_limit),
    )


def _callbacks(plan: build.TrainingPlan, material: Material, hooks: Hooks) -> list[TrainerCallback]:
    callbacks: list[TrainerCallback] = []
    if plan.early_stopping_patience is not None:
        callbacks.append(EarlyStoppingCallback(early_stopping_patience=plan.early_stopping_patience))
    for hook in hooks.at_evaluation:
        callbacks.append(SamplesAtEvaluation(functools.partial(_call, hook, material)))
    return callbacks


def _call(hook: Callable[[Material, int], None], material: Material, _model: ToktsModel, step: int) -> None:
    hook(material, step)


def _checkpoint(folder: Path, start: Start, *, resume: bool) -> str | None:
    if start.checkpoint is not None:
        if not start.checkpoint.is_dir():
            raise CheckpointError("does not exist; name a folder checkpoint-N of a run", file=start.checkpoint)
        return str(start.checkpoint)
    found = find_checkpoint(folder / CHECKPOINTS) if resume else None
    return None if found is None else str(found)


def finish(folder: Path, material: Material, trainer: ToktsTrainer) -> None:
    """Write the voice to the root of the run folder, with its tokenizer, codec and scores."""
    scores = trainer.evaluate()
    material.model.save_pretrained(folder)
    material.tokenizer.save_pretrained(folder)
    trainer.state.save_to_json(str(folder / "trainer_state.json"))
    shown = ", ".join(
        f"{name.removeprefix('eval_')} {scores[name]:.3f}" for name in sorted(scores) if "acc" in name or "mel" in name
    )
    print(f"validation: loss {scores.get('eval_loss', float('nan')):.3f}, {shown}")


def is_finished(folder: Path) -> bool:
    """Whether a run folder holds a complete voice."""
    return (folder / "model.safetensors").exists() and (folder / "trainer_state.json").exists()
