"""The beginnings of clips, cut at a word boundary, with the text that is said in them."""

import io
import os
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import soundfile

from toktts.alignment.alignment import Alignment, Span
from toktts.alignment.cutting import cut_at_word
from toktts.audio import Waveform
from toktts.audio.reading import Finding, read_clip
from toktts.data.amount import header_seconds
from toktts.data.corpora._base import Corpus, Utterance
from toktts.data.corpora.demo import Demo
from toktts.data.rejects import Rejected
from toktts.data.word_times import Locate, TimedText
from toktts.errors import AlignmentError, AudioError, TextError

LISTENING_RATE = 16_000
FLOAT = 3  # of the formats that a WAV file may hold


class CutCorpus(Corpus):
    """Shortens the clips of a corpus that are longer than wanted; their sound and their text end with the same word.

    A clip that does not begin with a whole word, or whose words are not found, is left out with the reason. One that
    cannot be read, or is too long to be, stays whole: whoever encodes it says what is wrong with it.

    Args:
        corpus: what is cut.
        clip_seconds: longest clip wanted.
        locate: finds the words.
        max_seconds: longer clips are not touched; None = any.
    """

    def __init__(
        self, corpus: Corpus, clip_seconds: float, *, locate: Locate, max_seconds: float | None = None
    ) -> None:
        self._corpus, self._clip_seconds, self._max_seconds = corpus, clip_seconds, max_seconds
        self._locate = locate
        self._cuts: dict[str, tuple[float, str] | Rejected | None] = {}

    @property
    def rejected(self) -> tuple[Rejected, ...]:  # type: ignore[override]  # known when the corpus was gone through
        """Rows left out so far, by the corpus and here."""
        return (*self._corpus.rejected, *(cut for cut in self._cuts.values() if isinstance(cut, Rejected)))

    def __iter__(self) -> Iterator[Utterance]:
        for utterance in self._corpus:
            if utterance.id not in self._cuts:
                self._cuts[utterance.id] = self._cut(utterance)
            cut = self._cuts[utterance.id]
            if cut is None:
                yield utterance
            elif not isinstance(cut, Rejected):
                seconds, text = cut
                yield replace(utterance, text=text, audio=_beginning(utterance.audio, seconds))

    def _cut(self, utterance: Utterance) -> tuple[float, str] | Rejected | None:
        """Where to cut, and the text up to there; None = leave it whole."""
        length_s = header_seconds(utterance.audio)
        if length_s <= self._clip_seconds or (self._max_seconds is not None and length_s > self._max_seconds):
            return None
        try:
            waveform = read_clip(utterance.audio, sampling_rate=LISTENING_RATE, mono="mean", report=_unheard)
        except AudioError:
            return None
        try:
            timed = self._locate(utterance, waveform)
        except (AlignmentError, TextError) as error:
            file = None if isinstance(utterance.audio, bytes) else str(utterance.audio)
            return Rejected(utterance.id, file, f"cannot be cut at a word: {error.message}")
        seconds, n_words = cut_at_word(timed.words, self._clip_seconds)
        if not n_words:
            reason = f"its first word ends after {self._clip_seconds:g} s; raise data.clip_seconds"
            return Rejected(utterance.id, None, reason)
        return seconds, timed.beginning(n_words)

    @classmethod
    def tiny(cls, path: str | os.PathLike[str]) -> "CutCorpus":
        """Cut the tiny demo corpus in halves, as if it said a word each half second."""
        return cls(Demo.tiny(path), 0.5, locate=_halves)


def _beginning(audio: Path | bytes, seconds: float) -> bytes:
    """The first seconds of a sound as a WAV file, at its own rate and with its own channels."""
    source = io.BytesIO(audio) if isinstance(audio, bytes) else audio
    with soundfile.SoundFile(source) as sound:
        content: bytes = sound.read(round(seconds * sound.samplerate), dtype="float32").astype("<f4").tobytes()
        rate, channels = sound.samplerate, sound.channels
    # By hand, for libsndfile writes the time of day into such a file, and the cache is named by its bytes.
    layout = struct.pack("<HHIIHH", FLOAT, channels, rate, 4 * rate * channels, 4 * channels, 32)
    chunks = b"fmt " + struct.pack("<I", len(layout)) + layout + b"data" + struct.pack("<I", len(content)) + content
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def _unheard(_finding: Finding) -> None:
    """Findings are counted when the clip is encoded."""


def _halves(utterance: Utterance, waveform: Waveform) -> TimedText:
    length_s = waveform.duration_s
    text = utterance.text
    middle = text.find(" ") if " " in text else len(text)
    spans = (Span("first", 0.0, length_s / 2 - 0.01), Span("rest", length_s / 2, length_s))
    return TimedText(text, (middle, len(text)), Alignment(spans, length_s, "word"))
