from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from toktts.errors import ConfigError
from toktts.tokens import ENGLISH_ALPHABET, TOKENIZERS, build_tokenizer

BYTES = build_tokenizer("bytes")
CHARACTERS = build_tokenizer("characters")
SPECIAL_LOOKALIKES = "</s><pad><extra_id_0><eos><unk>"


def test_bytes_are_the_references() -> None:
    assert BYTES("Hi é").input_ids == [75, 108, 35, 198, 172, 1]  # UTF-8 byte + 3, then the end: 'H' is 72
    assert len(BYTES) == 384  # 3 specials + 256 bytes + 125 sentinels


@given(st.text())
def test_bytes_round_trip_any_text(text: str) -> None:
    ids = BYTES(text).input_ids
    assert ids == [byte + 3 for byte in text.encode()] + [1]
    assert bytes(i - 3 for i in ids[:-1]).decode() == text


@pytest.mark.parametrize("name", [name for name in TOKENIZERS if name != "symbols360"])
def test_padding_is_0_and_the_end_is_1(name: str) -> None:
    batch = build_tokenizer(name)(["ab", "a"], padding=True)
    assert batch.input_ids[1][1:] == [1, 0]
    assert batch.attention_mask == [[1, 1, 1], [1, 1, 0]]


@pytest.mark.parametrize("name", TOKENIZERS)
def test_a_saved_tokenizer_loads_without_our_code_and_reads_the_same(name: str, tmp_path: Path) -> None:
    tokenizer = build_tokenizer(name)
    tokenizer.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    for text in ("Hi there, Zoë!", SPECIAL_LOOKALIKES, "a  b\nc"):
        assert dict(loaded(text)) == dict(tokenizer(text))
    assert set(loaded("a")) == {"input_ids", "attention_mask"}
    assert len(loaded) == len(tokenizer)


def test_text_that_looks_like_special_tokens_is_read_as_text() -> None:
    assert BYTES(SPECIAL_LOOKALIKES).input_ids == [byte + 3 for byte in SPECIAL_LOOKALIKES.encode()] + [1]
    spelled = build_tokenizer("characters", alphabet="</>_abcdefghijklmnopqrstuvwxyz0")
    assert len(spelled(SPECIAL_LOOKALIKES).input_ids) == len(SPECIAL_LOOKALIKES) + 1


@given(st.text(alphabet=ENGLISH_ALPHABET.replace(" ", ""), max_size=30))
def test_characters_of_the_alphabet_are_one_id_each(text: str) -> None:
    assert CHARACTERS(text).input_ids == [3 + ENGLISH_ALPHABET.index(c) for c in text] + [1]


@pytest.mark.parametrize(
    ("text", "same"), [("Café", "cafe"), ("cafe\u0301", "café"), ("ﬁne", "fine"), ("a \n\t b", "a b")]
)
def test_spellings_of_the_same_text_have_the_same_ids(text: str, same: str) -> None:
    assert CHARACTERS(text).input_ids == CHARACTERS(same).input_ids


def test_an_alphabet_with_accents_keeps_them() -> None:
    tokenizer = build_tokenizer("characters", alphabet="aeé")
    assert tokenizer("e\u0301É").input_ids == [5, 5, 1]


def test_decoding_gives_the_characters_back() -> None:
    assert CHARACTERS.decode(CHARACTERS("Hello, you.").input_ids, skip_special_tokens=True) == "hello, you."


def bad_alphabets() -> list[tuple[str, str]]:
    return [
        ("", "alphabet is empty"),
        ("aba", "alphabet holds 'a' twice; remove one"),
        ("aB", "alphabet holds 'B', which is read as 'b'; write that"),
    ]


@pytest.mark.parametrize(("alphabet", "message"), bad_alphabets())
def test_a_bad_alphabet_is_named(alphabet: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_tokenizer("characters", alphabet=alphabet)


def test_an_unknown_tokenizer_is_named() -> None:
    with pytest.raises(
        ConfigError, match=r"tokens.tokenizer: unknown tokenizer 'words'; write one of bytes, characters"
    ):
        build_tokenizer("words")


def test_bytes_take_no_alphabet() -> None:
    with pytest.raises(ConfigError, match="bytes need no alphabet"):
        build_tokenizer("bytes", alphabet="abc")


def test_both_tokenizers_are_what_the_pipeline_expects() -> None:
    assert isinstance(BYTES, PreTrainedTokenizerBase)
    assert isinstance(CHARACTERS, PreTrainedTokenizerBase)
