"""One file of a corpus -> `Waveform`, refusing whatever a model must not learn from."""

import io
import logging
import math
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import soundfile
import torch

from toktts.audio.riff import RiffHeader, check_rate_and_channels, read_riff_header
from toktts.audio.waveform import FORMATS, Waveform, resample
from toktts.errors import AudioError

Samples = npt.NDArray[np.float32]
Kind = Literal["named_otherwise", "stray_bytes", "mixed", "scaled", "dc_offset", "resampled"]

SILENT_BELOW = 2.0**-14  # half the range of the samples: two steps of 16 bit, -84 dB
CLIPPED_FROM = 0.99  # of full scale, or of the peak where that is higher; 8 bit ends at 127 / 128
FLAT_WITHIN = 1e-4
MAX_CLIPPED_FRACTION = 0.01
DC_OFFSET_FROM = 0.02
MIN_MP3_FRACTION = 0.95  # an MP3 without an index only estimates its length
_BLOCK_FRAMES = 2**18
_CONTAINERS = {"WAVEX": "WAV", "RF64": "WAV", "W64": "WAV", "MPEG": "MP3"}
_TEXT_STARTS = {b"<": "HTML", b"{": "JSON", b"[": "JSON", b"version https://git-lfs": "a Git LFS pointer"}

logger = logging.getLogger(__name__)


class Finding(NamedTuple):
    """Something that was accepted, but should be counted.

    Args:
        kind: what was found, always one of the same few words.
        detail: the numbers, for a reader.
    """

    kind: Kind
    detail: str


def log_finding(finding: Finding) -> None:
    """Log one warning; that a clip was resampled is no reason for one."""
    if finding.kind != "resampled":
        logger.warning("%s: %s", finding.kind, finding.detail)


def read_clip(
    audio: Path | bytes,
    *,
    sampling_rate: int,
    max_seconds: float | None = None,
    mono: Literal["error", "mean"] = "error",
    min_samples: int = 1,
    report: Callable[[Finding], None] = log_finding,
) -> Waveform:
    """Read a whole clip, check it, and bring it to one channel and one sampling rate.

    The content decides the format, not the name. Nothing blocks: pipes and devices are refused before they are opened,
    and a clip that is too long is refused by its header.

    Args:
        audio: a file, or the bytes of one, in a format that libsndfile reads.
        sampling_rate: Hz wanted.
        max_seconds: longest clip allowed; None = any.
        mono: what to do with more than one channel: refuse it, or take the mean.
        min_samples: samples at `sampling_rate` below which a clip is refused, as one frame of the codec.
        report: gets every finding: a wrong file name, stray bytes, channels mixed, a peak above 1 that was scaled down,
            a DC offset, and the sampling rate that was changed.
    Returns:
        One clip, samples (1, n_samples) in [-1, 1].
    Raises:
        AudioError: missing, not a regular file, empty, not sound, truncated, a header that cannot be true, too long,
            too short, more than one channel, samples that are not finite, silent, or more than 1 % clipped.
    """
    try:
        with _open(audio) as file:
            samples, rate = _decode(file, Path() if isinstance(audio, bytes) else audio, max_seconds, report)
        samples = _to_mono(_check_samples(samples, report), mono, report)
        _check_length(math.ceil(len(samples) * sampling_rate / rate), sampling_rate, min_samples)
        _check_level(samples, report)
        if rate != sampling_rate:
            report(Finding("resampled", f"{rate} Hz to {sampling_rate} Hz"))
        waveform = resample(Waveform(torch.from_numpy(samples), rate), sampling_rate)
        # Scaled here and not before, because a resampling filter overshoots by itself.
        return Waveform(waveform.samples / max(1.0, float(waveform.samples.abs().max())), sampling_rate)
    except AudioError as error:
        raise AudioError(error.message, file=None if isinstance(audio, bytes) else audio) from error


def _open(audio: Path | bytes) -> BinaryIO:
    if isinstance(audio, bytes):
        return io.BytesIO(audio)
    try:
        mode = os.stat(audio).st_mode
        if not stat.S_ISREG(mode):
            kind = "folder" if stat.S_ISDIR(mode) else "pipe, socket or device"
            raise AudioError(f"is a {kind}; name a sound file")
        return open(audio, "rb")
    except FileNotFoundError as error:
        raise AudioError("no such file; copy it there or leave the row out") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise AudioError(f"cannot be opened ({reason}); check the name and its permissions") from error


