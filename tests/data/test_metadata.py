import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toktts.data.corpora._base import check_id
from toktts.data.metadata import (
    Row,
    check_unique,
    find_sound,
    read_lines,
    speaking_rate_fault,
    split_csv,
    split_rows,
    text_fault,
)
from toktts.errors import CorpusError

UNSAFE = ["../../x", "/etc/passwd", "a/b", "a\\b", "..", ".", "", "a\0b", "CON", "nul.wav", "com1", "LPT9.x", "x" * 300]
UNSAFE += ["a ", " a", "a.", ".a", "-a", "a\n", "é", "\ufeffLJ001", "a:b", "C:x", "a\u202eb"]


@pytest.mark.parametrize("id_", UNSAFE)
def test_an_id_that_is_not_safe_as_a_file_name_is_refused(id_: str):
    with pytest.raises(CorpusError, match="is not safe as a file name; use 1 to 128 of") as caught:
        check_id(id_, file="metadata.csv", line=7)
    assert caught.value.where == "metadata.csv:7"
    assert len(caught.value.one_line()) <= 300
    assert caught.value.one_line().isprintable()


@pytest.mark.parametrize("id_", ["LJ001-0001", "a", "console", "0", "a.b_c-d", "x" * 128])
def test_a_plain_id_is_returned_as_it_is(id_: str):
    assert check_id(id_) == id_


@given(st.text(max_size=140))
def test_an_accepted_id_stays_inside_its_folder(id_: str):
    try:
        check_id(id_)
    except CorpusError:
        return
    assert (Path("/root") / id_).resolve() == Path("/root") / id_


def test_missing_and_empty_tables_are_named(tmp_path: Path):
    with pytest.raises(CorpusError, match="cannot be read") as caught:
        read_lines(tmp_path / "metadata.csv")
    assert caught.value.file == str(tmp_path / "metadata.csv")
    (tmp_path / "metadata.csv").write_bytes(b"\xef\xbb\xbf\r\n\n")
    with pytest.raises(CorpusError, match="is empty; write one line per clip"):
        read_lines(tmp_path / "metadata.csv")


def test_a_byte_order_mark_and_carriage_returns_do_not_reach_the_fields(tmp_path: Path):
    (tmp_path / "m").write_bytes(b"\xef\xbb\xbfa|b\r\nc|d\r\n\r\n")
    assert read_lines(tmp_path / "m") == ["a|b", "c|d"]


def test_a_latin_1_byte_is_refused_with_line_and_column(tmp_path: Path):
    (tmp_path / "m").write_bytes(b"a|b\nc|caf\xe9\n")
    with pytest.raises(CorpusError, match="byte 0xe9 at column 6 is not UTF-8; save the file as UTF-8") as caught:
        read_lines(tmp_path / "m")
    assert caught.value.line == 2


@given(texts=st.lists(st.text(st.characters(exclude_characters="\n\r|", codec="utf-8")), min_size=1))
def test_there_are_as_many_rows_as_lines_whatever_is_in_them(
    texts: list[str], tmp_path_factory: pytest.TempPathFactory
):
    path = tmp_path_factory.getbasetemp() / "any-lines"
    path.write_bytes("".join(f"id|{text}\n" for text in texts).encode())
    rows = split_rows(read_lines(path), path, delimiter="|", n_fields=2)
    assert [row.fields for row in rows] == [("id", text) for text in texts]
    assert [row.line for row in rows] == list(range(1, len(texts) + 1))


@pytest.mark.parametrize(("line", "n_fields"), [("a|b", 2), ("a|b|c|d", 4), ("", 1)])
def test_a_line_with_another_number_of_fields_is_refused(line: str, n_fields: int):
    with pytest.raises(
        CorpusError, match=rf"{n_fields} fields between '\|', expected 3; write one clip a line"
    ) as caught:
        split_rows(["a|b|c", line], Path("m"), delimiter="|", n_fields=3)
    assert caught.value.where == "m:2"


def test_csv_keeps_commas_and_line_breaks_in_quotes():
    lines = ["id,text", 'a,"one, two"', 'b,"three', 'four"', "c,five"]
    assert split_csv(lines, Path("m")) == [
        Row(1, ("id", "text")),
        Row(2, ("a", "one, two")),
        Row(3, ("b", "three\nfour")),
        Row(5, ("c", "five")),
    ]


def test_csv_faults_name_the_line_where_the_row_begins():
    with pytest.raises(CorpusError, match="is no CSV from here on") as caught:
        split_csv(["id,text", "a,b", 'c,"never', "ends"], Path("m"))
    assert caught.value.line == 3
    with pytest.raises(CorpusError, match="3 fields between ',', expected 2") as caught:
        split_csv(["id,text", "a,b,c"], Path("m"))
    assert caught.value.line == 2


def test_an_id_that_comes_twice_is_refused_with_both_lines():
    with pytest.raises(CorpusError, match="id 'a' is in line 1 already; rename one") as caught:
        check_unique([("a", 1), ("b", 2), ("a", 3)], Path("m"))
    assert caught.value.where == "m:3"


def test_sound_is_found_by_name_and_two_endings_of_one_name_are_refused(tmp_path: Path):
    for name in ("b.WAV", "a.flac", "notes.txt", ".hidden.wav"):
        (tmp_path / name).touch()
    assert find_sound(tmp_path) == {"a": tmp_path / "a.flac", "b": tmp_path / "b.WAV"}
    (tmp_path / "a.mp3").touch()
    with pytest.raises(CorpusError, match="'a.flac' has the same id; remove one"):
        find_sound(tmp_path)


def test_a_folder_of_sound_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(CorpusError, match="put the sound files there") as caught:
        find_sound(tmp_path / "wavs")
    assert caught.value.file == str(tmp_path / "wavs")


@pytest.mark.parametrize("text", ["", " \t\u200b", "...", "😀"])
def test_a_text_without_letters_or_digits_is_a_fault(text: str):
    assert text_fault(text) == "has no letter or digit in its text; write what is said"


@pytest.mark.parametrize(
    ("text", "duration_s", "reason"),
    [
        ("word", 20.0, r"has 4 characters for 20.0 s \(0.2 a second, expected 1 to 50\)"),
        ("x" * 10_000, 10.0, r"\(1000.0 a second"),
        ("", 1.0, r"\(0.0 a second"),
        ("x", 0.0, r"\(inf a second"),
    ],
)
def test_a_text_that_cannot_be_what_is_said_has_a_fault(text: str, duration_s: float, reason: str):
    assert re.search(reason, speaking_rate_fault(text, duration_s=duration_s))


def test_all_real_sentences_lie_inside_the_speaking_rates(shared_data: Path):
    folder = shared_data / "ljspeech-mini" / "LJSpeech-1.1"
    for row in split_rows(read_lines(folder / "metadata.csv"), folder, delimiter="|", n_fields=3):
        n_bytes = (folder / "wavs" / f"{row.fields[0]}.wav").stat().st_size - 44
        assert not speaking_rate_fault(row.fields[2], duration_s=n_bytes / 2 / 22050)
