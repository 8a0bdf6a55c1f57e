"""One clip of a corpus -> its levels, its silence, its noise, and what is wrong with them."""

import io
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Literal

import numpy as np
import numpy.typing as npt
import soundfile

from toktts.audio import Waveform
from toktts.audio.energy import frame_levels
from toktts.audio.reading import DC_OFFSET_FROM, read_clip
from toktts.audio.reading import Finding as Noticed
from toktts.data.amount import header_seconds
from toktts.evaluation.corpus.findings import Finding

FRAME_S = 0.01
LISTENING_RATE = 16_000
MIN_SECONDS = 0.3
MIN_RATE = 16_000
# Of the loudest frame: what is quieter is no speech, and what is in between is no loud vowel.
SPEECH_GATE_DB, LOUD_GATE_DB = 40.0, 30.0
NOISE_PERCENTILE = 5.0
# Clips of the demo corpus and of LJSpeech lie within 2.2 dB of their median, have at most 0.13 s of silence at an edge,
# and speech that is 24 dB or more above its noise.
MAX_LEVEL_DB = 6.0
MAX_EDGE_S = 0.5
MIN_SNR_DB = 20.0
# Flat tops, wherever they lie: sound may have been clipped first and turned down later. Speech has none.
NEAR_PEAK, FLAT_WITHIN = 1e-3, 1e-4
MAX_CLIPPED = 2e-4
ENOUGH_CLIPS = 5

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True)
class ClipSound:
    """What a clip sounds like, in numbers.

    Args:
        duration_s: seconds.
        sampling_rate: Hz, of the file.
        peak: largest magnitude, 1 = full scale.
        clipped: share of samples in flat tops.
        dc_offset: mean of the samples.
        level_db: of the frames with speech, dB below full scale.
        noise_db: of the quietest frames.
        leading_s: seconds before the speech.
        trailing_s: seconds behind it.
        noticed: what reading the file reported and accepted.
    """

    duration_s: float
    sampling_rate: int
    peak: float
    clipped: float
    dc_offset: float
    level_db: float
    noise_db: float
    leading_s: float
    trailing_s: float
    noticed: tuple[Noticed, ...] = ()

    @property
    def speech_s(self) -> float:
        """Seconds from the first to the last frame with speech."""
        return self.duration_s - self.leading_s - self.trailing_s

    @property
    def snr_db(self) -> float:
        """Estimate of how far speech is above noise; too low where a clip has no pause."""
        return self.level_db - self.noise_db


def measure_sound(audio: Path | bytes, *, mono: Literal["error", "mean"] = "error") -> ClipSound:
    """Read a clip at its own sampling rate and measure it.

    Raises:
        AudioError: training would refuse it too; the message says why.
    """
    noticed: list[Noticed] = []
    rate = _file_rate(audio)
    clip = read_clip(audio, sampling_rate=rate, mono=mono, report=noticed.append)
    samples, levels = clip.samples[0].numpy(), centred_levels(clip)
    loud = np.nonzero(levels > levels.max() - SPEECH_GATE_DB)[0]
    speech = levels[levels > levels.max() - LOUD_GATE_DB]
    duration_s = len(samples) / rate
    return ClipSound(
        duration_s=duration_s,
        sampling_rate=rate,
        peak=float(np.abs(samples).max()),
        clipped=flat_tops(samples),
        dc_offset=float(samples.mean(dtype=np.float64)),
        level_db=float(10 * np.log10(np.mean(10 ** (speech / 10)))),
        noise_db=float(np.percentile(levels, NOISE_PERCENTILE)),
        leading_s=float(loud[0]) * FRAME_S,
        trailing_s=max(0.0, duration_s - float(loud[-1] + 1) * FRAME_S),
        noticed=tuple(noticed),
    )


def centred_levels(clip: Waveform) -> npt.NDArray[np.float64]:
    """Level of each frame of 10 ms in dB, see `frame_levels`; the clip's mean does not count."""
    centred = Waveform(clip.samples - clip.samples.mean(), clip.sampling_rate)
    hop_length = max(1, round(FRAME_S * clip.sampling_rate))
    return frame_levels(centred, hop_length=hop_length).double().numpy()


def flat_tops(samples: Samples) -> float:
    """Share of samples that lie in the middle of flat runs at the clip's own peak."""
    magnitude = np.abs(samples)
    peak = float(magnitude.max())
    is_flat = np.abs(np.diff(samples)) <= FLAT_WITHIN * peak
    inside = (magnitude[1:-1] >= (1 - NEAR_PEAK) * peak) & is_flat[:-1] & is_flat[1:]
    return float(inside.sum()) / len(samples)


def _file_rate(audio: Path | bytes) -> int:
    """Sampling rate as the header says it; any, where `read_clip` will say that there is none."""
    if not header_seconds(audio):
        return LISTENING_RATE
    return int(soundfile.info(io.BytesIO(audio) if isinstance(audio, bytes) else audio).samplerate)


def sound_findings(sounds: Mapping[str, ClipSound], *, max_seconds: float | None) -> Iterator[Finding]:
    """Say what is wrong with clips, alone and beside the others.

    Args:
        sounds: by id.
        max_seconds: longest clip that training takes; None = any.
    """
    if not sounds:
        return
    usual_rate = Counter(sound.sampling_rate for sound in sounds.values()).most_common(1)[0][0]
    usual_db = median(sound.level_db for sound in sounds.values())
    for id_, sound in sounds.items():
        alone = [*_length(sound, max_seconds), *_rate(sound, usual_rate), *_faults(sound)]
        among = _level(sound, usual_db) if len(sounds) >= ENOUGH_CLIPS else ()
        yield from (Finding(kind, id_, detail) for kind, detail in (*alone, *among))


def _length(sound: ClipSound, max_seconds: float | None) -> Iterator[tuple[str, str]]:
    if sound.duration_s < MIN_SECONDS:
        yield "too_short", f"{sound.duration_s:.2f} s"
    if max_seconds is not None and sound.duration_s > max_seconds:
        yield "too_long", f"{sound.duration_s:.1f} s"


def _rate(sound: ClipSound, usual: int) -> Iterator[tuple[str, str]]:
    if sound.sampling_rate != usual:
        yield "foreign_rate", f"{sound.sampling_rate} Hz, most have {usual} Hz"
    if sound.sampling_rate < MIN_RATE:
        yield "low_rate", f"{sound.sampling_rate} Hz"


def _faults(sound: ClipSound) -> Iterator[tuple[str, str]]:
    scaled = next((notice.detail for notice in sound.noticed if notice.kind == "scaled"), None)
    if sound.clipped > MAX_CLIPPED or scaled:
        yield "clipped", scaled or f"{sound.clipped:.2%} in flat tops at {sound.peak:.2f}"
    if sound.leading_s > MAX_EDGE_S or sound.trailing_s > MAX_EDGE_S:
        yield "silent_edges", f"{sound.leading_s:.2f} s before, {sound.trailing_s:.2f} s behind"
    if abs(sound.dc_offset) >= DC_OFFSET_FROM:
        yield "dc_offset", f"mean {sound.dc_offset:+.3f}"
    if sound.snr_db < MIN_SNR_DB:
        yield "noisy", f"{sound.snr_db:.0f} dB above its noise"


def _level(sound: ClipSound, usual_db: float) -> Iterator[tuple[str, str]]:
    difference = sound.level_db - usual_db
    if abs(difference) > MAX_LEVEL_DB:
        yield "loud" if difference > 0 else "quiet", f"{difference:+.1f} dB"
