"""How much the speech sounds like the speaker."""

import torch
from torch import Tensor

from toktts.audio import Waveform
from toktts.evaluation._base import Metric, Sample, Score
from toktts.evaluation._sound import is_silent, judge_samples
from toktts.evaluation._speaker import SpeakerEncoder


class SpeakerSimilarity(Metric):
    """Cosine between what a speaker encoder says of the speech and of each recording of the speaker, their mean.

    The same voice in other words has about 0.9, another voice 0.5 to 0.65. Silence gets 0. A recording is never
    compared with itself, unless there is no other.
    """

    title = "speaker similarity"
    unit = ""
    higher_is_better = True
    needs = ("voice",)

    def __init__(self) -> None:
        self._encoder: SpeakerEncoder | None = None
        self._voice: tuple[tuple[Waveform, ...], list[Tensor | None]] | None = None

    def prepare(self) -> None:
        """Load the encoder."""
        if self._encoder is None:
            self._encoder = SpeakerEncoder.load()

    def _score(self, sample: Sample) -> Score | None:
        self.prepare()
        assert sample.voice is not None
        own = self._vector(sample.speech)
        heard: list[Tensor | None] = [own]
        heard = [vector for clip, vector in self._vectors(sample.voice) if not _is_same(clip, sample.speech)] or heard
        vectors = [vector for vector in heard if vector is not None]
        if not vectors:
            return None
        return Score(0.0 if own is None else float(torch.stack(vectors).mean(dim=0) @ own))

    def _vectors(self, voice: tuple[Waveform, ...]) -> list[tuple[Waveform, Tensor | None]]:
        """Listen to the speaker once, not again for every sentence."""
        if self._voice is None or self._voice[0] is not voice:
            self._voice = (voice, [self._vector(clip) for clip in voice])
        return list(zip(*self._voice, strict=True))

    def _vector(self, waveform: Waveform) -> Tensor | None:
        assert self._encoder is not None
        samples = judge_samples(waveform)
        vector: Tensor | None = None if is_silent(samples) else self._encoder(samples)
        return vector


def _is_same(one: Waveform, other: Waveform) -> bool:
    return one.sampling_rate == other.sampling_rate and torch.equal(one.samples, other.samples)
