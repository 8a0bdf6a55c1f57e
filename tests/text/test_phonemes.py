import contextlib
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from toktts.errors import TextError
from toktts.text.basic import BasicNormalizer
from toktts.text.phonemes import ARPABET, LETTERS, PUNCTUATION, WORD_BREAK, EnglishPhonemizer, join_words

phonemize = EnglishPhonemizer()
normalize = BasicNormalizer()
SYMBOLS = {*ARPABET, *PUNCTUATION, WORD_BREAK}

SAID = [
    ("Hello, world.", "HH AH0 L OW1 , W ER1 L D ."),
    ("the end of the day", "DH IY0 | EH1 N D | AH1 V | DH AH0 | D EY1"),
    ("go to it, to them, to", "G OW1 | T UW0 | IH1 T , T AH0 | DH EH1 M , T UW1"),
    ("a dog", "AH0 | D AO1 G"),
    ("vitamin A", "V AY1 T AH0 M AH0 N | EY1"),
    ("ten A M", "T EH1 N | EY1 | EH1 M"),
    ("What?! ...No... yes", "W AH1 T ? N OW1 ... Y EH1 S"),
    ("so (he said) - no", "S OW1 , HH IY1 | S EH1 D - N OW1"),
    ("Dvořák's café", "D V AO1 R AH0 K S | K AH0 F EY1"),
    ("nai\u0308ve", "N AY2 IY1 V"),
    ("'hello' 'em nothin'", "HH AH0 L OW1 | AH0 M | N AH1 TH IH0 N"),
    ("the dogs' cat’s", "DH AH0 | D AO1 G Z | K AE1 T S"),
    ("the FBI and MPs", "DH IY0 | EH2 F B IY2 AY1 | AH0 N D | EH2 M P IY1 Z"),
    ("the U.S. Army of the U.S.", "DH AH0 | Y UW2 EH1 S | AA1 R M IY0 | AH1 V | DH AH0 | Y UW2 EH1 S ."),
    ("Mr. J. Smith", "M IH1 S T ER0 | JH EY1 | S M IH1 TH"),
    ("well-known x-ray", "W EH2 L N OW1 N | EH1 K S R EY2"),
    ("cat-dog", "K AE1 T | D AO1 G"),
    ("[[HH AY1]] you[[AA1]]", "HH AY1 | Y UW1 | AA1"),
    ("THIS IS IT", "DH IH1 S | IH1 Z | IH1 T"),
    ("our IT people", "AW1 ER0 | AY2 T IY1 | P IY1 P AH0 L"),
]


@pytest.mark.parametrize(("text", "said"), SAID, ids=[text for text, _ in SAID])
def test_english_is_pronounced(text: str, said: str) -> None:
    assert phonemize(normalize(text)) == said


CHOICES = [
    ("to record the record", "R IH0 K AO1 R D", "R EH1 K ER0 D"),
    ("I live in a live show", "L IH1 V", "L AY1 V"),
    ("they use the use", "Y UW1 Z", "Y UW1 S"),
    ("we close very close to it", "K L OW1 Z", "K L OW1 S"),
    ("to read what she had read", "R IY1 D", "R EH1 D"),
    ("they lead a lead pipe", "L IY1 D", "L EH1 D"),
    ("you wind the wind", "W AY1 N D", "W IH1 N D"),
    ("we tear a tear", "T EH1 R", "T IH1 R"),
    ("a minute for minute details", "M IH1 N AH0 T", "M AY0 N UW1 T"),
    ("the house to house them", "HH AW1 S", "HH AW1 Z"),
    ("an object to object to", "AA1 B JH EH0 K T", "AH0 B JH EH1 K T"),
    ("the presents he presents", "P R EH1 Z AH0 N T S", "P R IY0 Z EH1 N T S"),
    ("polish the Polish", "P AA1 L IH0 SH", "P OW1 L IH0 SH"),
    ("I used to say it was used to", "Y UW1 S T", "Y UW1 Z D"),
]


@pytest.mark.parametrize(("text", "first", "second"), CHOICES, ids=[text for text, _, _ in CHOICES])
def test_homographs_are_chosen_by_their_neighbours(text: str, first: str, second: str) -> None:
    said = phonemize(text)
    assert 0 <= said.find(first) < said.rfind(second)


@pytest.mark.parametrize(
    ("word", "source", "said"),
    [
        ("blogger's", "rule", "B L AO1 G ER0 Z"),
        ("rewalked", "rule", "R IY0 W AO1 K T"),
        ("catwalks", "rule", "K AE1 T W AA2 K S"),
        ("schoolmasters", "rule", "S K UW1 L M AE2 S T ER0 Z"),
        ("hopper's", "dictionary", "HH AA1 P ER0 Z"),
        ("highwayman", "rule", "HH AY1 W EY2 M AH0 N"),
        ("missavoring", "rule", "M IH0 S EY1 V ER0 IH0 NG"),
        ("xyz", "g2p", "EH2 K S W AY2 Z IY1"),
        ("FPCC", "spelled", "EH2 F P IY2 S IY2 S IY1"),
        ("C.I.A.'s", "spelled", "S IY2 AY2 EY1 Z"),
    ],
)
def test_unknown_words_are_said_by_their_parts(word: str, source: str, said: str) -> None:
    (spoken,) = phonemize.words(word)
    assert (spoken.source, " ".join(spoken.symbols)) == (source, said) or source == spoken.source == "g2p"


