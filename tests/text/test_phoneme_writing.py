import pytest
from hypothesis import given
from hypothesis import strategies as st

from toktts.errors import TextError
from toktts.text.phonemes import ARPABET
from toktts.text.phonemes.symbols import VOWELS
from toktts.text.phonemes.writing import reduced, symbols_360, text_to_phonemes

LEGAL = {"pau", *ARPABET}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I love you", "AY1 L AH1 V Y UW1"),
        ("I love you.", "AY1 L AH1 V Y UW1 pau"),
        ("THIS IS GOOD!", "DH IH1 S IH1 Z G UH1 D pau"),
        ('"Stop," he said; go!', "pau S T AA1 P pau HH IY1 S EH1 D pau G OW1 pau"),
        ("well - no", "W EH1 L pau N OW1"),
        ("don't (go)", "D OW1 N T pau G OW1 pau"),
        ("two   words\nmore", "T UW1 W ER1 D Z M AO1 R"),
        ("3 cats", "TH R IY1 K AE1 T S"),
        ("?!", "pau"),
        ("", ""),
    ],
)
def test_text_becomes_arpabet_with_pauses_for_punctuation(text: str, expected: str) -> None:
    assert text_to_phonemes(text) == expected.split()


@pytest.mark.parametrize("mark", "!?.,-:;\"'()")
def test_every_mark_alone_is_a_pause(mark: str) -> None:
    assert text_to_phonemes(f"stop {mark} go") == ["S", "T", "AA1", "P", "pau", "G", "OW1"]


def test_custom_words_go_before_the_dictionary() -> None:
    custom = {"Love": ["L", "UW2", "V"], "sparta": ["S", "P", "ER2"]}
    assert text_to_phonemes("I love Sparta", custom) == ["AY1", "L", "UW1", "V", "S", "P", "ER1"]
    with pytest.raises(TextError, match="no such phoneme 'EU1'"):
        text_to_phonemes("word", {"word": ["W", "EU1", "R", "D"]})


def test_stress_is_reduced_by_the_table() -> None:
    table = {"AA0": "AA1", "AA2": "AA1", "ER2": "ER1"}
    table |= {f"{vowel}2": f"{vowel}1" for vowel in VOWELS if vowel not in ("AA", "ER")}
    assert {symbol: reduced(symbol) for symbol in ARPABET if reduced(symbol) != symbol} == table


def test_er_becomes_eh_only_if_asked() -> None:
    with_flag = {symbol: reduced(symbol, er_as_eh=True) for symbol in ARPABET}
    changed = {symbol: new for symbol, new in with_flag.items() if new != reduced(symbol)}
    assert changed == {"ER0": "EH1", "ER1": "EH1", "ER2": "EH1"}
    assert text_to_phonemes("word", er_as_eh=True) == ["W", "EH1", "D"]
    assert text_to_phonemes("word") == ["W", "ER1", "D"]


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz' ,.", max_size=20))
def test_unknown_words_yield_legal_codes(text: str) -> None:
    assert set(text_to_phonemes(text)) <= LEGAL


def test_there_are_360_symbols_each_once() -> None:
    symbols = symbols_360()
    assert len(symbols) == len(set(symbols)) == 360
    # A pad, a dash, 10 marks, 52 letters and 84 of ARPAbet are keithito's 148; 209 of pinyin; 3 silences.
    assert symbols[:13] == ("<PAD>", "-", "!", "'", "(", ")", ",", ".", ":", ";", "?", " ", "A")
    assert symbols[63:69] == ("z", "@AA", "@AA0", "@AA1", "@AA2", "@AE")
    assert symbols[146:150] == ("@Z", "@ZH", "@b", "@c")
    assert symbols[148 + 23 : 148 + 25] == ("@a1", "@a2")
    assert symbols[355:] == ("@vn5", "@rr", "@sp", "@spn", "@sil")
