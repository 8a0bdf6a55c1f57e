"""Tokenizers whose phonemes are those of aligned data."""

from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer

import toktts.models
from toktts.errors import ConfigError, TextError
from toktts.inference.timestamps import align_sentence
from toktts.text.phonemes import ARPABET
from toktts.text.phonemes.writing import symbols_360, text_to_phonemes
from toktts.tokens import build_tokenizer
from toktts.tokens.pronouncing import PronouncingTokenizer, Writing, pronouncing_tokenizer
from toktts.tokens.separators import word_separators

toktts.models.register_all()
TEXT = "Well, hello there: toktts!"


def spoken(text: str, tokenizer: PronouncingTokenizer) -> str:
    return " ".join(tokenizer.convert_ids_to_tokens(tokenizer(text).input_ids))


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("Hello, world.", "@HH @AH0 @L @OW1 @sp @W @ER1 @L @D"),
        ("the end!?", "@DH @IY0 @EH1 @N @D"),
        ("stop - go; now", "@S @T @AA1 @P @sp @G @OW1 @sp @N @AW1"),
        ("say [[HH AY1]]", "@S @EY1 @HH @AY1"),
    ],
)
def test_360_symbols_have_pauses_for_punctuation_and_nothing_else(text: str, symbols: str) -> None:
    assert spoken(text, pronouncing_tokenizer(writing="symbols360")) == symbols


def test_ids_of_360_symbols_are_their_numbers() -> None:
    tokenizer = pronouncing_tokenizer(writing="symbols360")
    assert len(tokenizer) == 360
    assert tokenizer.convert_ids_to_tokens(list(range(360))) == list(symbols_360())
    assert (tokenizer.pad_token_id, tokenizer.eos_token_id) == (0, None)
    assert tokenizer(["hi there", "a"], padding=True).input_ids[1][1:] == [0] * 4


def test_the_lexicon_goes_before_the_dictionary_and_unknown_words_are_guessed() -> None:
    tokenizer = pronouncing_tokenizer({"hello": "HH EH1 L OW0"}, writing="symbols360")
    assert spoken("hello", tokenizer) == "@HH @EH1 @L @OW0"
    guessed = spoken("blorptang", tokenizer).split()
    assert guessed
    assert set(guessed) <= set(symbols_360())


@pytest.mark.parametrize("flag", [False, True])
def test_pauses_are_those_of_text_to_phonemes(flag: bool) -> None:
    tokenizer = pronouncing_tokenizer(writing="pauses_er_as_eh" if flag else "pauses")
    assert spoken(TEXT, tokenizer).split() == [*text_to_phonemes(TEXT, er_as_eh=flag), "<eos>"]
    assert len(tokenizer) == 3 + 1 + len(ARPABET)


@pytest.mark.parametrize("writing", ["symbols360", "pauses", "pauses_er_as_eh"])
def test_auto_tokenizer_reads_a_writing_back(writing: Writing, tmp_path: Path) -> None:
    tokenizer = pronouncing_tokenizer({"toktts": "T AA1 K T IY1"}, writing=writing)
    tokenizer.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    assert loaded(TEXT).input_ids == tokenizer(TEXT).input_ids
    assert loaded.identity == tokenizer.identity
    assert loaded.identity.endswith(f"-{writing}")


@pytest.mark.parametrize(
    ("writing", "phones", "symbols"),
    [
        ("symbols360", "sil HH AY1 sp spn pau ER0", "@sil @HH @AY1 @sp @spn @sp @ER0"),
        ("pauses", "sil HH AY2 sp spn pau ER0 AA0", "pau HH AY1 pau pau pau ER0 AA1"),
        ("pauses_er_as_eh", "ER0 EH2", "EH1 EH1"),
    ],
)
def test_phonemes_of_an_aligner_become_the_same_symbols(writing: Writing, phones: str, symbols: str) -> None:
    tokenizer = pronouncing_tokenizer(writing=writing)
    assert tokenizer.convert_ids_to_tokens(tokenizer.phone_ids(phones.split())) == symbols.split()


def test_phonemes_that_are_none_are_named() -> None:
    with pytest.raises(TextError, match="no symbol for the phoneme 'ɑ'; write ARPAbet with stress, or pau"):
        pronouncing_tokenizer(writing="pauses").phone_ids(["ɑ"])
    with pytest.raises(TextError, match=r"have no breaks between words; set tokens\.tokenizer to symbols360"):
        pronouncing_tokenizer().phone_ids(["HH"])


def test_texts_without_breaks_cannot_be_cut_at_words() -> None:
    with pytest.raises(
        ConfigError, match=r"tokens.tokenizer: writes nothing between words, so its texts cannot be cut"
    ):
        word_separators(build_tokenizer("pauses"))


@pytest.mark.parametrize("name", ["phonemes", "symbols360", "pauses"])
def test_words_are_timed_whatever_stands_between_them(name: str) -> None:
    tokenizer = build_tokenizer(name)
    text = 'Well, "hello" there.'
    ids = torch.tensor(tokenizer(text).input_ids)
    units = torch.arange(len(ids)).repeat_interleave(2)
    words = align_sentence(text, ids, units, tokenizer=tokenizer, frame_rate=10.0, tier="word")
    assert words.labels == ("Well", "hello", "there")
    phonemes = align_sentence(text, ids, units, tokenizer=tokenizer, frame_rate=10.0, tier="phoneme")
    assert " ".join(phonemes.labels).replace("@", "") == "W EH1 L HH AH0 L OW1 DH EH1 R"
    assert words.spans[1].start_s == phonemes.spans[3].start_s
