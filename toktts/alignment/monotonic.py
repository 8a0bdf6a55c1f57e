"""Which frame says which text unit, found without labels: prior, loss and search.

Units are said in order, none is skipped, and each lasts at least one frame. A soft alignment is learned by the
forward-sum loss and hardened by dynamic programming.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

BLANK_LOGIT = -1.0
FORBIDDEN = -1e9


def length_mask(lengths: Tensor, size: int) -> Tensor:
    """Give bool (batch, size), True where the index lies below the row's length (batch,)."""
    return torch.arange(size, device=lengths.device) < lengths[:, None]


def beta_binomial_log_prior(
    n_units: Tensor, n_frames: Tensor, *, size: tuple[int, int] | None = None, scale: float = 1.0
) -> Tensor:
    """Log-probability of each unit at each frame if speech ran at an even pace: a band along the diagonal.

    Args:
        n_units: int64 (batch,).
        n_frames: int64 (batch,).
        size: frames and units of the result; None = those of the longest rows.
        scale: larger = narrower band.
    Returns:
        float32 (batch, total frames, total units); `FORBIDDEN` behind a row's last unit.
    Source: Shih et al. 2021 (RAD-TTS), section 3.1.2; Badlani et al. 2021, arXiv:2108.10447, equation 7.
    """
    total_frames, total_units = size or (int(n_frames.max()), int(n_units.max()))
    frames = torch.arange(total_frames, device=n_frames.device)[None, :, None]
    units = torch.arange(total_units, device=n_units.device)[None, None, :].float()
    last = (n_units - 1).float()[:, None, None]
    # Frames behind a row's end get the shape of its last frame; nobody reads them.
    alpha = scale * (frames + 1.0)
    beta = scale * (n_frames[:, None, None] - frames).clamp_min(1).float()
    rest = (last - units).clamp_min(0)
    log_choose = torch.lgamma(last + 1) - torch.lgamma(units + 1) - torch.lgamma(rest + 1)
    log_prior = log_choose + _log_beta(units + alpha, rest + beta) - _log_beta(alpha, beta)
    return log_prior.masked_fill(units > last, FORBIDDEN)


def _log_beta(a: Tensor, b: Tensor) -> Tensor:
    return torch.lgamma(a) + torch.lgamma(b) - torch.lgamma(a + b)


def forward_sum_loss(scores: Tensor, n_units: Tensor, n_frames: Tensor) -> Tensor:
    """Score all monotonic alignments together, as connectionist temporal classification of the unit positions.

    Args:
        scores: (batch, n_frames, n_units), any real numbers; columns behind a row's last unit are ignored.
        n_units: int64 (batch,).
        n_frames: int64 (batch,), at least n_units each.
    Returns:
        Scalar: mean over the rows of the negative log-likelihood a unit.
    Source: Badlani et al. 2021, arXiv:2108.10447, section 2.2.
    """
    outside = ~length_mask(n_units, scores.shape[2])
    padded = torch.nn.functional.pad(scores.float().masked_fill(outside[:, None], FORBIDDEN), (1, 0), value=BLANK_LOGIT)
    log_probs = padded.log_softmax(dim=2).transpose(0, 1)
    targets = torch.arange(1, scores.shape[2] + 1, device=scores.device).expand(len(scores), -1)
    loss = torch.nn.functional.ctc_loss(log_probs, targets, n_frames, n_units, reduction="none")
    return (loss / n_units).mean()


@torch.no_grad()
def search(scores: Tensor, n_units: Tensor, n_frames: Tensor) -> Tensor:
    """Find the best monotonic alignment of every row, by dynamic programming over the frames.

    Args:
        scores: (batch, n_frames, n_units), log-probabilities or any scores to be summed.
        n_units: int64 (batch,).
        n_frames: int64 (batch,), at least n_units each.
    Returns:
        int64 (batch, n_frames): the unit of each frame; starts at 0, ends at n_units - 1, never skips, never goes
        back. Frames behind a row's end stay at its last unit.
    Source: Kim et al. 2020 (Glow-TTS), arXiv:2005.11129, section 3.1.
    """
    batch, total_frames, total_units = scores.shape
    # NumPy: 600 steps of a few small operations cost it a quarter of what they cost torch.
    by_frame = np.ascontiguousarray(scores.detach().float().cpu().numpy().transpose(1, 0, 2))
    # Column 0 stands for "before the first unit", so that moving on is a shift by one column.
    padded = np.full((batch, total_units + 1), FORBIDDEN, dtype=np.float32)
    from_before, best = padded[:, :-1], padded[:, 1:]
    best[:, 0] = by_frame[0, :, 0]
    moved = np.zeros((total_frames, batch, total_units), dtype=np.bool_)
    better = np.empty_like(best)
    for frame in range(1, total_frames):
        np.greater(from_before, best, out=moved[frame])
        np.maximum(from_before, best, out=better)
        np.add(better, by_frame[frame], out=best)
    units = _trace_back(moved, n_units.cpu().numpy(), n_frames.cpu().numpy())
    return torch.from_numpy(units).to(n_units.device)


def _trace_back(moved: Bools, n_units: Ints, n_frames: Ints) -> Ints:
    """Follow the choices back from each row's last frame; `moved` is (n_frames, batch, n_units)."""
    total_frames = len(moved)
    rows = np.arange(len(n_units))
    unit = n_units.astype(np.int64) - 1
    units = np.repeat(unit[None], total_frames, axis=0)
    for frame in range(total_frames - 1, 0, -1):
        # With as many units left as frames, every frame must move, whatever the scores say.
        step_back = moved[frame, rows, unit] | (unit >= frame)
        step_back &= (frame < n_frames) & (unit > 0)
        unit = unit - step_back
        units[frame - 1] = unit
    return np.ascontiguousarray(units.T)
