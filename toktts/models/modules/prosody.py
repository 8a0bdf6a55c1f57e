"""Pitch and energy of frames and units, on the scale where a model predicts them."""

from collections.abc import Iterable
from typing import Final, Literal

import torch
from torch import Tensor, nn

from toktts.errors import ModelError

Kind = Literal["pitch", "energy"]
KINDS: Final[tuple[Kind, Kind]] = ("pitch", "energy")
# Guesses that hold for speech at a usual loudness until `ProsodyScale.fit` knows the voice: log Hz, log of 1 + energy.
GUESSES = {"pitch": (5.1, 0.35, 60.0, 500.0), "energy": (2.5, 1.3, 0.0, 300.0)}
LOWEST_HZ = 1.0
# Shares of the values that lie below the lowest and the highest edge: a few wrong frames shall not stretch the scale.
LOW, HIGH = 0.002, 0.998


class ProsodyScale(nn.Module):
    """Between natural values (Hz; norm of a spectrum) and standard scores of their logarithm.

    The mean, the standard deviation, and the lowest and highest natural value lie in a buffer, saved with the weights.

    Args:
        kind: pitch takes log(Hz), energy log(1 + energy), for it may be 0.
    """

    facts: Tensor

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self.kind = kind
        self.register_buffer("facts", torch.tensor(GUESSES[kind]))

    def scores(self, natural: Tensor) -> Tensor:
        """Give standard scores of natural values, any shape."""
        return (self._log(natural) - self.facts[0]) / self.facts[1]

    def natural(self, scores: Tensor) -> Tensor:
        """Undo `scores`."""
        logs = scores * self.facts[1] + self.facts[0]
        return logs.exp() if self.kind == "pitch" else (logs.exp() - 1).clamp(min=0.0)

    def scaled(self, scores: Tensor, factor: Tensor | float) -> Tensor:
        """Multiply what scores stand for by a factor on the natural values."""
        return self.scores(self.natural(scores) * factor)

    def edges(self, count: int, *, spacing: Literal["log", "linear"]) -> Tensor:
        """Divide the range of natural values: (count,) scores, evenly spaced in the logarithm or in the values."""
        low, high = self.facts[2], self.facts[3]
        share = torch.arange(count, device=self.facts.device) / max(1, count - 1)
        if spacing == "linear":
            return self.scores(low + (high - low) * share)
        first, last = self.scores(low), self.scores(high)
        return first + (last - first) * share

    def fit(self, clips: Iterable[Tensor]) -> None:
        """Set the scale from the natural values of a corpus; a pitch of 0 is not counted.

        Args:
            clips: 1-D float tensors.
        Raises:
            ModelError: fewer than two different values, or values that are not finite.
        """
        values = torch.cat([clip.flatten().double() for clip in clips] or [torch.zeros(0)])
        values = values[values > 0] if self.kind == "pitch" else values
        if not bool(torch.isfinite(values).all()) or len(values) < 2 or bool(values.min() == values.max()):
            raise ModelError(
                f"{self.kind} of the corpus has {len(values)} values that do not differ or are not finite; "
                f"look at the recordings, or set model.options.{self.kind}_level: none",
                key=f"model.options.{self.kind}_level",
            )
        logs = self._log(values)
        ordered = values.sort().values
        low, high = (ordered[round(share * (len(ordered) - 1))] for share in (LOW, HIGH))
        with torch.no_grad():
            self.facts.copy_(torch.stack([logs.mean(), logs.std(correction=0), low, high]))

    def _log(self, natural: Tensor) -> Tensor:
        return natural.clamp(min=LOWEST_HZ).log() if self.kind == "pitch" else natural.clamp(min=0.0).log1p()


def fill_unvoiced(pitch: Tensor, is_real: Tensor) -> Tensor:
    """Draw lines, in log pitch, through frames without pitch; the ends of a row are held.

    Args:
        pitch: Hz (batch, n_frames), 0 = unvoiced.
        is_real: bool, same shape; other frames are taken as unvoiced.
    Returns:
        Hz, same shape; 0 everywhere in a row that has no voiced frame.
    """
    voiced = (pitch > 0) & is_real
    n_frames = pitch.shape[1]
    frames = torch.arange(n_frames, device=pitch.device).expand_as(pitch)
    before = torch.where(voiced, frames, -1).cummax(dim=1).values
    after = torch.where(voiced, frames, n_frames).flip(1).cummin(dim=1).values.flip(1)
    left, right = torch.where(before < 0, after, before), torch.where(after == n_frames, before, after)
    left, right = left.clamp(0, n_frames - 1), right.clamp(0, n_frames - 1)
    share = ((frames - left) / (right - left).clamp(min=1)).to(pitch.dtype)
    logs = pitch.clamp(min=LOWEST_HZ).log()
    filled = torch.lerp(logs.gather(1, left), logs.gather(1, right), share.clamp(0, 1)).exp()
    return filled * voiced.any(dim=1, keepdim=True)


def unit_means(values: Tensor, path: Tensor, counted: Tensor, *, n_units: int) -> Tensor:
    """Average frames over their units.

    Args:
        values: float (batch, n_frames).
        path: int64 (batch, n_frames), the unit of each frame.
        counted: bool (batch, n_frames), False = padding.
        n_units: units of the longest row.
    Returns:
        float (batch, n_units); 0 for a unit without frames.
    """
    weights = counted.to(values.dtype)
    zeros = values.new_zeros(len(values), n_units)
    sums, counts = zeros.scatter_add(1, path, values * weights), zeros.scatter_add(1, path, weights)
    return sums / counts.clamp(min=1.0)


def frame_scores(scale: ProsodyScale, track: Tensor, is_real: Tensor) -> tuple[Tensor, Tensor]:
    """Give what a model is to learn of every frame.

    Args:
        scale: of pitch or energy.
        track: natural values, float (batch, n_frames); a pitch of 0 is unvoiced, and lines are drawn through it.
        is_real: bool (batch, n_frames), False = padding.
    Returns:
        Standard scores, same shape, 0 where there is nothing to learn; and bool, same shape, False there: at padding,
        and for pitch in a row without any voiced frame.
    """
    speaks = is_real
    if scale.kind == "pitch":
        track = fill_unvoiced(track, is_real)
        speaks = is_real & (track > 0)
    return scale.scores(track) * speaks, speaks


def unit_scores(
    scores: Tensor, speaks: Tensor, path: Tensor, is_real: Tensor, *, n_units: int
) -> tuple[Tensor, Tensor]:
    """Give what a model is to learn of every text unit.

    Args:
        scores: of `frame_scores`.
        speaks: of `frame_scores`.
        path: int64 (batch, n_frames), the unit of each frame.
        is_real: bool (batch, n_frames), False = padding.
        n_units: units of the longest row.
    Returns:
        The means of the units' scores, float (batch, n_units), 0 for units without a frame that counts; and bool, same
        shape, False there.
    """
    counts = unit_means(speaks.to(scores.dtype), path, is_real, n_units=n_units)
    return unit_means(scores, path, speaks, n_units=n_units), counts > 0
