"""Which word or phoneme is said when."""

import pytest
import torch
from transformers import PreTrainedTokenizerBase

from toktts.errors import ModelError
from toktts.inference import TokttsPipeline
from toktts.inference.speech import PAUSE_S
from toktts.inference.timestamps import align_sentence
from toktts.models import ToktsModel
from toktts.models.tokar import Tokar
from toktts.models.tokflat import TokflatModel
from toktts.models.toknar import Toknar
from toktts.text.basic import BasicNormalizer
from toktts.text.phonemes import EnglishPhonemizer
from toktts.tokens import build_tokenizer

TEXT = "Hi, old Bob! Stay [[HH IY1 R]]?"
WORDS = ("Hi", "old", "Bob", "Stay", "[[HH IY1 R]]")


def pipe_of(model: ToktsModel, tokenizer: str) -> TokttsPipeline:
    built = build_tokenizer(tokenizer)
    return TokttsPipeline(model=model, tokenizer=built, normalizer=BasicNormalizer(), task="text-to-audio")


@pytest.mark.parametrize("family", [Toknar, Tokar])
def test_words_are_timed_across_sentences(family: type[ToktsModel]) -> None:
    speech = pipe_of(family.tiny(), "phonemes")(TEXT, return_timestamps="word", max_new_tokens=90, seed=0)
    alignment = speech["alignment"]
    assert alignment.labels == WORDS
    assert alignment.duration_s == pytest.approx(len(speech["audio"]) / speech["sampling_rate"])
    assert alignment.spans[3].start_s - alignment.spans[2].end_s >= PAUSE_S - 1e-6


def test_phonemes_are_those_of_the_text_without_marks() -> None:
    speech = pipe_of(Toknar.tiny(), "phonemes")(TEXT, return_timestamps="phoneme")
    said = [symbol for symbol in EnglishPhonemizer()(TEXT).split() if symbol not in ",|!?"]
    assert list(speech["alignment"].labels) == said


def test_of_several_tiers_the_phonemes_lie_in_their_words() -> None:
    speech = pipe_of(Toknar.tiny(), "phonemes")(TEXT, return_timestamps=["word", "phoneme"])
    words, phonemes = speech["alignments"]
    assert speech["alignment"] == words
    assert (words.tier, phonemes.tier) == ("word", "phoneme")
    alone = pipe_of(Toknar.tiny(), "phonemes")(TEXT, return_timestamps="phoneme")["alignments"]
    assert alone == (phonemes,)
    starts = {span.start_s for span in phonemes}
    ends = {span.end_s for span in phonemes}
    assert all(word.start_s in starts and word.end_s in ends for word in words)
    assert all(any(w.start_s <= p.start_s and p.end_s <= w.end_s for w in words) for p in phonemes)


def test_a_voice_that_reads_letters_times_letters_and_words() -> None:
    pipe = pipe_of(Toknar.tiny(), "characters")
    assert pipe("so it is.", return_timestamps="word")["alignment"].labels == ("so", "it", "is.")
    assert "".join(pipe("so it is", return_timestamps="character")["alignment"].labels) == "soitis"
    with pytest.raises(ModelError, match="return_timestamps: this voice can time 'word', 'character', not 'phoneme'"):
        pipe("so", return_timestamps="phoneme")


def test_without_asking_there_are_no_timestamps() -> None:
    assert "alignment" not in pipe_of(Toknar.tiny(), "phonemes")("hi")


def test_a_family_that_does_not_know_says_so() -> None:
    with pytest.raises(ModelError, match="tokflat does not know what it says when; use a voice of another family"):
        pipe_of(TokflatModel.tiny(), "bytes")("hi", return_timestamps="word", num_beams=1, max_new_tokens=4)


@pytest.mark.parametrize("tokenizer", ["phonemes", "characters", "bytes"])
def test_a_word_lasts_from_its_first_unit_to_its_last(tokenizer: str) -> None:
    built: PreTrainedTokenizerBase = build_tokenizer(tokenizer)
    ids = torch.tensor(built("no, yes").input_ids)
    units = torch.arange(len(ids)).repeat_interleave(2)
    words = align_sentence("no, yes", ids, units, tokenizer=built, frame_rate=10.0, tier="word")
    n_first, n_all = (2, 6) if tokenizer == "phonemes" else (3, 7)
    first, second = words.spans
    assert (first.start_s, first.end_s) == (0.0, pytest.approx(0.2 * n_first))
    assert second.start_s == pytest.approx(0.2 * (n_first + 1))
    assert second.end_s == pytest.approx(0.2 * n_all)
