"""Pitch and energy of a clip, on the frames of a codec."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from torch import Tensor

from toktts.audio.energy import frame_energy
from toktts.audio.pitch import track_pitch
from toktts.audio.pitch_world import require_world, track_pitch_with_world
from toktts.audio.waveform import Waveform
from toktts.codecs._base import Codec

PitchEstimator = Literal["own", "pyworld"]
Track = npt.NDArray[np.float32]  # one value a frame


@dataclass(frozen=True)
class Prosody:
    """How a clip is said, without its noise.

    Args:
        pitch: Hz, 0 where there is none, (n_frames,).
        energy: L2 norm of the spectrum's magnitudes, (n_frames,).
    """

    pitch: Track
    energy: Track


def find_prosody(samples: Tensor, codec: Codec, *, estimator: PitchEstimator = "own") -> Prosody:
    """Find pitch and energy of every frame of a codec.

    Args:
        samples: 1-D, at the codec's rate.
        codec: whose frames they are found for.
        estimator: of the pitch.
    Raises:
        MissingPackageError: the estimator's package is not installed.
    """
    waveform, hop_length = Waveform(samples.cpu(), codec.sampling_rate), codec.hop_length
    track = track_pitch if estimator == "own" else track_pitch_with_world
    pitch = track(waveform, hop_length=hop_length, first_centre=codec.first_centre).f0
    energy = frame_energy(waveform, hop_length=hop_length, first_centre=codec.first_centre)
    return Prosody(pitch.numpy(), energy[0].numpy())


def check_estimator(estimator: PitchEstimator) -> None:
    """Refuse an estimator whose package is absent, before hours are spent on what comes before the pitch.

    Raises:
        MissingPackageError: with the install line.
    """
    if estimator != "own":
        require_world()
