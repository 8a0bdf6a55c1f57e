from hypothesis import given
from hypothesis import strategies as st

from toktts.text._numbers import ONES, SCALES, TENS, cardinal, ordinal

VALUES = {word: value for value, word in enumerate(ONES)}
VALUES |= {word: 10 * value for value, word in enumerate(TENS) if word != "_"}


def understand(words: str) -> int:
    """Read English numbers back: the slow, obvious way."""
    scales = {name: scale for scale, name in SCALES}
    total = part = 0
    for word in words.replace("-", " ").split():
        if word == "hundred":
            part *= 100
        elif word in scales:
            total += part * scales[word]
            part = 0
        else:
            part += VALUES[word]
    return total + part


@given(st.integers(0, 10**15 - 1))
def test_a_number_read_back_is_the_number(number: int) -> None:
    assert understand(cardinal(number)) == number


@given(st.integers(0, 10**15 - 1))
def test_an_ordinal_changes_only_the_last_word(number: int) -> None:
    said, which = (text.replace("-", " ").split() for text in (cardinal(number), ordinal(number)))
    assert said[:-1] == which[:-1]
    assert which[-1].endswith(("th", "first", "second", "third"))


def test_numbers_too_long_for_names_are_read_digit_by_digit() -> None:
    assert cardinal(10**15) == "one" + " zero" * 15
