"""Pitch of speech as WORLD finds it (optional package `pyworld`): DIO, refined by StoneMask."""

import functools
import importlib.util
import math
from importlib.machinery import PathFinder
from types import ModuleType

import numpy as np
import torch

from toktts.audio.pitch import PitchTrack
from toktts.audio.waveform import Waveform
from toktts.errors import AudioError, MissingPackageError

PACKAGE = "pyworld"


def track_pitch_with_world(
    waveform: Waveform,
    *,
    hop_length: int,
    f_min: float = 71.0,
    f_max: float = 800.0,
    first_centre: float | None = None,
) -> PitchTrack:
    """Find the pitch of one clip of speech, as systems did that took it from WORLD.

    Args:
        waveform: one row; rows of a batch must be tracked one by one.
        hop_length: samples from one frame to the next.
        f_min: lowest pitch searched, Hz; WORLD's own choice, as that of `f_max`.
        f_max: highest pitch searched, Hz.
        first_centre: sample on which frame 0 is centred, to the nearest one; None = the middle of its hop.
    Returns:
        `ceil(n_samples / hop_length)` frames, as `track_pitch` gives them.
    Raises:
        MissingPackageError: `pyworld` is not installed.
        AudioError: several rows.

    Source: Morise et al. 2009 (DIO), 2016 (WORLD, with StoneMask).
    """
    world = require_world()
    if len(waveform) != 1:
        raise AudioError(f"pitch is tracked one clip at a time, not {len(waveform)} at once; pass one row")
    samples = waveform.samples[0, : int(waveform.row_lengths[0])].cpu().double().numpy()
    rate, n_frames = waveform.sampling_rate, math.ceil(len(samples) / hop_length)
    if not n_frames:
        return PitchTrack(torch.zeros(0), hop_length, rate)
    centre = math.floor(hop_length / 2 if first_centre is None else first_centre)
    # WORLD's first frame lies on the first sample: the clip begins so much later that one of its frames is ours.
    skipped = math.ceil(centre / hop_length)
    left = skipped * hop_length - centre
    right = max(0, (skipped + n_frames) * hop_length - left - len(samples))
    # Edges are repeated, not padded with 0: a constant offset must not look like a step.
    padded = np.pad(samples, (left, right), mode="edge")
    rough, times = world.dio(padded, rate, f0_floor=f_min, f0_ceil=f_max, frame_period=1000 * hop_length / rate)
    f0 = world.stonemask(padded, rough, times, rate)[skipped : skipped + n_frames]
    return PitchTrack(torch.from_numpy(f0).float(), hop_length, rate)


def require_world() -> ModuleType:
    """Load what `pyworld` is made of.

    Raises:
        MissingPackageError: it is not installed, or not for this Python; the message holds the install line.
    """
    package = importlib.util.find_spec(PACKAGE)
    folders = (package.submodule_search_locations if package is not None else None) or []
    try:
        return _extension(tuple(folders))
    except ImportError as error:
        raise MissingPackageError(
            "is not installed, and the pitch is to be WORLD's (data.pitch_estimator); pip install 'pyworld>=0.3.5'",
            key=PACKAGE,
        ) from error


@functools.cache
def _extension(folders: tuple[str, ...]) -> ModuleType:
    """Load the compiled module alone: around it, pyworld 0.3.5 wants pkg_resources, which setuptools no longer has."""
    spec = PathFinder.find_spec(f"{PACKAGE}.{PACKAGE}", list(folders))
    if spec is None or spec.loader is None:
        raise ImportError(PACKAGE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
