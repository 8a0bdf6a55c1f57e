"""The one type that sound has everywhere: samples with their sampling rate."""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
import torch
from torch import Tensor

from toktts.errors import AudioError

FORMATS = {".wav": "WAV", ".flac": "FLAC", ".ogg": "OGG", ".opus": "OGG", ".mp3": "MP3"}


@dataclass(frozen=True)
class Waveform:
    """Mono sound, one clip a row.

    Args:
        samples: float32 (batch, n_samples), in [-1, 1]; a 1-D tensor or array becomes one row.
        sampling_rate: Hz.
        lengths: int64 (batch,), samples of each row that are sound; the rest is padding. None = all of them.
    """

    samples: Tensor
    sampling_rate: int
    lengths: Tensor | None = None

    def __post_init__(self) -> None:
        samples = torch.as_tensor(self.samples, dtype=torch.float32)
        if samples.ndim == 1:
            samples = samples[None]
        if samples.ndim != 2:
            raise AudioError(f"samples must be (batch, n_samples), got shape {tuple(samples.shape)}; mix to mono first")
        if self.sampling_rate <= 0:
            raise AudioError(f"sampling rate must be positive, got {self.sampling_rate} Hz; check the file")
        object.__setattr__(self, "samples", samples)

    def __len__(self) -> int:
        return self.samples.shape[0]

    def __iter__(self) -> Iterator["Waveform"]:
        """One `Waveform` a clip, without padding."""
        for row, length in zip(self.samples, self.row_lengths.tolist(), strict=True):
            yield Waveform(row[None, :length], self.sampling_rate)

    @property
    def row_lengths(self) -> Tensor:
        """int64 (batch,): samples of each row that are sound."""
        if self.lengths is not None:
            return self.lengths
        return torch.full((len(self),), self.samples.shape[1], dtype=torch.long)

    @property
    def duration_s(self) -> float:
        """Seconds of sound over all rows."""
        return float(self.row_lengths.sum()) / self.sampling_rate

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Waveform":
        """Read a sound file at its own sampling rate, mixing channels to mono by their mean.

        Raises:
            AudioError: missing, unreadable or without a single frame.
        """
        try:
            # As bytes, for soundfile itself knows no names that the locale cannot write.
            samples, sampling_rate = soundfile.read(os.fsencode(path), dtype="float32", always_2d=True)
        except (soundfile.SoundFileError, OSError, TypeError) as error:
            raise AudioError(f"cannot be read as sound ({error}); convert it to WAV or FLAC", file=path) from error
        if not len(samples):
            raise AudioError("holds 0 frames; record it again or leave it out", file=path)
        return cls(torch.from_numpy(samples.mean(axis=1)), sampling_rate)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write one clip as 16-bit sound; the ending chooses the format. Nothing partial is ever seen under `path`.

        Raises:
            AudioError: more than one clip, an unknown ending, samples that are not finite, or a disk that is full.
        """
        target = Path(path)
        container = FORMATS.get(target.suffix.lower())
        if container is None:
            ending = target.suffix or "no ending"
            raise AudioError(f"cannot write {ending!r}; use one of {', '.join(FORMATS)}", file=target)
        if len(self) != 1:
            raise AudioError(
                f"holds {len(self)} clips, a file holds one; save each of `for clip in waveform`", file=target
            )
        samples = next(iter(self)).samples[0].detach().cpu().numpy()
        if not np.isfinite(samples).all():
            raise AudioError("samples are not finite; the model or codec that made them is broken", file=target)
        subtype = "OPUS" if target.suffix.lower() == ".opus" else None
        if container in ("WAV", "FLAC"):
            subtype = "PCM_16"
        try:
            handle, staging = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=target.suffix)
        except OSError as error:
            raise AudioError(
                f"folder cannot be written ({error.strerror}); choose another place", file=target
            ) from error
        os.close(handle)
        try:
            limited, name = np.clip(samples, -1.0, 1.0), os.fsencode(staging)
            soundfile.write(name, limited, self.sampling_rate, format=container, subtype=subtype)
            os.chmod(staging, 0o644)
            os.replace(staging, target)
        except (soundfile.SoundFileError, OSError) as error:
            raise AudioError(
                f"cannot be written ({error}); free some space or choose another place", file=target
            ) from error
        finally:
            Path(staging).unlink(missing_ok=True)


def resample(waveform: Waveform, sampling_rate: int) -> Waveform:
    """Bring a waveform to another sampling rate with soxr's high-quality filter, clip by clip.

    Args:
        waveform: any sampling rate.
        sampling_rate: Hz wanted; the same object comes back if it has it already.
    """
    if waveform.sampling_rate == sampling_rate:
        return waveform
    clips = [
        torch.from_numpy(soxr.resample(clip.samples[0].numpy(), clip.sampling_rate, sampling_rate, quality="HQ"))
        for clip in waveform
    ]
    return pad_clips(clips, sampling_rate)


def pad_clips(clips: list[Tensor], sampling_rate: int) -> Waveform:
    """Stack 1-D clips of any lengths into one batch, padded at the end with silence."""
    lengths = torch.tensor([len(clip) for clip in clips], dtype=torch.long)
    samples = torch.nn.utils.rnn.pad_sequence(clips, batch_first=True) if clips else torch.zeros(0, 0)
    return Waveform(samples, sampling_rate, lengths)
