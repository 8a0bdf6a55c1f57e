"""A tiny `tokar`, some texts, and what it says of them."""

import torch
from transformers import GenerationConfig

from toktts.models.tokar import Tokar, TokarConfig

GREEDY = GenerationConfig(do_sample=False, max_new_tokens=96)
TEXTS = [[3, 4, 5, 1], [6, 1], [7, 8, 9, 10, 11, 12, 1], [3, 3, 1], [5, 1]]


def tiny(layout: str = "delay", **changes: object) -> Tokar:
    """A tiny model whose pointer moves after a few frames, not after as many as it may."""
    small = Tokar.tiny()
    config = TokarConfig(**{**small.config.to_dict(), "layout": layout, **changes})
    torch.manual_seed(0)
    model = Tokar(config).eval().attach_codec(small.codec)
    torch.nn.init.constant_(model.advance_head.bias, -1.0)
    torch.nn.init.normal_(model.advance_head.weight, std=0.5)
    return model


def padded(rows: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    ids = [torch.tensor(row) for row in rows]
    mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(row) for row in ids], batch_first=True)
    return torch.nn.utils.rnn.pad_sequence(ids, batch_first=True), mask


def speak(model: Tokar, rows: list[list[int]], **wish: object) -> list[torch.Tensor]:
    """Codes of each text, without padding."""
    ids, mask = padded(rows)
    speech = model.generate(ids, attention_mask=mask, output_audio=False, **wish)
    return [codes[:, :n] for codes, n in zip(speech.features, speech.n_frames.tolist(), strict=True)]
