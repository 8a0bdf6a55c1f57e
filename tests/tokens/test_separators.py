"""Texts taken apart at their words and put together again."""

import pytest

from toktts.errors import ConfigError
from toktts.tokens import build_tokenizer
from toktts.tokens.separators import word_separators

NAMES = ("phonemes", "mixed", "characters", "bytes")


@pytest.mark.parametrize("name", NAMES)
def test_the_ids_of_any_words_of_a_text_are_what_the_tokenizer_gives_for_them(name: str) -> None:
    tokenizer = build_tokenizer(name)
    separators = word_separators(tokenizer)
    words = ["hello,", "my", "old", "friend;", "we", "met!"]
    ids = tokenizer(" ".join(words)).input_ids
    found = separators.words(ids)
    assert len(found) == len(words)
    for first in range(len(words)):
        for until in range(first + 1, len(words) + 1):
            cut = ids[found[first][0] : found[until - 1][1]]
            expected = tokenizer(" ".join(words[first:until])).input_ids
            assert separators.join([cut], end=ids[-1]) == expected


@pytest.mark.parametrize("name", NAMES)
def test_joined_phrases_read_as_their_texts_with_a_blank_between(name: str) -> None:
    tokenizer = build_tokenizer(name)
    separators = word_separators(tokenizer)
    texts = ["good morning,", "old friend", "my old house."]
    phrases = [tokenizer(text).input_ids[:-1] for text in texts]
    assert separators.join(phrases, end=tokenizer.eos_token_id) == tokenizer(" ".join(texts)).input_ids


@pytest.mark.parametrize("name", ["characters", "bytes"])
def test_marks_that_stand_alone_belong_to_a_word(name: str) -> None:
    tokenizer = build_tokenizer(name)
    found = word_separators(tokenizer).words(tokenizer("- one - two -").input_ids)
    assert found == [(0, 7), (8, 13)]


@pytest.mark.parametrize("name", NAMES)
def test_a_text_of_one_word_is_that_word(name: str) -> None:
    tokenizer = build_tokenizer(name)
    ids = tokenizer("friend").input_ids
    assert word_separators(tokenizer).words(ids) == [(0, len(ids) - 1)]


def test_a_tokenizer_without_blanks_cannot_be_cut() -> None:
    with pytest.raises(ConfigError, match="has no blank, so its texts cannot be cut at words; use another"):
        word_separators(build_tokenizer("characters", alphabet="abc"))
