"""The contract of every metric, what it looks at, and what it says."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor

from toktts.audio import Waveform
from toktts.errors import AudioError, ToktsError

NEEDS = {
    "text": "the text that should be heard",
    "reference": "a recording of the same sentence",
    "voice": "recordings of the speaker",
    "codes": "the codes that the model chose",
    "reference_codes": "the codes of a recording",
    "compute_s": "the seconds that speaking took",
    "acoustic_s": "the seconds that the model took without its codec",
}


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One sentence of speech, and what is known about it; sounds are one clip each, of any sampling rate and length.

    Args:
        speech: what is judged; it may be empty.
        id: its name.
        text: what should be heard.
        reference: a recording of the same sentence.
        voice: other recordings of the speaker.
        codes: int64 (n_codebooks, n_frames), what the model chose.
        reference_codes: the same, of a recording.
        compute_s: seconds that speaking took.
        acoustic_s: seconds that the model alone took to write codes or mel of the same text.
    """

    speech: Waveform
    id: str = ""
    text: str | None = None
    reference: Waveform | None = None
    voice: tuple[Waveform, ...] | None = None
    codes: Tensor | None = None
    reference_codes: Tensor | None = None
    compute_s: float | None = None
    acoustic_s: float | None = None

    def has(self, need: str) -> bool:
        """Whether one of `NEEDS` is known."""
        return bool(self.voice) if need == "voice" else getattr(self, need) is not None


@dataclass(frozen=True)
class Score:
    """A score as a fraction, so that the mean over sentences counts words (or frames) and not sentences.

    Args:
        total: of what is counted, in the metric's unit times `count`.
        count: words, frames, or 1; above 0.
        details: more about this sentence, for who looks at it alone.
    """

    total: float
    count: float = 1.0
    details: Mapping[str, float | str] = field(default_factory=dict)

    @property
    def value(self) -> float:
        """Of this sentence, in the metric's unit."""
        return self.total / self.count


class Metric(ABC):
    """Scores one sentence of speech; the same sample gets the same score, on one thread.

    A heavy package is imported, and a model loaded, at the first score and not before.
    """

    title: ClassVar[str]
    """As a table heads it."""
    unit: ClassVar[str]
    """Of the value; empty for a bare number."""
    higher_is_better: ClassVar[bool]
    needs: ClassVar[tuple[str, ...]]
    """Names in `NEEDS` that a sample must have."""

    @property
    def name(self) -> str:
        """The file name, as it is named on a command line."""
        return type(self).__module__.rpartition(".")[2]

    def can_score(self, sample: Sample) -> bool:
        """Whether everything is known that this metric needs."""
        return all(sample.has(need) for need in self.needs)

    def score(self, sample: Sample) -> Score | None:
        """Judge one sentence.

        Returns:
            None where the question has no answer, as the words wrong of a text without words.
        Raises:
            ToktsError: something that the metric needs is not known.
            AudioError: several clips in one, or samples that are not finite.
            MissingPackageError: a package is not installed; the line says which command installs it.
        """
        for need in self.needs:
            if not sample.has(need):
                raise ToktsError(f"needs {NEEDS[need]}; give it as {need}", key=self.name)
        for waveform in (sample.speech, sample.reference, *(sample.voice or ())):
            if waveform is not None:
                _check(waveform, sample.id)
        return self._score(sample)

    def prepare(self) -> None:  # noqa: B027 - most metrics have nothing to prepare
        """Import and load what is needed, so that what is missing shows before hours of speaking.

        Raises:
            MissingPackageError: a package is not installed; the line says which command installs it.
        """

    @abstractmethod
    def _score(self, sample: Sample) -> Score | None:
        """Judge a sample that has what is needed."""


def _check(waveform: Waveform, id_: str) -> None:
    if len(waveform) != 1:
        raise AudioError(
            f"holds {len(waveform)} clips, a sentence is one; score each of `for clip in waveform`", key=id_
        )
    if not bool(torch.isfinite(waveform.samples).all()):
        raise AudioError("samples are not finite; the model or codec that made them is broken", key=id_)
