import pytest
from hypothesis import given
from hypothesis import strategies as st

from toktts.errors import TextError
from toktts.text import check_speakable, leave_out_unknown, unknown_characters
from toktts.text.basic import BasicNormalizer
from toktts.tokens import ENGLISH_ALPHABET, build_tokenizer

BYTES, CHARACTERS = build_tokenizer("bytes"), build_tokenizer("characters")


@pytest.mark.parametrize("text", ["", " ", "\n\t"])
def test_empty_text_is_refused(text: str) -> None:
    with pytest.raises(TextError, match="text is empty; write at least one word"):
        check_speakable(text, BYTES)


def test_half_a_character_is_refused_with_its_place() -> None:
    with pytest.raises(TextError, match=r"text holds half a character, U\+D800 at 2"):
        check_speakable("ab\ud800", BYTES)


@pytest.mark.parametrize("tokenizer", [BYTES, CHARACTERS], ids=["bytes", "characters"])
def test_emoji_alone_are_refused_with_their_code_points(tokenizer: object) -> None:
    with pytest.raises(TextError, match=r"nothing to speak, only '👩' \(U\+1F469\), U\+200D, '👧' \(U\+1F467\); write"):
        check_speakable("👩\u200d👧 👩", tokenizer)


def test_characters_outside_the_alphabet_are_named_with_their_places() -> None:
    with pytest.raises(
        TextError, match=r"the model cannot read 'س' \(U\+0633\) at 3, 'ل' \(U\+0644\) at 4, .* and 2 more"
    ):
        check_speakable("hi سلام مرحب", CHARACTERS)


def test_what_looks_like_special_tokens_is_checked_as_text() -> None:
    with pytest.raises(TextError, match=r"'<' \(U\+003C\) at 0, '/' \(U\+002F\) at 1, '>' \(U\+003E\) at 3;"):
        check_speakable("</s>", CHARACTERS)
    check_speakable(BasicNormalizer()("</s><pad>"), CHARACTERS)
    check_speakable("</s><pad>", BYTES)


def test_characters_outside_the_alphabet_can_be_left_out() -> None:
    kept, left_out = leave_out_unknown("hi سلام\ud800 س you", CHARACTERS)
    assert kept == "hi   you"
    assert left_out[0] == "'س' (U+0633)"
    assert left_out[4:] == ["U+D800"]
    assert leave_out_unknown("hi سلام", BYTES) == ("hi سلام", [])


@given(st.text())
def test_what_is_left_can_be_read(text: str) -> None:
    kept, _ = leave_out_unknown(text, CHARACTERS)
    assert unknown_characters(kept, CHARACTERS) == []
    assert leave_out_unknown(kept, CHARACTERS) == (kept, [])


@pytest.mark.parametrize(("text", "kind"), [(None, "NoneType"), (5, "int"), (b"hi", "bytes"), (["hi"], "list")])
def test_what_is_no_text_is_a_type_error(text: object, kind: str) -> None:
    with pytest.raises(TypeError, match=f"text must be str, got {kind}; decode or convert it first"):
        check_speakable(text, BYTES)


@pytest.mark.parametrize("text", ["Hello, world!", "Café", 'It\'s (almost) "done"; yes: no-one?'])
def test_english_passes(text: str) -> None:
    check_speakable(text, CHARACTERS)


@given(st.text(alphabet=ENGLISH_ALPHABET + "XYZé"))
def test_text_of_the_alphabet_has_no_unknown_characters(text: str) -> None:
    assert unknown_characters(text, CHARACTERS) == []
