from pathlib import Path

import pytest

from toktts.data.corpora.folder import Folder
from toktts.errors import CorpusError

FACTS = {"speaker": "Ada", "language": "en", "licence": "CC-BY-4.0", "consent": "signed on paper"}


def corpus_folder(folder: Path, table: str, *, name: str = "metadata.csv", sound: tuple[str, ...] = ("a", "b")) -> Path:
    """Empty sound files will do: nothing reads them here."""
    (folder / "wavs").mkdir(parents=True)
    (folder / name).write_text(table, encoding="utf-8")
    for stem in sound:
        (folder / "wavs" / f"{stem}.wav").touch()
    return folder


@pytest.mark.parametrize(
    ("table", "name"),
    [
        ("a|one, two\nb|three\n", "metadata.csv"),
        ("a|1, 2|one, two\nb|3|three\n", "metadata.csv"),
        ("id|text\na|one, two\nb|three\n", "metadata.csv"),
        ('text,id\n"one, two",a\nthree,b\n', "metadata.csv"),
        ('file_name,text,other\nwavs/a.wav,"one, two",x\nb.wav,three,y\n', "metadata.csv"),
        ("id\ttext\na\tone, two\nb\tthree\n", "metadata.tsv"),
    ],
)
def test_every_kind_of_table_gives_the_same_utterances(table: str, name: str, tmp_path: Path):
    corpus = Folder(corpus_folder(tmp_path / "c", table, name=name), **FACTS)
    wavs = tmp_path / "c" / "wavs"
    assert [(row.id, row.text, row.audio) for row in corpus] == [
        ("a", "one, two", wavs / "a.wav"),
        ("b", "three", wavs / "b.wav"),
    ]
    assert corpus.rejected == ()
    assert len(corpus) == 2


def test_sound_may_lie_beside_the_table(tmp_path: Path):
    (tmp_path / "a.flac").touch()
    (tmp_path / "metadata.csv").write_text("a|one\n", encoding="utf-8")
    assert [row.audio for row in Folder(tmp_path, **FACTS)] == [tmp_path / "a.flac"]


def test_the_four_facts_come_from_the_file_and_what_is_given_comes_first(tmp_path: Path):
    Folder.tiny(tmp_path)
    (tmp_path / "corpus.yaml").write_text(
        "speaker: Ola\nlanguage: no\nlicence: CC0-1.0\nconsent: 'yes, on paper'\n", encoding="utf-8"
    )
    row = next(iter(Folder(tmp_path, speaker="Kari")))
    assert (row.speaker, row.language, row.licence, row.consent) == ("Kari", "no", "CC0-1.0", "yes, on paper")


def test_a_speaker_column_names_the_speaker_of_each_row(tmp_path: Path):
    folder = corpus_folder(tmp_path / "c", "id|text|speaker\na|one|Ola\nb|two|\n")
    assert [row.speaker for row in Folder(folder, **FACTS)] == ["Ola", "Ada"]


@pytest.mark.parametrize("fact", FACTS)
def test_a_missing_fact_says_what_to_write_where(fact: str, tmp_path: Path):
    folder = corpus_folder(tmp_path / "c", "a|one\nb|two\n")
    with pytest.raises(CorpusError, match=rf"no {fact}; write '{fact}: <.+>' into this file") as caught:
        Folder(folder, **(FACTS | {fact: " "}))
    assert caught.value.where == f"{folder / 'corpus.yaml'} {fact}"


@pytest.mark.parametrize(
    ("facts", "line", "reason"),
    [
        ("speaker: a\nconsnet: b\n", 2, "consnet: is unknown; use speaker, language, licence, consent once each"),
        ("speaker: a\nspeaker: b\n", 2, "speaker: comes twice"),
        ("speaker: [a]\n", 1, "expected one text for each name"),
        ("consent: !!python/object/apply:os.system [ls]\n", 1, "expected one text for each name"),
        ("- a\n", None, "expected a mapping"),
        ("speaker: a\n\tb: c\n", 2, "is no YAML"),
        ("speaker: ~\n", None, "speaker: no speaker"),
        ("", None, "speaker: no speaker"),
        ("a: " + "x" * 70_000, None, "is larger than 16384 bytes"),
        ("x: " + "[" * 16_000, 1, "expected one text for each name"),
        ("speaker: \0\n", None, "cannot be read"),
    ],
)
def test_a_facts_file_that_cannot_be_used_is_refused(facts: str, line: int | None, reason: str, tmp_path: Path):
    Folder.tiny(tmp_path)
    (tmp_path / "corpus.yaml").write_text(facts, encoding="utf-8")
    with pytest.raises(CorpusError, match=reason) as caught:
        Folder(tmp_path)
    if line is not None:
        assert caught.value.line == line
    assert caught.value.file == str(tmp_path / "corpus.yaml")


@pytest.mark.parametrize(
    ("table", "line", "reason"),
    [
        ("a|b|c|d\n", 1, r"4 fields between '\|', expected id\|text or id\|raw\|text"),
        ("just text\n", 1, r"columns just text; name 'text' and 'id' or 'file_name' in line 1"),
        ("a|one\nb|two|three\n", 2, "3 fields"),
        ("a|one\na|two\n", 2, "id 'a' is in line 1 already"),
        ("a/b|one\n", 1, "id 'a/b' is not safe"),
        ("file_name,text\n../a.wav,one\n", 2, "file_name '../a.wav' leaves the folder"),
        ("file_name,text\n/etc/a.wav,one\n", 2, "leaves the folder"),
        ('id,text\na,"never\n', 2, "is no CSV from here on"),
    ],
)
def test_a_table_that_cannot_be_trusted_is_refused_with_its_line(table: str, line: int, reason: str, tmp_path: Path):
    folder = corpus_folder(tmp_path / "c", table)
    with pytest.raises(CorpusError, match=reason) as caught:
        Folder(folder, **FACTS)
    assert caught.value.where == f"{folder / 'metadata.csv'}:{line}"


def test_no_table_or_two_are_refused(tmp_path: Path):
    with pytest.raises(CorpusError, match="no table of transcripts here; write one metadata.csv or metadata.tsv"):
        Folder(tmp_path, **FACTS)
    for name in ("metadata.csv", "metadata.tsv"):
        (tmp_path / name).write_text("a|one\n", encoding="utf-8")
    with pytest.raises(CorpusError, match="more than one table of transcripts here"):
        Folder(tmp_path, **FACTS)


def test_rows_without_sound_or_text_and_sound_without_a_row_are_reported(tmp_path: Path):
    folder = corpus_folder(tmp_path / "c", "a|one\nb|?\nc|three\n", sound=("a", "b", "d"))
    corpus = Folder(folder, **FACTS)
    assert [row.id for row in corpus] == ["a"]
    assert [(row.id, row.file, row.reason.split(";")[0]) for row in corpus.rejected] == [
        ("b", f"{folder / 'metadata.csv'}:2", "has no letter or digit in its text"),
        ("c", str(folder / "wavs" / "c.wav"), "is missing"),
        ("d", str(folder / "wavs" / "d.wav"), "has no row in metadata.csv"),
    ]
