"""Choose rows by a hash of their id, so that neither order nor the rest of the corpus moves a row across."""

from collections.abc import Iterable
from itertools import pairwise

from toktts.data.keyed import keyed_digest
from toktts.errors import ConfigError, CorpusError


def split_ids(ids: Iterable[str], *, train_fraction: float, seed: int) -> tuple[list[str], list[str]]:
    """Divide ids into training and validation, each with at least one.

    Args:
        ids: unique, in any order.
        train_fraction: share of training, in (0, 1).
        seed: another seed gives another split.
    Returns:
        Training and validation ids, both ordered by their hash.
    Raises:
        CorpusError: fewer than two ids, or one of them twice.
        ConfigError: `train_fraction` is not in (0, 1).
    """
    if not 0.0 < train_fraction < 1.0:
        raise ConfigError(f"must lie between 0 and 1, got {train_fraction}; write 0.95", key="train_fraction")
    ranked = _rank(ids, seed)
    if len(ranked) < 2:
        raise CorpusError(f"has {len(ranked)} usable clips, a split needs 2; add clips or raise the limit on rows")
    n_validation = min(max(1, round(len(ranked) * (1.0 - train_fraction))), len(ranked) - 1)
    return ranked[n_validation:], ranked[:n_validation]


def split_first(ids: Iterable[str], *, n_validation: int) -> tuple[list[str], list[str]]:
    """Divide ids as published splits do: the first so many, in the order of their names, are for validation.

    Args:
        ids: unique, in any order.
        n_validation: at least one.
    Returns:
        Training and validation ids, both sorted.
    Raises:
        CorpusError: an id twice, or too few of them to leave any for training.

    >>> split_first(["b", "a", "c"], n_validation=1)
    (['b', 'c'], ['a'])
    """
    ranked = sorted(ids)
    _refuse_twice(ranked)
    if len(ranked) <= n_validation:
        raise CorpusError(f"has {len(ranked)} usable clips, {n_validation} are for validation; ask for fewer")
    return ranked[n_validation:], ranked[:n_validation]


def pick(ids: Iterable[str], n: int, *, seed: int) -> list[str]:
    """Choose `n` ids by their hash, or all of them if there are fewer.

    >>> pick(["a", "b", "c"], 2, seed=20) == pick(["c", "b", "a"], 2, seed=20)
    True
    """
    return _rank(ids, seed)[:n]


def _rank(ids: Iterable[str], seed: int) -> list[str]:
    ranked = sorted(ids, key=lambda clip_id: keyed_digest(seed, clip_id))
    _refuse_twice(ranked)
    return ranked


def _refuse_twice(ranked: list[str]) -> None:
    for left, right in pairwise(ranked):
        if left == right:
            raise CorpusError("occurs twice; give every clip its own id", key=left)
