"""A folder of real clips of the demo corpus, whole or with one thing wrong, for the tests of check-corpus."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import islice
from pathlib import Path

import soundfile
import torch

from toktts.audio import Waveform, resample
from toktts.audio.reading import read_clip
from toktts.data.corpora._base import Corpus, Utterance
from toktts.data.corpora.demo import Demo
from toktts.data.encoding import ClipSettings
from toktts.evaluation.corpus import CorpusReport, check_corpus
from toktts.text.basic import BasicNormalizer
from toktts.tokens import build_tokenizer

N_CLIPS = 8
VICTIM = 3  # the clip that is spoiled


class Clips(Corpus):
    """Utterances in memory."""

    def __init__(self, utterances: list[Utterance]) -> None:
        self.utterances = utterances

    def __iter__(self) -> Iterator[Utterance]:
        return iter(self.utterances)

    @classmethod
    def tiny(cls, path: object) -> "Clips":
        del path
        return cls(good_utterances())


@cache
def _demo() -> tuple[Utterance, ...]:
    # Long enough that half a text, or one word of it, is far from it.
    long_ones = (utterance for utterance in Demo() if len(utterance.text) > 45)
    return tuple(islice(long_ones, N_CLIPS))


def good_utterances() -> list[Utterance]:
    return list(_demo())


def victim_id() -> str:
    return _demo()[VICTIM].id


def sound_of(utterance: Utterance) -> Waveform:
    return read_clip(utterance.audio, sampling_rate=24_000)


def with_sound(waveform: Waveform, folder: Path) -> Clips:
    """The corpus with another sound for the victim, as 32-bit samples so that nothing is cut off."""
    utterances = good_utterances()
    path = folder / "victim.wav"
    soundfile.write(path, waveform.samples[0].numpy(), waveform.sampling_rate, subtype="FLOAT")
    utterances[VICTIM] = replace(utterances[VICTIM], audio=path)
    return Clips(utterances)


def with_text(text: str) -> Clips:
    utterances = good_utterances()
    utterances[VICTIM] = replace(utterances[VICTIM], text=text)
    return Clips(utterances)


def look(corpus: Corpus, *, tokenizer: str = "characters", settings: ClipSettings | None = None) -> CorpusReport:
    return check_corpus(
        corpus,
        normalizer=BasicNormalizer(),
        tokenizer=build_tokenizer(tokenizer),
        settings=settings or ClipSettings(),
    )


def victim_sound() -> Waveform:
    return sound_of(good_utterances()[VICTIM])


def clipped(waveform: Waveform, gain: float) -> Waveform:
    """Too much gain, cut off at full scale, and turned down again, so that its level does not show it."""
    peak = waveform.samples.abs().max()
    return Waveform((gain * waveform.samples / peak).clamp(-1, 1) * peak / gain, waveform.sampling_rate)


def with_silence(waveform: Waveform, seconds: float, *, before: bool) -> Waveform:
    silence = torch.zeros(1, round(seconds * waveform.sampling_rate))
    parts = (silence, waveform.samples) if before else (waveform.samples, silence)
    return Waveform(torch.cat(parts, dim=1), waveform.sampling_rate)


def at_rate(waveform: Waveform, sampling_rate: int) -> Waveform:
    return resample(waveform, sampling_rate)
