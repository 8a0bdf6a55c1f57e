"""A corpus -> short stretches of sound with their features, the food of a vocoder."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from toktts.audio import Waveform
from toktts.audio.pitch import track_pitch
from toktts.audio.reading import Finding, read_clip
from toktts.codecs._base import Codec
from toktts.codecs._vocoder import TYPICAL_PITCH
from toktts.codecs.melrvq import MelRVQ
from toktts.data.corpora._base import Corpus
from toktts.data.keyed import keyed_generator
from toktts.data.rejects import Rejected, Rejects
from toktts.errors import AudioError, CorpusError

MAX_FIT_FRAMES = 200_000
Progress = Callable[[int, int], None]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CodecAudio:
    """The sound of a corpus, held in memory at half precision: 173 MB an hour at 24 kHz.

    Args:
        ids: of the clips, in the order of the corpus.
        clips: float16 (n_samples,) each, padded with silence to whole hops.
        sampling_rate: Hz.
    """

    ids: list[str]
    clips: list[Tensor]
    sampling_rate: int

    @property
    def hours(self) -> float:
        """Hours of sound."""
        return sum(map(len, self.clips)) / self.sampling_rate / 3600

    def waveform(self, index: int) -> Waveform:
        """One clip in single precision."""
        return Waveform(self.clips[index].float(), self.sampling_rate)

    def select(self, ids: Sequence[str]) -> "CodecAudio":
        """Keep the clips of these ids, in their order; the sound itself is shared."""
        place = {clip_id: index for index, clip_id in enumerate(self.ids)}
        return CodecAudio(list(ids), [self.clips[place[clip_id]] for clip_id in ids], self.sampling_rate)


def read_codec_audio(
    corpus: Corpus,
    codec: Codec,
    *,
    rejected_file: Path,
    min_frames: int = 1,
    max_hours: float = 10.0,
    clip_seconds: float | None = None,
    max_seconds: float | None = 30.0,
    mono: Literal["error", "mean"] = "error",
    max_rejected_fraction: float = 0.01,
    on_progress: Progress = lambda _done, _total: None,
) -> CodecAudio:
    """Read every clip of a corpus once.

    Args:
        corpus: gone through once.
        codec: its sampling rate and hop length count.
        rejected_file: gets the clips that cannot be used, and why.
        min_frames: shorter clips are padded with silence to so many frames.
        max_hours: most sound that may be held.
        clip_seconds: keep the first so many seconds of a clip; None = all.
        max_seconds: longer clips are rejected; None = any.
        mono: what to do with several channels.
        max_rejected_fraction: share of clips that may be rejected.
        on_progress: gets clips read and clips in all.
    Raises:
        CorpusError: more than `max_hours`, an id twice, or too many clips rejected.
    """
    utterances = list(corpus)
    rejects = Rejects(rejected_file, max_rejected_fraction=max_rejected_fraction)
    rejects.extend(corpus.rejected)
    audio = CodecAudio([], [], codec.sampling_rate)
    n_samples = 0
    n_kept = None if clip_seconds is None else round(clip_seconds * codec.sampling_rate)
    for index, utterance in enumerate(utterances):
        outcome = _read_one(utterance.id, utterance.audio, codec, max_seconds=max_seconds, mono=mono)
        if isinstance(outcome, Rejected):
            rejects.extend([outcome])
        else:
            audio.ids.append(utterance.id)
            audio.clips.append(_whole_frames(outcome[:n_kept], codec.hop_length, min_frames))
            n_samples += len(audio.clips[-1])
        if n_samples > max_hours * 3600 * codec.sampling_rate:
            raise CorpusError(
                f"{index + 1} of {len(utterances)} clips hold {n_samples / codec.sampling_rate / 3600:.2f} hours of "
                f"sound, more than {max_hours:g}; set data.limit_rows, or raise max_hours: an hour takes "
                f"{codec.sampling_rate * 7.2e-6:.2f} GB of memory",
                key="codec.options.max_hours",
            )
        on_progress(index + 1, len(utterances))
    rejects.finish(len(audio.ids))
    if len(set(audio.ids)) < len(audio.ids):
        raise CorpusError("holds an id twice; give every clip its own id")
    return audio


def _read_one(
    clip_id: str, audio: Path | bytes, codec: Codec, *, max_seconds: float | None, mono: Literal["error", "mean"]
) -> Tensor | Rejected:
    def note(finding: Finding) -> None:
        logger.debug("%s: %s", clip_id, finding)

    try:
        waveform = read_clip(
            audio,
            sampling_rate=codec.sampling_rate,
            max_seconds=max_seconds,
            mono=mono,
            min_samples=codec.hop_length,
            report=note,
        )
    except AudioError as error:
        return Rejected(clip_id, error.file, error.message)
    return waveform.samples[0]


def _whole_frames(samples: Tensor, hop_length: int, min_frames: int) -> Tensor:
    """Pad with silence at the end, and copy, so that a cut clip does not keep the whole one in memory."""
    n_frames = max(min_frames, -(-len(samples) // hop_length))
    padded = torch.zeros(n_frames * hop_length, dtype=torch.float16)
    padded[: len(samples)] = samples
    return padded


def fit_on_audio(codec: MelRVQ, audio: CodecAudio, *, seed: int, max_frames: int = MAX_FIT_FRAMES) -> int:
    """Fit the codebooks on whole clips drawn from the corpus.

    Args:
        codec: its codebooks are replaced.
        audio: the training clips.
        seed: of the draw and the k-means.
        max_frames: enough; the rest is left out.
    Returns:
        Frames that were used.
    Raises:
        CodecError: too little sound for the codebook size.
    """
    frames: list[Tensor] = []
    n_frames = 0
    for index in keyed_generator(seed, "fit").permutation(len(audio.clips)):
        if n_frames >= max_frames:
            break
        with torch.no_grad():
            frames.append(codec.log_mel(audio.waveform(int(index)).samples)[0].T)
        n_frames += len(frames[-1])
    mel = torch.cat(frames)[:max_frames] if frames else torch.zeros(0, codec.n_mels)
    codec.fit(mel, seed=seed)
    return len(mel)


def encode_audio(
    codec: Codec, audio: CodecAudio, *, on_progress: Progress = lambda _done, _total: None
) -> list[Tensor]:
    """Encode every clip once: int16 (n_codebooks, n_frames) each, or float16 (n_mels, n_frames)."""
    dtype = torch.int16 if codec.feature_kind == "codes" else torch.float16
    features = []
    for index in range(len(audio.clips)):
        features.append(codec.encode(audio.waveform(index))[0].to(dtype))
        on_progress(index + 1, len(audio.clips))
    return features


def track_audio(
    audio: CodecAudio, hop_length: int, *, on_progress: Progress = lambda _done, _total: None
) -> list[Tensor]:
    """Track the pitch of every clip: float32 (2, n_frames) each, Hz without gaps, and 1 where it was heard."""
    tracks = []
    for index in range(len(audio.clips)):
        track = track_pitch(audio.waveform(index), hop_length=hop_length)
        # A clip that nobody speaks in has no pitch at all; then any will do.
        pitch = track.continuous() if track.voiced.any() else torch.full_like(track.f0, TYPICAL_PITCH)
        tracks.append(torch.stack([pitch, track.voiced.float()]))
        on_progress(index + 1, len(audio.clips))
    return tracks


class SegmentDataset(Dataset[dict[str, Tensor]]):
    """Stretches of sound with their features, drawn anew for every index: long clips as often as they are longer.

    A segment follows from `(seed, index)` alone, so a run that goes on after a stop sees what it would have seen.

    Args:
        audio: clips of at least `segment_frames` frames.
        features: of each clip, as `encode_audio` gives them.
        tracks: pitch of each clip, as `track_audio` gives it.
        hop_length: samples a frame.
        segment_frames: frames of a segment.
        n_segments: how many there are.
        seed: another seed draws others.
        feature_kind: what the features are.
    """

    def __init__(
        self,
        audio: CodecAudio,
        features: Sequence[Tensor],
        tracks: Sequence[Tensor],
        *,
        hop_length: int,
        segment_frames: int,
        n_segments: int,
        seed: int,
        feature_kind: Literal["codes", "mel"] = "codes",
    ) -> None:
        self.audio = audio
        self.features = features
        self.tracks = tracks
        self.hop_length = hop_length
        self.segment_frames = segment_frames
        self.n_segments = n_segments
        self.seed = seed
        self.feature_kind = feature_kind
        self._ends = np.cumsum([row.shape[1] for row in features])

    def __len__(self) -> int:
        return self.n_segments

    def place(self, index: int) -> tuple[int, int]:
        """Say which clip a segment is of, and its first frame there."""
        generator = keyed_generator(self.seed, index)
        clip = int(np.searchsorted(self._ends, generator.integers(self._ends[-1]), side="right"))
        return clip, int(generator.integers(self.features[clip].shape[1] - self.segment_frames + 1))

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """Cut one segment.

        Returns:
            `codes`, int64 (n_codebooks, segment_frames), or `mel`, float32 (n_mels, segment_frames); `samples`, float32
            (segment_frames * hop_length,); `pitch` in Hz and `voiced`, float32 (segment_frames,).
        """
        clip, first = self.place(index)
        last = first + self.segment_frames
        pitch, voiced = self.tracks[clip][:, first:last]
        features = self.features[clip][:, first:last]
        return {
            self.feature_kind: features.long() if self.feature_kind == "codes" else features.float(),
            "samples": self.audio.clips[clip][first * self.hop_length : last * self.hop_length].float(),
            "pitch": pitch,
            "voiced": voiced,
        }
