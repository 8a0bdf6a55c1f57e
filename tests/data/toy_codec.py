"""A codec and a corpus that cost nothing, for the tests of the token cache; importable by the processes they start."""

import io
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor

from toktts.audio import Waveform
from toktts.codecs._base import Codec, read_codec_file, write_codec_file
from toktts.data.corpora._base import Corpus, Utterance
from toktts.data.keyed import keyed_generator


class ToyCodec(Codec):
    """Codes are the level and the mean of each frame; `delay_s` slows a call, a clip of `deadly_samples` kills."""

    feature_kind = "codes"
    sampling_rate = 24_000
    hop_length = 320
    n_codebooks = 2
    codebook_size = 1024

    def __init__(self, *, delay_s: float = 0.0, deadly_samples: int = -1, version: int = 1) -> None:
        self.delay_s, self.deadly_samples, self.version = delay_s, deadly_samples, version
        self.n_calls = 0

    @property
    def identity(self) -> str:
        return f"toy-{self.version}"

    def encode(self, waveform: Waveform) -> Tensor:
        self.check_rate(waveform)
        self.n_calls += 1
        time.sleep(self.delay_s)
        if (waveform.row_lengths == self.deadly_samples).any():
            os.kill(os.getpid(), signal.SIGKILL)
        n_frames = self.n_frames(waveform.samples.shape[1])
        padding = n_frames * self.hop_length - waveform.samples.shape[1]
        frames = torch.nn.functional.pad(waveform.samples, (0, padding)).reshape(len(waveform), n_frames, -1)
        level, mean = frames.abs().amax(2), frames.mean(2).abs()
        return (torch.stack([level, mean], 1) * 1023).long().clamp(0, 1023)

    def decode(self, features: Tensor, *, n_frames: Tensor | None = None) -> Waveform:
        raise NotImplementedError

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        facts = {"delay_s": self.delay_s, "deadly_samples": self.deadly_samples, "version": self.version}
        write_codec_file(folder, {"codec": "toy", **facts})

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike[str]) -> "ToyCodec":
        facts = read_codec_file(folder)
        del facts["codec"]
        return cls(**facts)  # type: ignore[arg-type]

    @classmethod
    def tiny(cls) -> "ToyCodec":
        return cls()


class ToyCorpus(Corpus):
    """Any utterances."""

    def __init__(self, utterances: list[Utterance]) -> None:
        self.utterances = utterances

    def __iter__(self) -> Iterator[Utterance]:
        return iter(self.utterances)

    @classmethod
    def tiny(cls, path: str | os.PathLike[str]) -> "ToyCorpus":
        raise NotImplementedError

    @classmethod
    def of(cls, n_clips: int, *, sampling_rate: int = 24_000, first: int = 0) -> "ToyCorpus":
        """Clips of 0.1 to 0.5 s of noise, as bytes."""
        lengths = [sampling_rate * (1 + index * 7 % 5) // 10 + index for index in range(first, first + n_clips)]
        names = [f"clip-{index:03d}" for index in range(first, first + n_clips)]
        return cls([utterance(name, sound(name, n, sampling_rate)) for name, n in zip(names, lengths, strict=True)])


def sound(name: str, n_samples: int, sampling_rate: int = 24_000) -> bytes:
    """A WAV file of noise, in memory."""
    buffer = io.BytesIO()
    samples = 0.3 * keyed_generator(name).uniform(-1, 1, n_samples).astype(np.float32)
    # Not FLOAT: libsndfile writes the time of day into those files.
    soundfile.write(buffer, samples, sampling_rate, format="WAV", subtype="PCM_16")
    return buffer.getvalue()


def utterance(name: str, audio: Path | bytes) -> Utterance:
    return Utterance(name, f"text of {name}", audio, "nobody", "en", "CC0-1.0", "synthetic")
