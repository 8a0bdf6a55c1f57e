"""Fixed sets of sentences that come with toktts (of LJSpeech only their ids), and files of them."""

from importlib.resources import files
from pathlib import Path

from toktts.data.corpora.ljspeech import ARCHIVE, TABLE
from toktts.data.metadata import read_lines, split_rows
from toktts.errors import CorpusError
from toktts.evaluation.samples import Example, read_texts

SETS = ("short", "long", "plain")
LJSPEECH = "ljspeech"


def sentence_set(name: str) -> list[Example]:
    """Give one of `SETS`: `short` has 30 each of one, two and three words, `long` 20 of 25 to 40 words, `plain` 100."""
    return _number(name, _asset(name))


def ljspeech_set(path: Path) -> list[Example]:
    """Give sixty sentences of LJSpeech, by ids that come with toktts and words that do not.

    Args:
        path: `metadata.csv` of LJSpeech 1.1, its folder, or the one that holds `LJSpeech-1.1`; no sound is needed.
    Raises:
        CorpusError: no table there, or without one of the sentences.
    """
    tables = [place for place in (path, path / TABLE, path / ARCHIVE.root / TABLE) if place.is_file()]
    if not tables:
        raise CorpusError(f"holds no {TABLE} of {ARCHIVE.root}; `toktts download DIR` fetches it", file=path)
    rows = split_rows(read_lines(tables[0]), tables[0], delimiter="|", n_fields=3)
    texts = {row.fields[0]: row.fields[2] for row in rows}
    missing = [id_ for id_ in _asset(LJSPEECH) if not texts.get(id_)]
    if missing:
        raise CorpusError(f"has no sentence {missing[0]}; name the table of {ARCHIVE.root}", file=tables[0])
    return [Example(id=id_, text=texts[id_]) for id_ in _asset(LJSPEECH)]


def _asset(name: str) -> list[str]:
    text = (files("toktts") / "assets" / "sentences" / f"{name}.txt").read_text(encoding="ascii")
    return [line for line in text.splitlines() if not line.startswith("#")]


def sentences_of(path: Path) -> list[Example]:
    """Read a file of sentences, one a line, or all of them as `id|text`.

    Raises:
        CorpusError: unreadable, or without a sentence.
    """
    lines = [line.strip() for line in read_lines(path)]
    if lines and all("|" in line for line in lines):
        return [Example(id=id_, text=text) for id_, text in read_texts(path, check=lambda _text: None)]
    if not any(lines):
        raise CorpusError("holds no sentence; write one a line", file=path)
    return _number("text", [line for line in lines if line])


def _number(name: str, lines: list[str]) -> list[Example]:
    return [Example(id=f"{name}-{number:03d}", text=line) for number, line in enumerate(lines, 1)]
