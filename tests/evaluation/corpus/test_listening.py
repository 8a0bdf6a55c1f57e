from dataclasses import replace

import pytest
from spoiled_corpus import VICTIM, Clips, good_utterances, look, victim_id, with_text

pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed (extra align)")
pytestmark = pytest.mark.medium  # what cannot be aligned is tried four times


def test_the_right_texts_fit() -> None:
    report = look(Clips(good_utterances()))
    assert report.findings == ()
    assert report.notes == ()


def test_another_text_of_the_same_length_is_heard() -> None:
    utterances = good_utterances()
    one, other = utterances[VICTIM], utterances[VICTIM + 1]
    utterances[VICTIM], utterances[VICTIM + 1] = replace(one, text=other.text), replace(other, text=one.text)
    report = look(Clips(utterances))
    assert sorted(report.ids("mismatch")) == sorted([one.id, other.id])


def test_words_without_a_text_are_heard_and_the_right_text_fits() -> None:
    words = good_utterances()[VICTIM].text.split()
    report = look(with_text(" ".join(words[: len(words) // 2])))
    assert report.ids("mismatch") == [victim_id()]
    assert not report.notes
