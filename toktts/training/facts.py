"""What must be the same for a resumed run to end as an uninterrupted one would."""

import json
from collections.abc import Mapping
from typing import Any

import torch
import transformers
from transformers import PreTrainedModel, TrainingArguments

# Keys of a model's config that say nothing about the model.
_VOLATILE = {"transformers_version", "_name_or_path", "dtype", "architectures", "use_cache"}


def run_facts(
    model: PreTrainedModel, args: TrainingArguments, *, n_batches: int, ema_decay: float | None
) -> dict[str, Any]:
    """Collect what decides about the weights, as it comes back from JSON.

    Args:
        model: its config counts.
        args: batch size, seed and the like.
        n_batches: of an epoch.
        ema_decay: of the averaged weights, if there are any.
    """
    config = json.loads(json.dumps(model.config.to_dict()))
    return {
        **{f"model.{key}": value for key, value in config.items() if key not in _VOLATILE},
        "batch_size": args.per_device_train_batch_size,
        "batches": n_batches,
        "device": args.device.type,
        "ema_decay": ema_decay,
        "gradient_accumulation_steps": args.gradient_accumulation_steps,
        "precision": args.mixed_precision,
        "processes": args.world_size,
        "seed": args.seed,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }


def describe_differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Say what has changed since a checkpoint, the kind of model first.

    >>> describe_differences({"batch": 8, "seed": 1}, {"batch": 16, "seed": 1})
    ['batch was 8, is 16']
    """
    return [
        f"{key} was {then.get(key)}, is {now.get(key)}"
        for key in sorted({*then, *now}, key=lambda key: (key != "model.model_type", key))
        if then.get(key) != now.get(key)
    ]
