"""Means over what is real: padding never counts.

`toknar`, `tokar` and `tokflat` count all codes, frames and units of a batch alike, as a likelihood does.
`fastspeech2` and `nonattentive` count all rows alike: so several gathered batches of as many rows each have the
gradient of one large batch, and a row that of its own.
"""

from torch import Tensor


def mean_of_batch(errors: Tensor, is_real: Tensor) -> Tensor:
    """Average the errors over all real positions: long rows say more than short ones.

    Args:
        errors: any shape, finite also where they do not count.
        is_real: bool, same shape.
    """
    return (errors * is_real).sum() / is_real.sum().clamp(min=1)


def mean_of_rows(errors: Tensor, is_real: Tensor) -> Tensor:
    """Average the errors of each row over its real positions, then the rows: the mean of what each gives alone.

    Args:
        errors: (batch, n_positions), finite also where they do not count.
        is_real: bool, same shape.
    """
    counts = is_real.sum(dim=1).clamp(min=1)
    return ((errors * is_real).sum(dim=1) / counts).mean()
