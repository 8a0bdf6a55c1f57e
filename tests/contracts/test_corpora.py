from pathlib import Path

import pytest

from toktts.audio.reading import read_clip
from toktts.data.corpora._base import ID_PATTERN, Corpus, check_id
from toktts.registry import available, load

PACKAGE = "toktts.data.corpora"


@pytest.fixture(params=available(PACKAGE))
def corpus(request: pytest.FixtureRequest, tmp_path: Path) -> Corpus:
    return load(PACKAGE, request.param, Corpus).tiny(tmp_path)


def test_ids_are_unique_and_safe_as_file_names(corpus: Corpus):
    ids = [utterance.id for utterance in corpus]
    assert ids
    assert len(set(ids)) == len(ids)
    assert all(ID_PATTERN.match(check_id(id_)) for id_ in ids)


def test_two_iterations_give_the_same_utterances_in_the_same_order(corpus: Corpus):
    assert list(corpus) == list(corpus)


def test_every_utterance_has_text_speaker_language_licence_and_consent(corpus: Corpus):
    for utterance in corpus:
        assert utterance.text.strip()
        assert utterance.speaker.strip()
        assert utterance.language.strip()
        assert utterance.licence.strip()
        assert utterance.consent.strip()


def test_every_sound_can_be_read(corpus: Corpus):
    for utterance in corpus:
        assert read_clip(utterance.audio, sampling_rate=24_000).duration_s > 0.1


def test_nothing_is_rejected_in_a_tiny_corpus(corpus: Corpus):
    assert corpus.rejected == ()


@pytest.mark.parametrize("name", available(PACKAGE))
def test_opening_twice_gives_the_same_utterances(name: str, tmp_path: Path):
    corpus = load(PACKAGE, name, Corpus)
    first, second = corpus.tiny(tmp_path / "a"), corpus.tiny(tmp_path / "b")
    assert [(row.id, row.text) for row in first] == [(row.id, row.text) for row in second]
