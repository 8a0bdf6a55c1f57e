"""Phonemes with times on the frames of a codec: a clip is cut to them, and they are counted in frames."""

import hashlib
import json
from typing import NamedTuple

from torch import Tensor

from toktts.alignment.alignment import Alignment
from toktts.alignment.frames import fitted, frame_range
from toktts.codecs._base import Codec
from toktts.errors import AlignmentError

MENDED = "the last phoneme a frame off the end of the sound"


class PhoneFrames(NamedTuple):
    """What a clip says, and for how long.

    Args:
        symbols: of each phoneme.
        frames: of each phoneme; together all frames of the clip.
    """

    symbols: tuple[str, ...]
    frames: tuple[int, ...]


def hash_phones(phones: Alignment) -> str:
    """Hash symbols and times."""
    spans = [(span.label, span.start_s, span.end_s) for span in phones]
    return hashlib.sha256(json.dumps(spans).encode("utf-8")).hexdigest()


def beginning(phones: Alignment, seconds: float) -> Alignment:
    """Keep the phonemes that end within so many seconds from the beginning of the first.

    Raises:
        AlignmentError: not even the first one does.
    """
    until_s = phones.spans[0].start_s + seconds
    spans = tuple(span for span in phones if span.end_s <= until_s)
    if not spans:
        raise AlignmentError(f"its first phoneme lasts longer than {seconds:g} s; raise data.clip_seconds")
    return Alignment(spans, phones.duration_s, phones.tier)


def cut_to_phones(samples: Tensor, phones: Alignment, codec: Codec) -> Tensor:
    """Cut a clip where its first phoneme begins and its last one ends, to whole frames.

    Args:
        samples: 1-D, at the codec's rate; a copy of a part comes back, so that the rest is not kept in memory.
        phones: at least one, within the sound.
        codec: whose frames are counted.
    Raises:
        AlignmentError: they last no frame, or end more than one frame behind the sound.
    """
    first, end = frame_range(phones, frame_rate=codec.frame_rate)
    n_frames = codec.n_frames(len(samples))
    if end - n_frames > 1 or first >= n_frames:
        raise AlignmentError(
            f"phonemes end at frame {end}, the sound has {n_frames}; align this very sound again or leave it out"
        )
    if first >= end:
        raise AlignmentError(f"its {len(phones)} phonemes last no frame; align it again or leave it out")
    return samples[first * codec.hop_length : end * codec.hop_length].clone()


def count_frames(phones: Alignment, *, n_frames: int, frame_rate: float) -> tuple[PhoneFrames, bool]:
    """Count the frames of phonemes that touch each other.

    Args:
        phones: of a clip that was cut to them.
        n_frames: that the clip has.
        frame_rate: frames per second.
    Returns:
        The frames, and whether one had to be mended, because the sound ends a frame earlier or later.
    Raises:
        AlignmentError: they differ by more.
    """
    durations = phones.durations(frame_rate=frame_rate)
    exact = fitted(durations, n_frames)
    return PhoneFrames(phones.labels, tuple(exact)), exact != durations
