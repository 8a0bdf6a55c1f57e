"""Words with known pronunciations: the dictionary in the package, and a lexicon of the user's own."""

import functools
import lzma
import os
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Final

from toktts.errors import TextError
from toktts.text.phonemes.symbols import Symbols, parse_symbols

DICTIONARY_FILE: Final = "cmudict.txt.xz"
G2P_FILE: Final = "g2p.safetensors"
COMMENT: Final = ";;;"

Dictionary = Mapping[str, str]
"""Word in lower case -> its pronunciations, blanks between symbols and a tab between pronunciations."""


def asset(name: str) -> bytes:
    """Read a file of `toktts/assets/lexicon`."""
    return resources.files("toktts").joinpath("assets", "lexicon", name).read_bytes()


@functools.cache
def dictionary() -> Dictionary:
    """Load the dictionary in the package, once; it takes about 0.2 s."""
    lines = lzma.decompress(asset(DICTIONARY_FILE)).decode("utf-8").splitlines()
    return dict(line.split("\t", 1) for line in lines)


def read_lexicon(path: str | os.PathLike[str]) -> dict[str, Symbols]:
    """Read a user lexicon: `word<tab or two blanks>symbols` a line, UTF-8, comments from `;;;` on.

    A word in lower case stands for every way to write its capitals, any other only for itself. A later line replaces
    an earlier one.

    Raises:
        TextError: a file that cannot be read, or a line that is wrong, with its number.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise TextError(f"is not UTF-8 at byte {error.start}; save it as UTF-8", file=path) from error
    except OSError as error:
        raise TextError(f"cannot be read ({error.strerror}); name a lexicon file", file=path) from error
    entries: dict[str, Symbols] = {}
    for number, line in enumerate(text.split("\n"), 1):
        content = line.partition(COMMENT)[0].strip()
        if content:
            word, symbols = _read_line(content, path, number)
            entries[word] = symbols
    return entries


def _read_line(content: str, path: str | os.PathLike[str], number: int) -> tuple[str, Symbols]:
    split_at = "\t" if "\t" in content else "  "
    word, separator, symbols = content.partition(split_at)
    if not separator or not word.strip():
        raise TextError("is no entry; write word, a tab or two blanks, symbols", file=path, line=number)
    if " " in word.strip():
        raise TextError(f"{word.strip()!r} is more than one word; give each its own line", file=path, line=number)
    try:
        return word.strip(), parse_symbols(symbols)
    except TextError as error:
        raise TextError(error.message, file=path, line=number) from error