def _decode(
    file: BinaryIO, path: Path, max_seconds: float | None, report: Callable[[Finding], None]
) -> tuple[Samples, int]:
    _check_start(file.read(64).lstrip())
    header = read_riff_header(file)
    if header:
        _check_header(header, report)
    file.seek(0)
    try:
        with soundfile.SoundFile(file) as sound:
            _check_name(path, _CONTAINERS.get(sound.format, sound.format), report)
            check_rate_and_channels(sound.samplerate, sound.channels)
            _check_duration(sound.frames / sound.samplerate, max_seconds)
            return _read_all(sound), sound.samplerate
    except (soundfile.SoundFileError, OSError) as error:
        reason = getattr(error, "error_string", str(error)).rstrip(".")
        raise AudioError(f"cannot be read as sound ({reason}); convert it to WAV or FLAC") from error


def _check_start(start: bytes) -> None:
    if not start:
        raise AudioError("is empty; copy the file again")
    for text, kind in _TEXT_STARTS.items():
        if start.startswith(text):
            raise AudioError(f"looks like {kind}, not sound; download the file again")


def _check_header(header: RiffHeader, report: Callable[[Finding], None]) -> None:
    header.check()
    if header.stray_bytes:
        report(Finding("stray_bytes", f"{header.stray_bytes} bytes behind the last frame dropped"))


def _check_name(path: Path, container: str, report: Callable[[Finding], None]) -> None:
    named = FORMATS.get(path.suffix.lower())
    if named and named != container:
        report(Finding("named_otherwise", f"{path} is named {path.suffix} but holds {container}"))


def _check_duration(duration_s: float, max_seconds: float | None) -> None:
    if max_seconds is not None and duration_s > max_seconds:
        raise AudioError(f"lasts {duration_s:.1f} s, more than {max_seconds:g} s; cut it or raise max_seconds")


def _read_all(sound: soundfile.SoundFile) -> Samples:
    """Read block by block, so that a header cannot ask for more memory than the file fills."""
    blocks: list[Samples] = []
    while len(block := sound.read(_BLOCK_FRAMES, dtype="float32", always_2d=True)):
        blocks.append(block)
    n_frames = sum(map(len, blocks))
    if n_frames == 0:
        raise AudioError("holds 0 frames; record it again or leave it out")
    if n_frames < sound.frames * (MIN_MP3_FRACTION if sound.format in ("MP3", "MPEG") else 1):
        raise AudioError(f"header says {sound.frames} frames, file has {n_frames}; copy the file again")
    return np.concatenate(blocks)


def _check_samples(samples: Samples, report: Callable[[Finding], None]) -> Samples:
    n_bad = int((~np.isfinite(samples)).sum())
    if n_bad:
        raise AudioError(f"{n_bad} of {samples.size} samples are NaN or infinite; convert it again")
    magnitude = np.abs(samples)
    peak = float(magnitude.max())
    clipped = _clipped_fraction(samples, CLIPPED_FROM * max(1.0, peak))
    if clipped > MAX_CLIPPED_FRACTION:
        raise AudioError(f"{clipped:.1%} of the samples are clipped; record it again with less gain")
    if peak > 1:
        report(Finding("scaled", f"peak {peak:.3f} scaled to 1"))
    return samples


def _clipped_fraction(samples: Samples, threshold: float) -> float:
    """Share of samples at the top in flat runs of three or more: a sine spends 3 % of its time near its peak."""
    is_flat = np.abs(np.diff(samples, axis=0)) < FLAT_WITHIN
    inside = (np.abs(samples[1:-1]) >= threshold) & is_flat[:-1] & is_flat[1:]
    is_clipped = np.zeros(samples.shape, dtype=bool)
    for shift in range(3):
        is_clipped[shift : shift + len(inside)] |= inside
    return float(is_clipped.mean())


def _to_mono(samples: Samples, mono: Literal["error", "mean"], report: Callable[[Finding], None]) -> Samples:
    n_channels = samples.shape[1]
    if n_channels == 1:
        return samples[:, 0]
    if mono == "error":
        raise AudioError(f"has {n_channels} channels; convert it to one, or set mono to 'mean'")
    report(Finding("mixed", f"mean of {n_channels} channels"))
    mean: Samples = samples.mean(axis=1, dtype=np.float32)
    return mean


def _check_length(n_samples: int, sampling_rate: int, min_samples: int) -> None:
    if n_samples < min_samples:
        raise AudioError(f"is {n_samples} samples long at {sampling_rate} Hz, needs {min_samples}; leave it out")


def _check_level(samples: Samples, report: Callable[[Finding], None]) -> None:
    half_range = (float(samples.max()) - float(samples.min())) / 2
    if half_range < SILENT_BELOW:
        raise AudioError(f"is silent (samples vary by {half_range:.1e}); record it again or leave it out")
    offset = float(samples.mean(dtype=np.float64))
    if abs(offset) >= DC_OFFSET_FROM:
        report(Finding("dc_offset", f"mean {offset:+.3f}"))
