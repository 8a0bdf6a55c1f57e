"""Which word or phoneme is said when, read off the path that a model took through its text."""

import re
from typing import Literal, get_args

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from toktts.alignment import Alignment
from toktts.alignment.pauses import fit_to_sound, inside_words
from toktts.text.phonemes import PUNCTUATION, WORD_BREAK
from toktts.text.phonemes.writing import PAUSE, SHORT_PAUSE
from toktts.tokens.pronouncing import PronouncingTokenizer

Tier = Literal["word", "phoneme", "character"]


def tier_of(tokenizer: PreTrainedTokenizerBase, wanted: Tier) -> Tier | None:
    """What can be given where `wanted` is asked for: a model that reads letters knows no phonemes, and so on."""
    smallest: Tier = "phoneme" if isinstance(tokenizer, PronouncingTokenizer) else "character"
    return wanted if wanted in ("word", smallest) else None


def tiers_of(tokenizer: PreTrainedTokenizerBase) -> tuple[Tier, ...]:
    """Words, and the smallest units that a model which reads these ids can time."""
    return ("word", *(tier for tier in get_args(Tier)[1:] if tier_of(tokenizer, tier)))


def align_sentence(
    sentence: str,
    input_ids: Tensor,
    units: Tensor,
    *,
    tokenizer: PreTrainedTokenizerBase,
    frame_rate: float,
    tier: Tier,
    levels_db: Tensor | None = None,
) -> Alignment:
    """Time the units or words of a sentence.

    Args:
        sentence: normalised text, as it was given to the tokenizer.
        input_ids: int64 (n_input_ids,), without padding.
        units: int64 (n_frames,), the place in `input_ids` that each frame says.
        tokenizer: that made the ids; it has an end mark behind every text.
        frame_rate: frames a second.
        tier: `word`, or the smallest units there are; see `tier_of`.
        levels_db: float (n_frames,), by which pauses are told from breaks that are none, see `fit_to_sound`; None =
            every break between words is taken for a silence.
    """
    labels = [str(token) for token in tokenizer.convert_ids_to_tokens(input_ids.tolist())]
    durations = torch.bincount(units, minlength=len(labels)).tolist()
    smallest: Tier = "phoneme" if isinstance(tokenizer, PronouncingTokenizer) else "character"
    units_alignment = Alignment.from_durations(labels, durations, frame_rate=frame_rate, tier=smallest)
    groups = _word_groups(sentence, labels, tokenizer)
    words = units_alignment.grouped(groups)
    if levels_db is not None:
        words = fit_to_sound(words, levels_db, frame_rate=frame_rate)
    if tier == "word":
        return words
    return inside_words(units_alignment, groups, words).without(*PUNCTUATION, WORD_BREAK, PAUSE, SHORT_PAUSE)


def _word_groups(sentence: str, labels: list[str], tokenizer: PreTrainedTokenizerBase) -> list[tuple[str, int]]:
    """Words with the number of their units, and "" for units between them; all units together."""
    if isinstance(tokenizer, PronouncingTokenizer):
        groups = [
            ("" if word is None else sentence[word.start : word.end], len(symbols))
            for word, symbols in tokenizer.groups(sentence)
        ]
    else:
        groups = [(part if part.strip() else "", _n_ids(part, tokenizer)) for part in re.findall(r"\s+|\S+", sentence)]
    n_ends = len(labels) - sum(count for _, count in groups)
    return [*groups, ("", n_ends)]


def _n_ids(text: str, tokenizer: PreTrainedTokenizerBase) -> int:
    return len(tokenizer.encode(text, add_special_tokens=False))
