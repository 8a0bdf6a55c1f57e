"""Rows of different lengths -> one padded batch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from toktts.errors import TrainingError

IGNORED = -100  # torch.nn.functional.cross_entropy leaves these labels out


@dataclass(frozen=True)
class Collator:
    """Pads rows to the longest of their batch; pure, so the same rows always give the same batch.

    Args:
        pad_token_id: stands in `input_ids` behind the end of a text.
    """

    pad_token_id: int

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
        """Batch rows that have `input_ids` (a list) and `codes` (n_codebooks, n_frames); other columns are dropped.

        Returns:
            `input_ids` and `attention_mask` int64 (batch, text_length), 1 = real; `labels` int64
            (batch, n_codebooks, n_frames), -100 behind the end of a clip.
        Raises:
            TrainingError: no row, a row without text or frames (named), or rows of different codecs.
        """
        if not rows:
            raise TrainingError("batch holds no rows; check the batch size and the split")
        # Copied, because rows of a datasets.Dataset are read-only views that torch warns of.
        texts = [torch.from_numpy(np.array(row["input_ids"], dtype=np.int64)) for row in rows]
        codes = [torch.from_numpy(np.array(row["codes"], dtype=np.int64)) for row in rows]
        _check(rows, texts, codes)
        input_ids = torch.full((len(rows), max(map(len, texts))), self.pad_token_id)
        attention_mask = torch.zeros_like(input_ids)
        labels = torch.full((len(rows), len(codes[0]), max(clip.shape[1] for clip in codes)), IGNORED)
        for index, (text, clip) in enumerate(zip(texts, codes, strict=True)):
            input_ids[index, : len(text)] = text
            attention_mask[index, : len(text)] = 1
            labels[index, :, : clip.shape[1]] = clip
        return {"input_ids": input_ids, "attention_mask": attention_mask, "labels": labels}


def _check(rows: Sequence[Mapping[str, Any]], texts: list[Tensor], codes: list[Tensor]) -> None:
    for row, text, clip in zip(rows, texts, codes, strict=True):
        name = str(row.get("id", "a row"))
        if not len(text):
            raise TrainingError("has no text; leave it out of the corpus", key=name)
        if clip.ndim != 2 or not clip.shape[1]:
            raise TrainingError(
                f"codes have shape {tuple(clip.shape)}, not (n_codebooks, n_frames); cache again", key=name
            )
        if len(clip) != len(codes[0]):
            raise TrainingError(
                f"has {len(clip)} codebooks, the batch's first row {len(codes[0])}; use one token cache", key=name
            )
