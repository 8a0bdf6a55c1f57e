"""Text -> sound: the stock text-to-speech pipeline, with generation arguments, checked and of any length."""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import torch
from transformers import GenerationConfig, PreTrainedTokenizerBase
from transformers.pipelines.text_to_audio import TextToAudioPipeline

from toktts.codecs._base import Codec
from toktts.errors import ModelError
from toktts.inference.borrowing import borrow_model, borrow_vocoder
from toktts.inference.fallback import Fallback, fallback_folder
from toktts.inference.judging import SpokenSentence, Wishes, judge, rows_of, wishes_of
from toktts.inference.loading import Precision, load_model, load_normalizer, load_tokenizer, set_precision, warm_up
from toktts.inference.retrying import Params, effective_generation, failed_of, reseeded, seed_of
from toktts.inference.sentences import read_sentences
from toktts.inference.speech import Speech, better, join
from toktts.inference.timestamps import Tier
from toktts.memory import explain_shortage
from toktts.models import ToktsModel
from toktts.text import Normalizer

__all__ = ["Speech", "TokttsPipeline", "Unknown", "pipeline"]

BATCH_SIZE = 16
Unknown = Literal["error", "skip"]


class TokttsPipeline(TextToAudioPipeline):
    """The stock pipeline plus what speaking needs: see `__call__`.

    Args:
        normalizer: what text goes through first; None = plain English rules.
        args: as the stock pipeline takes them.
        kwargs: as the stock pipeline takes them; also generation arguments, for every call.
    """

    model: ToktsModel
    tokenizer: PreTrainedTokenizerBase  # type: ignore[assignment]  # the base class allows for none

    def __init__(self, *args: Any, normalizer: Normalizer | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]
        self.normalizer = normalizer or load_normalizer(self.model.name_or_path or "")
        self._fallbacks: dict[str, Fallback] = {}

    def _sanitize_parameters(  # type: ignore[override]  # as above, the base class takes **kwargs
        self,
        preprocess_params: Mapping[str, Any] | None = None,
        forward_params: Mapping[str, Any] | None = None,
        generate_kwargs: Mapping[str, Any] | None = None,
        processor_kwargs: Mapping[str, Any] | None = None,
        seed: int | None = None,
    ) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        """Let `seed` be given once for all calls, as the base class lets generation arguments."""
        seeded = dict(generate_kwargs or {}) | ({} if seed is None else {"seed": seed})
        sorted_out: tuple[dict[str, Any], dict[str, Any], dict[str, Any]]
        sorted_out = super()._sanitize_parameters(  # type: ignore[no-untyped-call]
            preprocess_params, forward_params, seeded, processor_kwargs
        )
        return sorted_out

    def __call__(  # type: ignore[override]  # the base class hides its arguments in **kwargs; typos shall not pass
        self,
        text_inputs: str | Iterable[str],
        *,
        seed: int | None = None,
        max_new_tokens: int | None = None,
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
        generation_config: GenerationConfig | None = None,
        batch_size: int = BATCH_SIZE,
        unknown: Unknown = "error",
        return_timestamps: Tier | Sequence[Tier] | None = None,
        self_check: bool = False,
        retries: int = 0,
        fallback: "str | os.PathLike[str] | TokttsPipeline | None" = None,
        forward_params: Mapping[str, Any] | None = None,
        generate_kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Speak a text, or a list of texts in batches. Each sentence is spoken by itself, with a pause behind it.

        Args:
            text_inputs: a text of any length, or several.
            seed: same seed, same sound; see `ToktsModel.generate` for this and the rest up to `refinement_steps`.
            max_new_tokens: of each sentence.
            do_sample: draw, or take the most likely.
            temperature: 0.01 to 100.
            top_k: draw among this many.
            top_p: draw among this much probability.
            num_beams: where the family has beams.
            guidance_scale: 1 to 10, where the voice has learned it; above 1 it follows the text more.
            speaker: who of those the voice was trained on, where it tells them apart; None = the first.
            speed: 0.5 to 2, where the family can; 2 = twice as fast.
            pitch: 0.5 to 2, where the family can; factor on the pitch in Hz.
            energy: 0.5 to 2, where the family can; factor on the loudness of every frame.
            refinement_steps: 0 to 64, where the voice has learned it; how often unsure codes are chosen again.
            generation_config: laid over the model's own.
            batch_size: sentences spoken at once.
            unknown: what to do about characters that the model cannot read: refuse them, or leave them out.
            return_timestamps: `word`, or `phoneme` or `character`, whichever the model reads: also give an `alignment`;
                of several, `alignments`.
            self_check: also give a `report`: was everything said, once, in order, at a likely pace, audibly? A family
                that does not know what it says when is checked by its sound alone.
            retries: how often a sentence that fails its check is drawn again with another seed; the best one is kept.
            fallback: a voice that speaks in one pass, of the same sampling rate, for sentences that fail even so: a run
                folder, a Hub id, `bundled`, or a pipeline. The `report`, which is then there, notes what it spoke.
            forward_params: more arguments of `generate`, as the stock pipeline takes them.
            generate_kwargs: the same, and stronger.
        Returns:
            One `Speech` for one text, a list of them for several.
        Raises:
            TextError: nothing to speak, or characters the model cannot read.
            ModelError: a generation argument out of its range.
            TypeError: something that is not text.
        """
        single = {
            "seed": seed,
            "max_new_tokens": max_new_tokens,
            "do_sample": do_sample,
            "temperature": temperature,
            "top_k": top_k,
            "top_p": top_p,
            "num_beams": num_beams,
            "guidance_scale": guidance_scale,
            "speaker": speaker,
            "speed": speed,
            "pitch": pitch,
            "energy": energy,
            "refinement_steps": refinement_steps,
            "generation_config": generation_config,
        }
        own, given = self._forward_params, {name: value for name, value in single.items() if value is not None}
        params = {
            "forward_params": {**own["forward_params"], **(forward_params or {})},
            "generate_kwargs": {**own["generate_kwargs"], **(generate_kwargs or {}), **given},
        }
        checked = self_check or fallback is not None
        wishes = self._wishes(params, tiers=return_timestamps, self_check=checked, retries=retries)
        spare = None if fallback is None else self._fallback(fallback, params, wishes)
        if isinstance(text_inputs, str):
            return self._speak([text_inputs], batch_size, unknown, params, wishes, spare)[0]
        if isinstance(text_inputs, bytes) or not isinstance(text_inputs, Iterable):
            raise TypeError(f"text must be str or a list of str, got {type(text_inputs).__name__}; convert it first")
        return self._speak(list(text_inputs), batch_size, unknown, params, wishes, spare)

    def _wishes(self, params: Params, *, tiers: Tier | Sequence[Tier] | None, self_check: bool, retries: int) -> Wishes:
        """Refuse what this voice cannot give."""
        generation = effective_generation(self.model, self._generate_kwargs, params)
        return wishes_of(
            generation, self.tokenizer, model=self.model, tiers=tiers, self_check=self_check, retries=retries
        )

    def _fallback(self, voice: "str | os.PathLike[str] | TokttsPipeline", params: Params, wishes: Wishes) -> Fallback:
        """Load the voice that stands in, once, and refuse one that cannot."""
        if isinstance(voice, TokttsPipeline):
            spare = Fallback(voice.model.name_or_path or voice.model.config.model_type, voice)
        else:
            name = os.fspath(voice)
            if name not in self._fallbacks:
                self._fallbacks[name] = Fallback(name, pipeline(fallback_folder(name), device=self.device))
            spare = self._fallbacks[name]
        spare.check(sampling_rate=self.model.config.sampling_rate, wishes=wishes)
        return spare.asked_for(effective_generation(self.model, self._generate_kwargs, params), seed_of(params))

    def sentences(self, text: str, *, unknown: Unknown = "error") -> list[str]:
        """Check a text and turn it into what the model reads, piece by piece.

        Args:
            text: of any length.
            unknown: `skip` leaves out what the model cannot read, and logs it.
        Raises:
            TextError: nothing to speak, characters the model cannot read, or markup.
            TypeError: not a str.
        """
        limit = self.model.config.text_limit - 1
        return read_sentences(text, self.normalizer, self.tokenizer, limit=limit, skips_unknown=unknown == "skip")

    def _speak(
        self,
        texts: list[str],
        batch_size: int,
        unknown: Unknown,
        params: Params,
        wishes: Wishes,
        spare: Fallback | None,
    ) -> list[Speech]:
        if batch_size < 1:
            raise ModelError(f"must be at least 1, got {batch_size}; change it", key="batch_size")
        if unknown not in ("error", "skip"):
            raise ModelError(f"must be 'error' or 'skip', got {unknown!r}; change it", key="unknown")
        sentences = [self.sentences(text, unknown=unknown) for text in texts]
        apart = {part for parts in sentences for part in parts}
        if spare is not None:
            spare.check_readable(sorted(apart), unknown=unknown)
        spoken = self._speak_sentences(apart, batch_size, params, wishes)
        for attempt in range(1, wishes.retries + 1):
            again = self._speak_sentences(failed_of(spoken), batch_size, reseeded(params, attempt), wishes)
            spoken |= {part: better(spoken[part], one) for part, one in again.items()}
        if spare is not None and (failed := failed_of(spoken)):
            spoken |= spare.speak(failed, wishes, batch_size=batch_size, unknown=unknown)
        sampling_rate = self.model.config.sampling_rate
        return [
            join([spoken[sentence] for sentence in parts], sampling_rate, has_report=wishes.self_check)
            for parts in sentences
        ]

    def _speak_sentences(
        self, sentences: Iterable[str], batch_size: int, params: Params, wishes: Wishes
    ) -> dict[str, SpokenSentence]:
        # Neighbours in length share a batch, so little of it is padding.
        order = sorted(sentences, key=lambda part: (len(part), part))
        spoken: dict[str, SpokenSentence] = {}
        for start in range(0, len(order), batch_size):
            spoken |= self._speak_batch(order[start : start + batch_size], params, wishes)
        return spoken

    def _speak_batch(self, sentences: list[str], params: Params, wishes: Wishes) -> dict[str, SpokenSentence]:
        batch = self.tokenizer(sentences, padding=True, return_tensors="pt")
        inputs = {"input_ids": batch["input_ids"], "attention_mask": batch["attention_mask"]}
        with explain_shortage(lambda: _too_large(len(sentences))):
            output = self.forward(inputs, **params)  # type: ignore[no-untyped-call]
        rows = rows_of(sentences, inputs, output, has_codes=self.model.feature_kind == "codes")
        if not all(bool(row.samples.isfinite().all()) for row in rows):
            raise ModelError("made samples that are not finite; its weights are damaged, train or load it again")
        return {row.sentence: judge(row, wishes, model=self.model, tokenizer=self.tokenizer) for row in rows}


def _too_large(n_sentences: int) -> ModelError:
    if n_sentences == 1:
        return ModelError("memory ran out over one sentence; lower it or end sentences earlier", key="max_new_tokens")
    return ModelError(
        f"memory ran out over {n_sentences} sentences at once; try batch_size={n_sentences // 2}", key="batch_size"
    )


def pipeline(
    model: str | os.PathLike[str] | ToktsModel,
    *,
    tokenizer: PreTrainedTokenizerBase | None = None,
    normalizer: Normalizer | None = None,
    codec: Codec | None = None,
    device: str | torch.device | None = None,
    precision: Precision = "float32",
) -> TokttsPipeline:
    """Build a speaker: text in, sound out. It speaks a moment silently, so that its first sentence does not wait.

    Args:
        model: a run folder, a Hub id, or a model that is loaded already; that one stays as it is, mode, codec, device
            and all, and shares the memory of its weights with what speaks here.
        tokenizer: of the text; None = the one saved with the model.
        normalizer: None = the one that the run's `config.yaml` names, else plain English rules.
        codec: None = the one saved with the model.
        device: None = the first accelerator, else the CPU.
        precision: `bfloat16` speaks faster, with the same times; promises of equal sound are for `float32`.
    Raises:
        ModelError: the model, its tokenizer or its codec cannot be loaded, or the machine has no such precision.
    """
    loaded = borrow_model(model, needs_codec=codec is None) if isinstance(model, ToktsModel) else load_model(model)
    place = loaded.name_or_path or "" if isinstance(model, ToktsModel) else model
    if codec is not None:
        loaded.attach_codec(codec)
    speaker = TokttsPipeline(
        model=loaded,
        tokenizer=tokenizer or load_tokenizer(place),
        normalizer=normalizer or load_normalizer(place),
        device=device,
        task="text-to-audio",
    )
    if precision != "float32":
        borrow_vocoder(loaded)
    set_precision(loaded, precision)
    warm_up(speaker)
    return speaker
