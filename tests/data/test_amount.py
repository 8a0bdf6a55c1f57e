import os

import pytest

from toktts.data.amount import header_seconds, measure_speech
from toktts.data.corpora._base import tiny_clip
from toktts.data.corpora.folder import Folder
from toktts.data.corpora.textgrid import TextGrid


def test_lengths_are_added_up(tmp_path):
    corpus = Folder.tiny(tmp_path / "corpus")
    amount = measure_speech(corpus, clip_seconds=None, max_seconds=30.0)
    n_clips = len(list(corpus))
    assert (amount.n_clips, amount.longest_s) == (n_clips, 1.0)
    assert amount.hours == pytest.approx(n_clips / 3600)


def test_only_what_is_kept_of_a_clip_counts(tmp_path):
    corpus = Folder.tiny(tmp_path / "corpus")
    amount = measure_speech(corpus, clip_seconds=0.25, max_seconds=30.0)
    assert amount.hours == pytest.approx(0.25 * amount.n_clips / 3600)
    assert amount.longest_s == 0.25


def test_clips_that_will_be_left_out_do_not_count(tmp_path):
    amount = measure_speech(Folder.tiny(tmp_path / "corpus"), clip_seconds=None, max_seconds=0.5)
    assert (amount.hours, amount.n_clips) == (0.0, 0)


def test_of_clips_with_phonemes_counts_what_is_between_the_first_and_the_last(tmp_path):
    amount = measure_speech(TextGrid.tiny(tmp_path), clip_seconds=None, max_seconds=30.0)
    # 38, 39, 40 and 41 frames of 20 ms.
    assert amount.hours == pytest.approx(158 / 50 / 3600)
    assert amount.longest_s == pytest.approx(0.82)


def test_bytes_are_read_as_files_are(tmp_path):
    tiny_clip(0).save(tmp_path / "a.wav")
    assert header_seconds((tmp_path / "a.wav").read_bytes()) == header_seconds(tmp_path / "a.wav") == 1.0


def test_what_is_no_sound_has_no_length_and_does_not_block(tmp_path):
    (tmp_path / "a.wav").write_text("no sound", encoding="utf-8")
    os.mkfifo(tmp_path / "pipe.wav")
    for audio in (tmp_path / "a.wav", tmp_path / "pipe.wav", tmp_path / "none.wav", tmp_path, b""):
        assert header_seconds(audio) == 0.0
