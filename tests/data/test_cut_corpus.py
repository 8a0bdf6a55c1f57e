import sys
from pathlib import Path

import pytest

from toktts import build
from toktts.alignment.alignment import Alignment, Span
from toktts.alignment.textgrid import write_textgrid
from toktts.audio.reading import read_clip
from toktts.config import load_config
from toktts.data.amount import header_seconds
from toktts.data.corpora._base import Utterance, tiny_clip
from toktts.data.corpora._cut import CutCorpus
from toktts.data.corpora._limited import LimitedCorpus
from toktts.data.corpora.demo import Demo
from toktts.data.corpora.folder import Folder
from toktts.data.word_times import WordTimes
from toktts.errors import AlignmentError, ConfigError, MissingPackageError
from toktts.text.basic import BasicNormalizer

RATE = 22_050


def words_of(text: str, duration_s: float = 1.0) -> Alignment:
    """Words of equal length with a tenth of silence between them."""
    labels = text.split()
    step = duration_s / len(labels)
    spans = [Span(label, index * step, index * step + 0.9 * step) for index, label in enumerate(labels)]
    return Alignment(tuple(spans), duration_s, "words")


def corpus_with_grids(folder: Path, label=lambda text: text) -> Folder:
    corpus = Folder.tiny(folder)
    for row in corpus:
        write_textgrid(row.audio.with_suffix(".TextGrid"), [words_of(label(row.text), header_seconds(row.audio))])
    return corpus


def cut(corpus, seconds: float, folder: Path, **options) -> CutCorpus:
    return CutCorpus(corpus, seconds, locate=WordTimes(BasicNormalizer(), cache_dir=str(folder / "cache")), **options)


def utterance(audio, text="one two three") -> Utterance:
    return Utterance("a", text, audio, "s", "en", "l", "c")


def config_of(tmp_path, *overrides):
    places = [f"data.path={tmp_path / 'corpus'}", f"data.cache_dir={tmp_path / 'cache'}", "data.corpus=folder"]
    return load_config([], overrides=[*places, "data.clip_seconds=0.6", "data.max_rejected_fraction=1.0", *overrides])


def test_the_contract_of_corpora_holds_for_a_cut_one(tmp_path):
    corpus = CutCorpus.tiny(tmp_path)
    assert list(corpus) == list(corpus)
    assert corpus.rejected == ()
    assert all(header_seconds(row.audio) <= 0.5 for row in corpus)


def test_sound_and_text_end_with_the_same_word(tmp_path):
    whole = corpus_with_grids(tmp_path / "corpus")
    for before, after in zip(whole, cut(whole, 0.6, tmp_path), strict=True):
        n_words = len(after.text.split())
        words = words_of(before.text)
        assert before.text.startswith(after.text)
        assert words.spans[n_words - 1].end_s <= header_seconds(after.audio) + 1e-4 <= 0.6 + 2e-4
        assert n_words == sum(span.end_s <= 0.6 for span in words)


def test_what_is_left_is_the_same_sound(tmp_path):
    whole = corpus_with_grids(tmp_path / "corpus")
    first, short = next(iter(whole)), next(iter(cut(whole, 0.6, tmp_path)))
    samples = read_clip(short.audio, sampling_rate=RATE).samples
    assert (samples == read_clip(first.audio, sampling_rate=RATE).samples[:, : samples.shape[1]]).all()


def test_cutting_twice_gives_the_same_bytes_whatever_the_time(tmp_path):
    rows = [list(cut(corpus_with_grids(tmp_path / "corpus"), 0.6, tmp_path)) for _ in range(2)]
    assert rows[0] == rows[1]
    assert all(b"PEAK" not in row.audio for row in rows[0])  # the chunk with the time in it


def test_clips_that_are_short_enough_stay_as_they_are(tmp_path):
    corpus = Folder.tiny(tmp_path / "corpus")
    assert list(cut(corpus, 1.0, tmp_path)) == list(corpus)


def test_clips_that_will_be_refused_anyway_are_left_to_whoever_refuses_them(tmp_path):
    corpus = Folder.tiny(tmp_path / "corpus")
    assert list(cut(corpus, 0.2, tmp_path, max_seconds=0.5)) == list(corpus)


