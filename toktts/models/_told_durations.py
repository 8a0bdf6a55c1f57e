"""What families share that decide how long each text id lasts before they write, or may be told it."""

from abc import abstractmethod
from dataclasses import replace

import torch
from torch import Tensor
from transformers import GenerationConfig

from toktts.errors import ModelError
from toktts.models._base import SpeechOutput, Synthesis, ToktsModel
from toktts.models._generation import merge_generation, speed_of
from toktts.models.modules.repeating import cut_durations
from toktts.models.modules.sampling import RowSampler


class TakesDurations(ToktsModel):  # type: ignore[no-untyped-call]
    """A family that reads the whole text, gives each id its frames, and writes them all in one pass."""

    @abstractmethod
    def _read(self, input_ids: Tensor, attention_mask: Tensor, generation: GenerationConfig) -> Tensor:
        """Encode text: int64 (batch, n_input_ids) -> (batch, n_input_ids, hidden_size)."""

    @abstractmethod
    def plan(self, encoded: Tensor, is_text: Tensor, *, speed: float) -> Tensor:
        """Choose frames of each text id, int64 (batch, n_input_ids)."""

    @abstractmethod
    def _write(
        self,
        encoded: Tensor,
        is_text: Tensor,
        durations: Tensor,
        *,
        sampler: RowSampler,
        generation: GenerationConfig,
    ) -> Synthesis:
        """Write as many frames as the durations say; every row is whole."""

    def synthesize(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        *,
        generation: GenerationConfig,
        seed: int | None = None,
    ) -> Synthesis:
        """Write all frames at once; see `ToktsModel.synthesize`."""
        attention_mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        is_text = attention_mask.bool()
        encoded = self._read(input_ids, attention_mask, generation)
        wanted = self.plan(encoded, is_text, speed=speed_of(generation))
        limit = min(generation.max_new_tokens or self.generation_limit, self.generation_limit)
        sampler = RowSampler(input_ids, attention_mask, generation=generation, seed=seed)
        durations = cut_durations(wanted, limit)
        synthesis = self._write(encoded, is_text, durations, sampler=sampler, generation=generation)
        fits = (wanted.sum(dim=1) <= limit).tolist()
        return replace(synthesis, stop_reasons=["eos" if whole else "length" for whole in fits])

    @torch.no_grad()
    def generate_for_durations(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, *, durations: Tensor
    ) -> SpeechOutput:
        """Speak, each text id as long as it is told to be: exactly the sum of the durations, however long.

        All else is as `generation_config` says, and drawn from the same numbers every time.

        Args:
            input_ids: int64 (batch, n_input_ids), padded at the end.
            attention_mask: int64, same shape; None = all real.
            durations: int64, same shape, 0 or more frames of each text id; 0 where it is padding.
        Raises:
            ModelError: ids outside the vocabulary, durations of another shape, below 0 or all 0, or no codec.
            TextError: more ids than the model can read.
        """
        ids = self._check_input_ids(input_ids)
        _check_told(durations, ids)
        mask = torch.ones_like(ids) if attention_mask is None else attention_mask
        generation = merge_generation(self.generation_config, None, {})
        sampler = RowSampler(ids, mask, generation=generation, seed=0)
        encoded = self._read(ids, mask, generation)
        synthesis = self._write(encoded, mask.bool(), durations.to(ids.device), sampler=sampler, generation=generation)
        return SpeechOutput(
            features=synthesis.features,
            n_frames=synthesis.n_frames,
            audio=self._decode(synthesis),
            stop_reasons=list(synthesis.stop_reasons),
            units=None if synthesis.alignment is None else synthesis.alignment.argmax(dim=2),
        )


def _check_told(durations: Tensor, input_ids: Tensor) -> None:
    if durations.shape != input_ids.shape or bool((durations < 0).any()):
        raise ModelError(
            f"must be {tuple(input_ids.shape)} frames, 0 or more, got {tuple(durations.shape)}, {int(durations.min())} "
            "at least; give one for each text id",
            key="durations",
        )
    if not bool(durations.any()):
        raise ModelError("are all 0; give at least one frame", key="durations")
