"""`transformers.Trainer` for a vocoder: spectral distance first, then discriminators that learn beside it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import SequentialSampler, default_collate
from transformers import TrainerCallback

from toktts.codecs._vocoder import VocoderOutput
from toktts.codecs._vocoder_codec import WEIGHTS_FILE, VocoderCodec
from toktts.errors import CheckpointError
from toktts.training.arguments import ToktsTrainingArguments
from toktts.training.callbacks import TimeLimit, share_done
from toktts.training.codec_data import SegmentDataset
from toktts.training.codec_losses import Discriminators, SpectralDistance, pitch_losses
from toktts.training.codec_task import CodecRecipe
from toktts.training.resumable import ResumableTrainer
from toktts.training.schedule import TimeSchedule, reference_schedule

DISCRIMINATORS = "discriminators.safetensors"
DISCRIMINATORS_OPTIMIZER = "discriminators_optimizer.safetensors"


class CodecTrainer(ResumableTrainer):
    """Trains the vocoder of a codec; what shapes its features stays as it is.

    The weights that are evaluated, saved, and left in the codec at the end are the averaged ones.

    Args:
        codec: what is trained.
        args: how.
        recipe: how, where it is about vocoders.
        train_dataset: read once, from its beginning to its end.
        eval_dataset: of held-out clips.
        ema_decay: share of the averaged weights that a step leaves, in (0, 1).
        time_limit: if given, it ends the training and its clock moves the learning rate.
        facts: what else must be the same for an exact resume.
        callbacks: more of them.
    """

    model: Any

    def __init__(
        self,
        codec: VocoderCodec,
        args: ToktsTrainingArguments,
        *,
        recipe: CodecRecipe,
        train_dataset: SegmentDataset,
        eval_dataset: SegmentDataset,
        ema_decay: float = 0.999,
        time_limit: TimeLimit | None = None,
        facts: Mapping[str, Any] | None = None,
        callbacks: Sequence[TrainerCallback] = (),
    ) -> None:
        module: Any = codec
        super().__init__(
            module,
            args,
            time_limit=time_limit,
            ema_decay=ema_decay,
            tokenizer=None,
            facts=facts or {},
            allow_inexact=False,
            callbacks=callbacks,
            trainer_arguments={
                "train_dataset": train_dataset,
                "eval_dataset": eval_dataset,
                "data_collator": default_collate,
            },
        )
        self.recipe = recipe
        self.spectral_distance = SpectralDistance(codec.sampling_rate).to(args.device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(args.seed)
            self.discriminators = Discriminators().to(args.device)
        self.discriminators_optimizer = torch.optim.AdamW(
            self.discriminators.parameters(), recipe.discriminator_learning_rate, betas=(0.8, 0.99)
        )
        self._parts: dict[str, list[Tensor]] = defaultdict(list)

    @property
    def progress(self) -> float:
        """Share of the run that lies behind, in [0, 1]."""
        return min(1.0, share_done(self.state, self._time_limit))

    def adversarial_share(self) -> float:
        """How much the discriminators' word counts now, in [0, 1]; above 0 they learn."""
        recipe, since = self.recipe, self.progress - self.recipe.adversarial_from
        if since < 0 or recipe.adversarial_from >= 1:
            return 0.0
        return min(1.0, max(since / recipe.adversarial_ramp, 1e-3)) if recipe.adversarial_ramp > 0 else 1.0

    def _get_train_sampler(self, train_dataset: Any = None) -> SequentialSampler:
        # Every index draws its own segment, and this order is the one that a resumed run finds again.
        dataset: Any = self.train_dataset if train_dataset is None else train_dataset
        return SequentialSampler(dataset)

    def _batch_ids(self) -> list[str]:
        n_rows = self.args.train_batch_size * self.args.gradient_accumulation_steps * self.args.world_size
        dataset: Any = self.train_dataset
        indices = range(self.state.global_step * n_rows, (self.state.global_step + 1) * n_rows)
        return [dataset.audio.ids[dataset.place(index)[0]] for index in indices]

    def create_scheduler(self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None) -> LRScheduler:
        """Let the learning rate fall along half a cosine: over the time if that is limited, else over the steps."""
        if self.lr_scheduler is None:
            chosen: Any = self.optimizer if optimizer is None else optimizer
            schedule: Any = self._schedule(chosen, num_training_steps)
            self.lr_scheduler, self._created_lr_scheduler = schedule, True
        return self.lr_scheduler

    def _schedule(self, optimizer: torch.optim.Optimizer, n_steps: int) -> LRScheduler:
        floor_ratio = self.args.min_learning_rate / self.args.learning_rate
        warmup_steps = self.args.get_warmup_steps(n_steps)
        if self._time_limit is not None:
            return TimeSchedule(
                optimizer,
                kind="cosine",
                warmup_steps=warmup_steps,
                share_done=lambda: self.progress,
                floor_ratio=floor_ratio,
            )
        return reference_schedule(
            optimizer,
            kind="cosine",
            warmup_steps=warmup_steps,
            decay_steps=self.args.lr_decay_steps or n_steps,
            floor_ratio=floor_ratio,
        )

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.args.device.type, torch.bfloat16, enabled=self.args.bf16)

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,  # noqa: ARG002 - the base class's
    ) -> Any:
        """Compare the vocoder's sound with the original, and let the discriminators compare from their time on.

        Nets run in bfloat16 if `args.bf16`, spectra always in single precision.
        """
        real, pitch = inputs["samples"], inputs["pitch"]
        with self._autocast():
            # The tracked pitch makes the pulses, so that the filters learn from harmonics that are in their places.
            output = model(inputs[self.model.feature_kind], pitch=pitch, **_fresh_randomness(self.model, pitch))
        fake = output.samples
        loss = self._note("spectral_loss", self.spectral_distance(fake, real)) + self._pitch_loss(output, inputs)
        share = self.adversarial_share()
        if share > 0:
            n_judged = max(1, round(len(real) * self.recipe.judged_share))
            loss = loss + share * self._adversarial_loss(real[:n_judged], fake[:n_judged])
        return (loss, {"samples": fake}) if return_outputs else loss

    def _pitch_loss(self, output: VocoderOutput, inputs: Mapping[str, Tensor]) -> Tensor:
        pitch_loss, voicing_loss = pitch_losses(
            output.log_pitch, output.voicing, pitch=inputs["pitch"], voiced=inputs["voiced"]
        )
        self._note("pitch_loss", pitch_loss)
        self._note("voicing_loss", voicing_loss)
        return self.recipe.pitch_weight * pitch_loss + self.recipe.voicing_weight * voicing_loss

    def _adversarial_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """Let the discriminators learn from a batch, then ask them what the vocoder has to pay."""
        judges = self.discriminators.draw()
        with self._autocast():
            own_loss = self._note("discriminator_loss", self.discriminators.own_loss(real, fake, judges))
        factor = self._get_learning_rate() / self.args.learning_rate
        for group in self.discriminators_optimizer.param_groups:
            group["lr"] = self.recipe.discriminator_learning_rate * factor
        self.discriminators_optimizer.zero_grad()
        own_loss.backward()  # type: ignore[no-untyped-call]
        self.discriminators_optimizer.step()
        self.discriminators.requires_grad_(False)
        with self._autocast():
            adversarial, matching = self.discriminators.opponent_loss(real, fake, judges)
        self.discriminators.requires_grad_(True)
        self._note("adversarial_loss", adversarial)
        self._note("matching_loss", matching)
        return self.recipe.adversarial_weight * adversarial + self.recipe.matching_weight * matching

    def _note(self, name: str, value: Tensor) -> Tensor:
        self._parts[name].append(value.detach())
        return value

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Write to the log, with the parts of the loss as means since the last time."""
        if "loss" in logs:
            logs |= {name: float(torch.stack(values).float().mean()) for name, values in self._parts.items()}
            self._parts.clear()
        super().log(logs, start_time)

    @torch.no_grad()
    def prediction_step(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        prediction_loss_only: bool,  # noqa: ARG002 - there is nothing else
        ignore_keys: list[str] | None = None,  # noqa: ARG002 - the base class's
    ) -> tuple[Tensor, None, None]:
        """Give the spectral distance between vocoder and originals."""
        batch: Any = self._prepare_inputs(inputs)
        return self.spectral_distance(model(batch[self.model.feature_kind]).samples, batch["samples"]), None, None

    def _facts(self) -> dict[str, Any]:
        options = {f"codec.options.{name}": value for name, value in asdict(self.model.options).items()}
        recipe = {f"codec.options.{name}": value for name, value in asdict(self.recipe).items()}
        return {
            **options,
            **recipe,
            **self._given_facts,
            "batch_size": self.args.per_device_train_batch_size,
            "codes": self.model.identity,
            "device": self.args.device.type,
            "ema_decay": self._average.decay if self._average else None,
            "gradient_accumulation_steps": self.args.gradient_accumulation_steps,
            "precision": self.args.mixed_precision,
            "processes": self.args.world_size,
            "seed": self.args.seed,
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        }

    def _save_model(self, folder: Path, *, save_codec: bool = False) -> None:  # noqa: ARG002 - it is the codec
        self.model.save_pretrained(folder)
        # In single precision, unlike the finished codec: training goes on from here.
        save_file(
            {name: tensor.contiguous() for name, tensor in self.model.state_dict().items()}, folder / WEIGHTS_FILE
        )

    def _fill(self, folder: Path) -> None:
        super()._fill(folder)
        judges = {name: tensor.contiguous() for name, tensor in self.discriminators.state_dict().items()}
        save_file(judges, folder / DISCRIMINATORS)
        save_file(_flat_state(self.discriminators_optimizer), folder / DISCRIMINATORS_OPTIMIZER)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        super()._load_from_checkpoint(resume_from_checkpoint, model)
        folder = Path(resume_from_checkpoint)
        try:
            self.discriminators.load_state_dict(load_file(folder / DISCRIMINATORS))
            _load_flat_state(self.discriminators_optimizer, load_file(folder / DISCRIMINATORS_OPTIMIZER))
        except (OSError, RuntimeError, SafetensorError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise CheckpointError(
                f"discriminators cannot be read ({reason}); use an earlier one", file=folder
            ) from error


def _fresh_randomness(codec: VocoderCodec, pitch: Tensor) -> dict[str, Tensor]:
    """Where pulses begin, and what noise is shaped, drawn anew for a batch by torch's own generator."""
    phase = torch.rand(len(pitch), device=pitch.device)
    return {"phase": phase, "noise": torch.randn(*pitch.shape, codec.vocoder.n_bins, 2, device=pitch.device)}


def _flat_state(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """An optimiser's state as `<parameter>.<name>` -> tensor; empty before its first step."""
    state = optimizer.state_dict()["state"]
    return {f"{index}.{name}": value.contiguous() for index, values in state.items() for name, value in values.items()}


def _load_flat_state(optimizer: torch.optim.Optimizer, flat: dict[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = defaultdict(dict)
    for name, value in flat.items():
        index, _, key = name.partition(".")
        state[int(index)][key] = value
    optimizer.load_state_dict(optimizer.state_dict() | {"state": dict(state)})
