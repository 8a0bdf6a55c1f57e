"""Cached rows -> examples a model can train on: text as ids beside the features."""

from dataclasses import dataclass
from typing import Any, TypeGuard

from datasets import Dataset
from transformers import PreTrainedTokenizerBase

from toktts.data.collate import feature_of
from toktts.data.metadata import speaking_rate_fault
from toktts.data.phones import PhoneFrames
from toktts.data.rejects import Rejected
from toktts.errors import TextError
from toktts.text import Normalizer, check_speakable
from toktts.tokens.pronouncing import PronouncingTokenizer


@dataclass(frozen=True)
class Examples:
    """What is left of a token cache for one model.

    Args:
        rows: columns of the cache, as `id, copy, text` and `codes` or `mel`, and `input_ids`; where phonemes with times
            were read, `durations` too, in frames, one an id.
        rejected: clips whose text or length the model cannot use, with the reason.
    """

    rows: Dataset
    rejected: list[Rejected]

    def of(self, ids: list[str], *, with_copies: bool) -> Dataset:
        """The rows of these ids in the order of the cache; copies with noise only if asked for."""
        wanted = set(ids)
        chosen = [
            index
            for index, (clip_id, copy) in enumerate(zip(self.rows["id"], self.rows["copy"], strict=True))
            if clip_id in wanted and (with_copies or copy == 0)
        ]
        return self.rows.select(chosen)


def make_examples(
    rows: Dataset,
    *,
    normalizer: Normalizer,
    tokenizer: PreTrainedTokenizerBase,
    text_limit: int,
    frames_per_id: int,
    frame_rate: float | None,
    takes_durations: bool = True,
) -> Examples:
    """Tokenise the text of every cached row, leaving out what the model cannot use.

    Phonemes with times are read instead of the text, where the cache has them and the tokenizer writes text the same
    way, with nothing between words.

    Args:
        rows: of `TokenCache.load`.
        normalizer: text as written -> as read.
        tokenizer: the model's own.
        text_limit: most ids a text may have.
        frames_per_id: frames that each text id needs at least; 1 for models that align, 0 for the others.
        frame_rate: Hz, to see whether the text can be what is said; None = clips were cut, so it tells nothing.
        takes_durations: whether the model believes durations that the corpus knows; then an id may have no frame.
    """
    kept: list[int] = []
    input_ids: list[list[int]] = []
    rejected: dict[str, Rejected] = {}
    texts, features = rows["text"], rows.with_format("arrow")[feature_of(rows.column_names)]
    phones = _phones(rows, tokenizer)
    least = 0 if phones is not None and takes_durations else frames_per_id
    durations: list[list[int]] = []
    for index, (clip_id, text) in enumerate(zip(rows["id"], texts, strict=True)):
        normalized = normalizer(text)
        reason, ids = _read(normalized, tokenizer) if phones is None else _read_phones(phones[index], tokenizer)
        n_frames = len(features[index][0])
        if not reason and len(ids) > text_limit:
            reason = f"text has {len(ids)} ids, the model reads {text_limit}"
        if not reason and n_frames < least * len(ids):
            reason = f"{n_frames} frames are too few for {len(ids)} text ids, {least} each at least"
        if not reason and frame_rate is not None:
            reason = speaking_rate_fault(normalized, duration_s=n_frames / frame_rate)
        if reason:
            rejected.setdefault(clip_id, Rejected(clip_id, "", reason))
        else:
            kept.append(index)
            input_ids.append(ids)
            frames = [] if phones is None else phones[index].frames
            durations.append([*frames, *[0] * (len(ids) - len(frames))])
    chosen: Any = rows.select(kept).add_column("input_ids", input_ids)
    if phones is not None:
        chosen = chosen.add_column("durations", durations)
    return Examples(chosen, list(rejected.values()))


def _phones(rows: Dataset, tokenizer: PreTrainedTokenizerBase) -> list[PhoneFrames] | None:
    if "phones" not in rows.column_names or not _reads_phones(tokenizer):
        return None
    return [PhoneFrames(*pair) for pair in zip(rows["phones"], rows["phone_frames"], strict=True)]


def _reads_phones(tokenizer: PreTrainedTokenizerBase) -> TypeGuard[PronouncingTokenizer]:
    return isinstance(tokenizer, PronouncingTokenizer) and tokenizer.writing != "breaks"


def _read_phones(phones: PhoneFrames, tokenizer: PreTrainedTokenizerBase) -> tuple[str, list[int]]:
    """Why phonemes cannot be used ("" if they can), and their ids, closed as a text is."""
    assert _reads_phones(tokenizer)
    try:
        ids = tokenizer.phone_ids(phones.symbols)
    except TextError as error:
        return error.message, []
    return "", [*ids, *([] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id])]


def _read(normalized: str, tokenizer: PreTrainedTokenizerBase) -> tuple[str, list[int]]:
    """Why a text cannot be used ("" if it can), and its ids."""
    try:
        check_speakable(normalized, tokenizer)
    except TextError as error:
        return error.message, []
    return "", list(tokenizer(normalized).input_ids)
