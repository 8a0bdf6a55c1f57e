"""Pitch of speech, frame by frame: differences of the signal with itself, and the smoothest path of their minima."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from toktts.audio.waveform import Waveform
from toktts.errors import AudioError

BINS_PER_OCTAVE = 36
WINDOW_SECONDS = 0.033
UNVOICED_COST = 0.5
SWITCH_COST = 0.2
STEP_COST = 0.04
JUMP_COST = 0.8
# Of the energy a frame sees: far above what float32 rounds away, far below what a voice leaves.
ROUNDING = 1e-5
# A period fits twice and three times as well, and in a lag of few samples only nearly: the shorter one shall win.
OCTAVE_COST = 0.05
# A lag beside a minimum is nearly as good as the minimum, which would let the octave cost move the pitch by some cents.
SLOPE_COST = 0.004
# Of the distance between the clip's highest and lowest sample, and the least step that 16 bits can hold.
SILENCE = 2e-3
DIGITAL_SILENCE = 2.0**-15
CHUNK = 4096


@dataclass(frozen=True)
class PitchTrack:
    """The pitch of one clip.

    Args:
        f0: float32 (n_frames,), Hz; 0 where a frame has none.
        hop_length: samples from one frame to the next; frame k is centred on sample (k + 0.5) * hop_length, or where
            it was asked to be.
        sampling_rate: Hz of the samples.
    """

    f0: Tensor
    hop_length: int
    sampling_rate: int

    @property
    def voiced(self) -> Tensor:
        """Bool (n_frames,): which frames have a pitch."""
        return self.f0 > 0

    def continuous(self) -> Tensor:
        """Give float32 (n_frames,), Hz: unvoiced frames take the line, in log pitch, between their voiced neighbours.

        A clip without any voiced frame is 0 everywhere.
        """
        where = torch.nonzero(self.voiced)[:, 0]
        if not len(where):
            return self.f0.clone()
        frames = torch.arange(len(self.f0))
        after = torch.searchsorted(where, frames).clamp(max=len(where) - 1)
        before = (torch.searchsorted(where, frames, right=True) - 1).clamp(min=0)
        left, right = where[before], where[after]
        share = ((frames - left).float() / (right - left).clamp(min=1)).clamp(0.0, 1.0)
        log_f0 = torch.log(self.f0.clamp(min=1.0))
        return torch.exp(torch.lerp(log_f0[left], log_f0[right], share))


def track_pitch(
    waveform: Waveform,
    *,
    hop_length: int,
    f_min: float = 60.0,
    f_max: float = 500.0,
    first_centre: float | None = None,
) -> PitchTrack:
    """Find the pitch of one clip of speech.

    Args:
        waveform: one row; rows of a batch must be tracked one by one.
        hop_length: samples from one frame to the next.
        f_min: lowest pitch searched, Hz.
        f_max: highest pitch searched, Hz; below a quarter of the sampling rate.
        first_centre: sample on which frame 0 is centred; None = the middle of its hop.
    Returns:
        `ceil(n_samples / hop_length)` frames.
    Raises:
        AudioError: several rows, or a pitch range that cannot be searched.

    Source: de Cheveigne and Kawahara 2002 (YIN), steps 1 to 5, with a Viterbi path over candidates in the spirit of
    Mauch and Dixon 2014 (pYIN).
    """
    if len(waveform) != 1:
        raise AudioError(f"pitch is tracked one clip at a time, not {len(waveform)} at once; pass one row")
    if not 0 < f_min < f_max <= waveform.sampling_rate / 4:
        raise AudioError(
            f"cannot search pitch from {f_min} to {f_max} Hz at {waveform.sampling_rate} Hz; "
            "give 0 < f_min < f_max <= a quarter of the sampling rate"
        )
    samples = waveform.samples[0, : int(waveform.row_lengths[0])].float().cpu()
    rate = waveform.sampling_rate
    n_frames = math.ceil(len(samples) / hop_length)
    if not n_frames:
        return PitchTrack(torch.zeros(0), hop_length, rate)
    grid = _Grid(rate, f_min, f_max)
    silence = max(SILENCE * float(samples.max() - samples.min()), DIGITAL_SILENCE)
    centre = hop_length / 2 if first_centre is None else first_centre
    parts = _segments(samples, grid, hop_length, n_frames, centre)
    costs, lags = zip(*(grid.search(part, silence) for part in parts), strict=True)
    path = _best_path(torch.cat(costs))
    chosen = torch.cat(lags).gather(1, path.clamp(min=0)[:, None])[:, 0]
    return PitchTrack(torch.where(path >= 0, rate / chosen, torch.zeros(())), hop_length, rate)


def _segments(samples: Tensor, grid: "_Grid", hop_length: int, n_frames: int, centre: float) -> list[Tensor]:
    """Cut what each frame sees: (at most CHUNK, window + longest lag).

    A lag compares a window with the one that lies so much later; together they are centred on the frame for the lag in
    the middle of the grid, and off by at most a few milliseconds for the others.
    """
    size = grid.window + grid.max_lag
    left = round((grid.window + grid.middle_lag) / 2 - centre)
    # Edges are repeated, not padded with 0: a constant offset must not look like a step.
    padded = torch.nn.functional.pad(samples[None], (max(0, left), size + hop_length), mode="replicate")[0]
    frames = padded[max(0, -left) :].unfold(0, size, hop_length)[:n_frames]
    return [frames[start : start + CHUNK] for start in range(0, n_frames, CHUNK)]


class _Grid:
    """The pitches that are searched: bins on a log scale, and the lags (in samples) that fall into each."""

    def __init__(self, rate: int, f_min: float, f_max: float) -> None:
        self.window = round(WINDOW_SECONDS * rate)
        self.max_lag = math.ceil(rate / f_min) + 2
        self.middle_lag = rate / math.sqrt(f_min * f_max)
        self.n_bins = max(2, math.ceil(BINS_PER_OCTAVE * math.log2(f_max / f_min)))
        pitches = f_min * (f_max / f_min) ** (torch.arange(self.n_bins) / (self.n_bins - 1))
        self.centres = rate / pitches
        self.octave_cost = OCTAVE_COST * torch.log2(f_max / pitches)
        lags = torch.arange(1, self.max_lag).float()
        bins = torch.round((self.n_bins - 1) * torch.log(rate / lags / f_min) / math.log(f_max / f_min)).long()
        self.inside = (bins >= 0) & (bins < self.n_bins)
        self.bin_of_lag = bins.clamp(0, self.n_bins - 1)

    def search(self, segments: Tensor, silence: float) -> tuple[Tensor, Tensor]:
        """Give, of frames (n, window + max_lag), the cost of each bin and its best lag: (n, n_bins) each.

        Frames whose samples lie within `silence` of each other are costly everywhere.
        """
        # Differences do not hear a constant offset, but their rounding does.
        centred = segments - segments.mean(dim=1, keepdim=True)
        difference = _normalized_difference(centred, self.window, self.max_lag)
        shift, depth = _parabola(difference)
        depth = torch.where(self.inside, depth, torch.full((), torch.inf))
        index = self.bin_of_lag.expand_as(depth)
        best = torch.full((len(segments), self.n_bins), torch.inf).scatter_reduce_(1, index, depth, "amin")
        position = torch.arange(1, self.max_lag) + shift
        is_best = depth == best.gather(1, index)
        lag = torch.zeros_like(best).scatter_reduce_(1, index, torch.where(is_best, position, 0.0), "amax")
        # High pitches lie closer together than whole lags: an empty bin reads between its two neighbours.
        low = self.centres.long().clamp(max=self.max_lag - 2)
        share = self.centres - low
        between = torch.lerp(difference[:, low - 1], difference[:, low], share)
        empty = torch.isinf(best)
        quiet = segments.amax(dim=1, keepdim=True) - segments.amin(dim=1, keepdim=True) <= silence
        cost = (torch.where(empty, between + SLOPE_COST, best) + self.octave_cost).masked_fill(quiet, 1.0)
        return cost, torch.where(empty, self.centres, lag)


def _normalized_difference(segments: Tensor, window: int, max_lag: int) -> Tensor:
    """Cumulative mean normalised difference at lags 1 .. max_lag - 1: (n, max_lag - 1), about 0 at a period."""
    size = segments.shape[1]
    n_fft = 1 << (size + window - 1).bit_length()
    spectrum = torch.fft.rfft(segments, n_fft)
    head = torch.fft.rfft(segments[:, :window], n_fft)
    correlation = torch.fft.irfft(spectrum * head.conj(), n_fft)[:, :max_lag]
    energy = torch.nn.functional.pad(segments.square().cumsum(dim=1), (1, 0))
    of_lag = energy[:, window : window + max_lag] - energy[:, :max_lag]
    difference = (of_lag[:, :1] + of_lag - 2 * correlation).clamp(min=0.0)[:, 1:]
    lags = torch.arange(1, max_lag)
    # Where the window is silent and only what follows is not, differences are rounding: make them 1, not 0 / 0.
    floor = ROUNDING * energy[:, -1:]
    normalized: Tensor = (difference + floor) * lags / (difference.cumsum(dim=1) + floor * lags).clamp(min=1e-30)
    return normalized


def _parabola(difference: Tensor) -> tuple[Tensor, Tensor]:
    """Fit a parabola through each lag and its neighbours: the shift of its minimum (-0.5 to 0.5) and its depth."""
    padded = torch.nn.functional.pad(difference[:, None], (1, 1), mode="replicate")[:, 0]
    before, after = padded[:, :-2], padded[:, 2:]
    curve = before + after - 2 * difference
    shift = torch.where(curve > 1e-9, 0.5 * (before - after) / curve.clamp(min=1e-9), torch.zeros(()))
    is_minimum = (difference <= before) & (difference <= after)
    shift = shift.clamp(-0.5, 0.5)
    return shift, difference - 0.25 * (before - after) * shift + torch.where(is_minimum, 0.0, SLOPE_COST)


def _best_path(costs: Tensor) -> Tensor:
    """Cheapest path through (n_frames, n_bins) costs and one unvoiced state: the bin of each frame, -1 = unvoiced."""
    n_frames, n_bins = costs.shape
    reach = max(1, math.ceil(JUMP_COST / STEP_COST))
    steps = STEP_COST * torch.arange(-reach, reach + 1).abs()
    # As if silence went before, so that silence in front changes nothing.
    voiced, unvoiced = costs[0] + SWITCH_COST, torch.tensor(UNVOICED_COST)
    origins = torch.full((n_frames, n_bins + 1), -1, dtype=torch.long)
    bins = torch.arange(n_bins)
    for frame in range(1, n_frames):
        near, offset = (torch.nn.functional.pad(voiced, (reach, reach), value=torch.inf).unfold(0, 2 * reach + 1, 1)
                        + steps).min(dim=1)  # fmt: skip
        lowest, lowest_bin = voiced.min(dim=0)
        source = bins + offset - reach
        jump = lowest + JUMP_COST < near
        near, source = torch.where(jump, lowest + JUMP_COST, near), torch.where(jump, lowest_bin, source)
        start = unvoiced + SWITCH_COST < near
        origins[frame, :n_bins] = torch.where(start, -1, source)
        stop = lowest + SWITCH_COST < unvoiced
        origins[frame, n_bins] = torch.where(stop, lowest_bin, -1)
        unvoiced_next = torch.minimum(lowest + SWITCH_COST, unvoiced) + UNVOICED_COST
        voiced = torch.where(start, unvoiced + SWITCH_COST, near) + costs[frame]
        unvoiced = unvoiced_next
    state = int(voiced.argmin()) if voiced.min() < unvoiced else -1
    path = torch.empty(n_frames, dtype=torch.long)
    for frame in range(n_frames - 1, -1, -1):
        path[frame] = state
        state = int(origins[frame, state if state >= 0 else n_bins])
    return path
