"""Spoken sentences -> one speech: joined with pauses, with what is to be said about the whole."""

import logging
from collections.abc import Sequence
from typing import NotRequired, TypedDict

import numpy as np
import numpy.typing as npt

from toktts.alignment import Alignment, concatenate
from toktts.alignment.findings import Report, worst
from toktts.inference.flaws import ADVICE, Flaw
from toktts.inference.judging import SpokenSentence

PAUSE_S = 0.2

logger = logging.getLogger(__name__)


class Speech(TypedDict):
    """What a pipeline gives for one text.

    Args:
        audio: float32 (n_samples,), in [-1, 1].
        sampling_rate: Hz.
        stop_reason: `eos` = the model ended, `length` = at least one sentence was cut at the limit, `empty` = no sound.
        flaws: what can be told to be wrong, see `find_flaws`; empty when nothing is.
        alignment: what is said when; only where `return_timestamps` asked for it, and of its first tier.
        alignments: the same of each tier that `return_timestamps` asked for, in its order.
        report: of each check, the sentence that did worst; only where `self_check` asked for it.
    """

    audio: npt.NDArray[np.float32]
    sampling_rate: int
    stop_reason: str
    flaws: list[Flaw]
    alignment: NotRequired[Alignment]
    alignments: NotRequired[tuple[Alignment, ...]]
    report: NotRequired[Report]


def join(parts: Sequence[SpokenSentence], sampling_rate: int, *, has_report: bool) -> Speech:
    """Put sentences behind each other, with a pause between those that made sound.

    Args:
        parts: in the order of the text.
        sampling_rate: Hz.
        has_report: whether the checks of the sentences go into a `report`.
    """
    pause = np.zeros(round(PAUSE_S * sampling_rate), dtype=np.float32)
    clips = [part.clip for part in parts if part.clip.size]
    audio = np.concatenate([piece for clip in clips for piece in (pause, clip)][1:] or [pause[:0]])
    reasons = {part.stop_reason for part in parts}
    flaws = sorted(set[Flaw]().union(*(part.flaws for part in parts)))
    if "length" in reasons:
        logger.warning("speech was cut at the limit of the model; shorten the text or raise max_new_tokens")
    for flaw in flaws:
        logger.warning(ADVICE[flaw])
    reason = "empty" if not clips else "length" if "length" in reasons else "eos"
    speech = Speech(audio=audio, sampling_rate=sampling_rate, stop_reason=reason, flaws=flaws)
    tiers = zip(*(part.alignments for part in parts if part.clip.size), strict=True)
    if alignments := tuple(concatenate(timed, gap_s=len(pause) / sampling_rate) for timed in tiers):
        speech |= {"alignment": alignments[0], "alignments": alignments}
    if has_report:
        speech["report"] = worst([part.report for part in parts if part.report is not None])
    return speech


def better(before: SpokenSentence, again: SpokenSentence) -> SpokenSentence:
    """Choose, of two tries of one sentence, the one that did better in its check."""
    assert before.report is not None
    assert again.report is not None
    return again if again.report.badness < before.report.badness else before
