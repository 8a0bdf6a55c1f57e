"""Draw codes so that a row's result depends on its text and the seed, never on its neighbours."""

import hashlib
from typing import Any

import torch
from torch import Tensor
from transformers import GenerationConfig
from transformers.generation.logits_process import (
    LogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from toktts.errors import ModelError

# The warpers in use look at scores only.
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
        self.warpers = _warpers(generation) if generation.do_sample else None
        base = int(torch.randint(2**31, ())) if seed is None and generation.do_sample else (seed or 0)
        self.generators = [
            torch.Generator(device="cpu").manual_seed(_row_seed(base, ids[mask.bool()].tolist()))
            for ids, mask in zip(input_ids, attention_mask, strict=True)
        ]

    def draw(self, logits: Tensor) -> Tensor:
        """Choose a code of each row: (batch, codebook_size) -> int64 (batch,)."""
        if self.warpers is None:
            return logits.argmax(dim=1)
        noise = torch.stack([torch.rand(logits.shape[1], generator=generator) for generator in self.generators])
        return (self._warp(logits) + _gumbel(noise).to(logits.device)).argmax(dim=1)

    def draw_frames(self, logits: Tensor) -> Tensor:
        """Choose a code of each frame: (batch, n_frames, codebook_size) -> int64 (batch, n_frames)."""
        if self.warpers is None:
            return logits.argmax(dim=2)
        scores = self._warp(logits.flatten(0, 1)).view(logits.shape)
        drawn = logits.new_zeros(logits.shape[:2], dtype=torch.long)
        for frame in range(logits.shape[1]):
            # Frame by frame, so that a row draws the same however much padding follows it.
            noise = torch.stack([torch.rand(logits.shape[2], generator=generator) for generator in self.generators])
            drawn[:, frame] = (scores[:, frame] + _gumbel(noise).to(scores.device)).argmax(dim=1)
        return drawn

    def _warp(self, logits: Tensor) -> Tensor:
        scores = logits.float()
        for warper in self.warpers or ():
            scores = warper(_NO_HISTORY, scores)
        return scores


def _gumbel(noise: Tensor) -> Tensor:
    """Noise whose sum with scores is largest at a draw from their softmax; `noise` is uniform in [0, 1)."""
    return -torch.log(-torch.log(noise.clamp(1e-9, 1 - 1e-7)))


def _warpers(generation: GenerationConfig) -> list[LogitsProcessor]:
    # A plain list: LogitsProcessorList looks at the signature of each of them at every call.
    warpers: list[LogitsProcessor] = []
    if generation.temperature is not None and generation.temperature != 1.0:
        warpers.append(TemperatureLogitsWarper(float(generation.temperature)))
    if generation.top_k:
        warpers.append(TopKLogitsWarper(generation.top_k))
    if generation.top_p is not None and generation.top_p < 1.0:
        warpers.append(TopPLogitsWarper(generation.top_p))
    return warpers


def _row_seed(seed: int, ids: list[int]) -> int:
    digest = hashlib.sha256(f"{seed}:{ids}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
