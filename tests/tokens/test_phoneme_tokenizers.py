import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from toktts.text.phonemes import ARPABET, LETTERS, PUNCTUATION, WORD_BREAK
from toktts.tokens.phonemes import symbol_tokenizer

TOKENIZER = symbol_tokenizer()
SYMBOLS = [*ARPABET, *PUNCTUATION, WORD_BREAK, *LETTERS]


def test_ids_are_fixed() -> None:
    # 3 specials, 15 vowels x 3 stresses, 24 consonants, 8 marks, the break; then 26 letters and the apostrophe.
    assert TOKENIZER.get_vocab_size() == 3 + 45 + 24 + 8 + 1 + 27
    assert [TOKENIZER.token_to_id(name) for name in ("<pad>", "<eos>", "<unk>")] == [0, 1, 2]
    assert TOKENIZER.encode("AA0 B , ... |").ids == [3, 48, 72, 79, 80, 1]
    assert TOKENIZER.encode("AA0 a '").ids == [3, 81, 107, 1]


@given(st.lists(st.sampled_from(SYMBOLS)))
def test_symbols_are_one_id_each(symbols: list[str]) -> None:
    assert TOKENIZER.encode(" ".join(symbols)).ids == [3 + SYMBOLS.index(symbol) for symbol in symbols] + [1]


@pytest.mark.parametrize("text", ["<pad>", "<eos> <unk>", "hello", "AA", "é"])
def test_what_is_no_symbol_is_unknown_and_never_special(text: str) -> None:
    *ids, end = TOKENIZER.encode(text).ids
    assert set(ids) == {2}
    assert end == 1


def test_it_is_written_and_read_back_whole() -> None:
    again = Tokenizer.from_str(TOKENIZER.to_str())
    for text in ("HH AH0 L OW1 , W ER1 L D .", "h i | <pad>", ""):
        assert again.encode(text).ids == TOKENIZER.encode(text).ids
