"""Codes (batch, n_codebooks, n_frames) <-> the order in which a model predicts them.

- `flat`: one code a step, frame by frame, codebook 0 first: the reference's.
- `delay`: n_codebooks codes a step, codebook k of frame t at step t + k. Source: Copet et al. 2023, arXiv:2306.05284.
- `parallel`: the n_codebooks codes of one frame a step.
- `stacked`: the codes of one frame a step, or of several, for a model that writes the codes of a step in their order.

In all of them a frame's code k comes after, or together with, its code k - 1 (residual codebooks refine one another).
Nothing here looks at values, so padding (-100 at the end of a row) passes through.
"""

import torch
from torch import Tensor

from toktts.errors import ConfigError

LAYOUTS = ("flat", "delay", "parallel", "stacked")


def arrange(layout: str, codes: Tensor, *, fill: int, frames_per_step: int = 1) -> Tensor:
    """Bring codes into a layout.

    Args:
        layout: one of `LAYOUTS`.
        codes: (batch, n_codebooks, n_frames).
        fill: what stands where a step has no code (`delay`, and the last step of `stacked`).
        frames_per_step: of `stacked`.
    Returns:
        code_ids (batch, n_steps, codes per step).
    Raises:
        ConfigError: an unknown layout.
    """
    if layout == "flat":
        return flatten(codes)[..., None]
    if layout == "delay":
        return delay(codes, fill=fill).transpose(1, 2)
    if layout == "parallel":
        return codes.transpose(1, 2)
    if layout == "stacked":
        return stack(codes, frames_per_step, fill=fill).transpose(1, 2)
    raise _unknown(layout)


def restore(layout: str, code_ids: Tensor, *, n_codebooks: int) -> Tensor:
    """Undo `arrange`; steps of a frame that is not complete are dropped.

    Frames of nothing but `fill`, with which `stacked` completes its last step, stay at the end.

    Args:
        layout: one of `LAYOUTS`.
        code_ids: (batch, n_steps, codes per step).
        n_codebooks: codes per frame.
    Returns:
        codes (batch, n_codebooks, n_frames).
    Raises:
        ConfigError: an unknown layout.
    """
    if layout == "flat":
        return unflatten(code_ids[..., 0], n_codebooks)
    if layout == "delay":
        return undelay(code_ids.transpose(1, 2))
    if layout == "parallel":
        return code_ids.transpose(1, 2)
    if layout == "stacked":
        return unstack(code_ids.transpose(1, 2), n_codebooks)
    raise _unknown(layout)


def _unknown(layout: str) -> ConfigError:
    return ConfigError(f"unknown layout {layout!r}; write one of {', '.join(LAYOUTS)}", key="model.layout")


def flatten(codes: Tensor) -> Tensor:
    """Interleave: frame 0 codebook 0, frame 0 codebook 1, ..., frame 1 codebook 0, ...

    >>> flatten(torch.tensor([[1, 3, 5], [2, 4, 6]]))
    tensor([1, 2, 3, 4, 5, 6])

    Args:
        codes: (..., n_codebooks, n_frames).
    Returns:
        (..., n_codebooks * n_frames).
    """
    return codes.transpose(-1, -2).flatten(-2)


def unflatten(code_ids: Tensor, n_codebooks: int) -> Tensor:
    """Undo `flatten`, dropping codes at the end that do not fill a frame.

    Args:
        code_ids: (..., n_codes).
        n_codebooks: codes per frame.
    Returns:
        (..., n_codebooks, n_codes // n_codebooks).
    """
    n_frames = code_ids.shape[-1] // n_codebooks
    whole = code_ids[..., : n_frames * n_codebooks]
    return whole.reshape(*code_ids.shape[:-1], n_frames, n_codebooks).transpose(-1, -2)


def flat_labels(codes: Tensor, *, eos_id: int) -> Tensor:
    """Flatten codes of several lengths, with the end marked right behind each row's last code.

    Args:
        codes: int64 (batch, n_codebooks, n_frames), padded at the end with -100.
        eos_id: the end mark.
    Returns:
        int64 (batch, n_codebooks * n_frames + 1), padded at the end with -100.
    """
    flat = torch.nn.functional.pad(flatten(codes), (0, 1), value=-100)
    ends = (flat != -100).sum(dim=1, keepdim=True)
    return flat.scatter(1, ends, eos_id)


