"""A normalised text -> its words and the punctuation behind each."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from toktts.errors import TextError
from toktts.text._trace import INLINE
from toktts.text.phonemes.folding import shadow

_LETTER = r"[A-Za-z]\x00*"
_WORD = rf"(?:{_LETTER})+(?:'(?:{_LETTER})+)*'?"
PIECE: Final = re.compile(
    rf"(?P<inline>\x01\x02*)"
    rf"|(?P<dotted>(?<![A-Za-z])(?:[A-Za-z]\.){{2,}}(?:[A-Za-z](?![A-Za-z]))?(?:'?s\b)?)"
    rf"|(?P<initial>(?<![A-Za-z'])[A-Z]\.(?= +[A-Z]))"
    rf"|(?P<word>'?{_WORD}(?:-{_WORD})*)"
    r"|(?P<mark>\.{2,}|[.,?!;:\-~()\[\]{}])"
)
STRENGTH: Final = ("", ",", "-", ":", ";", ".", "...", "!", "?")
"""From the weakest mark to the strongest; of several in a row the strongest stays."""


@dataclass(frozen=True)
class Piece:
    """A stretch of text that is said: inline phonemes, letters with dots, or a word that may hold hyphens."""

    kind: str
    start: int
    end: int
    after: str = ""


def scan(text: str) -> list[Piece]:
    """Find the words of a text and the strongest mark behind each; marks before the first word fall away.

    Raises:
        TextError: characters that cannot be said, or `[[` without an end.
    """
    pieces: list[Piece] = []
    plain = _plain(text)
    for match in PIECE.finditer(plain):
        kind = match.lastgroup or ""
        if kind != "mark":
            pieces.append(Piece(kind, match.start(), match.end()))
        if pieces and (kind == "mark" or (kind == "dotted" and _ends(plain, match))):
            mark = "." if kind == "dotted" else _mark(match[0])
            pieces[-1] = replace(pieces[-1], after=max(pieces[-1].after, mark, key=STRENGTH.index))
    return pieces


def _plain(text: str) -> str:
    r"""The shadow of a text, where inline phonemes are \x01 and then \x02 for every character."""
    hidden = INLINE.sub(lambda match: "a" * len(match[0]), text)
    if "[[" in hidden:
        raise TextError(f"inline phonemes have no end, [[ at {hidden.index('[[')}; close them with ]]")
    shapes = list(shadow(hidden))
    for match in INLINE.finditer(text):
        shapes[match.start() : match.end()] = "\x01" + "\x02" * (len(match[0]) - 1)
    return "".join(shapes)


def _ends(plain: str, match: re.Match[str]) -> bool:
    """Whether the last dot of an acronym also ends the text."""
    return match[0].endswith(".") and not plain[match.end() :].strip(" \"'")


def _mark(text: str) -> str:
    if text == "~" or len(text) > 1:
        return "..."
    return "," if text in "()[]{}" else text


def hyphen_parts(text: str, piece: Piece) -> Iterator[Piece]:
    """Cut a word at its hyphens; the mark behind stays with the last part."""
    start = piece.start
    parts = text[piece.start : piece.end].split("-")
    for number, part in enumerate(parts, 1):
        yield Piece("word", start, start + len(part), piece.after if number == len(parts) else "")
        start += len(part) + 1
