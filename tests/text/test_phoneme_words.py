import pytest
from hypothesis import given
from hypothesis import strategies as st

from toktts.text.phonemes import EnglishPhonemizer, Word, as_letters, join_words, mix
from toktts.text.phonemes.morphology import derive, past, plural
from toktts.text.phonemes.symbols import ARPABET, is_vowel, with_one_primary

WORDS = EnglishPhonemizer({"toktts": ("T", "AA1", "K")}).words("We toktts can't [[AA1]] stop, can we? " * 20)


def test_mixing_nothing_or_everything_is_exact() -> None:
    assert mix(WORDS, 0.0, seed=1) == WORDS
    assert mix(WORDS, 1.0, seed=1) == [as_letters(word) for word in WORDS]
    assert {word.source for word in mix(WORDS, 1.0, seed=1)} == {"letters", "inline", "user lexicon"}


@given(st.floats(0, 1), st.integers())
def test_mixing_is_repeatable_and_changes_symbols_only(rate: float, seed: int) -> None:
    mixed = mix(WORDS, rate, seed=seed)
    assert mixed == mix(WORDS, rate, seed=seed)
    assert [(word.start, word.end, word.text, word.after) for word in mixed] == [
        (word.start, word.end, word.text, word.after) for word in WORDS
    ]
    assert all(word.symbols == tuple(word.text) for word in mixed if word.source == "letters")


def test_about_the_wanted_share_is_mixed_and_another_seed_mixes_others() -> None:
    first, second = ([word.source == "letters" for word in mix(WORDS, 0.3, seed=seed)] for seed in (1, 2))
    possible = sum(word.source == "dictionary" for word in WORDS)
    assert 0.2 < sum(first) / possible < 0.4
    assert first != second


def test_a_word_break_stands_between_words_and_not_at_the_end() -> None:
    words = [Word("a", 0, 1, ("AH0",), "dictionary"), Word("b", 2, 3, ("B", "IY1"), "dictionary")]
    assert join_words(words) == "AH0 | B IY1"
    assert join_words([]) == ""


@given(st.lists(st.sampled_from(ARPABET), max_size=12))
def test_a_word_with_a_vowel_gets_exactly_one_primary_stress(symbols: list[str]) -> None:
    stressed = with_one_primary(symbols)
    assert sum(symbol.endswith("1") for symbol in stressed) == any(map(is_vowel, symbols))
    assert with_one_primary(stressed) == stressed
    assert [symbol.rstrip("012") for symbol in stressed] == [symbol.rstrip("012") for symbol in symbols]


@given(st.sampled_from(["T", "D", "S", "Z", "CH", "K", "B", "AH0"]))
def test_endings_agree_with_the_last_sound(last: str) -> None:
    assert plural((last,))[1:] == (
        ("IH0", "Z") if last in ("S", "Z", "CH") else ("S",) if last in ("T", "K") else ("Z",)
    )
    assert past((last,))[1:] == (("IH0", "D") if last in ("T", "D") else ("T",) if last in ("S", "CH", "K") else ("D",))


@pytest.mark.parametrize("word", ["zzzz", "'", "''s", "'s", "n't", "ing", "s'", "ed", "unun", "a" * 100])
def test_what_has_no_known_parts_is_left_to_others(word: str) -> None:
    assert derive(word, lambda _: None) is None
