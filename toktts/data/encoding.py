"""Clips -> codes, a chunk at a time; what every process that encodes runs."""

import contextlib
import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from toktts.audio.reading import Finding, read_clip
from toktts.audio.waveform import pad_clips
from toktts.codecs._base import Codec
from toktts.data.augment import add_noise
from toktts.data.rejects import Rejected
from toktts.errors import AudioError, CorpusError

CHUNK_CLIPS = 16  # clips are ordered by length inside a chunk, whatever the number of workers
Codes = npt.NDArray[np.int16]


@dataclass(frozen=True)
class ClipSettings:
    """What is done to a clip before the codec hears it.

    Args:
        clip_seconds: keep the first so many seconds; None = the whole utterance.
        max_seconds: reject longer files; None = any.
        mono: what to do with more than one channel: refuse it, or take the mean.
        augmentation_copies: rows of each training clip; the first is clean, the others carry noise. Clips for
            validation always have one.
        augmentation_noise: standard deviation of the noise on the [-1, 1] scale.
        augmentation_seed: of the noise.
    """

    clip_seconds: float | None = None
    max_seconds: float | None = 30.0
    mono: Literal["error", "mean"] = "error"
    augmentation_copies: int = 1
    augmentation_noise: float = 6e-4
    augmentation_seed: int = 0


@dataclass(frozen=True)
class Arrangement:
    """How the encoding is spread over the machine; the codes do not depend on it.

    Args:
        workers: processes; 1 = this one.
        batch_size: clips of similar length that the codec gets at once.
        threads: of each process.
        device: where the codec runs, as `cpu` or `cuda`.
    """

    workers: int = 1
    batch_size: int = 1
    threads: int = 1
    device: str = "cpu"


@dataclass(frozen=True)
class Clip:
    """One clip to encode.

    Args:
        id: of the utterance.
        audio: a file, or the bytes of one.
        audio_hash: `hash_audio(audio)` when the corpus was looked through.
        n_copies: rows to make of it.
    """

    id: str
    audio: Path | bytes
    audio_hash: str
    n_copies: int = 1


@dataclass(frozen=True)
class Encoded:
    """One clip as codes.

    Args:
        n_samples: at the codec's rate, after cutting.
        codes: for each copy, int16 (n_codebooks, n_frames).
        findings: what was noticed and accepted, one short text each.
    """

    n_samples: int
    codes: tuple[Codes, ...]
    findings: tuple[str, ...]


Outcome = Encoded | Rejected


class _Row(NamedTuple):
    clip: int
    copy: int
    n_samples: int


def encode_chunk(
    clips: Sequence[Clip],
    codec: Codec,
    settings: ClipSettings,
    arrangement: Arrangement,
    *,
    report: Callable[[tuple[int, ...]], None] = lambda _: None,
) -> list[Outcome]:
    """Encode a few clips in batches of similar length.

    Args:
        clips: all of them are held in memory at once.
        codec: one whose features are codes.
        settings: see `ClipSettings`.
        arrangement: its batch size, threads and device are used.
        report: gets the indices of the clips that are about to be read or encoded, so that a death can be explained.
    Returns:
        One outcome a clip, in the order of `clips`.
    Raises:
        CorpusError: a file is not what it was when the corpus was looked through.
        CodecError: the codec gives codes outside its codebooks.
    """
    sounds: dict[int, Tensor] = {}
    outcomes: dict[int, Outcome] = {}
    findings: dict[int, list[Finding]] = {index: [] for index in range(len(clips))}
    for index, clip in enumerate(clips):
        report((index,))
        try:
            sounds[index] = _read(clip, codec, settings, findings[index].append)
        except AudioError as error:
            outcomes[index] = Rejected(clip.id, error.file, error.message)
    rows = [_Row(index, copy, len(sound)) for index, sound in sounds.items() for copy in range(clips[index].n_copies)]
    codes: dict[tuple[int, int], Codes] = {}
    with _inference(arrangement.threads):
        for batch in _batches(rows, arrangement.batch_size):
            report(tuple(sorted({row.clip for row in batch})))
            noisy = [_noisy_copy(sounds[row.clip], clips[row.clip], row.copy, settings) for row in batch]
            for row, row_codes in zip(batch, _encode(noisy, codec, arrangement.device), strict=True):
                codes[row.clip, row.copy] = row_codes
    for index, sound in sounds.items():
        copies = tuple(codes[index, copy] for copy in range(clips[index].n_copies))
        outcomes[index] = Encoded(len(sound), copies, tuple(_describe(finding) for finding in findings[index]))
    return [outcomes[index] for index in range(len(clips))]


def hash_audio(audio: Path | bytes) -> str:
    """Hash the content of a clip, or say in a word why there is none; never blocks on a pipe."""
    if isinstance(audio, bytes):
        return hashlib.sha256(audio).hexdigest()
    try:
        if not stat.S_ISREG(os.stat(audio).st_mode):
            return "not a file"
        with open(audio, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError):
        return "not readable"


def _read(clip: Clip, codec: Codec, settings: ClipSettings, report: Callable[[Finding], None]) -> Tensor:
    """1-D samples of a clip at the codec's rate, cut."""
    waveform = read_clip(
        clip.audio,
        sampling_rate=codec.sampling_rate,
        max_seconds=settings.max_seconds,
        mono=settings.mono,
        min_samples=codec.hop_length,
        report=report,
    )
    if hash_audio(clip.audio) != clip.audio_hash:
        file = None if isinstance(clip.audio, bytes) else clip.audio
        raise CorpusError("changed while it was being encoded; run again", file=file, key=clip.id)
    samples = waveform.samples[0]
    if settings.clip_seconds is not None:
        # A copy, so that the rest of a long recording is not kept in memory.
        samples = samples[: round(settings.clip_seconds * codec.sampling_rate)].clone()
    return samples


def _noisy_copy(samples: Tensor, clip: Clip, copy: int, settings: ClipSettings) -> Tensor:
    std, seed = settings.augmentation_noise, settings.augmentation_seed
    return add_noise(samples, clip_id=clip.id, copy=copy, std=std, seed=seed)


def _batches(rows: list[_Row], batch_size: int) -> Iterator[list[_Row]]:
    by_length = sorted(rows, key=lambda row: row.n_samples)
    for start in range(0, len(by_length), batch_size):
        yield by_length[start : start + batch_size]


def _encode(clips: list[Tensor], codec: Codec, device: str) -> list[Codes]:
    waveform = pad_clips([clip.to(device) for clip in clips], codec.sampling_rate)
    codes = codec.encode(waveform)
    codec.check_codes(codes)
    cut = [row[:, : codec.n_frames(len(clip))] for row, clip in zip(codes, clips, strict=True)]
    return [row.cpu().numpy().astype(np.int16) for row in cut]


@contextlib.contextmanager
def _inference(threads: int) -> Iterator[None]:
    """No gradients, and the same number of threads everywhere: another number may round differently."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.set_num_threads(before)


def _describe(finding: Finding) -> str:
    """A text that is the same for many clips, so that it can be counted."""
    return f"resampled {finding.detail}" if finding.kind == "resampled" else finding.kind
