from pathlib import Path

import pytest

from toktts.data.corpora.ljspeech import ARCHIVE, LJSpeech
from toktts.errors import CorpusError


def table(folder: Path, content: str | bytes) -> Path:
    """A tiny corpus with another table."""
    LJSpeech.tiny(folder)
    data = content.encode() if isinstance(content, str) else content
    (folder / "metadata.csv").write_bytes(data)
    return folder


def rows(*texts: str) -> str:
    return "".join(f"LJ001-{index:04d}|{text}|{text}\n" for index, text in enumerate(texts, 1))


def test_rows_become_utterances_in_the_order_of_the_table(tmp_path: Path):
    corpus = LJSpeech.tiny(tmp_path)
    first = next(iter(corpus))
    assert (first.id, first.text, first.audio) == ("LJ001-0001", "in one moment", tmp_path / "wavs" / "LJ001-0001.wav")
    assert (first.speaker, first.language, first.licence) == ("LJ", "en", "public domain")
    assert first.consent == "LibriVox volunteer, public domain"
    assert [row.id for row in corpus] == [f"LJ001-{index:04d}" for index in range(1, 5)]
    assert len(corpus) == 4


def test_a_quote_is_a_letter_like_any_other(tmp_path: Path):
    assert [row.text for row in LJSpeech.tiny(tmp_path)][1] == 'he said, "wait'


def test_the_raw_column_can_be_chosen_and_no_other(tmp_path: Path):
    LJSpeech.tiny(tmp_path)
    assert next(iter(LJSpeech(tmp_path, column="raw"))).text == "in 1 moment"
    with pytest.raises(CorpusError, match="column: no column 'normalised'; use one of raw, normalized"):
        LJSpeech(tmp_path, column="normalised")  # type: ignore[arg-type]


def test_the_folder_that_holds_the_corpus_will_do(tmp_path: Path):
    LJSpeech.tiny(tmp_path / ARCHIVE.root)
    assert len(LJSpeech(tmp_path)) == 4


def test_a_missing_corpus_says_how_to_get_it_and_downloads_nothing(tmp_path: Path):
    with pytest.raises(
        CorpusError, match=r"no metadata.csv in this folder; unpack LJSpeech-1.1 there, or set download"
    ):
        LJSpeech(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_windows_line_ends_and_a_byte_order_mark_are_understood(tmp_path: Path):
    content = rows("one", "two", "three", "four").replace("\n", "\r\n")
    corpus = LJSpeech(table(tmp_path, b"\xef\xbb\xbf" + content.encode()))
    assert [row.text for row in corpus] == ["one", "two", "three", "four"]


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        ("", None, "is empty"),
        ("LJ001-0001|one\n", 1, "2 fields"),
        (rows("one") + "LJ001-0002|a|b|c\n", 2, "4 fields"),
        (rows("one", "two") + "LJ001-0001|x|x\n", 3, "id 'LJ001-0001' is in line 1 already"),
        (b"LJ001-0001|caf\xe9|x\n", 1, "byte 0xe9 at column 15"),
        (rows("one") + "../../x|a|b\n", 2, r"id '../../x' is not safe"),
        ("CON|a|b\n", 1, "id 'CON' is not safe"),
    ],
)
def test_a_table_that_cannot_be_trusted_is_refused_with_its_line(
    content: str | bytes, line: int | None, reason: str, tmp_path: Path
):
    folder = table(tmp_path, content)
    with pytest.raises(CorpusError, match=reason) as caught:
        LJSpeech(folder)
    assert caught.value.file == str(folder / "metadata.csv")
    assert caught.value.line == line


def test_rows_without_sound_or_text_and_sound_without_a_row_are_reported(tmp_path: Path):
    folder = table(tmp_path, rows("one", " ... ") + "LJ009-0001|gone|gone\n")
    corpus = LJSpeech(folder)
    assert [row.id for row in corpus] == ["LJ001-0001"]
    assert [(row.id, row.file, row.reason.split(";")[0]) for row in corpus.rejected] == [
        ("LJ001-0002", f"{folder / 'metadata.csv'}:2", "has no letter or digit in its text"),
        ("LJ009-0001", str(folder / "wavs" / "LJ009-0001.wav"), "is missing"),
        ("LJ001-0003", str(folder / "wavs" / "LJ001-0003.wav"), "has no row in metadata.csv"),
        ("LJ001-0004", str(folder / "wavs" / "LJ001-0004.wav"), "has no row in metadata.csv"),
    ]


def test_a_corpus_without_its_sound_folder_is_refused(tmp_path: Path):
    (tmp_path / "metadata.csv").write_text(rows("one"), encoding="utf-8")
    with pytest.raises(CorpusError, match="put the sound files there"):
        LJSpeech(tmp_path)


def test_the_real_excerpt_is_read_whole(shared_data: Path):
    corpus = LJSpeech(shared_data / "ljspeech-mini")
    assert len(corpus) == 24
    assert corpus.rejected == ()


def test_every_real_transcript_is_a_row(shared_data: Path, tmp_path: Path):
    (tmp_path / "wavs").mkdir()
    (tmp_path / "metadata.csv").write_bytes((shared_data / "ljspeech-transcripts" / "metadata.csv").read_bytes())
    corpus = LJSpeech(tmp_path)
    assert len(corpus.rejected) == 13_100
    assert {row.reason for row in corpus.rejected} == {"is missing; copy the file there"}
