"""Which text ids stand between words, so that text that was tokenised can be taken apart and put together again."""

from collections.abc import Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from toktts.errors import ConfigError
from toktts.text.phonemes import PUNCTUATION, WORD_BREAK
from toktts.tokens.pronouncing import PronouncingTokenizer

KEY = "tokens.tokenizer"


@dataclass(frozen=True)
class Separators:
    """Ids with a meaning for where words begin and end.

    Args:
        between: stands between two words, and behind none.
        marks: close a word, and stay with it; behind them there is no `between`.
        silent: say nothing, `between` and `marks` included.
    """

    between: int
    marks: frozenset[int]
    silent: frozenset[int]

    def words(self, input_ids: Sequence[int]) -> list[tuple[int, int]]:
        """Find the words of a text.

        Args:
            input_ids: with the id that closes every text.
        Returns:
            Of each word the places (first, behind its last) in the ids, its marks included; each says something.
        """
        words: list[tuple[int, int]] = []
        first, end = 0, len(input_ids) - 1
        for place in range(end + 1):
            is_mark = place < end and input_ids[place] in self.marks
            if place < end and not is_mark and input_ids[place] != self.between:
                continue
            until = place + is_mark
            if not self.silent.issuperset(input_ids[first:until]):
                words.append((first, until))
            elif words and until > first:
                words[-1] = (words[-1][0], until)
            # What is silent before the first word belongs to it.
            first = place + 1 if words else first
        return words

    def join(self, phrases: Sequence[Sequence[int]], *, end: int) -> list[int]:
        """Lay the ids of phrases behind each other, as the tokenizer reads their texts with blanks between.

        Args:
            phrases: ids without the one that closes a text.
            end: that one.
        """
        ids: list[int] = []
        for phrase in phrases:
            ids += [*([self.between] if ids and ids[-1] not in self.marks else []), *phrase]
        return [*ids, end]


def word_separators(tokenizer: PreTrainedTokenizerBase) -> Separators:
    """Say which ids of a tokenizer separate words.

    Raises:
        ConfigError: it has none.
    """
    ids: dict[str, int] = tokenizer.get_vocab()
    if isinstance(tokenizer, PronouncingTokenizer):
        if tokenizer.writing != "breaks":
            raise ConfigError("writes nothing between words, so its texts cannot be cut there; use another", key=KEY)
        marks = frozenset(ids[mark] for mark in PUNCTUATION)
        return Separators(ids[WORD_BREAK], marks, marks | {ids[WORD_BREAK]})
    if " " not in ids:
        raise ConfigError("has no blank, so its texts cannot be cut at words; use another", key=KEY)
    # What is not ASCII is part of a letter in bytes, and a letter elsewhere.
    silent = frozenset(index for token, index in ids.items() if token.isascii() and not token.isalnum())
    return Separators(ids[" "], frozenset(), silent)
