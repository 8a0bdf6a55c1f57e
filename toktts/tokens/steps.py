"""Codes (batch, n_codebooks, n_frames) <-> decoder steps (batch, n_steps, n_codebooks), -100 where there is no code."""

import torch
from torch import Tensor

from toktts.tokens.layouts import delay, undelay

HOLE = -100
FRAME_A_STEP = ("parallel", "stacked")


def n_steps(layout: str, n_frames: int, n_codebooks: int) -> int:
    """Decoder steps that `n_frames` frames take."""
    if layout == "flat":
        return n_frames * n_codebooks
    return n_frames + n_codebooks - 1 if layout == "delay" and n_frames else n_frames


def steps_from_codes(layout: str, codes: Tensor) -> Tensor:
    """Lay codes out over decoder steps.

    Args:
        layout: one of `LAYOUTS`; several frames of `stacked` at one step are stacked before.
        codes: int64 (batch, n_codebooks, n_frames), padded at the end with -100.
    Returns:
        int64 (batch, n_steps, n_codebooks); codebook k stands in column k.
    """
    if layout == "delay":
        return delay(codes, fill=HOLE).transpose(1, 2)
    if layout in FRAME_A_STEP:
        return codes.transpose(1, 2)
    batch, n_codebooks, n_frames = codes.shape
    steps = codes.new_full((batch, n_frames, n_codebooks, n_codebooks), HOLE)
    book = torch.arange(n_codebooks, device=codes.device)
    steps[:, :, book, book] = codes.transpose(1, 2)
    return steps.flatten(1, 2)


def steps_to_codes(layout: str, steps: Tensor, *, n_frames: int) -> Tensor:
    """Undo `steps_from_codes`; what stands in holes is ignored.

    Args:
        layout: one of `LAYOUTS`.
        steps: int64 (batch, n_steps, n_codebooks).
        n_frames: frames wanted, at most as many as the steps hold.
    Returns:
        int64 (batch, n_codebooks, n_frames).
    """
    if layout == "delay":
        return undelay(steps.transpose(1, 2))[:, :, :n_frames]
    if layout in FRAME_A_STEP:
        return steps.transpose(1, 2)[:, :, :n_frames]
    batch, _, n_codebooks = steps.shape
    book = torch.arange(n_codebooks, device=steps.device)
    grid = steps[:, : n_frames * n_codebooks].view(batch, n_frames, n_codebooks, n_codebooks)
    return grid[:, :, book, book].transpose(1, 2)
