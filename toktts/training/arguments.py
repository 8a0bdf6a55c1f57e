"""How a training is configured: transformers' arguments, two of the reference, and the precision of the machine."""

from dataclasses import dataclass, field

import torch
from transformers import TrainingArguments
from transformers.utils.import_utils import is_torch_bf16_gpu_available

from toktts.models.modules.precision import computes_bfloat16


@dataclass
class ToktsTrainingArguments(TrainingArguments):
    """TrainingArguments with what the schedules of the reference need, and without what breaks our batches."""

    min_learning_rate: float = field(default=0.0, metadata={"help": "Learning rate at the end of the decay."})
    lr_decay_steps: int | None = field(default=None, metadata={"help": "Step at which it is reached; None = last."})

    def __post_init__(self) -> None:
        super().__post_init__()  # type: ignore[no-untyped-call]
        # Codes travel under a name that `forward` does not have, and the collator drops what it does not know.
        self.remove_unused_columns = False
        # The filter writes a NaN loss to the log as 0.0.
        self.logging_nan_inf_filter = False
        # Without an accelerator torch only warns about it, once a loader.
        self.dataloader_pin_memory &= torch.accelerator.is_available()


def best_precision() -> dict[str, bool]:
    """Arguments for `TrainingArguments` that train in bfloat16 where the GPU, or else the CPU, computes in it."""
    if torch.accelerator.is_available():
        return {"bf16": True} if is_torch_bf16_gpu_available() else {}
    # TrainingArguments takes bf16 for a GPU's unless told otherwise.
    return {"bf16": True, "use_cpu": True} if computes_bfloat16() else {}
