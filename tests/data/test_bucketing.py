import pytest
from hypothesis import given
from hypothesis import strategies as st

from toktts.data.bucketing import BucketBatchSampler
from toktts.errors import ConfigError

lengths = st.lists(st.integers(1, 400), max_size=80)
limits = st.one_of(
    st.integers(1, 20).map(lambda n: {"batch_size": n}), st.integers(400, 3000).map(lambda n: {"max_frames": n})
)


def batches(rows, limit, *, seed=0, epoch=0):
    sampler = BucketBatchSampler(rows, **limit, seed=seed)
    sampler.set_epoch(epoch)
    return list(sampler)


@given(lengths, limits, st.integers(0, 5))
def test_an_epoch_visits_every_row_exactly_once(rows, limit, epoch):
    visited = [index for batch in batches(rows, limit, epoch=epoch) for index in batch]
    assert sorted(visited) == list(range(len(rows)))


@given(lengths, limits, st.integers(0, 5))
def test_no_batch_is_empty_or_over_its_limit(rows, limit, epoch):
    for batch in batches(rows, limit, epoch=epoch):
        frames = len(batch) * max(rows[index] for index in batch)
        assert 0 < len(batch) <= limit.get("batch_size", len(rows))
        assert frames <= limit.get("max_frames", frames)


@given(lengths, limits, st.integers(0, 5))
def test_every_epoch_has_as_many_batches_as_len_says(rows, limit, epoch):
    assert len(batches(rows, limit, epoch=epoch)) == len(BucketBatchSampler(rows, **limit, seed=0))


@given(lengths, limits)
def test_the_same_seed_and_epoch_give_the_same_batches(rows, limit):
    assert batches(rows, limit, seed=3, epoch=2) == batches(rows, limit, seed=3, epoch=2)


def test_other_seeds_and_epochs_give_other_batches():
    rows = [100] * 50
    shuffles = [batches(rows, {"batch_size": 4}, seed=seed, epoch=epoch) for seed in (0, 1) for epoch in (0, 1)]
    assert all(left != right for index, left in enumerate(shuffles) for right in shuffles[:index])


def test_little_of_a_batch_is_padding():
    rows = [1 + 37 * index % 700 for index in range(700)]  # every length from 1 to 700 once
    padded = sum(len(batch) * max(rows[index] for index in batch) for batch in batches(rows, {"batch_size": 10}))
    # A batch spans one bucket border at most: less than 2 x 32 frames of padding a row, half of that on average.
    assert padded - sum(rows) < 32 * len(rows)


@pytest.mark.parametrize("limit", [{}, {"batch_size": 2, "max_frames": 9}])
def test_exactly_one_limit_must_be_set(limit):
    with pytest.raises(ConfigError, match="set either batch_size or max_frames, not both or none; remove one"):
        BucketBatchSampler([1], **limit, seed=0)


def test_a_row_that_fits_no_batch_is_named():
    with pytest.raises(ConfigError, match="max_frames: is 100, row 1 has 150 frames; raise it or clip them"):
        BucketBatchSampler([90, 150, 20], max_frames=100, seed=0)


@pytest.mark.parametrize("key", ["batch_size", "max_frames"])
def test_a_limit_below_one_is_refused(key):
    with pytest.raises(ConfigError, match=f"{key}: must be at least 1, got 0; raise it"):
        BucketBatchSampler([], **{key: 0}, seed=0)
