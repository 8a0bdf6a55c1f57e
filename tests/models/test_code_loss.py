from collections.abc import Callable
from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_tokar import TEXTS, padded, tiny

from toktts.errors import ModelError
from toktts.models._code_loss import code_loss, code_loss_of_rows
from toktts.models.fastspeech2 import FastSpeech2Config
from toktts.models.tokar import TokarConfig
from toktts.models.toknar import ToknarConfig


def batch(n_columns: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    targets = torch.randint(0, 5, (2, 4, n_columns), generator=generator)
    targets[1, 2:] = -100
    return torch.randn(2, 4, n_columns, 5, generator=generator), targets


@given(n_columns=st.integers(1, 4), weight=st.floats(0.1, 10), seed=st.integers(0, 99))
def test_equal_weights_change_nothing(n_columns: int, weight: float, seed: int) -> None:
    logits, targets = batch(n_columns, seed)
    torch.testing.assert_close(code_loss(logits, targets, [weight] * n_columns), code_loss(logits, targets))


@given(first=st.floats(0.1, 10), second=st.floats(0.1, 10), seed=st.integers(0, 99))
def test_the_loss_is_the_weighted_mean_of_the_losses_of_the_codebooks(first: float, second: float, seed: int) -> None:
    logits, targets = batch(2, seed)
    alone = [code_loss(logits[:, :, [book]], targets[:, :, [book]]) for book in range(2)]
    wanted = (first * alone[0] + second * alone[1]) / (first + second)
    torch.testing.assert_close(code_loss(logits, targets, [first, second]), wanted)


def test_a_column_without_any_code_has_no_say() -> None:
    logits, targets = batch(2, 0)
    targets[:, :, 1] = -100
    torch.testing.assert_close(code_loss(logits, targets, [1.0, 3.0]), code_loss(logits[:, :, :1], targets[:, :, :1]))


def test_tokar_weighs_its_codebooks_and_begins_again_with_each_frame_of_a_step() -> None:
    config = TokarConfig(layout="stacked", frames_per_step=2, n_codebooks=3, code_weights=[2.0, 0.5])
    assert config.column_weights == [2.0, 0.5, 1.0, 2.0, 0.5, 1.0]
    assert TokarConfig().column_weights is None
    ids, mask = padded(TEXTS[:2])
    labels = torch.randint(0, 16, (2, 2, 12), generator=torch.Generator().manual_seed(0))
    weighted = tiny("delay", code_weights=[3.0])
    output = weighted(input_ids=ids, attention_mask=mask, labels=labels)
    columns = torch.stack([labels[:, 0], labels[:, 1]], dim=1)
    logits = torch.stack([output.logits[:, :12, 0], output.logits[:, 1:, 1]], dim=2)
    wanted = code_loss(logits, columns.transpose(1, 2), [3.0, 1.0])
    torch.testing.assert_close(output.code_loss, wanted)


@pytest.mark.parametrize("weights", [[1.0, 0.0], [-1.0], [1.0, 1.0, 1.0]])
@pytest.mark.parametrize("family", [TokarConfig, ToknarConfig, partial(FastSpeech2Config, feature="codes")])
def test_weights_that_are_none_are_refused(family: Callable[..., object], weights: list[float]) -> None:
    with pytest.raises(ModelError, match="are no weights of 2 codebooks; write one number above 0 for each"):
        family(n_codebooks=2, code_weights=weights)


def test_the_loss_of_a_row_is_the_weighted_cross_entropy_of_its_codebooks() -> None:
    logits, labels = torch.randn(1, 4, 2, 6), torch.tensor([[[1, 2, 3, -100], [0, 5, 1, -100]]])
    parts = [torch.nn.functional.cross_entropy(logits[0, :3, book], labels[0, book, :3]) for book in range(2)]
    torch.testing.assert_close(code_loss_of_rows(logits, labels, [3.0]), (3 * parts[0] + parts[1]) / 4)


def test_a_short_row_counts_as_much_as_a_long_one_in_the_loss_of_rows() -> None:
    logits = torch.randn(2, 4, 2, 6)
    labels = torch.randint(0, 6, (2, 2, 4))
    labels[1, :, 1:] = -100
    alone = [code_loss_of_rows(logits[row : row + 1], labels[row : row + 1]) for row in range(2)]
    torch.testing.assert_close(code_loss_of_rows(logits, labels), torch.stack(alone).mean())
    assert not torch.isclose(code_loss(logits, labels.transpose(1, 2)), torch.stack(alone).mean())
