"""Forced alignment by pocketsphinx (optional package `pocketsphinx`): which word and phoneme a recording says when."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from toktts.alignment.alignment import Alignment, Span
from toktts.audio import Waveform, resample
from toktts.errors import AlignmentError, MissingPackageError

if TYPE_CHECKING:
    import pocketsphinx

SAMPLING_RATE = 16_000
FRAME_RATE = 100
# 0.1 s. The recognizer guesses its first frame from the last one it heard: after this, the same for every clip.
_SILENCE = bytes(2 * SAMPLING_RATE // 10)
_WIDE = {"beam": 1e-200, "pbeam": 1e-200, "wbeam": 1e-150}
# Likely silences find short pauses, but the second pass may get stuck in one; wide beams help with voices unlike those
# the acoustic model heard.
ATTEMPTS: tuple[dict[str, float], ...] = (
    {"silprob": 0.3},
    {"silprob": 0.005},
    {"silprob": 0.3, **_WIDE},
    {"silprob": 0.005, **_WIDE},
)

VOWELS = frozenset({"AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW"})
CONSONANTS = frozenset({*"BDFGKLMNPRSTVWYZ", "CH", "DH", "HH", "JH", "NG", "SH", "TH", "ZH"})

Word = tuple[str, Sequence[str]]
"""A word as it is written, and its ARPAbet phonemes with or without stress."""


@dataclass(frozen=True)
class ForcedAlignment:
    """What a recording says when.

    Args:
        words: the tier `word`, with the words as they were given.
        phonemes: the tier `phoneme`, with the phonemes as they were given, stress included.
    """

    words: Alignment
    phonemes: Alignment


@dataclass(frozen=True)
class _Entry:
    """A word as it was found: first frame, number of frames, score, and the same of each phoneme."""

    start: int
    n_frames: int
    score: int
    phones: list[tuple[int, int, int]]


@dataclass
class PocketSphinxAligner:
    """Aligns recordings with their words; one object for many, because loading takes half a second.

    Times are multiples of 10 ms. A word's score is the acoustic model's, in its own unit.

    Raises:
        MissingPackageError: the package is not installed.

    Source: github.com/cmusphinx/pocketsphinx, `Decoder.set_align_text` and `Decoder.set_alignment`.
    """

    _decoders: list["pocketsphinx.Decoder"] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        self._decoder(0)

    def align(self, waveform: Waveform, words: Sequence[Word]) -> ForcedAlignment:
        """Find words and phonemes in a recording that says exactly these words.

        Args:
            waveform: one clip, at any sampling rate.
            words: in the order they are said.
        Raises:
            AlignmentError: no words, a phoneme that is not ARPAbet, several clips, or a recording that does not say
                these words (or is too short to).
        """
        if len(waveform) != 1 or not waveform.duration_s:
            raise AlignmentError(
                f"can align one clip that is not empty, got {len(waveform)} of {waveform.duration_s:.2f} s; "
                "align each of `for clip in waveform`"
            )
        pronunciations = [_pronunciation(word, symbols) for word, symbols in words]
        if not pronunciations:
            raise AlignmentError("no words to align; give those that the recording says")
        pcm = _pcm(waveform)
        for attempt in range(len(ATTEMPTS)):
            entries = _entries(self._decoder(attempt), pcm, pronunciations)
            if entries is not None:
                return _labelled(entries, words, waveform.duration_s)
        said = " ".join(word for word, _ in words)
        raise AlignmentError(f"{waveform.duration_s:.2f} s of sound do not say {said[:80]!r}; check text and recording")

    def _decoder(self, attempt: int) -> "pocketsphinx.Decoder":
        """Give the recognizer of an attempt; the later ones are built when the earlier fail for the first time."""
        try:
            from pocketsphinx import Decoder
        except ImportError as error:
            raise MissingPackageError(
                "forced alignment needs pocketsphinx; pip install 'pocketsphinx>=5.1'", key="pocketsphinx"
            ) from error
        for options in ATTEMPTS[len(self._decoders) : attempt + 1]:
            self._decoders.append(Decoder(lm=None, samprate=SAMPLING_RATE, loglevel="FATAL", **options))
        return self._decoders[attempt]


def _entries(decoder: "pocketsphinx.Decoder", pcm: bytes, pronunciations: Sequence[str]) -> list[_Entry] | None:
    """Give the words as pocketsphinx found them, silences left out; None = it did not find them.

    A first pass finds the words and the silences between them, a second one the phonemes inside.
    """
    for pronunciation in pronunciations:
        if decoder.lookup_word(_key(pronunciation)) is None:
            decoder.add_word(_key(pronunciation), pronunciation, True)
    decoder.set_align_text(" ".join(map(_key, pronunciations)))
    try:
        _listen(decoder, _SILENCE)
        _listen(decoder, pcm)
        decoder.set_alignment()
        _listen(decoder, pcm)
        found = decoder.get_alignment()
    except RuntimeError:
        return None
    if found is None:
        return None
    # Copied at once: entries point into `found` and crash the process when it is gone.
    entries = [
        _Entry(entry.start, entry.duration, entry.score, [(p.start, p.duration, p.score) for p in entry])
        for entry in found
        if not entry.name.startswith(("<", "["))
    ]
    return entries if len(entries) == len(pronunciations) else None


def _pronunciation(word: str, symbols: Sequence[str]) -> str:
    """Phonemes as the acoustic model knows them: without stress."""
    plain = [symbol.rstrip("012") for symbol in symbols]
    strange = [symbol for symbol, bare in zip(symbols, plain, strict=True) if bare not in VOWELS | CONSONANTS]
    if strange or not plain:
        fault = f"{strange[0]!r} is not ARPAbet" if strange else "has no phonemes"
        raise AlignmentError(f"{fault}; write its sounds as HH AH0 L OW1", key=repr(word))
    return " ".join(plain)


def _key(pronunciation: str) -> str:
    """Name a pronunciation like a word that no dictionary has."""
    return "w_" + pronunciation.replace(" ", "_").lower()


def _pcm(waveform: Waveform) -> bytes:
    samples = next(iter(resample(waveform, SAMPLING_RATE))).samples[0].numpy()
    if not np.isfinite(samples).all():
        raise AlignmentError("samples are not finite; record the clip again or leave it out")
    return bytes((np.clip(samples, -1.0, 1.0) * 32767).astype("<i2").tobytes())


def _listen(decoder: "pocketsphinx.Decoder", pcm: bytes) -> None:
    decoder.start_utt()
    try:
        decoder.process_raw(pcm, full_utt=True)
    finally:
        decoder.end_utt()


def _labelled(entries: Sequence[_Entry], words: Sequence[Word], duration_s: float) -> ForcedAlignment:
    spans: list[Span] = []
    phonemes: list[Span] = []
    for entry, (word, symbols) in zip(entries, words, strict=True):
        spans.append(_span(word, (entry.start, entry.n_frames, entry.score), duration_s))
        phonemes.extend(_span(symbol, phone, duration_s) for symbol, phone in zip(symbols, entry.phones, strict=True))
    return ForcedAlignment(Alignment(tuple(spans), duration_s, "word"), Alignment(tuple(phonemes), duration_s))


def _span(label: str, found: tuple[int, int, int], duration_s: float) -> Span:
    """Turn frames into seconds; the last frame of the recognizer may reach behind the sound."""
    start, n_frames, score = found
    start_s, end_s = start / FRAME_RATE, (start + n_frames) / FRAME_RATE
    return Span(label, min(start_s, duration_s), min(end_s, duration_s), float(score))
