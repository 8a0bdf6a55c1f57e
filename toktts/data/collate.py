"""Rows of different lengths -> one padded batch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from toktts.errors import TrainingError

IGNORED = -100  # torch.nn.functional.cross_entropy leaves these labels out; no logarithm of a mel comes near
DTYPES: dict[str, type[np.generic]] = {"codes": np.int64, "mel": np.float32}


def feature_of(columns: Mapping[str, Any] | Sequence[str]) -> Literal["codes", "mel"]:
    """Say which features rows hold, by the names of their columns."""
    return "mel" if "mel" in columns else "codes"


@dataclass(frozen=True)
class Collator:
    """Pads rows to the longest of their batch; pure, so the same rows always give the same batch.

    Args:
        pad_token_id: stands in `input_ids` behind the end of a text.
    """

    pad_token_id: int

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
        """Batch rows that have `input_ids` (a list) and `codes` (n_codebooks, n_frames) or `mel` (n_mels, n_frames).

        Columns with another name than these and those below are dropped.

        Returns:
            `input_ids` and `attention_mask` int64 (batch, n_input_ids), 1 = real; `labels` int64
            (batch, n_codebooks, n_frames) or float32 (batch, n_mels, n_frames), -100 behind the end of a clip.
            Where the rows have them, `pitch` (Hz) and `energy` float32 (batch, n_frames), `durations` int64
            (batch, n_input_ids), 0 behind the end, `speaker_ids` int64 (batch,) and `speaker_vectors` float32
            (batch, size), of the columns `speaker_id` and `speaker_vector`.
        Raises:
            TrainingError: no row, a row without text or frames (named), rows of different codecs, or a row whose
                pitch, energy or durations do not fit its frames and ids.
        """
        if not rows:
            raise TrainingError("batch holds no rows; check the batch size and the split")
        feature = feature_of(rows[0])
        texts = [_tensor(row["input_ids"], np.int64) for row in rows]
        clips = [_tensor(row[feature], DTYPES[feature]) for row in rows]
        _check(rows, texts, clips, feature)
        lengths = torch.tensor([len(text) for text in texts])
        batch = {
            "input_ids": _pad(texts, self.pad_token_id),
            "attention_mask": (torch.arange(int(lengths.max())) < lengths[:, None]).long(),
            "labels": _pad(clips, IGNORED),
        }
        for name in ("pitch", "energy"):
            if name in rows[0]:
                tracks = [_tensor(row[name], np.float32) for row in rows]
                batch[name] = _pad(_of_length(tracks, rows, name, [clip.shape[1] for clip in clips]), 0)
        if "durations" in rows[0]:
            durations = [_tensor(row["durations"], np.int64) for row in rows]
            batch["durations"] = _pad(_of_length(durations, rows, "durations", lengths.tolist()), 0)
        if "speaker_id" in rows[0]:
            batch["speaker_ids"] = torch.tensor([int(row["speaker_id"]) for row in rows])
        if "speaker_vector" in rows[0]:
            batch["speaker_vectors"] = torch.stack([_tensor(row["speaker_vector"], np.float32) for row in rows])
        return batch


def _tensor(values: Any, dtype: type[np.generic]) -> Tensor:
    # Copied, because rows of a datasets.Dataset are read-only views that torch warns of.
    return torch.from_numpy(np.array(values, dtype=dtype))


def _pad(rows: list[Tensor], value: float) -> Tensor:
    """Stack rows (..., length), filling them up behind their ends."""
    longest = max(row.shape[-1] for row in rows)
    return torch.stack([torch.nn.functional.pad(row, (0, longest - row.shape[-1]), value=value) for row in rows])


def _check(rows: Sequence[Mapping[str, Any]], texts: list[Tensor], clips: list[Tensor], feature: str) -> None:
    n_values, unit = ("n_codebooks", "codebooks") if feature == "codes" else ("n_mels", "bands")
    for row, text, clip in zip(rows, texts, clips, strict=True):
        name = str(row.get("id", "a row"))
        if not len(text):
            raise TrainingError("has no text; leave it out of the corpus", key=name)
        if clip.ndim != 2 or not clip.shape[1]:
            raise TrainingError(
                f"{feature} have shape {tuple(clip.shape)}, not ({n_values}, n_frames); cache again", key=name
            )
        if len(clip) != len(clips[0]):
            raise TrainingError(
                f"has {len(clip)} {unit}, the batch's first row {len(clips[0])}; use one token cache", key=name
            )


def _of_length(
    tracks: list[Tensor], rows: Sequence[Mapping[str, Any]], column: str, lengths: Sequence[int]
) -> list[Tensor]:
    for track, row, length in zip(tracks, rows, lengths, strict=True):
        if track.shape != (length,):
            name = str(row.get("id", "a row"))
            raise TrainingError(f"{column} has shape {tuple(track.shape)}, not ({length},); cache again", key=name)
    return tracks
