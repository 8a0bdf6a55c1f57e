"""Means over what is real: padding never counts, and a short row counts as much as a long one."""

from torch import Tensor


def mean_of_rows(errors: Tensor, is_real: Tensor) -> Tensor:
    """Average the errors of each row over its real positions, then the rows: the mean of what each gives alone.

    Args:
        errors: (batch, n_positions), finite also where they do not count.
        is_real: bool, same shape.
    """
    counts = is_real.sum(dim=1).clamp(min=1)
    return ((errors * is_real).sum(dim=1) / counts).mean()
