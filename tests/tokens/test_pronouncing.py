"""The tokenizer that pronounces, as the pipeline and AutoTokenizer meet it."""

from pathlib import Path

import pytest
from transformers import AutoTokenizer

import toktts.models
from toktts.errors import ConfigError, TextError
from toktts.text import check_speakable
from toktts.text.phonemes import EnglishPhonemizer
from toktts.tokens import build_tokenizer
from toktts.tokens.pronouncing import pronouncing_tokenizer

toktts.models.register_all()
TEXT = "Hello toktts, that is 42 [[W ER1 L D Z]]!"


def test_ids_are_those_of_the_symbols_with_the_end_behind_them() -> None:
    tokenizer = pronouncing_tokenizer()
    symbols = EnglishPhonemizer()("hello, world").split()
    assert tokenizer.convert_ids_to_tokens(tokenizer("hello, world").input_ids) == [*symbols, "<eos>"]
    assert tokenizer.unk_token_id not in tokenizer(TEXT).input_ids


def test_numbers_are_spelled_out_before_they_are_pronounced() -> None:
    tokenizer = pronouncing_tokenizer()
    assert tokenizer("42 cats").input_ids == tokenizer("forty-two cats").input_ids


def test_auto_tokenizer_reads_it_back_with_its_lexicon(tmp_path: Path) -> None:
    tokenizer = pronouncing_tokenizer({"toktts": "T AA1 K T IY1"}, unknown="letters")
    tokenizer.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    assert loaded(TEXT).input_ids == tokenizer(TEXT).input_ids
    assert loaded.identity == tokenizer.identity
    assert "T AA1 K T IY1" in loaded.pronounce("toktts")
    assert loaded.pronounce("qrqrq").endswith("q r q r q")


def test_the_identity_follows_the_lexicon() -> None:
    identities = {pronouncing_tokenizer(lexicon).identity for lexicon in (None, {"a": "EY1"}, {"a": "AH0"})}
    assert len(identities) == 3


def test_a_batch_is_padded_with_zeros() -> None:
    batch = pronouncing_tokenizer()(["hi there", "a"], padding=True, return_tensors="pt")
    assert batch.input_ids.shape == batch.attention_mask.shape
    assert batch.input_ids[1].tolist()[-1] == 0
    assert batch.attention_mask.sum(dim=1).tolist() == [(row != 0).sum() for row in batch.input_ids]


def test_marks_alone_say_nothing_and_other_scripts_are_unknown() -> None:
    tokenizer = pronouncing_tokenizer()
    assert tokenizer(", ?").input_ids == [tokenizer.eos_token_id]
    check_speakable('"Well," (she) said!', tokenizer)
    with pytest.raises(TextError, match="cannot read 'б'"):
        check_speakable("a б", tokenizer)


def test_wrong_inline_phonemes_are_named() -> None:
    with pytest.raises(TextError, match="no such phoneme 'HX'"):
        pronouncing_tokenizer()("say [[HX AH0]]")


def test_only_what_pronounces_takes_a_lexicon() -> None:
    with pytest.raises(ConfigError, match="characters cannot use a lexicon; remove it or write phonemes"):
        build_tokenizer("characters", lexicon={})
    with pytest.raises(ConfigError, match="phonemes need no alphabet; remove it"):
        build_tokenizer("phonemes", alphabet="abc")