def test_words_know_their_places_sources_and_punctuation() -> None:
    text = 'Say "Zoë", [[AA1 B]] FBI!'
    words = phonemize.words(text)
    assert [text[word.start : word.end] for word in words] == ["Say", "Zoë", "[[AA1 B]]", "FBI"]
    assert [word.text for word in words] == ["say", "zoe", "", "fbi"]
    assert [word.source for word in words] == ["dictionary", "dictionary", "inline", "dictionary"]
    assert [word.after for word in words] == ["", ",", "", "!"]
    n_symbols = sum(len(word.symbols) + 1 for word in words)
    assert len(join_words(words).split()) == n_symbols


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "text is empty; write at least one word"),
        (" \n", "text is empty; write at least one word"),
        ("?!...", "text holds nothing to speak; write at least one word"),
        (
            "hi 日本 😀\x07",
            r"cannot say '日' \(U\+65E5\) at 3, '本' \(U\+672C\) at 4, '😀' \(U\+1F600\) at 6, U\+0007 at 7; leave",
        ),
        ("a5", r"cannot say '5' \(U\+0035\) at 1; leave"),
        ("\ud800 a", r"cannot say U\+D800 at 0; leave"),
        ("Say [[HH AX0 L]]", r"no such phoneme 'AX0', symbol 2 of 3, in \[\[ at 4; write 'A[A-Z]0'"),
        ("[[hh]]", r"no such phoneme 'hh', symbol 1 of 1, in \[\[ at 0; write 'HH'"),
        ("[[AA]]", "no such phoneme 'AA', .*; write 'AA1'"),
        ("[[]] a", r"no phonemes given, in \[\[ at 0; write ARPAbet with stress"),
        ("a [[HH b", r"inline phonemes have no end, \[\[ at 2; close them with \]\]"),
    ],
)
def test_what_cannot_be_said_is_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(TextError, match=message) as refused:
        phonemize(text)
    assert "\n" not in refused.value.one_line()


@pytest.mark.parametrize("text", [None, 5, b"hi", ["hi"]])
def test_what_is_no_text_is_a_type_error(text: object) -> None:
    with pytest.raises(TypeError, match="text must be str, got"):
        phonemize(text)  # type: ignore[arg-type]


PIECES = (
    "a",
    "The ",
    "U.S.",
    "x-",
    "'",
    "’s ",
    "-",
    "...",
    "…",
    "?",
    "é",
    "e\u0301",
    "ß",
    "[[",
    "]]",
    "[[AA1]]",
    "5",
    "日",
    "\0",
)


@given(st.one_of(st.text(), st.text("abcSTUVé'-. ,!?[]"), st.lists(st.sampled_from(PIECES), max_size=12).map("".join)))
@example("'")
@example("a\u0301\u0301-")
@example("-a-")
def test_any_text_is_said_in_known_symbols_or_refused(text: str) -> None:
    for form in (text, normalize(text)):
        try:
            words = phonemize.words(form)
        except TextError:
            continue
        assert set(join_words(words).split()) <= SYMBOLS
        assert all(word.symbols for word in words)
        assert [word.start for word in words] == sorted(word.start for word in words)
        assert all(word.start < word.end for word in words)
        assert phonemize(form) == join_words(words)


@given(st.text("abcdefghijklmnopqrstuvwxyz", min_size=4, max_size=12))
def test_a_guessed_word_has_one_primary_stress(letters: str) -> None:
    (word,) = phonemize.words(letters)
    if word.source == "g2p":
        assert sum(symbol.endswith("1") for symbol in word.symbols) == 1


def test_letters_can_stay_where_nothing_is_known() -> None:
    (first, second, third) = EnglishPhonemizer(unknown="letters").words("Zxqvy's cats zxqvo")
    assert (first.symbols, first.source) == (tuple("zxqvy's"), "letters")
    assert second.source == "dictionary"
    assert set(third.symbols) <= set(LETTERS)


def test_identity_changes_with_what_shapes_the_output() -> None:
    identities = {
        EnglishPhonemizer().identity,
        EnglishPhonemizer(unknown="letters").identity,
        EnglishPhonemizer({"a": ("EY1",)}).identity,
        EnglishPhonemizer({"a": ("AH0",)}).identity,
    }
    assert len(identities) == 4
    assert EnglishPhonemizer({}).identity == EnglishPhonemizer().identity == "en-1-g2p"


def test_known_words_are_said_at_two_thousand_a_second() -> None:
    text = " ".join(["The quick brown fox jumps over the lazy dog, doesn't it?"] * 50)
    phonemize(text)
    start = time.process_time()
    n_words = len(phonemize.words(text))
    assert n_words / (time.process_time() - start) > 2000


@pytest.mark.parametrize("unit", ["a", "'", "a'", "A.", "-", "a-", ".", "[[", "é", "\u0301", "a\u0301"])
def test_a_long_text_takes_time_in_proportion(unit: str) -> None:
    text = "a " + unit * (20_000 // len(unit))
    start = time.process_time()
    with contextlib.suppress(TextError):
        phonemize(text)
    assert time.process_time() - start < 5
