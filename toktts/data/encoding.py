"""Clips -> features, a chunk at a time; what every process that encodes runs."""

import contextlib
import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from toktts.alignment.alignment import Alignment
from toktts.audio.reading import Finding, read_clip
from toktts.audio.waveform import pad_clips
from toktts.codecs._base import Codec
from toktts.data.augment import add_noise
from toktts.data.mel_file import MEL_LIMIT, is_mel_file, read_mel_file
from toktts.data.phones import MENDED, PhoneFrames, beginning, count_frames, cut_to_phones
from toktts.data.prosody import PitchEstimator, Prosody, find_prosody
from toktts.data.rejects import Rejected
from toktts.errors import AlignmentError, AudioError, CodecError, CorpusError

CHUNK_CLIPS = 16  # clips are ordered by length inside a chunk, whatever the number of workers
Features = npt.NDArray[Any]  # int16 codes (n_codebooks, n_frames), or float16 mel (n_mels, n_frames)


@dataclass(frozen=True)
class ClipSettings:
    """What is done to a clip before the codec hears it, and what is found beside its features.

    Args:
        clip_seconds: keep the first so many seconds; None = the whole utterance.
        max_seconds: reject longer files; None = any.
        mono: what to do with more than one channel: refuse it, or take the mean.
        augmentation_copies: rows of each training clip; the first is clean, the others carry noise. Clips for
            validation always have one.
        augmentation_noise: standard deviation of the noise on the [-1, 1] scale.
        augmentation_seed: of the noise.
        prosody: whether pitch and energy are found too.
        pitch_estimator: what finds the pitch.
    """

    clip_seconds: float | None = None
    max_seconds: float | None = 30.0
    mono: Literal["error", "mean"] = "error"
    augmentation_copies: int = 1
    augmentation_noise: float = 6e-4
    augmentation_seed: int = 0
    prosody: bool = False
    pitch_estimator: PitchEstimator = "own"


@dataclass(frozen=True)
class Arrangement:
    """How the encoding is spread over the machine; the features do not depend on it.

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
        phones: what is said when; the clip is cut to them. None = not known.
    """

    id: str
    audio: Path | bytes
    audio_hash: str
    n_copies: int = 1
    phones: Alignment | None = None


@dataclass(frozen=True)
class Encoded:
    """One clip as features.

    Args:
        n_samples: at the codec's rate, after cutting.
        features: for each copy, int16 codes (n_codebooks, n_frames) or float16 mel (n_mels, n_frames).
        findings: what was noticed and accepted, one short text each.
        prosody: None = not asked for.
        phones: None = not known.
    """

    n_samples: int
    features: tuple[Features, ...]
    findings: tuple[str, ...]
    prosody: Prosody | None = None
    phones: PhoneFrames | None = None


Outcome = Encoded | Rejected


