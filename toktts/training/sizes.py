"""How large a new model of each family is made, by how much speech there is."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from toktts.data.amount import SpeechAmount

Values = Mapping[str, object]
T = TypeVar("T")
WINDOW_S = 14.0
"""Seconds of speech that `nonattentive` writes in one window."""


@dataclass(frozen=True)
class Sound:
    """What the codec makes of speech.

    Args:
        frame_rate: Hz.
        n_codebooks: codes a frame; 0 = it makes mel.
    """

    frame_rate: float
    n_codebooks: int

    @property
    def is_mel(self) -> bool:
        """Whether its frames are mel."""
        return self.n_codebooks == 0


def sizes_for(family: str, hours: float, *, speech: SpeechAmount, sound: Sound) -> Values:
    """Choose options of a family.

    That is 4 to 5 million weights below 0.2 h of speech, 8 up to 10 h, and 12 to 13 beyond; `tokflat` has the
    reference's sizes always.

    Args:
        family: file in `toktts/models`.
        hours: of speech, as it is counted.
        speech: the speech itself.
        sound: what the codec makes of it.
    Returns:
        Name of an option -> value; nothing for a family that is not known here.
    """
    if family == "tokflat":
        return _tokflat(speech, sound)
    if family == "nonattentive":
        return _nonattentive(hours, sound)
    return {**SIZES[family](hours), "dropout": _dropout(hours)} if family in SIZES else {}


def tier(hours: float, least: T, *steps: tuple[float, T]) -> T:
    """The value of the last step that the hours reach."""
    return next((value for limit, value in reversed(steps) if hours >= limit), least)


def _dropout(hours: float) -> float:
    return tier(hours, 0.2, (0.2, 0.15), (0.75, 0.1))


def _one_pass(hours: float) -> Values:
    width, layers = tier(hours, (192, 4), (0.2, (256, 6)), (10.0, (320, 6)))
    return {
        "hidden_size": width,
        "encoder_layers": 4,
        "encoder_kernel_size": 3,
        "intermediate_size": 2 * width,
        "decoder_layers": layers,
        "decoder_intermediate_size": 3 * width,
    }


def _toknar(hours: float) -> Values:
    return {**_one_pass(hours), "frames_per_position": 2, "fine_layers": 2}


def _tokar(hours: float) -> Values:
    width, layers = tier(hours, (192, 3), (0.2, (256, 4)), (10.0, (320, 5)))
    sizes = {"hidden_size": width, "encoder_layers": 3, "encoder_kernel_size": 3}
    return {**sizes, "decoder_layers": layers, "intermediate_size": 3 * width, "history_dropout": 0.15}


SIZES: Mapping[str, Callable[[float], Values]] = {"toknar": _toknar, "tokar": _tokar, "fastspeech2": _one_pass}


def _nonattentive(hours: float, sound: Sound) -> Values:
    width, wide = tier(hours, (128, 384), (0.2, (192, 512)), (10.0, (256, 640)))
    return {
        "hidden_size": width,
        "intermediate_size": wide,
        "encoder_dropout": tier(hours, 0.25, (0.2, 0.2), (0.75, 0.15)),
        "decoder_dropout": _dropout(hours),
        "text_window": 256,
        "frame_window": round(WINDOW_S * sound.frame_rate),
    }


def _tokflat(speech: SpeechAmount, sound: Sound) -> Values:
    """The reference's notebook model, long enough for the longest clip."""
    n_codes = math.ceil(max(speech.longest_s, 2.0) * sound.frame_rate + 1) * sound.n_codebooks
    positions = max(1024, n_codes + 1)
    return {
        "encoder": {"n_layer": 4, "n_head": 8, "n_embd": 128, "attn_pdrop": 0.2},
        "decoder": {"n_layer": 6, "n_head": 12, "n_embd": 192, "attn_pdrop": 0.2}
        | {"seq_length": n_codes, "n_positions": positions},
    }
