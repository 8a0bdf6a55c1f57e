"""Fixed sets of sentences that come with toktts, and files of them."""

from importlib.resources import files
from pathlib import Path

from toktts.data.metadata import read_lines
from toktts.errors import CorpusError
from toktts.evaluation.samples import Example, read_texts

SETS = ("short", "long", "plain")


def sentence_set(name: str) -> list[Example]:
    """Give one of `SETS`: `short` has 30 each of one, two and three words, `long` 20 of 25 to 40 words, `plain` 100."""
    text = (files("toktts") / "assets" / "sentences" / f"{name}.txt").read_text(encoding="ascii")
    return _number(name, [line for line in text.splitlines() if not line.startswith("#")])


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