def test_a_clip_whose_first_word_is_too_long_is_left_out_with_the_reason(tmp_path):
    corpus = corpus_with_grids(tmp_path / "corpus")
    short = cut(corpus, 0.01, tmp_path)
    assert list(short) == []
    assert [row.id for row in short.rejected] == [row.id for row in corpus]
    assert short.rejected[0].reason == "its first word ends after 0.01 s; raise data.clip_seconds"


def test_a_grid_with_other_words_is_left_out_with_the_reason(tmp_path):
    short = cut(corpus_with_grids(tmp_path / "corpus", label=lambda _text: "one"), 0.6, tmp_path)
    assert list(short) == []
    assert "cannot be cut at a word: has 1 words, the text has" in short.rejected[0].reason


def test_a_grid_may_hold_the_words_as_they_are_read(tmp_path):
    tiny_clip(0).save(tmp_path / "a.wav")
    write_textgrid(tmp_path / "a.TextGrid", [words_of("in nineteen oh five")])
    times = WordTimes(BasicNormalizer())
    timed = times(utterance(tmp_path / "a.wav", "In 1905."), tiny_clip(0))
    assert timed.beginning(2).lower() == "in nineteen"
    assert len(timed.ends) == 4


def test_of_several_tiers_the_one_called_words_is_read(tmp_path):
    tiny_clip(0).save(tmp_path / "a.wav")
    other = Alignment(words_of("a b c d").spans, 1.0, "letters")
    write_textgrid(tmp_path / "a.TextGrid", [other, words_of("one two three")])
    assert WordTimes(BasicNormalizer())(utterance(tmp_path / "a.wav"), tiny_clip(0)).beginning(1) == "one"
    write_textgrid(tmp_path / "a.TextGrid", [other, other])
    with pytest.raises(AlignmentError, match=r"a.TextGrid: has no tier 'words'; name the tier of the words so"):
        WordTimes(BasicNormalizer())(utterance(tmp_path / "a.wav"), tiny_clip(0))


def test_real_speech_is_listened_to_once(tmp_path):
    pytest.importorskip("pocketsphinx", reason="the optional package pocketsphinx is not installed")
    whole = LimitedCorpus(Demo(), 3)
    seconds = 0.7 * min(header_seconds(row.audio) for row in whole)
    short = cut(whole, seconds, tmp_path)
    rows = list(short)
    assert [row.id for row in rows] == [row.id for row in whole]
    for before, after in zip(whole, rows, strict=True):
        assert BasicNormalizer()(before.text).startswith(after.text)
        assert 0 < len(after.text) < len(BasicNormalizer()(before.text))
        assert 0 < header_seconds(after.audio) <= seconds + 1e-4
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("toktts.data.word_times.PocketSphinxAligner", None)
        assert list(cut(whole, seconds, tmp_path)) == rows


def test_without_a_grid_and_a_recognizer_the_command_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    corpus = Folder.tiny(tmp_path / "corpus")
    with pytest.raises(MissingPackageError, match=r"needs pocketsphinx; pip install 'pocketsphinx>=5.1'"):
        list(cut(corpus, 0.6, tmp_path))


def test_the_cache_holds_the_text_that_was_cut_and_another_key(tmp_path):
    corpus_with_grids(tmp_path / "corpus")
    caches = {}
    for mode in ("whole", "aligned"):
        config = config_of(tmp_path, f"data.clip_text={mode}")
        caches[mode] = build.token_cache(config, build.open_corpus(config), build.load_codec(config))
    whole, aligned = (cache.load() for cache in caches.values())
    assert caches["whole"].folder != caches["aligned"].folder
    assert all(
        long.startswith(short) and long != short for long, short in zip(whole["text"], aligned["text"], strict=True)
    )
    assert all(0 < short <= long for long, short in zip(whole["n_samples"], aligned["n_samples"], strict=True))
    again = build.token_cache(config, build.open_corpus(config), build.load_codec(config))
    assert again.folder == caches["aligned"].folder


def test_aligned_text_without_a_length_contradicts_itself():
    with pytest.raises(ConfigError, match="data.clip_text: aligned has no effect while data.clip_seconds is null"):
        load_config([], overrides=["data.clip_text=aligned"])
