import re
from importlib.resources import files
from pathlib import Path

import pytest

from toktts.errors import CorpusError
from toktts.evaluation._words import words
from toktts.evaluation.judging.sentences import LJSPEECH, SETS, ljspeech_set, sentence_set, sentences_of


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


def ljspeech_ids() -> list[str]:
    lines = (files("toktts") / "assets" / "sentences" / f"{LJSPEECH}.txt").read_text(encoding="ascii").splitlines()
    return [line for line in lines if not line.startswith("#")]


def write_table(folder: Path, *, without: str = "") -> None:
    lines = [f"{id_}|raw {id_}|words of {id_}" for id_ in ("LJ050-0001", *ljspeech_ids()) if id_ != without]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metadata.csv").write_text("\n".join(lines), encoding="utf-8")


def test_of_ljspeech_only_sixty_ids_are_part_of_toktts() -> None:
    assert len(set(ljspeech_ids())) == 60
    assert all(re.fullmatch(r"LJ0\d\d-\d{4}", id_) for id_ in ljspeech_ids())


def test_words_of_ljspeech_are_read_from_its_table_without_its_sound(tmp_path: Path) -> None:
    write_table(tmp_path / "LJSpeech-1.1")
    found = ljspeech_set(tmp_path)
    assert [example.id for example in found] == ljspeech_ids()
    assert found[0].text == "words of LJ001-0120"
    assert all(example.recording is None for example in found)
    assert ljspeech_set(tmp_path / "LJSpeech-1.1") == ljspeech_set(tmp_path / "LJSpeech-1.1" / "metadata.csv") == found


def test_a_table_of_ljspeech_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"holds no metadata.csv of LJSpeech-1.1; `toktts download DIR` fetches it"):
        ljspeech_set(tmp_path)
    write_table(tmp_path, without="LJ014-0259")
    with pytest.raises(CorpusError, match=r"metadata.csv: has no sentence LJ014-0259; name the table of LJSpeech-1.1"):
        ljspeech_set(tmp_path)


def test_the_ids_are_those_of_whole_sentences_and_parts_of_the_published_table(shared_data: Path) -> None:
    texts = {example.id: example.text for example in ljspeech_set(shared_data / "ljspeech-transcripts")}
    assert texts["LJ014-0259"] == "Watts led two lives."
    assert 15 < sum(len(words(text)) for text in texts.values()) / len(texts) < 20