class _Heard(NamedTuple):
    """A clip that was read: its samples, or the frames that its corpus brings instead."""

    samples: Tensor
    mel: Features | None
    phones: PhoneFrames | None
    findings: tuple[str, ...]


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
        codec: of any kind.
        settings: see `ClipSettings`.
        arrangement: its batch size, threads and device are used.
        report: gets the indices of the clips that are about to be read or encoded, so that a death can be explained.
    Returns:
        One outcome a clip, in the order of `clips`.
    Raises:
        CorpusError: a file is not what it was when the corpus was looked through.
        CodecError: the codec gives codes outside its codebooks, or a mel that is not finite.
    """
    heard: dict[int, _Heard] = {}
    outcomes: dict[int, Outcome] = {}
    for index, clip in enumerate(clips):
        report((index,))
        try:
            heard[index] = _hear(clip, codec, settings)
        except (AudioError, AlignmentError) as error:
            file = None if isinstance(clip.audio, bytes) else os.fspath(clip.audio)
            outcomes[index] = Rejected(clip.id, error.file or file, error.message)
    sounds = {index: found.samples for index, found in heard.items() if found.mel is None}
    rows = [_Row(index, copy, len(sound)) for index, sound in sounds.items() for copy in range(clips[index].n_copies)]
    features: dict[tuple[int, int], Features] = {}
    prosody: dict[int, Prosody] = {}
    with _inference(arrangement.threads):
        for batch in _batches(rows, arrangement.batch_size):
            report(tuple(sorted({row.clip for row in batch})))
            noisy = [_noisy_copy(sounds[row.clip], clips[row.clip], row.copy, settings) for row in batch]
            for row, encoded in zip(batch, _encode(noisy, codec, arrangement.device), strict=True):
                features[row.clip, row.copy] = encoded
        if settings.prosody:
            estimator = settings.pitch_estimator
            prosody = {index: find_prosody(sound, codec, estimator=estimator) for index, sound in sounds.items()}
    for index, found in heard.items():
        n_copies = clips[index].n_copies
        copies = (
            tuple(features[index, copy] for copy in range(n_copies)) if found.mel is None else (found.mel,) * n_copies
        )
        outcomes[index] = Encoded(len(found.samples), copies, found.findings, prosody.get(index), found.phones)
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


def _hear(clip: Clip, codec: Codec, settings: ClipSettings) -> _Heard:
    """Read a clip, and count the frames of its phonemes."""
    noticed: list[Finding] = []
    mel, phones = None, clip.phones
    if phones is not None and settings.clip_seconds is not None:
        phones = beginning(phones, settings.clip_seconds)
    if is_mel_file(clip.audio):
        mel = _given_mel(clip, codec, settings)
        samples = torch.zeros(mel.shape[1] * codec.hop_length)
    else:
        samples = _read(clip, phones, codec, settings, noticed.append)
    findings = [_describe(finding) for finding in noticed]
    if phones is None:
        return _Heard(samples, mel, None, tuple(findings))
    n_frames = codec.n_frames(len(samples))
    counted, is_mended = count_frames(phones, n_frames=n_frames, frame_rate=codec.frame_rate)
    return _Heard(samples, mel, counted, (*findings, *([MENDED] if is_mended else [])))


def _given_mel(clip: Clip, codec: Codec, settings: ClipSettings) -> Features:
    """The frames that a corpus brings, as they are."""
    assert isinstance(clip.audio, Path)
    if codec.feature_kind != "mel":
        raise AudioError("holds mel, the codec wants sound; take a codec of mel, or bring the sound", file=clip.audio)
    if settings.prosody:
        raise AudioError("holds mel, pitch is only found in sound; bring the sound, or do without", file=clip.audio)
    mel = read_mel_file(clip.audio, n_mels=codec.n_mels)
    _check_unchanged(clip)
    return mel.astype(np.float16)


def _check_unchanged(clip: Clip) -> None:
    if hash_audio(clip.audio) != clip.audio_hash:
        file = None if isinstance(clip.audio, bytes) else clip.audio
        raise CorpusError("changed while it was being encoded; run again", file=file, key=clip.id)


def _read(
    clip: Clip,
    phones: Alignment | None,
    codec: Codec,
    settings: ClipSettings,
    report: Callable[[Finding], None],
) -> Tensor:
    """1-D samples of a clip at the codec's rate, cut."""
    waveform = read_clip(
        clip.audio,
        sampling_rate=codec.sampling_rate,
        max_seconds=settings.max_seconds,
        mono=settings.mono,
        min_samples=codec.hop_length,
        report=report,
    )
    _check_unchanged(clip)
    samples = waveform.samples[0]
    if phones is not None:
        return cut_to_phones(samples, phones, codec)
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


def _encode(clips: list[Tensor], codec: Codec, device: str) -> list[Features]:
    waveform = pad_clips([clip.to(device) for clip in clips], codec.sampling_rate)
    features = codec.encode(waveform)
    if codec.feature_kind == "codes":
        codec.check_codes(features)
    elif not bool((features.abs() < MEL_LIMIT).all()):
        raise CodecError("gives a mel that is not finite, or no logarithm; choose another codec", key="codec")
    cut = [row[:, : codec.n_frames(len(clip))] for row, clip in zip(features, clips, strict=True)]
    return [row.cpu().numpy().astype(np.int16 if codec.feature_kind == "codes" else np.float16) for row in cut]


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
