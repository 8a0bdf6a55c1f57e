import itertools
import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from toktts.alignment.monotonic import (
    BLANK_LOGIT,
    FORBIDDEN,
    beta_binomial_log_prior,
    forward_sum_loss,
    length_mask,
    search,
)

Sizes = list[tuple[int, int]]


def sizes(*, max_units: int, max_frames: int) -> st.SearchStrategy[Sizes]:
    """(n_units, n_frames) of each row of a batch, with at least a frame a unit."""
    row = st.integers(1, max_units).flatmap(lambda n: st.tuples(st.just(n), st.integers(n, max_frames)))
    return st.lists(row, min_size=1, max_size=3)


def batch(rows: Sizes, *, seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Random scores (batch, n_frames, n_units), padding included, with the rows' sizes."""
    n_units, n_frames = (torch.tensor(column) for column in zip(*rows, strict=True))
    generator = torch.Generator().manual_seed(seed)
    scores = 3 * torch.randn(len(rows), int(n_frames.max()), int(n_units.max()), generator=generator)
    return scores, n_units, n_frames


def every_path(n_units: int, n_frames: int) -> list[list[int]]:
    """All ways to say the units in order, one frame each at least."""
    return [
        [sum(frame >= move for move in moves) for frame in range(n_frames)]
        for moves in itertools.combinations(range(1, n_frames), n_units - 1)
    ]


def score_of(path: list[int], scores: torch.Tensor) -> float:
    return sum(float(scores[frame, unit]) for frame, unit in enumerate(path))


@settings(max_examples=50)
@given(rows=sizes(max_units=5, max_frames=8), seed=st.integers(0, 2**20))
def test_search_finds_the_best_of_all_paths(rows: Sizes, seed: int) -> None:
    scores, n_units, n_frames = batch(rows, seed=seed)
    found = search(scores, n_units, n_frames)
    for row, (units, frames) in enumerate(rows):
        path = found[row, :frames].tolist()
        best = max(score_of(candidate, scores[row]) for candidate in every_path(units, frames))
        assert path in every_path(units, frames)
        assert score_of(path, scores[row]) == pytest.approx(best, abs=1e-4)


@given(rows=sizes(max_units=20, max_frames=60), seed=st.integers(0, 2**20), flat=st.booleans())
def test_a_path_starts_at_0_ends_at_the_last_unit_and_moves_by_0_or_1(rows: Sizes, seed: int, flat: bool) -> None:
    scores, n_units, n_frames = batch(rows, seed=seed)
    found = search(torch.zeros_like(scores) if flat else scores, n_units, n_frames)
    assert found.shape == scores.shape[:2]
    assert (found[:, 0] == 0).all()
    assert set(found.diff(dim=1).flatten().tolist()) <= {0, 1}
    for row, (units, frames) in enumerate(rows):
        assert (found[row, frames - 1 :] == units - 1).all()


@given(n=st.integers(1, 12), seed=st.integers(0, 100))
def test_as_many_frames_as_units_leave_one_path(n: int, seed: int) -> None:
    scores, n_units, n_frames = batch([(n, n)], seed=seed)
    assert search(scores, n_units, n_frames)[0].tolist() == list(range(n))


@given(rows=sizes(max_units=6, max_frames=12), seed=st.integers(0, 100))
def test_neither_search_nor_loss_reads_behind_a_rows_end(rows: Sizes, seed: int) -> None:
    scores, n_units, n_frames = batch(rows, seed=seed)
    inside = length_mask(n_frames, scores.shape[1])[:, :, None] & length_mask(n_units, scores.shape[2])[:, None]
    other = torch.where(inside, scores, 50.0)
    assert torch.equal(search(scores, n_units, n_frames), search(other, n_units, n_frames))
    losses = [forward_sum_loss(given, n_units, n_frames) for given in (scores, other)]
    torch.testing.assert_close(losses[0], losses[1], rtol=0, atol=1e-4)


def ctc_by_hand(scores: torch.Tensor, n_units: int) -> float:
    """Minus the log of the summed probability of every sequence of units and blanks that reads 1, 2, ..., n_units."""
    blank = torch.full((len(scores), 1), BLANK_LOGIT)
    log_probs = torch.cat([blank, scores], dim=1).double().log_softmax(dim=1)
    total = 0.0
    for labels in itertools.product(range(n_units + 1), repeat=len(scores)):
        if [label for label, _ in itertools.groupby(labels) if label] == list(range(1, n_units + 1)):
            total += math.exp(sum(float(log_probs[frame, label]) for frame, label in enumerate(labels)))
    return -math.log(total)


@settings(max_examples=30)
@given(rows=sizes(max_units=3, max_frames=5), seed=st.integers(0, 2**20))
def test_the_loss_sums_over_all_paths_with_blanks_between(rows: Sizes, seed: int) -> None:
    scores, n_units, n_frames = batch(rows, seed=seed)
    expected = [ctc_by_hand(scores[row, :frames, :units], units) / units for row, (units, frames) in enumerate(rows)]
    loss = forward_sum_loss(scores, n_units, n_frames)
    assert float(loss) == pytest.approx(sum(expected) / len(rows), rel=1e-4)


def test_the_gradient_pulls_towards_the_diagonal() -> None:
    scores = torch.zeros(1, 6, 3, requires_grad=True)
    forward_sum_loss(scores, torch.tensor([3]), torch.tensor([6])).backward()
    pull = -scores.grad[0]
    assert pull[0].argmax() == 0
    assert pull[5].argmax() == 2


def beta_binomial(k: int, n: int, a: int, b: int) -> Fraction:
    """Probability of k successes of n, exactly: C(n, k) B(k + a, n - k + b) / B(a, b), as scipy.stats.betabinom."""

    def beta(x: int, y: int) -> Fraction:
        return Fraction(math.factorial(x - 1) * math.factorial(y - 1), math.factorial(x + y - 1))

    return math.comb(n, k) * beta(k + a, n - k + b) / beta(a, b)


@settings(max_examples=25)
@given(rows=sizes(max_units=12, max_frames=25), scale=st.integers(1, 2))
def test_the_prior_is_the_beta_binomial_distribution(rows: Sizes, scale: int) -> None:
    n_units, n_frames = (torch.tensor(column) for column in zip(*rows, strict=True))
    prior = beta_binomial_log_prior(n_units, n_frames, scale=scale)
    for row, (units, frames) in enumerate(rows):
        for frame, unit in itertools.product(range(frames), range(units)):
            exact = beta_binomial(unit, units - 1, scale * (frame + 1), scale * (frames - frame))
            assert float(prior[row, frame, unit]) == pytest.approx(math.log(exact), abs=2e-3)
        assert (prior[row, :, units:] == FORBIDDEN).all()


@settings(max_examples=25)
@given(rows=sizes(max_units=200, max_frames=900))
def test_the_prior_of_a_frame_sums_to_one(rows: Sizes) -> None:
    n_units, n_frames = (torch.tensor(column) for column in zip(*rows, strict=True))
    total = beta_binomial_log_prior(n_units, n_frames).exp().sum(dim=2)
    torch.testing.assert_close(total, torch.ones_like(total), rtol=0, atol=2e-2)


def test_a_mask_is_true_below_the_length() -> None:
    assert length_mask(torch.tensor([0, 2]), 3).tolist() == [[False] * 3, [True, True, False]]
