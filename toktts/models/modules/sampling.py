"""Draw codes so that a row's result depends on its text and the seed, never on its neighbours."""

import hashlib
from typing import Any

import torch
from torch import Tensor
from transformers import GenerationConfig
from transformers.generation.logits_process import TopPLogitsWarper

from toktts.errors import ModelError

BLOCK = 256
"""Uniform numbers drawn at a time for each row."""
# The warper in use looks at scores only.
_NO_HISTORY: Any = None


class RowSampler:
    """Choose one code a row, greedily or by drawing from each row's own generator.

    Args:
        input_ids: int64 (batch, n_input_ids); a row's generator is seeded by its own ids.
        attention_mask: same shape, 0 = padding.
        generation: `do_sample`, `temperature`, `top_k`, `top_p`; beams are refused.
        seed: laid over the ids; None = a fresh one from torch's own generator.
    """

    def __init__(
        self, input_ids: Tensor, attention_mask: Tensor, *, generation: GenerationConfig, seed: int | None
    ) -> None:
        if (generation.num_beams or 1) > 1:
            raise ModelError("this family has no beam search; leave num_beams at 1", key="num_beams")
        self.do_sample = bool(generation.do_sample)
        self.temperature = 1.0 if generation.temperature is None else float(generation.temperature)
        self.top_k = generation.top_k or 0
        is_cut = generation.top_p is not None and generation.top_p < 1.0
        self.top_p = TopPLogitsWarper(generation.top_p) if is_cut else None
        base = int(torch.randint(2**31, ())) if seed is None and generation.do_sample else (seed or 0)
        self.generators = [
            torch.Generator(device="cpu").manual_seed(_row_seed(base, ids[mask.bool()].tolist()))
            for ids, mask in zip(input_ids, attention_mask, strict=True)
        ]
        self._device = input_ids.device
        self._numbers, self._taken = torch.zeros(len(input_ids), 0), 0

    def draw(self, logits: Tensor) -> Tensor:
        """Choose a code of each row and codebook: (batch, ..., codebook_size) -> int64 (batch, ...)."""
        if not self.do_sample:
            return logits.argmax(dim=-1)
        shape = logits.shape[:-1]
        return self._choose(logits, self._take(shape.numel() // shape[0]).view(shape))

    def draw_frames(self, logits: Tensor) -> Tensor:
        """Choose a code of each frame: (batch, n_frames, codebook_size) -> int64 (batch, n_frames).

        A row draws the same however much padding follows it, now and in the calls to come.
        """
        if not self.do_sample:
            return most_likely(logits)
        seeds = [int(torch.randint(2**62, (), generator=generator)) for generator in self.generators]
        fresh = [torch.Generator(device="cpu").manual_seed(seed) for seed in seeds]
        return self._choose(logits, _uniform(fresh, logits.shape[1]).to(logits.device))

    def _take(self, count: int) -> Tensor:
        """Next uniform numbers of each row, (batch, count); drawn in blocks, for a call costs more than a number."""
        if self._taken + count > self._numbers.shape[1]:
            self._numbers = _uniform(self.generators, max(BLOCK, count)).to(self._device)
            self._taken = 0
        numbers = self._numbers[:, self._taken : self._taken + count]
        self._taken += count
        return numbers

    def _choose(self, logits: Tensor, numbers: Tensor) -> Tensor:
        """Draw by inverting the cumulated probabilities at `numbers`, in order of the codes.

        In that order, and not from the likeliest down, logits that differ in their last bit move a draw hardly ever.
        """
        codes = None
        if self.top_k and self.top_k < logits.shape[-1]:
            logits, likeliest = logits.topk(self.top_k, dim=-1, sorted=False)
            codes, order = likeliest.sort(dim=-1)
            logits = logits.gather(-1, order)
        scores = logits.float() / self.temperature
        if self.top_p is not None:
            scores = self.top_p(_NO_HISTORY, scores.flatten(0, -2)).view(scores.shape)
        reached = scores.softmax(dim=-1).cumsum(dim=-1)
        place = (reached <= numbers[..., None] * reached[..., -1:]).sum(dim=-1)
        return place if codes is None else codes.gather(-1, place[..., None])[..., 0]


def most_likely(logits: Tensor) -> Tensor:
    """Give the place of the largest number, the first of several: (..., codebook_size) -> int64 (...).

    numpy's way on the CPU is nine times as fast as torch's, forty times for bfloat16.
    """
    if logits.device.type != "cpu":
        return logits.argmax(dim=-1)
    return torch.from_numpy(logits.detach().float().numpy().argmax(axis=-1))


def _uniform(generators: list[torch.Generator], count: int) -> Tensor:
    """Draw (batch, count) numbers from [0, 1), so far from 1 that a product with them is smaller than the factor."""
    return torch.stack([torch.rand(count, generator=generator) for generator in generators]).clamp_(max=1 - 1e-6)


def _row_seed(seed: int, ids: list[int]) -> int:
    digest = hashlib.sha256(f"{seed}:{ids}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
