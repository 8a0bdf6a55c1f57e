"""How wrong the codes of a batch are, where some codebooks may count more than others."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from toktts.errors import ModelError
from toktts.models._labels import real_frames
from toktts.models.modules.averages import mean_of_rows


def check_code_weights(weights: Sequence[float] | None, n_codebooks: int) -> None:
    """Refuse weights that are not of these codebooks.

    Raises:
        ModelError: too many, or one that is not above 0.
    """
    if weights is not None and (len(weights) > n_codebooks or not all(weight > 0 for weight in weights)):
        raise ModelError(
            f"{list(weights)} are no weights of {n_codebooks} codebooks; write one number above 0 for each",
            key="code_weights",
        )


def weights_of_books(weights: Sequence[float] | None, n_codebooks: int) -> list[float] | None:
    """Give each codebook its weight, 1 where none is written; None = all alike."""
    return None if weights is None else [*weights, *[1.0] * (n_codebooks - len(weights))]


def code_loss(logits: Tensor, targets: Tensor, weights: Sequence[float] | None = None) -> Tensor:
    """Average the cross-entropy of all codes, each with the weight of its codebook: long rows say more than short ones.

    Args:
        logits: (batch, n_steps, codes per step, codebook_size).
        targets: int64 (batch, n_steps, codes per step), -100 where there is no code.
        weights: of the codes of a step; None = all alike.
    Returns:
        A scalar.
    """
    if weights is None:
        total = nn.functional.cross_entropy(
            logits.float().flatten(0, 2), targets.flatten(), ignore_index=-100, reduction="sum"
        )
        return total / (targets != -100).sum().clamp(min=1)
    losses = nn.functional.cross_entropy(
        logits.float().flatten(0, 2), targets.flatten(), ignore_index=-100, reduction="none"
    ).view(targets.shape)
    weight = torch.tensor(weights, device=logits.device)
    return (losses * weight).sum() / (weight * (targets != -100)).sum().clamp(min=1e-9)


def code_loss_of_rows(logits: Tensor, labels: Tensor, weights: Sequence[float] | None = None) -> Tensor:
    """Average the cross-entropy of the codes of each row, then the rows: the mean of what each gives alone.

    Args:
        logits: (batch, n_frames, n_codebooks, codebook_size).
        labels: int64 (batch, n_codebooks, n_frames), -100 is not counted.
        weights: of the codebooks; missing ones are 1.
    Returns:
        A scalar.
    """
    filled = torch.tensor(weights_of_books(weights or [], logits.shape[2]), device=logits.device)
    # Classes stand in dimension 1: (batch, codebook_size, n_codebooks, n_frames).
    errors = nn.functional.cross_entropy(
        logits.float().permute(0, 3, 2, 1), labels, ignore_index=-100, reduction="none"
    )
    weighted = (errors * filled[:, None]).sum(dim=1) / filled.sum()
    return mean_of_rows(weighted, real_frames(labels))