def restore_codes(code_ids: Tensor, *, n_codebooks: int, codebook_size: int) -> Tensor:
    """Read the codes off one generated flat row, whatever it holds.

    A start mark in front is dropped; the first id that is no code (end or start mark, padding) ends the row; codes
    that do not fill a frame are dropped.

    Args:
        code_ids: (n_ids,), any integers.
        n_codebooks: codes per frame.
        codebook_size: ids below it are codes, this one is the start mark.
    Returns:
        (n_codebooks, n_frames), all in [0, codebook_size).
    """
    if code_ids.numel() and int(code_ids[0]) == codebook_size:
        code_ids = code_ids[1:]
    is_special = (code_ids < 0) | (code_ids >= codebook_size)
    n_codes = int(is_special.long().argmax()) if bool(is_special.any()) else len(code_ids)
    return unflatten(code_ids[:n_codes], n_codebooks)


def delay(codes: Tensor, *, fill: int) -> Tensor:
    """Shift codebook k right by k steps.

    >>> delay(torch.tensor([[[1, 3], [2, 4]]]), fill=0)
    tensor([[[1, 3, 0],
             [0, 2, 4]]])

    Args:
        codes: (batch, n_codebooks, n_frames).
        fill: what stands before and behind the codes of a codebook.
    Returns:
        (batch, n_codebooks, n_frames + n_codebooks - 1).
    """
    batch, n_codebooks, n_frames = codes.shape
    delayed = codes.new_full((batch, n_codebooks, n_frames + n_codebooks - 1), fill)
    for codebook in range(n_codebooks):
        delayed[:, codebook, codebook : codebook + n_frames] = codes[:, codebook]
    return delayed


def undelay(delayed: Tensor) -> Tensor:
    """Undo `delay`; fewer steps than codebooks hold no whole frame.

    Args:
        delayed: (batch, n_codebooks, n_steps).
    Returns:
        (batch, n_codebooks, max(0, n_steps - n_codebooks + 1)).
    """
    _, n_codebooks, n_steps = delayed.shape
    n_frames = max(0, n_steps - n_codebooks + 1)
    shifted = [delayed[:, codebook, codebook : codebook + n_frames] for codebook in range(n_codebooks)]
    return torch.stack(shifted, dim=1)


def stack(codes: Tensor, frames_per_step: int, *, fill: int) -> Tensor:
    """Put the codes of neighbouring frames under one another, earlier frames first.

    >>> stack(torch.tensor([[[1, 3, 5], [2, 4, 6]]]), 2, fill=0)
    tensor([[[1, 5],
             [2, 6],
             [3, 0],
             [4, 0]]])

    Args:
        codes: (batch, n_codebooks, n_frames).
        frames_per_step: frames that become one.
        fill: what completes the last step.
    Returns:
        (batch, frames_per_step * n_codebooks, ceil(n_frames / frames_per_step)).
    """
    batch, n_codebooks, n_frames = codes.shape
    n_steps = -(-n_frames // frames_per_step)
    whole = torch.nn.functional.pad(codes, (0, n_steps * frames_per_step - n_frames), value=fill)
    grid = whole.view(batch, n_codebooks, n_steps, frames_per_step)
    return grid.permute(0, 3, 1, 2).reshape(batch, frames_per_step * n_codebooks, n_steps)


def unstack(stacked: Tensor, n_codebooks: int) -> Tensor:
    """Undo `stack`, but for frames of fill at the end.

    Args:
        stacked: (batch, frames per step * n_codebooks, n_steps).
        n_codebooks: codes per frame.
    Returns:
        (batch, n_codebooks, n_steps * frames per step).
    """
    batch, height, n_steps = stacked.shape
    grid = stacked.reshape(batch, height // n_codebooks, n_codebooks, n_steps)
    return grid.permute(0, 2, 3, 1).reshape(batch, n_codebooks, n_steps * (height // n_codebooks))
