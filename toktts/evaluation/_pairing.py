"""Speech and a recording of the same sentence -> frames of each that belong together."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from toktts.audio import Waveform
from toktts.audio.pitch import track_pitch
from toktts.codecs._mel import LogMel
from toktts.evaluation._base import Sample
from toktts.evaluation._sound import JUDGE_RATE, judge_samples, speech_part

HOP_LENGTH, WIN_LENGTH, N_FFT = 160, 400, 512  # samples: 10, 25 and 32 ms
N_MELS, N_CEPSTRA = 40, 13
FLOOR = 1e-4

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Pair(NamedTuple):
    """Two clips on one path: frame `speech_frames[i]` of the one is frame `reference_frames[i]` of the other.

    Args:
        speech: float32 (n_samples,), at 16 kHz, without silence around it.
        reference: the same, of the recording.
        speech_frames: int64 (n_steps,), of 10 ms.
        reference_frames: int64 (n_steps,).
        distances: float64 (n_steps,), Euclidean, of the mel cepstra.
    """

    speech: Tensor
    reference: Tensor
    speech_frames: Ints
    reference_frames: Ints
    distances: Floats


def pair(sample: Sample) -> Pair:
    """Find the path that brings the two closest; an empty clip counts as one silent frame."""
    assert sample.reference is not None
    speech, reference = (_audible_part(clip) for clip in (sample.speech, sample.reference))
    of_speech, of_reference = mel_cepstra(speech), mel_cepstra(reference)
    distances = np.sqrt(
        np.maximum(
            (of_speech**2).sum(1)[:, None] + (of_reference**2).sum(1)[None] - 2 * of_speech @ of_reference.T, 0.0
        )
    )
    if len(of_speech) == len(of_reference):
        np.fill_diagonal(distances, np.linalg.norm(of_speech - of_reference, axis=1))  # exactly 0 for the same sound
    speech_frames, reference_frames = warp(distances)
    return Pair(speech, reference, speech_frames, reference_frames, distances[speech_frames, reference_frames])


def _audible_part(clip: Waveform) -> Tensor:
    samples = speech_part(judge_samples(clip))
    return samples if len(samples) >= HOP_LENGTH else torch.nn.functional.pad(samples, (0, HOP_LENGTH - len(samples)))


def mel_cepstra(samples: Tensor) -> Floats:
    """Describe the shape of the spectrum, not its level: float64 (n_frames, 13), coefficients 1 to 13.

    Args:
        samples: (n_samples,), at 16 kHz.
    """
    front = LogMel(
        JUDGE_RATE, N_FFT, hop_length=HOP_LENGTH, win_length=WIN_LENGTH, n_mels=N_MELS, f_min=60.0, floor=FLOOR
    )
    log_mel = front(samples[None])[0].double().numpy()
    bands = (np.arange(N_MELS) + 0.5) / N_MELS
    # log|H(w)| = c_0 + sum of c_d cos(d w), so that distances are those of the usual formula.
    basis = 2 / N_MELS * np.cos(math.pi * np.arange(1, N_CEPSTRA + 1)[:, None] * bands)
    cepstra: Floats = (basis @ log_mel).T
    return cepstra


def warp(distances: Floats) -> tuple[Ints, Ints]:
    """Find the cheapest path from corner to corner, one step right, down or both at a time (dynamic time warping).

    Args:
        distances: (n_rows, n_columns), at least 1 each.
    Returns:
        Rows and columns on the path, (n_steps,) each.
    """
    n_rows, n_columns = distances.shape
    costs = np.full((n_rows + 1, n_columns + 1), np.inf)
    costs[0, 0] = 0.0
    # Cells on one diagonal do not need each other: numpy does them at once.
    for diagonal in range(n_rows + n_columns - 1):
        rows = np.arange(max(0, diagonal - n_columns + 1), min(n_rows, diagonal + 1))
        columns = diagonal - rows
        before = np.minimum(np.minimum(costs[rows, columns + 1], costs[rows + 1, columns]), costs[rows, columns])
        costs[rows + 1, columns + 1] = distances[rows, columns] + before
    return _trace_back(costs)


def _trace_back(costs: Floats) -> tuple[Ints, Ints]:
    row, column = costs.shape[0] - 1, costs.shape[1] - 1
    path = []
    while row and column:
        path.append((row - 1, column - 1))
        steps = ((row - 1, column - 1), (row - 1, column), (row, column - 1))
        row, column = min(steps, key=lambda cell: costs[cell])
    rows, columns = np.array(path[::-1], dtype=np.int64).T
    return rows, columns


def pitch_pairs(sample: Sample) -> tuple[Floats, Floats]:
    """Pitch of speech and recording along their path: Hz (n_steps,) each, 0 where there is none."""
    found = pair(sample)
    tracks = [
        track_pitch(Waveform(samples, JUDGE_RATE), hop_length=HOP_LENGTH).f0.double().numpy()
        for samples in (found.speech, found.reference)
    ]
    return tracks[0][found.speech_frames], tracks[1][found.reference_frames]
