"""Phonemes with times on their way from a corpus to a batch: their frames are those of the features."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import datasets
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from toy_codec import ToyCodec, ToyCorpus, sound, utterance

from toktts.alignment import Alignment, Span
from toktts.codecs.griffin_lim import GriffinLim
from toktts.data.cache import TokenCache, build_token_cache
from toktts.data.collate import Collator
from toktts.data.corpora._base import Corpus
from toktts.data.corpora.aligned_json import AlignedJson, write_aligned
from toktts.data.corpora.textgrid import TextGrid
from toktts.data.encoding import ClipSettings
from toktts.data.examples import make_examples
from toktts.data.phones import beginning, count_frames, cut_to_phones
from toktts.errors import AlignmentError, CorpusError
from toktts.text.basic import BasicNormalizer
from toktts.tokens import build_tokenizer

CODEC = ToyCodec()  # 24,000 Hz, 320 samples a frame: 75 frames a second


def build(corpus: Corpus, tmp_path: Path, codec=CODEC, **wishes) -> TokenCache:
    limit = wishes.pop("max_rejected_fraction", 0.0)
    settings = ClipSettings(**wishes)
    return build_token_cache(corpus, codec, settings=settings, cache_dir=tmp_path, max_rejected_fraction=limit)


def said(*spans: tuple[str, float, float], duration_s: float = 1.0) -> Alignment:
    return Alignment(tuple(Span(*span) for span in spans), duration_s)


def clip(name: str, phones: Alignment | None, n_samples: int = 24_000):
    return replace(utterance(name, sound(name, n_samples)), phones=phones)


@pytest.mark.parametrize("codec", [CODEC, GriffinLim()], ids=["codes", "mel"])
def test_frames_of_phonemes_add_up_to_those_of_features_pitch_and_energy(codec, tmp_path: Path) -> None:
    rows = build(TextGrid.tiny(tmp_path / "set"), tmp_path, codec, prosody=True).load()
    assert len(rows) == 4
    for row in rows:
        assert row["phones"] == ["HH", "AY1", "sp", "HH", "OW1"]
        n_frames = len(row[codec.feature_kind][0])
        assert n_frames == sum(row["phone_frames"]) == len(row["pitch"]) == len(row["energy"])
        assert n_frames == codec.n_frames(row["n_samples"])


def test_a_clip_is_cut_to_its_phonemes_on_the_grid_of_frames(tmp_path: Path) -> None:
    # 0.2 s is frame 15, 0.41 s frame 30.75 -> 31, 0.6 s frame 45.
    row = build(ToyCorpus([clip("a", said(("HH", 0.2, 0.41), ("AY1", 0.41, 0.6)))]), tmp_path).load()[0]
    assert (row["phone_frames"], row["n_samples"]) == ([16, 14], 30 * 320)
    whole = build(ToyCorpus([clip("a", None)]), tmp_path).load()[0]
    np.testing.assert_array_equal(row["codes"], np.array(whole["codes"])[:, 15:45])


@given(st.integers(320, 30_000), st.lists(st.floats(0.0, 0.3), min_size=1, max_size=9), st.floats(0.0, 0.1))
def test_frames_always_add_up_or_the_clip_is_refused(n_samples: int, lengths: list[float], start_s: float) -> None:
    edges = np.cumsum([start_s, *lengths]).tolist()
    phones = said(*(("AY1", *edge) for edge in pairwise(edges)), duration_s=edges[-1])
    try:
        cut = cut_to_phones(torch.zeros(n_samples), phones, CODEC)
    except AlignmentError:
        first, end = round(edges[0] * 75), round(edges[-1] * 75)
        n_frames = CODEC.n_frames(n_samples)
        assert first >= end or first >= n_frames or end > n_frames + 1
        return
    counted, is_mended = count_frames(phones, n_frames=CODEC.n_frames(len(cut)), frame_rate=75.0)
    assert sum(counted.frames) == CODEC.n_frames(len(cut))
    assert is_mended == (list(counted.frames) != phones.durations(frame_rate=75.0))


def test_a_frame_too_many_is_mended_and_reported_and_two_are_not(tmp_path: Path) -> None:
    # The sound has 75 frames; the phonemes end at frames 76 and 77.
    one, two = (said(("HH", 0.0, 0.5), ("AY1", 0.5, end / 75), duration_s=2.0) for end in (76, 77))
    cache = build(ToyCorpus([clip("one", one), clip("two", two)]), tmp_path, max_rejected_fraction=0.5)
    assert cache.load()[0]["phone_frames"] == [38, 37]
    assert cache.findings == {"the last phoneme a frame off the end of the sound": 1}
    (fault,) = cache.rejected
    assert (fault.id, fault.reason) == (
        "two",
        "phonemes end at frame 77, the sound has 75; align this very sound again or leave it out",
    )


def test_phonemes_that_last_no_frame_are_refused(tmp_path: Path) -> None:
    rows = [clip("a", said(("HH", 0.5, 0.501))), clip("b", said(("HH", 0.0, 0.5)))]
    (fault,) = build(ToyCorpus(rows), tmp_path, max_rejected_fraction=0.5).rejected
    assert fault.reason == "its 1 phonemes last no frame; align it again or leave it out"


def test_the_first_seconds_keep_whole_phonemes(tmp_path: Path) -> None:
    phones = said(("HH", 0.2, 0.4), ("AY1", 0.4, 0.6), ("T", 0.6, 0.8))
    row = build(ToyCorpus([clip("a", phones)]), tmp_path, clip_seconds=0.5).load()[0]
    assert (row["phones"], row["phone_frames"]) == (["HH", "AY1"], [15, 15])
    with pytest.raises(AlignmentError, match=r"its first phoneme lasts longer than 0.1 s; raise data.clip_seconds"):
        beginning(phones, 0.1)


def test_other_times_are_another_cache_and_none_the_one_it_always_was(tmp_path: Path) -> None:
    versions = [None, said(("HH", 0.0, 0.5)), said(("HH", 0.0, 0.6)), said(("AH0", 0.0, 0.5))]
    folders = [build(ToyCorpus([clip("a", phones)]), tmp_path).folder.name for phones in versions]
    assert len(set(folders)) == 4
    assert folders[0] == build(ToyCorpus([utterance("a", sound("a", 24_000))]), tmp_path).folder.name


def test_all_clips_have_phonemes_or_none(tmp_path: Path) -> None:
    rows = [clip("a", said(("HH", 0.0, 0.5))), clip("b", None)]
    with pytest.raises(CorpusError, match="b: has no phonemes with times, 1 others have; align it too"):
        build(ToyCorpus(rows), tmp_path)


@pytest.fixture
def mels(tmp_path: Path) -> AlignedJson:
    folder = tmp_path / "mels"
    folder.mkdir()
    facts = "speaker: nobody\nlanguage: en\nlicence: CC0-1.0\nconsent: made by a formula\n"
    (folder / "corpus.yaml").write_text(facts, encoding="utf-8")
    mel = np.random.default_rng(0).uniform(-11.5, 2, (80, 26)).astype(np.float32)
    np.save(folder / "a-1.mel.npy", mel)
    write_aligned(folder / "a-1.json", "Hi!", [("pau", 0, 70), ("HH", 70, 120), ("AY1", 190, 100)])
    return AlignedJson(folder)


def test_mel_that_a_corpus_brings_is_cached_as_it_is(mels: AlignedJson, tmp_path: Path) -> None:
    row = build(mels, tmp_path, GriffinLim()).load()[0]
    (clip,) = mels
    np.testing.assert_array_equal(np.float16(row["mel"]), np.load(clip.audio, allow_pickle=False).astype(np.float16))
    assert (row["phones"], row["phone_frames"], row["n_samples"]) == (["pau", "HH", "AY1"], [6, 10, 10], 26 * 256)


@pytest.mark.parametrize(
    ("codec", "prosody", "reason"),
    [
        (CODEC, False, "holds mel, the codec wants sound"),
        (GriffinLim(), True, "holds mel, pitch is only found in sound"),
        (GriffinLim.tiny(), False, "has 80 bands, the codec"),
    ],
)
def test_mel_that_cannot_be_used_is_refused(mels, codec, prosody: bool, reason: str, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=reason):
        build(mels, tmp_path, codec, prosody=prosody)


def examples(
    tokenizer: str,
    phones=(("pau", "HH", "AY1"), ("HH", "ɑ")),
    frames=((3, 0, 5), (4, 4)),
    *,
    takes_durations: bool = True,
):
    table = [
        {"id": f"c{index}", "text": "hi", "copy": 0, "codes": [[1] * 8], "phones": list(names), "phone_frames": list(n)}
        for index, (names, n) in enumerate(zip(phones, frames, strict=True))
    ]
    return make_examples(
        datasets.Dataset.from_list(table),
        normalizer=BasicNormalizer(),
        tokenizer=build_tokenizer(tokenizer),
        text_limit=50,
        frames_per_id=1,
        frame_rate=None,
        takes_durations=takes_durations,
    )


@pytest.mark.parametrize(
    ("tokenizer", "symbols", "durations"),
    [("pauses", ["pau", "HH", "AY1", "<eos>"], [3, 0, 5, 0]), ("symbols360", ["@sp", "@HH", "@AY1"], [3, 0, 5])],
)
def test_phonemes_are_read_instead_of_the_text(tokenizer: str, symbols: list[str], durations: list[int]) -> None:
    made = examples(tokenizer)
    assert build_tokenizer(tokenizer).convert_ids_to_tokens(made.rows[0]["input_ids"]) == symbols
    assert made.rows[0]["durations"] == durations
    assert [(fault.id, fault.reason) for fault in made.rejected] == [
        ("c1", "no symbol for the phoneme 'ɑ'; write ARPAbet with stress, or pau")
    ]


@pytest.mark.parametrize(("takes_durations", "n_rows"), [(True, 1), (False, 0)])
def test_more_phonemes_than_frames_are_for_models_that_are_told_durations(takes_durations: bool, n_rows: int) -> None:
    many = ("HH", "AY1") * 4
    made = examples("pauses", (many,), ((8, *[0] * 7),), takes_durations=takes_durations)
    assert len(made.rows) == n_rows
    reasons = [] if n_rows else ["8 frames are too few for 9 text ids, 1 each at least"]
    assert [fault.reason for fault in made.rejected] == reasons


@pytest.mark.parametrize("tokenizer", ["phonemes", "characters"])
def test_what_writes_text_otherwise_reads_the_text(tokenizer: str) -> None:
    made = examples(tokenizer)
    assert "durations" not in made.rows.column_names
    assert made.rows[0]["input_ids"] == build_tokenizer(tokenizer)("hi").input_ids


def test_durations_reach_the_batch(tmp_path: Path) -> None:
    rows = build(TextGrid.tiny(tmp_path / "set"), tmp_path, prosody=True).load()
    made = make_examples(
        rows,
        normalizer=BasicNormalizer(),
        tokenizer=build_tokenizer("pauses"),
        text_limit=50,
        frames_per_id=1,
        frame_rate=75.0,
    )
    batch = Collator(pad_token_id=0)(list(made.rows.with_format("numpy")))
    assert batch["durations"].shape == batch["input_ids"].shape
    real = (batch["labels"][:, 0] != -100).sum(dim=1)
    assert torch.equal(batch["durations"].sum(dim=1), real)
    assert batch["pitch"].shape == batch["energy"].shape == batch["labels"].shape[::2]
