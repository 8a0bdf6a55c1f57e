from pathlib import Path

import pytest

from toktts.errors import TextError
from toktts.text.phonemes import ARPABET, EnglishPhonemizer, read_lexicon
from toktts.text.phonemes.lexicon import asset, dictionary
from toktts.text.phonemes.symbols import is_vowel


def write(folder: Path, content: str | bytes) -> Path:
    path = folder / "words.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_lexicon_goes_before_everything(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "\ufeff;;; mine\r\ntoktts\tT AA1 K  ;;; why not\n\nthe  DH IY1\nUS  AH1 S\nDvořák\tD V AO1 R\nx-ray\tEH1 K S\n",
    )
    phonemize = EnglishPhonemizer(path)
    assert phonemize("Toktts the TOKTTS") == "T AA1 K | DH IY1 | T AA1 K"
    assert phonemize("US us") == "AH1 S | AH1 S"
    assert phonemize("Dvořák x-ray") == "D V AO1 R | EH1 K S"
    assert {word.source for word in phonemize.words("toktts, 'toktts'")} == {"user lexicon"}


def test_a_key_with_capitals_stands_for_itself_only() -> None:
    phonemize = EnglishPhonemizer({"Polish": ("P", "AA1")})
    assert phonemize("polish Polish") == "P AA1 L IH0 SH | P AA1"


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ("a\tEY1\nhello HH AH0", 2, "is no entry; write word, a tab or two blanks, symbols"),
        ("\tHH", 1, "is no entry"),
        ("ice cream\tAY1 S", 1, "'ice cream' is more than one word; give each its own line"),
        (";;; x\nhello\tHH EX0", 2, "no such phoneme 'EX0', symbol 2 of 2; write 'E"),
        ("hello\t;;; nothing", 1, "is no entry"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, content: str, line: int, message: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(TextError, match=message) as refused:
        read_lexicon(path)
    assert (refused.value.file, refused.value.line) == (str(path), line)
    assert refused.value.one_line().startswith(f"toktts: error: {path}:{line}: ")


def test_a_lexicon_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TextError, match="is not UTF-8 at byte 3; save it as UTF-8"):
        read_lexicon(write(tmp_path, b"caf\xe9\tK"))


def test_a_missing_lexicon_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TextError, match=r"cannot be read \(No such file or directory\); name a lexicon file"):
        read_lexicon(tmp_path / "none.txt")


def test_a_given_lexicon_is_checked() -> None:
    with pytest.raises(TextError, match="no such phoneme 'EE'"):
        EnglishPhonemizer({"a": ("EE",)})


def test_every_pronunciation_in_the_dictionary_has_known_symbols_and_one_primary_stress() -> None:
    reduced = {"'cause", "'em", "'m", "'n", "a", "and", "er", "in", "in's", "the"}
    assert len(dictionary()) == 126_052
    for word, text in dictionary().items():
        for pronunciation in text.split("\t"):
            symbols = pronunciation.split()
            assert set(symbols) <= set(ARPABET)
            if word not in reduced and any(map(is_vowel, symbols)):
                assert sum(symbol.endswith("1") for symbol in symbols) == 1, word


def test_the_dictionary_is_small_and_comes_with_its_licence() -> None:
    assert len(asset("cmudict.txt.xz")) < 1_000_000
    assert b"Carnegie Mellon University" in asset("LICENSE.cmudict")
    assert b"BSD-2-Clause" in asset("CARD.md")
