"""`transformers.Trainer` whose runs can be stopped, killed and resumed without a trace in the result."""

import contextlib
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase, Trainer, TrainerCallback, TrainerState
from transformers.trainer_callback import ExportableState
from transformers.trainer_utils import TrainOutput

from toktts.codecs._quiet import quiet_transformers
from toktts.data.locks import FolderLock
from toktts.errors import CheckpointError, RunFolderError, TrainingError
from toktts.models import ToktsModel
from toktts.training import saved_state
from toktts.training.arguments import ToktsTrainingArguments
from toktts.training.callbacks import EvaluationStopped, NonFiniteGuard, Progress, StopOnSignal, TimeLimit
from toktts.training.checkpoints import (
    checkpoint_path,
    find_checkpoint,
    prune_checkpoints,
    sweep_staging,
    verify_checkpoint,
    write_checkpoint,
)
from toktts.training.ema import RAW_WEIGHTS, WeightAverage
from toktts.training.facts import describe_differences, run_facts

STATE = "trainer_state.json"

_log = logging.getLogger(__name__)


class ResumableTrainer(Trainer):
    """The half of `ToktsTrainer` that saves, stops and resumes.

    Checkpoints are atomic and verified, hold safetensors and JSON only, and are kept by step number. The evaluated and
    saved weights are the averaged ones, where there are any; the raw ones lie beside them.

    Args:
        model: what is trained; its codec stays where it is.
        args: how.
        time_limit: if given, it ends the training.
        ema_decay: share of the averaged weights that a step leaves; None = no average.
        tokenizer: saved beside the model.
        facts: what else must be the same for an exact resume, as the key of the token cache; plain numbers and text.
        allow_inexact: resume although such facts have changed, with a warning each.
        callbacks: more of them.
        trainer_arguments: for `transformers.Trainer`.
    """

    args: ToktsTrainingArguments
    model: ToktsModel

    def __init__(
        self,
        model: ToktsModel,
        args: ToktsTrainingArguments,
        *,
        time_limit: TimeLimit | None,
        ema_decay: float | None,
        tokenizer: PreTrainedTokenizerBase | None,
        facts: Mapping[str, Any],
        allow_inexact: bool,
        callbacks: Sequence[TrainerCallback],
        trainer_arguments: Mapping[str, Any],
    ) -> None:
        self._time_limit, self._tokenizer = time_limit, tokenizer
        self._given_facts, self._allow_inexact = facts, allow_inexact
        self._stop, self._progress = StopOnSignal(), Progress(time_limit)
        # No processing_class: the Trainer would write the text tokenizer's ids over those of the code vocabulary.
        if args.push_to_hub:
            raise TrainingError("checkpoints stay here; upload the run folder instead", key="training.args.push_to_hub")
        super().__init__(model=model, args=args, **trainer_arguments)
        if self.is_deepspeed_enabled or self.is_fsdp_enabled:
            raise TrainingError("checkpoints hold whole models; leave deepspeed and fsdp unset", key="training.args")
        self._average = WeightAverage(self.model, decay=ema_decay) if ema_decay else None
        self._guard = NonFiniteGuard(self._batch_ids, is_active=lambda: self._scaler is None)
        # The last one has the last word on what happens at the end of a step.
        for callback in (self._guard, self._average, time_limit, *callbacks, self._stop):
            if callback is not None:
                self.add_callback(callback)
        if not args.disable_tqdm:
            self.remove_callback(transformers.trainer.DEFAULT_PROGRESS_CALLBACK)
            self.add_callback(self._progress)

    def _batch_ids(self) -> list[str]:
        """Ids of the rows of the current step, as far as they are known."""
        return []

    def _n_batches(self) -> int:
        return len(self.get_train_dataloader())

    @property
    def _folder(self) -> Path:
        return Path(self.args.output_dir or ".")

    @property
    def _scaler(self) -> Any:
        return getattr(self.accelerator, "scaler", None)

    def training_step(self, model: nn.Module, inputs: dict[str, Any], num_items_in_batch: Any = None) -> Tensor:
        """Run forward and backward.

        Raises:
            TrainingError: the loss is not finite.
        """
        loss = super().training_step(model, inputs, num_items_in_batch)
        self._guard.check_loss(loss, step=self.state.global_step)
        return loss

    def evaluate(
        self, eval_dataset: Any = None, ignore_keys: list[str] | None = None, metric_key_prefix: str = "eval"
    ) -> dict[str, float]:
        """Score the averaged weights, where there are any, and leave no trace in torch's random numbers."""
        devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
        with torch.random.fork_rng(devices):
            if self._average is None or not self.is_in_train:
                return super().evaluate(eval_dataset, ignore_keys, metric_key_prefix)
            with self._average.swapped_in(self.model):
                return super().evaluate(eval_dataset, ignore_keys, metric_key_prefix)

    def train(
        self,
        resume_from_checkpoint: str | bool | None = None,
        trial: Any = None,
        ignore_keys_for_eval: list[str] | None = None,
    ) -> TrainOutput:
        """Train to the end, alone in the output folder. If weights are averaged, the model then has the average.

        Args:
            resume_from_checkpoint: path of a checkpoint, or True for the newest one that is whole, if there is one.
            trial: of a search for hyperparameters.
            ignore_keys_for_eval: as the base class takes them.
        Raises:
            CheckpointError: the checkpoint is damaged or of another run, or one cannot be written.
            RunFolderError: another process trains in this folder.
            TrainingError: loss or gradient are not finite; nothing was saved.
            SystemExit: SIGTERM came, a checkpoint is saved; KeyboardInterrupt for Ctrl-C.
        """
        with self._alone():
            checkpoint = self._choose(resume_from_checkpoint)
            if checkpoint is not None and self._is_complete(checkpoint):
                return self._finished(checkpoint)
            try:
                with self._stop:
                    return super().train(None if checkpoint is None else str(checkpoint), trial, ignore_keys_for_eval)
            finally:
                self._progress.close()

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the output folder; of several processes the one that saves does."""
        if not self.args.should_save:
            yield
            return
        with FolderLock(self._folder, "trains", error=RunFolderError):
            sweep_staging(self._folder)
            yield

    def _choose(self, resume: str | bool | None) -> Path | None:
        checkpoint = find_checkpoint(self._folder) if resume is True else Path(resume) if resume else None
        if checkpoint is None:
            return None
        differences = describe_differences(verify_checkpoint(checkpoint).facts, self._facts())
        if differences and not self._allow_inexact:
            more = f" and {len(differences) - 3} more" if len(differences) > 3 else ""
            raise CheckpointError(
                f"{', '.join(differences[:3])}{more}; set it back or allow an inexact resume", file=checkpoint
            )
        for difference in differences:
            _log.warning("%s: %s, so the run will not end as an uninterrupted one would", checkpoint, difference)
        return checkpoint

    def _facts(self) -> dict[str, Any]:
        decay = self._average.decay if self._average else None
        return {
            **self._given_facts,
            **run_facts(self.model, self.args, n_batches=self._n_batches(), ema_decay=decay),
        }

    def _is_complete(self, checkpoint: Path) -> bool:
        """Whether there is nothing left to train; the base class would take one step more."""
        state = TrainerState.load_from_json(str(checkpoint / STATE))
        *_, max_steps = self.set_initial_training_values(self.args, self.get_train_dataloader())
        limit, callbacks = self._time_limit, dict(state.stateful_callbacks or {})
        elapsed_s = callbacks.get("TimeLimit", {}).get("attributes", {}).get("elapsed_before_s", 0.0)
        return state.global_step >= (max_steps or 0) or (limit is not None and elapsed_s >= limit.limit_s)

    def _finished(self, checkpoint: Path) -> TrainOutput:
        _log.warning("%s: training is already complete", checkpoint)
        self.state = TrainerState.load_from_json(str(checkpoint / STATE))
        saved_state.load_weights(self.model, checkpoint / saved_state.WEIGHTS)
        if self.args.load_best_model_at_end and self.state.best_model_checkpoint is not None:
            self._load_best_model()
        return TrainOutput(self.state.global_step, math.nan, {})

    def _maybe_log_save_evaluate(
        self, tr_loss: Tensor, grad_norm: Any, model: nn.Module, trial: Any, *args: Any, **kwargs: Any
    ) -> None:
        base: Any = super()
        try:
            base._maybe_log_save_evaluate(tr_loss, grad_norm, model, trial, *args, **kwargs)
        except EvaluationStopped:
            self.control.should_training_stop = True
            self._save_checkpoint(model, trial)

    def _finalize_training(self, trial: Any, num_train_samples: float, start_time: float) -> TrainOutput:
        if self._average is not None:
            self._average.copy_to(self.model)
        base: Any = super()
        output: TrainOutput = base._finalize_training(trial, num_train_samples, start_time)
        return output

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:  # noqa: ARG002 - the base class's
        self.store_flos()
        if not self.args.should_save:
            return
        step, best = self.state.global_step, self.state.best_global_step
        saved_state.check_finite(self.model, step=step)
        if best:
            self.state.best_model_checkpoint = str(checkpoint_path(self._folder, best))
        stateful = [callback for callback in self.callback_handler.callbacks if isinstance(callback, ExportableState)]
        self.state.stateful_callbacks = {type(callback).__name__: callback.state() for callback in stateful}  # type: ignore[assignment]
        n_copies = 4 if self._average else 3  # weights, and the two moments of AdamW
        needed_bytes = n_copies * sum(parameter.nbytes for parameter in self.model.parameters())
        write_checkpoint(self._folder, step, self._fill, facts=self._facts(), needed_bytes=needed_bytes)
        if self.args.save_total_limit:
            prune_checkpoints(
                self._folder, newest=step, keep=self.args.save_total_limit, protected=[best] if best else []
            )

    def _fill(self, folder: Path) -> None:
        if self._average is None:
            self._save_model(folder)
        else:
            self._average.save_raw(self.model, folder)
            with self._average.swapped_in(self.model):
                self._save_model(folder)
        saved_state.save_rng_state(folder / saved_state.RNG)
        assert self.optimizer is not None
        saved_state.save_optimizer(self.optimizer, self.model, folder)
        saved_state.save_steppable(self.lr_scheduler, folder / saved_state.SCHEDULER)
        if self._scaler is not None:
            saved_state.save_steppable(self._scaler, folder / saved_state.SCALER)
        self.state.save_to_json(str(folder / STATE))

    def _save_model(self, folder: Path, *, save_codec: bool = False) -> None:
        with quiet_transformers():
            self.model.save_pretrained(folder, save_codec=save_codec)
        if self._tokenizer is not None:
            self._tokenizer.save_pretrained(folder)

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:  # noqa: ARG002
        """Write model, codec and tokenizer; the base class would add a pickle of the arguments."""
        self._save_model(Path(output_dir or self._folder), save_codec=True)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:  # noqa: ARG002
        folder = Path(resume_from_checkpoint)
        saved_state.load_weights(self.model, folder / saved_state.WEIGHTS)
        has_raw = (folder / RAW_WEIGHTS).is_file()
        if self._average is not None:
            self._average.resume(self.model, folder if has_raw else None)
        elif has_raw:
            saved_state.load_weights(self.model, folder / RAW_WEIGHTS)

    def _load_best_model(self) -> None:
        best = Path(self.state.best_model_checkpoint or "")
        verify_checkpoint(best)
        saved_state.load_weights(self.model, best / saved_state.WEIGHTS)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            assert self.optimizer is not None
            saved_state.load_optimizer(self.optimizer, self.model, Path(checkpoint))
            saved_state.load_steppable(self.lr_scheduler, Path(checkpoint, saved_state.SCHEDULER))

    def _load_scaler(self, checkpoint: str | None) -> None:
        if checkpoint is not None and self._scaler is not None:
            saved_state.load_steppable(self._scaler, Path(checkpoint, saved_state.SCALER))

    def _load_rng_state(self, checkpoint: str | None) -> None:
        # With several processes each one draws its own numbers, and only the first one's are kept.
        if checkpoint is not None and self.args.world_size == 1:
            saved_state.load_rng_state(Path(checkpoint, saved_state.RNG))

    def _load_callback_state(self) -> None:
        """Fill the callbacks that are there; the base class would make new ones."""
        stored: Any = self.state.stateful_callbacks
        for callback in self.callback_handler.callbacks:
            if isinstance(callback, ExportableState):
                for name, value in stored.get(type(callback).__name__, {}).get("attributes", {}).items():
                    setattr(callback, name, value)
