import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from light_process import LIGHT

from toktts.data.splits import pick, split_ids
from toktts.errors import ConfigError, CorpusError

ids = st.lists(st.text(min_size=1, max_size=8), min_size=2, max_size=60, unique=True)
fractions = st.floats(0.001, 0.999)
seeds = st.integers(0, 99)


@given(ids, fractions, seeds)
def test_a_split_puts_every_id_on_exactly_one_side_and_none_is_empty(clip_ids, fraction, seed):
    train, validation = split_ids(clip_ids, train_fraction=fraction, seed=seed)
    assert sorted(train + validation) == sorted(clip_ids)
    assert train
    assert validation


@given(ids, fractions, seeds, st.randoms(use_true_random=False))
def test_a_split_does_not_depend_on_the_order_of_the_ids(clip_ids, fraction, seed, random):
    expected = split_ids(clip_ids, train_fraction=fraction, seed=seed)
    shuffled = random.sample(clip_ids, len(clip_ids))
    assert split_ids(shuffled, train_fraction=fraction, seed=seed) == expected


@given(ids, seeds, st.integers(0, 70))
def test_picking_more_ids_keeps_those_picked_before(clip_ids, seed, n):
    assert pick(clip_ids, n + 1, seed=seed)[:n] == pick(clip_ids[::-1], n, seed=seed)


def test_a_split_has_the_size_asked_for():
    train, validation = split_ids([str(index) for index in range(13_100)], train_fraction=0.95, seed=20)
    assert (len(train), len(validation)) == (12_445, 655)


def test_another_process_splits_alike():
    program = f"""{LIGHT}
from toktts.data.splits import split_ids
print(split_ids(map(str, range(50)), train_fraction=0.9, seed=20))
"""
    other = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=True)
    assert other.stdout.strip() == str(split_ids(map(str, range(50)), train_fraction=0.9, seed=20))


def test_another_seed_gives_another_split():
    clip_ids = [str(index) for index in range(100)]
    assert split_ids(clip_ids, train_fraction=0.9, seed=1) != split_ids(clip_ids, train_fraction=0.9, seed=2)


def test_one_clip_cannot_be_split():
    with pytest.raises(CorpusError, match="has 1 usable clips, a split needs 2; add clips"):
        split_ids(["a"], train_fraction=0.9, seed=0)


def test_an_id_twice_is_refused():
    with pytest.raises(CorpusError, match="b: occurs twice; give every clip its own id"):
        split_ids(["a", "b", "b"], train_fraction=0.9, seed=0)


@pytest.mark.parametrize("fraction", [0.0, 1.0, -1.0, float("nan")])
def test_a_fraction_outside_zero_to_one_is_refused(fraction):
    with pytest.raises(ConfigError, match=re.escape(f"must lie between 0 and 1, got {fraction}; write 0.95")):
        split_ids(["a", "b"], train_fraction=fraction, seed=0)
