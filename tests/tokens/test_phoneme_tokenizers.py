from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from toktts.text.phonemes import ARPABET, LETTERS, PUNCTUATION, WORD_BREAK
from toktts.tokens.phonemes import mixed_tokenizer, phoneme_tokenizer

PHONEMES, MIXED = phoneme_tokenizer(), mixed_tokenizer()
SYMBOLS = [*ARPABET, *PUNCTUATION, WORD_BREAK]
BOTH = pytest.mark.parametrize("tokenizer", [PHONEMES, MIXED], ids=["phonemes", "mixed"])


def test_ids_are_fixed() -> None:
    # 3 specials, 15 vowels x 3 stresses, 24 consonants, 8 marks, the break; then 26 letters and the apostrophe.
    assert (len(PHONEMES), len(MIXED)) == (3 + 45 + 24 + 8 + 1, 3 + 45 + 24 + 8 + 1 + 27)
    assert (PHONEMES.pad_token_id, PHONEMES.eos_token_id, PHONEMES.unk_token_id) == (0, 1, 2)
    assert PHONEMES("AA0 B , ... |").input_ids == [3, 48, 72, 79, 80, 1]
    assert MIXED("AA0 a '").input_ids == [3, 81, 107, 1]


@given(st.lists(st.sampled_from(SYMBOLS)))
def test_symbols_are_one_id_each_and_come_back(symbols: list[str]) -> None:
    text = " ".join(symbols)
    assert PHONEMES(text).input_ids == MIXED(text).input_ids == [3 + SYMBOLS.index(symbol) for symbol in symbols] + [1]
    assert PHONEMES.decode(PHONEMES(text).input_ids, skip_special_tokens=True) == text


@given(st.lists(st.sampled_from([*SYMBOLS, *LETTERS])))
def test_symbols_and_letters_come_back(symbols: list[str]) -> None:
    assert MIXED.decode(MIXED(" ".join(symbols)).input_ids, skip_special_tokens=True).split() == symbols


@BOTH
@pytest.mark.parametrize("text", ["<pad>", "<eos> <unk>", "hello", "AA", "é"])
def test_what_is_no_symbol_is_unknown_and_never_special(tokenizer: PreTrainedTokenizerBase, text: str) -> None:
    ids = tokenizer(text).input_ids
    assert set(ids[:-1]) == {2}
    assert ids[-1] == 1


@BOTH
def test_padding_is_0_and_masked(tokenizer: PreTrainedTokenizerBase) -> None:
    batch = tokenizer(["AA0 B", "B"], padding=True)
    assert batch.input_ids[1] == [48, 1, 0]
    assert batch.attention_mask[1] == [1, 1, 0]


@BOTH
def test_a_saved_tokenizer_loads_without_our_code(tokenizer: PreTrainedTokenizerBase, tmp_path: Path) -> None:
    tokenizer.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    for text in ("HH AH0 L OW1 , W ER1 L D .", "h i | <pad>", ""):
        assert dict(loaded(text)) == dict(tokenizer(text))
    assert len(loaded) == len(tokenizer)
