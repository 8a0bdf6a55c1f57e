"""The contract of every model family: text ids in, features out, sound from `generate()`."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

import torch
from torch import Tensor
from transformers import GenerationConfig, GenerationMixin
from transformers.utils.generic import ModelOutput

from toktts.errors import ModelError
from toktts.models._config import ToktsConfig
from toktts.models._generation import (
    check_controls,
    check_generation,
    merge_generation,
    number_of_speaker,
)
from toktts.models._input_ids import check_input_ids
from toktts.models._outputs import CodesOutput, MelOutput, SpeechOutput, StopReason, Synthesis
from toktts.models._with_codec import CODEC_FOLDER, ModelWithCodec

__all__ = [
    "CODEC_FOLDER",
    "CodesOutput",
    "MelOutput",
    "SpeechOutput",
    "StopReason",
    "Synthesis",
    "ToktsConfig",
    "ToktsModel",
]


class ToktsModel(ModelWithCodec, GenerationMixin, ABC):  # type: ignore[no-untyped-call]
    """Text ids -> features -> sound, loadable by `AutoModelForTextToWaveform` and the stock pipeline."""

    is_autoregressive: ClassVar[bool] = True
    """Whether each frame is written after seeing the ones before it."""
    can_change_speed: ClassVar[bool] = False
    """Whether `speed` has a meaning: the family decides how long each unit lasts before it speaks."""
    can_change_prosody: ClassVar[bool] = False
    """Whether `pitch` and `energy` have a meaning: the family decides both before it speaks."""
    is_timed: ClassVar[bool] = True
    """Whether it knows which text id each frame says."""
    bfloat16_parts: ClassVar[tuple[str, ...]] = ()  # may be rounded while speaking: none that decides on durations
    config_class = ToktsConfig
    config: ToktsConfig
    base_model_prefix = "model"
    main_input_name = "input_ids"
    output_modalities = ("audio",)
    accepts_loss_kwargs = False

    def __init__(self, config: ToktsConfig) -> None:
        super().__init__(config)
        self.generation_config: GenerationConfig = self.default_generation()

    @property
    def feature_kind(self) -> Literal["codes", "mel"]:
        """What the model writes."""
        return self.config.feature_kind

    @property
    def wants_prosody(self) -> bool:
        """Whether its batches are to hold `pitch` and `energy`."""
        return self.config.wants_prosody

    @abstractmethod
    def forward(
        self, input_ids: Tensor | None = None, attention_mask: Tensor | None = None, labels: Tensor | None = None
    ) -> ModelOutput:
        """Score features against text. A family may take more arguments, all optional, as `data/collate.py` names them.

        Args:
            input_ids: int64 (batch, n_input_ids).
            attention_mask: int64, same shape, 1 = real, 0 = padding; None = all real.
            labels: codes, int64 (batch, n_codebooks, n_frames), padded at the end with -100, in cache order: the
                model brings them into its own order; or mel, float (batch, n_mels, n_frames), padded with -100.
        Returns:
            An output with `loss`, and `logits` or `mel`.
        """

    def predicted_codes(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Read the most likely codes off teacher-forced logits, for token accuracy.

        Args:
            logits: as `forward` gave them for these labels.
            labels: (batch, n_codebooks, n_frames), as `forward` took them.
        Returns:
            int64 (batch, n_codebooks, n_frames); only values where labels are not -100 mean anything.
        """
        raise NotImplementedError(f"{type(self).__name__} writes codes and must say which are the most likely")

    def predicted_mel(self, outputs: Mapping[str, Any]) -> Tensor:
        """Read the mel (batch, n_mels, n_frames) off what `forward` gave, to be compared with the labels."""
        mel: Tensor = outputs["mel"]
        return mel

    @abstractmethod
    def synthesize(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        *,
        generation: GenerationConfig,
        seed: int | None = None,
    ) -> Synthesis:
        """Turn text ids into features. A row of a batch gives what it gives alone (greedy, float32).

        Args:
            input_ids: int64 (batch, n_input_ids), padded at the end.
            attention_mask: int64, same shape; None = all real.
            generation: complete and checked, as `generate` makes it.
            seed: same seed, same result, without a trace in torch's own generators; None = torch's own.
        """

    @abstractmethod
    def default_generation(self) -> GenerationConfig:
        """State how this family generates by itself. `max_new_tokens` must be there: the pipeline else cuts at 256."""

    @property
    @abstractmethod
    def generation_limit(self) -> int:
        """Most `max_new_tokens` there are positions for, in the family's own unit (frames or code ids)."""

    @classmethod
    @abstractmethod
    def tiny(cls) -> Self:
        """Build a small model with fixed random weights and a tiny codec attached, in eval mode: for tests."""

    @torch.no_grad()
    def generate(  # type: ignore[override]  # the base class hides its arguments in **kwargs; typos shall not pass here
        self,
        inputs: Tensor | None = None,
        *,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        generation_config: GenerationConfig | None = None,
        max_new_tokens: int | None = None,
        max_length: int | None = None,
        do_sample: bool | None = None,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        num_beams: int | None = None,
        guidance_scale: float | None = None,
        speaker: str | None = None,
        speed: float | None = None,
        pitch: float | None = None,
        energy: float | None = None,
        refinement_steps: int | None = None,
        pad_token_id: int | None = None,  # noqa: ARG002 - the pipeline may pass the tokenizer's; families know their own
        seed: int | None = None,
        output_audio: bool = True,
        return_dict_in_generate: bool | None = None,
    ) -> SpeechOutput:
        """Speak: what the stock `pipeline("text-to-speech")` calls. Arguments left out come from `generation_config`.

        Args:
            inputs: another name of `input_ids`.
            input_ids: int64 (batch, n_input_ids).
            attention_mask: int64, same shape; None = all real.
            generation_config: laid over the model's own; the single arguments are laid over both.
            max_new_tokens: most frames (`tokar`) or code ids (`tokflat`) to make.
            max_length: the same plus one, as Hugging Face counts the start token.
            do_sample: draw from the distribution; False = take the most likely.
            temperature: 0.01 to 100; below 1 is safer, above 1 livelier.
            top_k: draw among this many; 0 = all.
            top_p: draw among the most likely that make up this much probability.
            num_beams: beams, where the family has beam search.
            guidance_scale: 1 to 10, where the voice learned it; above 1 codes follow the text more than the habit.
            speaker: who of those it was trained on, where the voice tells them apart; None = the first.
            speed: 0.5 to 2, where the family can; 1 = as it learned to speak, 2 = twice as fast.
            pitch: 0.5 to 2, where the family can: factor on the pitch in Hz.
            energy: 0.5 to 2, where the family can: factor on the loudness of every frame.
            refinement_steps: 0 to 64, where the voice can: how often the least certain codes are chosen again.
            pad_token_id: accepted for the pipeline, without effect.
            seed: same seed, same sound; torch's own generators stay untouched.
            output_audio: False = features only, and no codec is needed.
            return_dict_in_generate: accepted for the pipeline; there is only the dict form.
        Raises:
            ModelError: a value out of its range (named), ids outside the vocabulary, or no codec.
            TextError: more ids than the model can read.
        """
        if return_dict_in_generate is False:
            raise ModelError("is not supported; read `.audio` of what generate returns", key="return_dict_in_generate")
        ids = self._check_input_ids(inputs if input_ids is None else input_ids)
        changes = {
            "max_new_tokens": max_new_tokens,
            "max_length": max_length,
            "do_sample": do_sample,
            "temperature": temperature,
            "top_k": top_k,
            "top_p": top_p,
            "num_beams": num_beams,
            "guidance_scale": guidance_scale,
            "speaker_id": None if speaker is None else number_of_speaker(speaker, self.config.speakers),
            "speed": speed,
            "pitch": pitch,
            "energy": energy,
            "refinement_steps": refinement_steps,
        }
        generation = merge_generation(self.generation_config, generation_config, changes)
        check_generation(generation, limit=self.generation_limit)
        check_controls(
            generation,
            self.config.model_type,
            can_change_speed=self.can_change_speed,
            can_change_prosody=self.can_change_prosody,
            can_be_guided=self.config.can_be_guided,
            can_choose_again=self.config.can_choose_again,
        )
        synthesis = self.synthesize(ids, attention_mask, generation=generation, seed=seed)
        return SpeechOutput(
            features=synthesis.features,
            n_frames=synthesis.n_frames,
            audio=self._decode(synthesis) if output_audio else None,
            stop_reasons=list(synthesis.stop_reasons),
            units=None if synthesis.alignment is None else synthesis.alignment.argmax(dim=2),
        )

    def _check_input_ids(self, input_ids: Tensor | None) -> Tensor:
        return check_input_ids(input_ids, self.config)

    def _decode(self, synthesis: Synthesis) -> list[Tensor]:
        lengths = (synthesis.n_frames * self.config.codec_hop_length).tolist()
        if not any(lengths):
            return [torch.zeros(0, device=synthesis.features.device) for _ in lengths]
        if synthesis.probabilities is None:
            waveform = self.codec.decode(synthesis.features, n_frames=synthesis.n_frames)
        else:
            waveform = self.codec.decode_soft(synthesis.probabilities, n_frames=synthesis.n_frames)
        return [samples[:length] for samples, length in zip(waveform.samples, lengths, strict=True)]
