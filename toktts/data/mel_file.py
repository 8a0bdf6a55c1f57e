"""Log-mel frames that a corpus brings as a NumPy file instead of sound."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from toktts.errors import AudioError

SUFFIX = ".npy"
MEL_LIMIT = 50.0
"""Logarithms of magnitudes, as files bring them or codecs make them, stay far below it, up and down (e^-50 is 2e-22);
decibels, padding and infinities do not."""


def is_mel_file(audio: Path | bytes) -> bool:
    """Whether a clip is such a file; its name says so."""
    return isinstance(audio, Path) and audio.suffix == SUFFIX


def mel_shape(path: Path) -> tuple[int, int]:
    """Read `(n_mels, n_frames)` from the file's header.

    Raises:
        AudioError: no such file, or none with two dimensions of numbers.
    """
    n_mels, n_frames = _open(path).shape
    return int(n_mels), int(n_frames)


def read_mel_file(path: Path, *, n_mels: int) -> npt.NDArray[np.float32]:
    """Read the frames as they are.

    Args:
        path: a NumPy file, never one that holds Python objects.
        n_mels: bands that it must have.
    Returns:
        float32 (n_mels, n_frames), natural logarithms.
    Raises:
        AudioError: no such file, another number of bands, or values that are no log-mel.
    """
    mel = np.array(_open(path), dtype=np.float32)
    if len(mel) != n_mels:
        raise AudioError(f"has {len(mel)} bands, the codec {n_mels}; take a codec with as many", file=path)
    if not bool((np.abs(mel) < MEL_LIMIT).all()):
        raise AudioError(
            f"holds {float(mel.min()):g} to {float(mel.max()):g}, no natural logarithms of a mel; write it again",
            file=path,
        )
    return mel


def _open(path: Path) -> npt.NDArray[Any]:
    try:
        array: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise AudioError(f"cannot be read as a NumPy array ({error}); write it again", file=path) from error
    if array.ndim != 2 or array.dtype.kind != "f" or not array.size:
        raise AudioError(f"holds {array.dtype} {array.shape}, not floats (n_mels, n_frames); write it again", file=path)
    return array
