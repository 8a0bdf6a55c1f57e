from pathlib import Path

import pytest

from toktts.errors import CorpusError
from toktts.evaluation._words import words
from toktts.evaluation.judging.sentences import SETS, sentence_set, sentences_of


@pytest.mark.parametrize("name", SETS)
def test_a_set_is_plain_ascii_without_digits_or_repeats(name: str) -> None:
    texts = [example.text for example in sentence_set(name)]
    assert len(set(texts)) == len(texts)
    assert all(text.isascii() and text == text.strip() and text[-1] in ".!?" for text in texts)
    assert not any(character.isdigit() for text in texts for character in text)


def test_the_short_set_has_thirty_inputs_of_each_length() -> None:
    lengths = [len(words(example.text)) for example in sentence_set("short")]
    assert [lengths.count(n) for n in (1, 2, 3)] == [30, 30, 30]


def test_the_long_set_has_sentences_of_25_to_40_words() -> None:
    lengths = [len(words(example.text)) for example in sentence_set("long")]
    assert len(lengths) == 20
    assert all(25 <= length <= 40 for length in lengths), lengths


def test_the_plain_set_has_a_hundred_everyday_sentences() -> None:
    lengths = [len(words(example.text)) for example in sentence_set("plain")]
    assert len(lengths) == 100
    assert all(4 <= length <= 12 for length in lengths)


def test_ids_are_numbers_of_lines() -> None:
    assert [example.id for example in sentence_set("short")][::89] == ["short-001", "short-090"]


def test_a_file_of_sentences_may_name_them_or_not(tmp_path: Path) -> None:
    file = tmp_path / "mine.txt"
    file.write_text("One.\n\nTwo | three.\n", encoding="utf-8")
    assert [(example.id, example.text) for example in sentences_of(file)] == [
        ("text-001", "One."),
        ("text-002", "Two | three."),
    ]
    file.write_text("a|One.\nb|Two.\n", encoding="utf-8")
    assert [(example.id, example.text) for example in sentences_of(file)] == [("a", "One."), ("b", "Two.")]
    file.write_text(" \n\t\nx", encoding="utf-8")
    assert len(sentences_of(file)) == 1


def test_a_file_without_a_sentence_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.txt"
    file.write_text("\n \n", encoding="utf-8")
    with pytest.raises(CorpusError, match="mine.txt: (is empty|holds no sentence); write one"):
        sentences_of(file)
