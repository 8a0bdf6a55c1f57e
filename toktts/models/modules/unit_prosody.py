"""Pitch and energy of text units: learned from recordings, predicted from text, told to the decoder as vectors."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from toktts.models.modules.averages import mean_of_batch
from toktts.models.modules.prosody import KINDS, Kind, ProsodyScale, frame_scores, unit_scores
from toktts.models.modules.variance import Variance, VariancePredictor


class UnitProsody(nn.Module):
    """Predicts pitch and energy of each text unit, and adds a vector for each to what was read of the text.

    Args:
        size: channels of the text.
        dropout: share dropped in the predictors while training.
        n_buckets: steps that pitch and energy are told in.

    Source: Ren et al. 2021 (FastSpeech 2), arXiv:2006.04558, section 2.3; Łańcucki 2021, arXiv:2006.06873, section 2.
    """

    def __init__(self, size: int, *, dropout: float, n_buckets: int = 256) -> None:
        super().__init__()
        self.variances = nn.ModuleDict(
            {
                kind: Variance(
                    kind,
                    VariancePredictor(size, channels=[size, size], kernel_size=3, dropout=dropout),
                    n_buckets=n_buckets,
                    spacing="log",
                    size=size,
                )
                for kind in KINDS
            }
        )

    def fit(self, pitch: Iterable[Tensor], energy: Iterable[Tensor]) -> None:
        """Set the scales from training clips: Hz (0 = unvoiced) and norms of the spectrum, 1-D each.

        Raises:
            ModelError: values that do not differ, or are not finite.
        """
        for kind, clips in zip(KINDS, (pitch, energy), strict=True):
            self._scale(kind).fit(clips)

    def _scale(self, kind: str) -> ProsodyScale:
        scale: Any = self.variances[kind].scale
        assert isinstance(scale, ProsodyScale)
        return scale

    def learn(
        self, encoded: Tensor, is_text: Tensor, tracks: Mapping[Kind, Tensor | None], *, path: Tensor, is_real: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Tell the pitch and energy that were recorded, and score the predicted ones; what is not given is predicted.

        Args:
            encoded: (batch, n_units, size).
            is_text: bool (batch, n_units).
            tracks: float (batch, n_frames), natural values; None = not known.
            path: int64 (batch, n_frames), the unit of each frame.
            is_real: bool (batch, n_frames).
        Returns:
            (batch, n_units, size), the text with the vectors; and the mean squared error of standard scores of
            all units, scalar.
        """
        told, losses = encoded, [encoded.new_zeros((), dtype=torch.float32)]
        for kind in KINDS:
            track = tracks.get(kind)
            teacher = counted = None
            if track is not None:
                scores, speaks = frame_scores(self._scale(kind), track.float(), is_real)
                teacher, counted = unit_scores(scores, speaks, path, is_real, n_units=encoded.shape[1])
            # While units are not yet told apart, their means are noise, which must not shape what is read of the text.
            vectors, predicted = self.variances[kind](encoded.detach(), is_text, teacher=teacher)
            told = told + vectors
            if teacher is not None and counted is not None:
                losses.append(mean_of_batch((predicted - teacher).square(), counted & is_text))
        return told, torch.stack(losses).sum()

    def speak(self, encoded: Tensor, is_text: Tensor, factors: Mapping[Kind, float]) -> Tensor:
        """Tell the predicted pitch and energy, times these factors on their natural values; see `learn`."""
        told = encoded
        for kind in KINDS:
            vectors, _ = self.variances[kind](encoded, is_text, factor=factors[kind])
            told = told + vectors
        return told
