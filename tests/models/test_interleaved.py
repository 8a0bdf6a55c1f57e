"""Learned positions in windows, batch statistics of real positions, blocks without layer normalisation."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from toktts.models.modules.averages import mean_of_rows
from toktts.models.modules.duration_predictor import RecurrentDurations
from toktts.models.modules.interleaved import AttentionBlock, ConvolutionResidual, Interleaved, MaskedBatchNorm
from toktts.models.modules.windows import LearnedPositions, Windows

lengths_of_rows = st.lists(st.integers(0, 40), min_size=1, max_size=5).filter(any)


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def real(lengths: list[int], size: int) -> torch.Tensor:
    return torch.arange(size) < torch.tensor(lengths)[:, None]


@given(lengths_of_rows, st.integers(1, 12))
def test_what_is_cut_into_windows_joins_again(lengths: list[int], limit: int) -> None:
    hidden = random(len(lengths), max(lengths), 2)
    windows = Windows.of(torch.tensor(lengths), limit=limit)
    assert int(windows.lengths.max()) <= limit
    assert int(windows.lengths.min()) >= 1
    joined = windows.join(windows.cut(hidden), like=hidden)
    assert torch.equal(joined, hidden * real(lengths, max(lengths))[:, :, None])


@given(st.integers(1, 100), st.integers(2, 12))
def test_windows_are_as_few_as_can_be_and_of_one_size(length: int, limit: int) -> None:
    sizes = Windows.of(torch.tensor([length]), limit=limit).lengths.tolist()
    assert len(sizes) == -(-length // limit)
    assert len(set(sizes[:-1])) <= 1
    assert sizes[-1] <= sizes[0]


def test_positions_that_training_never_reached_are_not_trusted() -> None:
    positions = LearnedPositions(50, 4).eval()
    assert positions.reach == 50
    positions.train()(random(1, 12, 4))
    positions(random(1, 9, 4))
    assert positions.reach == 50
    assert positions.eval().reach == 12


def test_batch_statistics_are_those_of_the_real_positions() -> None:
    hidden, is_real = random(2, 6, 3), real([6, 2], 6)
    masked, plain = MaskedBatchNorm(3), nn.BatchNorm1d(3)
    found = masked(hidden * 5 + 100 * ~is_real[:, :, None], is_real)
    expected = plain(hidden[is_real] * 5)
    torch.testing.assert_close(found[is_real], expected)
    assert not found[~is_real].any()
    torch.testing.assert_close(masked.running_mean, plain.running_mean)
    torch.testing.assert_close(masked.running_var, plain.running_var)


def test_one_position_alone_is_normalised_by_what_was_seen_before() -> None:
    norm = MaskedBatchNorm(3)
    assert torch.isfinite(norm(random(1, 2, 3), real([1], 2))).all()


@pytest.mark.parametrize("training", [False, True])
def test_padding_changes_nothing_of_a_residual_block_also_in_training(training: bool) -> None:
    block = ConvolutionResidual(3, 4, kernel_size=5, dropout=0.0).train(training)
    hidden = random(2, 9, 3)
    alone = block(hidden, real([9, 5], 9))
    padded = block(nn.functional.pad(hidden, (0, 0, 0, 4), value=3.0), real([9, 5], 13))
    torch.testing.assert_close(padded[:, :9], alone)
    assert not padded[:, 9:].any()


def stack(limit: int) -> Interleaved:
    def block() -> AttentionBlock:
        return AttentionBlock(8, 2, intermediate_size=12, kernel_size=3, dropout=0.0)

    torch.manual_seed(0)
    return Interleaved(LearnedPositions(limit, 8), 2, block).eval()


@torch.no_grad()
@given(lengths_of_rows)
def test_a_row_is_read_alone_as_in_a_batch_however_many_windows_it_takes(lengths: list[int]) -> None:
    blocks, hidden = stack(16), random(len(lengths), max(lengths), 8)
    together = blocks(hidden, torch.tensor(lengths))
    assert torch.isfinite(together).all()
    for row, length in enumerate(lengths):
        assert not together[row, length:].any()
        if length:
            alone = blocks(hidden[row : row + 1, :length], torch.tensor([length]))
            torch.testing.assert_close(together[row, :length], alone[0], rtol=1e-5, atol=1e-5)


def test_a_mean_of_rows_is_the_mean_of_what_they_give_alone() -> None:
    errors = torch.tensor([[1.0, 3.0, 100.0], [5.0, 100.0, 100.0]])
    assert float(mean_of_rows(errors, real([2, 1], 3))) == pytest.approx((2.0 + 5.0) / 2)


@torch.no_grad()
def test_durations_do_not_depend_on_padding() -> None:
    predict = RecurrentDurations(4, 6, num_layers=2, dropout=0.1).eval()
    hidden = random(2, 7, 4)
    together = predict(hidden, torch.tensor([7, 3]))
    torch.testing.assert_close(together[1, :3], predict(hidden[1:, :3], torch.tensor([3]))[0])
    assert (together >= 0).all()
