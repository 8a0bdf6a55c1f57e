"""Rows of a token cache and the corpus they came from -> sentences with their features and recordings."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

import torch

from toktts.audio import Waveform
from toktts.audio.reading import read_clip
from toktts.data.collate import feature_of
from toktts.data.corpora._base import Utterance
from toktts.evaluation.samples import Example

if TYPE_CHECKING:
    from datasets import Dataset


def make_comparable(
    rows: "Dataset",
    corpus: Iterable[Utterance],
    *,
    sampling_rate: int,
    mono: Literal["error", "mean"] = "error",
) -> list[Example]:
    """Put codes and recordings side by side, each recording cut to what the codec heard of it.

    Args:
        rows: columns `id, text, n_samples` and `codes` or `mel`, one row an id.
        corpus: gone through until every id is found; ids it does not have get no recording.
        sampling_rate: Hz of the codec, which `n_samples` counts in.
        mono: what to do with several channels.
    Returns:
        In the order of the rows.
    """
    feature = feature_of(rows.column_names)
    wanted = dict(zip(rows["id"], rows["n_samples"], strict=True))
    recordings: dict[str, Waveform] = {}
    for utterance in corpus:
        if utterance.id in wanted:
            clip = read_clip(utterance.audio, sampling_rate=sampling_rate, mono=mono, report=lambda _finding: None)
            recordings[utterance.id] = Waveform(clip.samples[:, : wanted[utterance.id]], sampling_rate)
        if len(recordings) == len(wanted):
            break
    return [
        Example(
            id=row["id"],
            text=row["text"],
            codes=torch.tensor(row[feature], dtype=torch.long if feature == "codes" else torch.float32),
            recording=recordings.get(row["id"]),
        )
        for row in rows
    ]
