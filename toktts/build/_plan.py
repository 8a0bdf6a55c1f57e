"""How a training goes, and where."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toktts.config import Config, load_config

ERROR_RATES = ("cer", "wer")
"""Scores of what is heard at an evaluation, less is better: `training.args.metric_for_best_model` may name one."""
SPLIT_KEYS = ("data.train_fraction", "data.n_validation", "data.augmentation_copies")
"""Keys that say which clips a run was trained on, and how often."""


@dataclass(frozen=True)
class TrainingPlan:
    """The values of a config that steer a training.

    Args:
        max_minutes: of training; None = as many steps as `arguments` say.
        ema_decay: of the moving average of the weights, a step; None = none is kept.
        early_stopping_patience: evaluations without progress before it stops; None = it never stops early.
        resume: whether a run that lies in the folder is gone on with.
        allow_inexact: whether also where it cannot end as an uninterrupted run would.
        max_frames_per_batch: padding included; None = batches of a fixed number of rows.
        max_rejected_fraction: share of clips that may be left out.
        samples_per_evaluation: sentences spoken at each evaluation.
        arguments: for `ToktsTrainingArguments`, without `output_dir`.
        phrase_share: of the training rows that become phrases.
        config_yaml: the whole config, to lie beside the model.
    """

    max_minutes: float | None
    ema_decay: float | None
    early_stopping_patience: int | None
    resume: bool
    allow_inexact: bool
    max_frames_per_batch: int | None
    max_rejected_fraction: float
    samples_per_evaluation: int
    arguments: dict[str, Any]
    phrase_share: float
    config_yaml: str


def training_plan(config: Config) -> TrainingPlan:
    """Read the values that steer a training."""
    training, tracking = config.training, config.tracking
    arguments: dict[str, Any] = {"report_to": tracking.reporters, "project": tracking.project}
    if tracking.run_name is not None:
        arguments["run_name"] = tracking.run_name
    if chooses_by_hearing(config):
        arguments["greater_is_better"] = False
    return TrainingPlan(
        max_minutes=training.max_minutes,
        ema_decay=training.ema_decay,
        early_stopping_patience=training.early_stopping_patience,
        resume=training.resume,
        allow_inexact=training.allow_inexact,
        max_frames_per_batch=config.data.max_frames_per_batch,
        max_rejected_fraction=config.data.max_rejected_fraction,
        samples_per_evaluation=training.samples_per_evaluation,
        arguments=arguments | dict(training.args),
        phrase_share=config.data.phrase_share or 0.0,
        config_yaml=config.to_yaml(),
    )


def chooses_by_hearing(config: Config) -> bool:
    """Whether the best checkpoint is the one whose words are heard best."""
    return str(config.training.args.get("metric_for_best_model")).removeprefix("eval_") in ERROR_RATES


def run_folder(config: Config) -> Path:
    """Where the run goes: `training.output_dir`, else `runs/<model.name>`."""
    return Path(config.training.output_dir or Path("runs", config.model.name))


def start_wish(config: Config) -> str | None:
    """Name of the voice whose weights a new one starts from."""
    return config.model.start_from


def model_options(config: Config) -> Mapping[str, object]:
    """Options of the family that the config sets."""
    return config.model.options


def fits_to_data(config: Config) -> bool:
    """Whether open keys of a voice follow from its data: if asked for, or if no key says how long to train."""
    given, wish = config.given(), config.training.fit_to_data
    lengths = ("training.max_minutes", "training.args.max_steps", "training.args.num_train_epochs")
    return not trains_codec(config) and (wish if wish is not None else not any(key in given for key in lengths))


def filled_from(config: Config, run: Path, keys: Collection[str] = SPLIT_KEYS) -> Config:
    """Fill keys that a config leaves open with the values of a run, if there is one."""
    saved = run / "config.yaml"
    given = load_config([saved]).given() if saved.is_file() else {}
    return config.filled({key: value for key, value in given.items() if key in keys})


def trains_codec(config: Config) -> bool:
    """Whether a codec is to be trained, and not a voice."""
    return config.training.kind == "codec"


def codec_wishes(config: Config) -> tuple[str, Mapping[str, object]]:
    """Name of the codec that a codec training starts from, and its options."""
    return config.codec.name_or_path, config.codec.options


def demo_counts(config: Config) -> tuple[int, int]:
    """How many sentences the demo speaks: of its corpus, and others."""
    return config.evaluation.seen, config.evaluation.unseen
