"""Check `training.args` against the fields of transformers' TrainingArguments and two of our own."""

import dataclasses
import functools
import typing
from collections.abc import Mapping
from typing import Any

from toktts.config._checks import Between, checked, fault, shown

KEY = "training.args"
COUNT = Between(1, 10**9)
SHARE = Between(0, 1)
RANGES: Mapping[str, Between] = {
    "adam_beta1": SHARE,
    "adam_beta2": SHARE,
    "adam_epsilon": Between(1e-20, 1),
    "data_seed": Between(0, 2**32 - 1),
    "dataloader_num_workers": Between(0, 1024),
    "dataloader_prefetch_factor": Between(1, 1024),
    "eval_accumulation_steps": COUNT,
    "eval_delay": Between(0, 10**9),
    "eval_steps": Between(0, 10**9, inside=True),
    "gradient_accumulation_steps": Between(1, 10**6),
    "label_smoothing_factor": SHARE,
    "learning_rate": Between(0, 10, inside=True),
    "logging_steps": Between(0, 10**9, inside=True),
    "lr_decay_steps": COUNT,
    "max_grad_norm": Between(0, 10**6),
    "min_learning_rate": Between(0, 10),
    "neftune_noise_alpha": Between(0, 10**3),
    "num_train_epochs": Between(0, 10**6, inside=True),
    "per_device_eval_batch_size": Between(1, 10**6),
    "per_device_train_batch_size": Between(1, 10**6),
    "save_steps": Between(0, 10**9, inside=True),
    "save_total_limit": Between(1, 10**6),
    "seed": Between(0, 2**32 - 1),
    "torch_empty_cache_steps": COUNT,
    "warmup_steps": Between(0, 10**9),
    "weight_decay": SHARE,
}
ELSEWHERE: Mapping[str, str] = {
    "output_dir": "training.output_dir",
    "report_to": "tracking.report_to",
    "run_name": "tracking.run_name",
    "project": "tracking.project",
    "resume_from_checkpoint": "training.resume, or --with-checkpoint",
}


@functools.cache
def known_training_args() -> Mapping[str, Any]:
    """Name -> annotation of every key that `training.args` accepts."""
    from transformers import TrainingArguments

    hints = typing.get_type_hints(TrainingArguments)
    known = {field.name: hints[field.name] for field in dataclasses.fields(TrainingArguments) if field.init}
    return {**known, "min_learning_rate": float, "lr_decay_steps": int | None}


def check_training_args(args: Mapping[str, object]) -> None:
    """Refuse values that TrainingArguments would refuse late or accept wrongly; names are checked by `check_keys`.

    Raises:
        ConfigError: a wrong type, a value out of range, or two keys that contradict each other.
    """
    hints = known_training_args() if args else {}
    for name, value in args.items():
        key = f"{KEY}.{name}"
        if name in ELSEWHERE:
            raise fault(key, "is set elsewhere", f"use {ELSEWHERE[name]}")
        if name not in hints:
            raise fault(key, "unknown key", "see the fields of transformers.TrainingArguments")
        _check_value(name, value, hints[name], key)
    _check_together(args)


def _check_value(name: str, value: object, hint: Any, key: str) -> None:
    checked(value, hint, key)
    if name == "max_steps" and value != -1:
        COUNT.apply(value, key)
    elif name in RANGES and value is not None:
        RANGES[name].apply(value, key)


def _check_together(args: Mapping[str, Any]) -> None:
    if args.get("bf16") and args.get("fp16"):
        raise fault(f"{KEY}.fp16", f"cannot be true while {KEY}.bf16 is true", "keep one")
    learning_rate, floor = args.get("learning_rate", 5e-5), args.get("min_learning_rate", 0.0)
    if floor > learning_rate:
        what = f"{shown(floor)} is above {KEY}.learning_rate, {shown(learning_rate)}"
        raise fault(f"{KEY}.min_learning_rate", what, "lower it")
    warmup, decay = args.get("warmup_steps", 0), args.get("lr_decay_steps")
    if decay is not None and warmup >= decay:
        what = f"{shown(decay)} is not after the end of {KEY}.warmup_steps, {shown(warmup)}"
        raise fault(f"{KEY}.lr_decay_steps", what, "raise it")
    if args.get("load_best_model_at_end") and args.get("eval_strategy", "no") == "no":
        raise fault(
            f"{KEY}.load_best_model_at_end", f"needs {KEY}.eval_strategy, which is 'no'", "set it to steps or epoch"
        )
