"""How wrong the codes of a batch are, where some codebooks may count more than others."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from toktts.errors import ModelError


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


def code_loss(logits: Tensor, targets: Tensor, weights: Sequence[float] | None = None) -> Tensor:
    """Average the cross-entropy of all codes, each with the weight of its codebook.

    Args:
        logits: (batch, n_steps, codes per step, codebook_size).
        targets: int64 (batch, n_steps, codes per step), -100 where there is no code.
        weights: of the codes of a step; None = all alike.
    Returns:
        A scalar.
    """
    if weights is None:
        return nn.functional.cross_entropy(logits.float().flatten(0, 2), targets.flatten(), ignore_index=-100)
    losses = nn.functional.cross_entropy(
        logits.float().flatten(0, 2), targets.flatten(), ignore_index=-100, reduction="none"
    ).view(targets.shape)
    weight = torch.tensor(weights, device=logits.device)
    return (losses * weight).sum() / (weight * (targets != -100)).sum()
