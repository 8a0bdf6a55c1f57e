from hypothesis import given
from hypothesis import strategies as st

from toktts.inference.sentences import split_sentences, split_text

WORDS = st.text(alphabet="ab .,;!?\"'1", max_size=60).filter(lambda text: any(map(str.isalnum, text)))


def letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def test_sentences_end_at_a_mark_and_keep_their_quote() -> None:
    assert split_sentences('He came. "Go!" she said? Yes') == ["He came.", '"Go!"', "she said?", "Yes"]


def test_initials_do_not_end_a_sentence() -> None:
    assert split_sentences("J. R. Smith of the U.S. came. I saw.") == ["J. R. Smith of the U.S. came.", "I saw."]


def test_marks_alone_are_no_sentence() -> None:
    assert split_sentences("... ! Hi. ... Bye. !") == ["... ! Hi. ...", "Bye. !"]


@given(WORDS)
def test_no_letter_is_lost_and_every_piece_says_something(text: str) -> None:
    pieces = split_text(text, limit=7, count_ids=len)
    assert letters("".join(pieces)) == letters(text)
    assert all(letters(piece) and len(piece) <= 7 for piece in pieces)


def test_a_sentence_that_is_too_long_is_cut_at_clauses_before_words() -> None:
    text = "one two three, four five six; seven eight"
    assert split_text(text, limit=24, count_ids=len) == ["one two three,", "four five six;", "seven eight"]


def test_a_word_that_is_too_long_is_cut_into_equal_parts() -> None:
    assert split_text("a" * 25, limit=10, count_ids=len) == ["a" * 8] * 3 + ["a"]


def test_a_megabyte_without_a_blank_takes_a_moment() -> None:
    pieces = split_text("ab" * 500_000, limit=599, count_ids=len)
    assert max(map(len, pieces)) <= 599
    assert split_text("a! " + "! " * 300_000, limit=10**7, count_ids=len) == [("a! " + "! " * 300_000).strip()]
