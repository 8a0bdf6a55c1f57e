"""One sentence that a model has spoken, and all that is known of it: flaws, times, and the report of the self-check."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
from torch import Tensor
from transformers import GenerationConfig, PreTrainedTokenizerBase

from toktts.alignment import Alignment
from toktts.alignment.check import Sound, Spoken, check, check_sound, expected_durations
from toktts.alignment.findings import Report
from toktts.audio import Waveform
from toktts.audio.energy import frame_levels
from toktts.errors import ModelError
from toktts.inference.flaws import Flaw, find_flaws
from toktts.inference.timestamps import Tier, align_sentence, tier_of
from toktts.models import ToktsModel
from toktts.models._generation import speed_of


@dataclass(frozen=True)
class Wishes:
    """What a caller wants to know beside the sound.

    Args:
        tiers: that are timed, one alignment each.
        self_check: whether a report is wanted.
        retries: how often a sentence that fails its check is spoken again.
        speed: that the speech was asked for, which the check expects.
    """

    tiers: tuple[Tier, ...] = ()
    self_check: bool = False
    retries: int = 0
    speed: float = 1.0

    @property
    def needs_report(self) -> bool:
        """Whether sentences are to be checked."""
        return self.self_check or self.retries > 0


def wishes_of(
    generation: GenerationConfig,
    tokenizer: PreTrainedTokenizerBase,
    *,
    model: ToktsModel,
    tiers: Tier | Sequence[Tier] | None,
    self_check: bool,
    retries: int,
) -> Wishes:
    """Refuse what a voice cannot give.

    Args:
        generation: that it will speak with.
        tokenizer: of the voice.
        model: the voice.
        tiers: one or several; None = none. See `Wishes`, as for the rest.
        self_check: see `Wishes`.
        retries: see `Wishes`.
    Raises:
        ModelError: units that are not timed, or retries that would all give the same.
    """
    wanted: tuple[Tier, ...] = () if tiers is None else (tiers,) if isinstance(tiers, str) else tuple(tiers)
    for tier in wanted:
        if not model.is_timed:
            reason = f"{model.config.model_type} does not know what it says when; use a voice of another family"
            raise ModelError(reason, key="return_timestamps")
        if tier_of(tokenizer, tier) is None:
            known = ", ".join(repr(name) for name in get_args(Tier) if tier_of(tokenizer, name))
            raise ModelError(f"this voice can time {known}, not {tier!r}; choose one", key="return_timestamps")
    if retries < 0:
        raise ModelError(f"must be at least 0, got {retries}; change it", key="retries")
    if retries and not generation.do_sample:
        raise ModelError("have no effect on a voice that does not draw; pass do_sample=True, or 0", key="retries")
    return Wishes(wanted, self_check, retries, speed_of(generation))


@dataclass(frozen=True)
class SpokenSentence:
    """One sentence as sound, float32 (n_samples,), and what is to be said about it."""

    clip: npt.NDArray[np.float32]
    stop_reason: str
    flaws: set[Flaw]
    alignments: tuple[Alignment, ...]
    report: Report | None


@dataclass(frozen=True)
class Row:
    """One row of what `generate` gave, without its padding.

    Args:
        sentence: that was spoken.
        input_ids: int64 (n_input_ids,).
        samples: (n_samples,).
        stop_reason: of the model.
        codes: (n_codebooks, n_frames); None = not known.
        units: int64 (n_frames,), the place in `input_ids` that each frame says; None = not known.
    """

    sentence: str
    input_ids: Tensor
    samples: Tensor
    stop_reason: str
    codes: Tensor | None
    units: Tensor | None


def rows_of(
    sentences: list[str], inputs: Mapping[str, Tensor], output: Mapping[str, Any], *, has_codes: bool
) -> list[Row]:
    """Take a batch apart."""
    units = output.get("units")
    return [
        Row(
            sentence,
            inputs["input_ids"][row][inputs["attention_mask"][row].bool()],
            output["audio"][row],
            output["stop_reasons"][row],
            output["features"][row, :, : int(output["n_frames"][row])] if has_codes else None,
            None if units is None else units[row, : int(output["n_frames"][row])],
        )
        for row, sentence in enumerate(sentences)
    ]


def judge(row: Row, wishes: Wishes, *, model: ToktsModel, tokenizer: PreTrainedTokenizerBase) -> SpokenSentence:
    """Look at one sentence as far as a caller wants it."""
    return SpokenSentence(
        row.samples.float().numpy(),
        row.stop_reason,
        find_flaws(row.sentence, row.samples, row.codes, sampling_rate=model.config.sampling_rate),
        tuple(_align(row, tier, model=model, tokenizer=tokenizer) for tier in wishes.tiers),
        _check(row, wishes.speed, model=model, tokenizer=tokenizer) if wishes.needs_report else None,
    )


def _align(row: Row, tier: Tier, *, model: ToktsModel, tokenizer: PreTrainedTokenizerBase) -> Alignment:
    assert row.units is not None  # `wishes_of` has looked at the family
    return align_sentence(
        row.sentence,
        row.input_ids,
        row.units,
        tokenizer=tokenizer,
        frame_rate=model.config.frame_rate,
        tier=tier,
        levels_db=_levels(row, model)[: len(row.units)],
    )


def _check(row: Row, speed: float, *, model: ToktsModel, tokenizer: PreTrainedTokenizerBase) -> Report:
    sampling_rate = model.config.sampling_rate
    levels_db = _levels(row, model)
    if row.units is None:
        duration_s = len(row.samples) / sampling_rate
        return check_sound(Sound(len(row.sentence), duration_s, levels_db, row.codes, row.stop_reason))
    labels = [str(token) for token in tokenizer.convert_ids_to_tokens(row.input_ids.tolist())]
    # The end of the text is no sound.
    expected_s = [
        0.0 if label in tokenizer.all_special_tokens else seconds / speed
        for label, seconds in zip(labels, expected_durations(labels, {}), strict=True)
    ]
    spoken = Spoken(labels, row.units, expected_s, model.config.frame_rate, levels_db, row.codes, row.stop_reason)
    return check(spoken)


def _levels(row: Row, model: ToktsModel) -> Tensor:
    """Level of each frame in dB, float (n_frames,)."""
    return frame_levels(Waveform(row.samples, model.config.sampling_rate), hop_length=model.config.codec_hop_length)
