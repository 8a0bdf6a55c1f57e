"""Long text -> pieces that a model can read: sentences first, then clauses, words, and letters as a last resort."""

import logging
import re
from collections.abc import Callable

from transformers import PreTrainedTokenizerBase

from toktts.errors import TextError
from toktts.text import Normalizer, check_speakable, leave_out_unknown

SENTENCE_BREAK = re.compile(r"""(?<=[.!?])\s+|(?<=[.!?]["')\]])\s+""")
SMALLER_BREAKS = (re.compile(r"(?<=[,;:])\s+"), re.compile(r"\s+"))
INITIAL = re.compile(r"(?:^|[\s.])\w\.$")

CountIds = Callable[[str], int]

logger = logging.getLogger(__name__)


def read_sentences(
    text: str, normalizer: Normalizer, tokenizer: PreTrainedTokenizerBase, *, limit: int, skips_unknown: bool
) -> list[str]:
    """Check a text and turn it into what a model reads, piece by piece.

    Args:
        text: of any length, as it is written.
        normalizer: text as written -> as read.
        tokenizer: of the model.
        limit: ids of a piece, at most, without the one that ends it.
        skips_unknown: whether what the model cannot read is left out, and logged; else it is refused.
    Raises:
        TextError: nothing to speak, characters the model cannot read, or markup.
        TypeError: not a str.
    """
    if not isinstance(text, str):
        raise TypeError(f"text must be str, got {type(text).__name__}; decode or convert it first")
    if text.lstrip().lower().startswith("<speak"):
        raise TextError("is SSML, which is not supported; give plain text")
    normalized = normalizer(text)
    if skips_unknown:
        normalized, left_out = leave_out_unknown(normalized, tokenizer)
        if left_out:
            logger.warning("the model cannot read %s; left out", ", ".join(left_out))
    check_speakable(normalized, tokenizer)

    def count_ids(piece: str) -> int:
        return len(tokenizer.encode(piece, add_special_tokens=False))

    return split_text(normalized, limit=limit, count_ids=count_ids)


def split_text(text: str, *, limit: int, count_ids: CountIds) -> list[str]:
    """Cut a text into pieces that say something and have at most `limit` ids each.

    Every letter and digit of the text is in one piece, in order; blanks at the cuts are dropped.

    >>> split_text("J. Smith came. He went!", limit=40, count_ids=len)
    ['J. Smith came.', 'He went!']

    Args:
        text: normalised text.
        limit: ids of a piece, at most; a single character that has more stays whole.
        count_ids: how many ids a text has, without the one that ends it.
    """
    pieces = [piece for sentence in split_sentences(text) for piece in _fit(sentence, 0, limit, count_ids)]
    return [piece for piece in pieces if _says_something(piece)]


def split_sentences(text: str) -> list[str]:
    """Cut behind . ! ? and a closing quote, but not behind an initial; what says nothing stays with its neighbour."""
    sentences: list[list[str]] = []
    is_open = True
    for segment in SENTENCE_BREAK.split(text):
        says_something = _says_something(segment)
        if sentences and (is_open or not says_something):
            sentences[-1].append(segment)
        else:
            sentences.append([segment])
        if says_something:
            is_open = INITIAL.search(segment[-3:]) is not None
    return [" ".join(segments).strip() for segments in sentences]


def _says_something(text: str) -> bool:
    return any(character.isalnum() for character in text)


def _fit(text: str, level: int, limit: int, count_ids: CountIds) -> list[str]:
    """Cut at the largest breaks that do, and fill each piece as far as it goes."""
    if count_ids(text) <= limit:
        return [text]
    if level == len(SMALLER_BREAKS):
        return _chop(text, limit, count_ids)
    pieces: list[str] = []
    parts: list[str] = []
    n_ids = 0
    for part in SMALLER_BREAKS[level].split(text):
        for piece in _fit(part, level + 1, limit, count_ids):
            added = count_ids(" " + piece)
            if parts and n_ids + added > limit:
                pieces.append(" ".join(parts))
                parts, n_ids = [], 0
            parts.append(piece)
            n_ids += added
    return [*pieces, " ".join(parts)]


def _chop(text: str, limit: int, count_ids: CountIds) -> list[str]:
    n_pieces = -(-count_ids(text) // limit)
    if n_pieces <= 1 or len(text) == 1:
        return [text]
    size = max(1, len(text) // n_pieces)
    starts = range(0, len(text), size)
    return [piece for start in starts for piece in _chop(text[start : start + size], limit, count_ids)]
