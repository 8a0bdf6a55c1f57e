"""What every normaliser promises for every string there is."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from toktts import registry
from toktts.text import Normalizer

NORMALIZERS = [registry.load("toktts.text", name, Normalizer)() for name in registry.available("toktts.text")]
# What rules look for, and what trips them: marks, other scripts' digits, half characters, signs back to back.
FRAGMENTS = (
    *"0123456789.,:;/-$£€¥%°&@#+=<>'\"()eE xst_*~",
    *("st", "nd", "rd", "th", "am", "p.m.", "Dr.", "Mr.", "No. ", "etc.", "e.g.", "km/h", "kg", "°C", " million", "'s"),
    *("\u0301", "\u20e3", "\ufe0f", "\u200d", "\u00ad", "½", "²", "①", "٣", "፩", "𐩀", "—", "…", "\ud800", "👩"),
    *("[[", "]]", "[[AH0]]", "VIII", "Henry ", "www.", "a@b.com", "https://", "-05-17", ".com"),
)
INLINE = re.compile(r"\[\[[^\[\]]*\]\]")
any_text = st.one_of(
    st.text(),
    st.text(st.characters()),
    st.lists(st.sampled_from(FRAGMENTS), max_size=12).map("".join),
)


@pytest.mark.parametrize("normalizer", NORMALIZERS, ids=lambda n: type(n).__name__)
@given(text=any_text)
@example(text="")
def test_no_digit_is_left_but_in_inline_phonemes(normalizer: Normalizer, text: str) -> None:
    assert not any(character.isdigit() for character in INLINE.sub("", normalizer(text)))


@pytest.mark.parametrize("normalizer", NORMALIZERS, ids=lambda n: type(n).__name__)
@given(text=any_text)
@example(text="5Dr.")
@example(text="5\u0301")
def test_normalised_text_stays_as_it_is(normalizer: Normalizer, text: str) -> None:
    once = normalizer(text)
    assert normalizer(once) == once


@pytest.mark.parametrize("normalizer", NORMALIZERS, ids=lambda n: type(n).__name__)
@given(text=any_text)
def test_a_trace_joins_to_the_output(normalizer: Normalizer, text: str) -> None:
    rewrites = normalizer.trace(text)
    assert "".join(rewrite.output for rewrite in rewrites) == normalizer(text)
    assert [rewrite.start for rewrite in rewrites[1:]] == [rewrite.end for rewrite in rewrites[:-1]]


@pytest.mark.parametrize("normalizer", NORMALIZERS, ids=lambda n: type(n).__name__)
def test_inline_phonemes_pass_through(normalizer: Normalizer) -> None:
    assert "[[HH AH0 L OW1]]" in normalizer("Say 5 [[HH AH0 L OW1]], 7!")


@pytest.mark.parametrize("normalizer", NORMALIZERS, ids=lambda n: type(n).__name__)
def test_a_normaliser_says_what_it_is_for(normalizer: Normalizer) -> None:
    assert normalizer.language
    assert normalizer.version >= 1
