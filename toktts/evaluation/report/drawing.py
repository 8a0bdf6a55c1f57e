"""Who says what when, and how high -> the coordinates of a small drawing."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from toktts.alignment import Alignment
from toktts.alignment.json_file import read_json
from toktts.audio import Waveform
from toktts.audio.pitch import PitchTrack, track_pitch

PIXELS_PER_SECOND = 240.0
CURVES_HEIGHT, UNITS_HEIGHT = 84.0, 18.0  # pixels
LOWEST_HZ, HIGHEST_HZ = 60.0, 500.0
TEXT_BASE = 5.0  # pixels from the bottom of a box
HOP_S = 0.01
LINES_HZ = (100.0, 200.0, 400.0)


@dataclass(frozen=True)
class Box:
    """A unit of speech, its corner, size and the line its label stands on in pixels."""

    x: float
    y: float
    width: float
    height: float
    base: float
    label: str


@dataclass(frozen=True)
class Drawing:
    """Pitch over time, with the units that are spoken below.

    Args:
        width: pixels.
        height: pixels.
        curves: name -> stretches of voiced frames, each as SVG points.
        boxes: units in order of time, one tier below the other.
        lines: (y, label) of the pitches that are marked.
    """

    width: float
    height: float
    curves: Mapping[str, list[str]] = field(default_factory=dict)
    boxes: list[Box] = field(default_factory=list)
    lines: list[tuple[float, str]] = field(default_factory=list)


def draw_speech(sounds: Mapping[str, Waveform], tiers: Sequence[Alignment] = ()) -> Drawing:
    """Draw the pitch of clips over each other, and below it the units of one of them.

    Args:
        sounds: name -> one clip.
        tiers: of one of them, as words and phonemes.
    """
    curves = {name: curve for name, clip in sounds.items() if (curve := _curve(clip))}
    duration_s = max([0.0, *(clip.duration_s for clip in sounds.values())])
    boxes = []
    for number, tier in enumerate(tiers):
        y = CURVES_HEIGHT + number * UNITS_HEIGHT
        for span in tier:
            x, width = (round(seconds * PIXELS_PER_SECOND, 1) for seconds in (span.start_s, span.duration_s))
            boxes.append(Box(x, y, width, UNITS_HEIGHT, y + UNITS_HEIGHT - TEXT_BASE, span.label))
    return Drawing(
        width=math.ceil(duration_s * PIXELS_PER_SECOND) + 1,
        height=CURVES_HEIGHT + len(tiers) * UNITS_HEIGHT + 1,
        curves=curves,
        boxes=boxes,
        lines=[(_height(torch.tensor(pitch)).item(), f"{pitch:.0f} Hz") for pitch in LINES_HZ],
    )


def said_when(wav: Path) -> tuple[Alignment, ...]:
    """Read `ID.json` beside `ID.wav`, if there is one: words, and the phonemes or characters of the voice.

    Raises:
        AlignmentError: it cannot be read.
    """
    file = wav.with_suffix(".json")
    return read_json(file) if file.is_file() else ()


def _curve(clip: Waveform) -> list[str]:
    hop_length = max(1, round(HOP_S * clip.sampling_rate))
    if clip.sampling_rate < 4 * HIGHEST_HZ:
        return []
    return _stretches(track_pitch(clip, hop_length=hop_length, f_min=LOWEST_HZ, f_max=HIGHEST_HZ))


def _stretches(track: PitchTrack) -> list[str]:
    """One polyline for each run of voiced frames."""
    frame_s = track.hop_length / track.sampling_rate
    heights = _height(track.f0.clamp(min=LOWEST_HZ)).tolist()
    stretches: list[list[str]] = [[]]
    for frame, is_voiced in enumerate(track.voiced.tolist()):
        if is_voiced:
            stretches[-1].append(f"{(frame + 0.5) * frame_s * PIXELS_PER_SECOND:.1f},{heights[frame]:.1f}")
        elif stretches[-1]:
            stretches.append([])
    return [" ".join(points) for points in stretches if len(points) > 1]


def _height(pitch_hz: Tensor) -> Tensor:
    share = torch.log(pitch_hz / LOWEST_HZ) / math.log(HIGHEST_HZ / LOWEST_HZ)
    return CURVES_HEIGHT * (1.0 - share)
