"""Mel, pitch and energy in the token cache; and caches of codes, which stay what they were."""

import math

import numpy as np
import pyarrow
import pytest
import torch
from toy_codec import ToyCodec, ToyCorpus, sound, utterance

from toktts.audio import Waveform
from toktts.audio.reading import read_clip
from toktts.codecs._mel import LogMel
from toktts.codecs.griffin_lim import GriffinLim
from toktts.data.cache import build_token_cache
from toktts.data.collate import Collator
from toktts.data.encoding import Arrangement, ClipSettings
from toktts.data.prosody import find_prosody
from toktts.errors import CodecError

# As they were when a cache could hold nothing but codes.
GOLDEN_KEY = "75b871fb6b2245abd8c85c47"
GOLDEN_SHARD = "de8991b0e821931f48fa5ec1a448af85d53f7a87375a24155da27cc1cb6cce30"
GOLDEN_KEY_OF_COPIES = "a6d70af8a3b5812907771f5e"
GOLDEN_PYARROW = "26.0.1"


def small_codec() -> GriffinLim:
    return GriffinLim(LogMel(24_000, 512, hop_length=240, n_mels=20, edges="reflect", floor_by="clip"), n_iterations=1)


def build(corpus, codec, folder, *, shard_rows=6, **settings):
    return build_token_cache(corpus, codec, settings=ClipSettings(**settings), cache_dir=folder, shard_rows=shard_rows)


def test_caches_of_codes_keep_their_keys_and_their_bytes(tmp_path):
    cache = build(ToyCorpus.of(6), ToyCodec(), tmp_path)
    copies = build(ToyCorpus.of(6), ToyCodec(), tmp_path, augmentation_copies=3)
    assert (cache.folder.name, copies.folder.name) == (GOLDEN_KEY, GOLDEN_KEY_OF_COPIES)
    if pyarrow.__version__ == GOLDEN_PYARROW:  # its version stands in every file
        assert cache.manifest.shards[0].sha256 == GOLDEN_SHARD


def test_a_mel_is_kept_in_half_precision_with_as_many_frames_as_hops(tmp_path):
    corpus, codec = ToyCorpus.of(4), small_codec()
    rows = build(corpus, codec, tmp_path).load()
    assert rows.column_names == ["id", "text", "speaker", "copy", "n_samples", "mel"]
    for row, clip in zip(rows.with_format("numpy"), corpus, strict=True):
        expected = codec.encode(read_clip(clip.audio, sampling_rate=24_000))[0]
        assert row["mel"].shape == (20, math.ceil(row["n_samples"] / 240))
        np.testing.assert_array_equal(row["mel"].astype(np.float16), expected.numpy().astype(np.float16))


def test_prosody_has_a_value_a_frame_and_a_cache_of_its_own(tmp_path):
    corpus, codec = ToyCorpus.of(3), small_codec()
    plain, prosody = build(corpus, codec, tmp_path), build(corpus, codec, tmp_path, prosody=True)
    assert plain.folder != prosody.folder
    rows = prosody.load()
    assert rows.column_names[-3:] == ["mel", "pitch", "energy"]
    for row, clip in zip(rows, corpus, strict=True):
        assert len(row["pitch"]) == len(row["energy"]) == len(row["mel"][0])
        found = find_prosody(read_clip(clip.audio, sampling_rate=24_000).samples[0], codec)
        np.testing.assert_array_equal(np.float32(row["pitch"]), found.pitch)
        np.testing.assert_array_equal(np.float32(row["energy"]), found.energy)
    assert [row["mel"] for row in plain.load()] == [row["mel"] for row in rows]


def test_codes_can_have_prosody_too_and_noisy_copies_share_that_of_the_clean_one(tmp_path):
    rows = build(ToyCorpus.of(2), ToyCodec(), tmp_path, prosody=True, augmentation_copies=2).load().to_list()
    assert [(row["id"], row["copy"]) for row in rows] == [
        (f"clip-00{clip}", copy) for clip in (0, 1) for copy in (0, 1)
    ]
    for clean, noisy in (rows[:2], rows[2:]):
        assert len(clean["energy"]) == len(clean["codes"][0])
        assert (clean["pitch"], clean["energy"]) == (noisy["pitch"], noisy["energy"])


@pytest.mark.medium
def test_processes_make_the_same_bytes(tmp_path):
    options = {"settings": ClipSettings(prosody=True), "shard_rows": 3}
    one, two = (
        build_token_cache(
            ToyCorpus.of(5), small_codec(), cache_dir=tmp_path / str(n), arrangement=Arrangement(workers=n), **options
        )
        for n in (1, 2)
    )
    hashes = [[shard.sha256 for _, shard in sorted(cache.manifest.shards.items())] for cache in (one, two)]
    assert hashes[0] == hashes[1]


def test_a_shard_whose_clips_were_all_rejected_fits_the_others(tmp_path):
    clips = [utterance("bad", b"no sound"), *ToyCorpus.of(2)]
    cache = build_token_cache(
        ToyCorpus(clips), small_codec(), settings=ClipSettings(prosody=True), cache_dir=tmp_path, shard_rows=1,
        max_rejected_fraction=0.5,
    )  # fmt: skip
    assert [row["id"] for row in cache.load()] == ["clip-000", "clip-001"]


def test_rows_of_the_cache_make_a_batch(tmp_path):
    rows = build(ToyCorpus.of(3), small_codec(), tmp_path, prosody=True).load()
    rows = rows.add_column("input_ids", [[5, 1]] * 3).with_format("numpy")
    batch = Collator(pad_token_id=0)([rows[index] for index in range(3)])
    assert batch["labels"].dtype == torch.float32
    assert batch["labels"].shape[::2] == batch["pitch"].shape == batch["energy"].shape


def test_the_pitch_of_a_tone_is_found_in_every_frame():
    time_s = torch.arange(12_000) / 24_000
    tone = 0.3 * torch.sin(2 * math.pi * 220 * time_s) + 0.1 * torch.sin(2 * math.pi * 440 * time_s)
    pitch = find_prosody(tone, small_codec()).pitch[5:-5]
    np.testing.assert_allclose(pitch, 220, atol=2)


def test_prosody_is_found_where_the_frames_of_the_mel_are():
    """A click: the loudest frame of the energy is that of the mel, whichever way the edges are taken."""
    for edges, n in (("reflect", 4800), ("silence", 4920)):
        codec = GriffinLim(LogMel(24_000, 960, hop_length=240, n_mels=20, edges=edges))
        samples = torch.zeros(9600)
        samples[n] = 0.5
        mel = codec.encode(Waveform(samples, 24_000))[0].sum(dim=0)
        assert int(mel.argmax()) == int(find_prosody(samples, codec).energy.argmax()) == 20


class Broken(GriffinLim):
    def encode(self, waveform):
        return super().encode(waveform) * torch.nan


def test_a_mel_that_is_not_finite_is_refused(tmp_path):
    corpus = ToyCorpus([utterance("a", sound("a", 4800))])
    with pytest.raises(CodecError, match="gives a mel that is not finite, or no logarithm; choose another codec"):
        build(corpus, Broken(small_codec().log_mel), tmp_path)
