"""Caches whose pitch is WORLD's, beside those whose pitch is our own."""

import importlib.util
import sys

import numpy as np
import pytest
from toy_codec import ToyCodec, ToyCorpus, sound, utterance

from toktts import build
from toktts.config import load_config
from toktts.data.cache import TokenCache, build_token_cache
from toktts.data.encoding import Arrangement, ClipSettings
from toktts.errors import MissingPackageError

HAS_WORLD = importlib.util.find_spec("pyworld") is not None
needs_world = pytest.mark.skipif(not HAS_WORLD, reason="needs pyworld (pip install 'toktts[pitch]')")
# As it was when there was one estimator.
GOLDEN_KEY = "0e7c02648d2271921118bad8"


def build_cache(folder, corpus=None, codec=None, *, workers=1, **settings) -> TokenCache:
    return build_token_cache(
        corpus or ToyCorpus.of(6),
        codec or ToyCodec(),
        settings=ClipSettings(prosody=True, **settings),
        cache_dir=folder,
        shard_rows=6,
        arrangement=Arrangement(workers=workers),
    )


def test_caches_of_our_own_pitch_keep_their_keys(tmp_path):
    assert build_cache(tmp_path).folder.name == GOLDEN_KEY


@needs_world
def test_each_estimator_has_a_cache_of_its_own_with_the_same_codes(tmp_path):
    ours, world = build_cache(tmp_path), build_cache(tmp_path, pitch_estimator="pyworld")
    assert ours.folder != world.folder
    for own, other in zip(ours.load(), world.load(), strict=True):
        assert len(own["pitch"]) == len(other["pitch"]) == len(other["codes"][0])
        assert (own["codes"], own["energy"]) == (other["codes"], other["energy"])


@needs_world
@pytest.mark.medium
def test_processes_find_the_same_pitch(tmp_path):
    one, two = (build_cache(tmp_path / str(n), workers=n, pitch_estimator="pyworld") for n in (1, 2))
    assert one.manifest.shards[0].sha256 == two.manifest.shards[0].sha256


def test_where_no_pitch_is_wanted_the_estimator_makes_no_other_cache(tmp_path):
    corpus, folders = ToyCorpus.of(2), []
    for estimator in ("own", "pyworld"):
        settings = ClipSettings(pitch_estimator=estimator)
        folders.append(build_token_cache(corpus, ToyCodec(), settings=settings, cache_dir=tmp_path).folder)
    assert folders[0] == folders[1]


def test_a_missing_package_is_told_before_anything_is_encoded(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyworld", None)
    codec = ToyCodec()
    with pytest.raises(MissingPackageError, match=r"pyworld: is not installed, .*; pip install 'pyworld>=0\.3\.5'"):
        build_cache(tmp_path, codec=codec, pitch_estimator="pyworld")
    assert codec.n_calls == 0


@needs_world
def test_a_cache_that_is_complete_needs_no_package(tmp_path, monkeypatch):
    corpus = ToyCorpus([utterance("a", sound("a", 4800))])
    cache = build_cache(tmp_path, corpus, pitch_estimator="pyworld")
    monkeypatch.setitem(sys.modules, "pyworld", None)
    again = build_cache(tmp_path, corpus, pitch_estimator="pyworld")
    np.testing.assert_array_equal(again.load()["pitch"], cache.load()["pitch"])


def test_the_config_names_the_estimator():
    assert build.clip_settings(load_config([])).pitch_estimator == "own"
    config = load_config([], overrides=["data.pitch_estimator=pyworld"])
    assert build.clip_settings(config).pitch_estimator == "pyworld"
