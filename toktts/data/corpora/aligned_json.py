"""LJ-Speech-aligned and its like: a JSON file a clip with words, phonemes and milliseconds, and mel or sound."""

import json
import logging
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

from toktts.alignment.alignment import Alignment, Span
from toktts.alignment.frames import fitted, frames_of_onsets
from toktts.data.corpora._base import Corpus, Utterance, check_id, tiny_clip
from toktts.data.corpora._facts import FACTS_FILE, complete_facts
from toktts.data.mel_file import mel_shape
from toktts.data.metadata import find_sound, text_fault
from toktts.data.rejects import Rejected
from toktts.errors import AlignmentError, AudioError, CorpusError

MEL_ENDING = ".mel.npy"
MEL_FRAME_RATE = 22_050 / 256
"""Frames per second of the mel files."""
PAUSE = "pau"
logger = logging.getLogger(__name__)


class _Timed(NamedTuple):
    symbol: str
    onset_ms: float
    duration_ms: float


class AlignedJson(Corpus):
    """A folder of `ID.json`, each beside `ID.wav` or `ID.mel.npy` (80, n_frames); sound is taken where both are there.

    A JSON file holds `text`, and `utterance.words`, each with `phones` of `phone`, `onset` and `duration` (ms). A
    phoneme lasts until the next one begins. With mel, where 22050 / 256 frames are a second, durations add up to its
    frames: rounding that leaves one too many or too few is mended at the last phoneme, and reported.

    Args:
        path: the folder.
        speaker: a name for the voice.
        language: BCP 47 tag, as `en`.
        licence: SPDX name or the terms in words.
        consent: how the speaker agreed to a synthetic voice. These four may stand in `corpus.yaml` instead.
    Raises:
        CorpusError: no such folder, no JSON file in it, a name that is no id, or one of the four facts is missing.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        speaker: str | None = None,
        language: str | None = None,
        licence: str | None = None,
        consent: str | None = None,
    ) -> None:
        self.folder = Path(path)
        given = {"speaker": speaker, "language": language, "licence": licence, "consent": consent}
        self._facts = complete_facts(given, self.folder / FACTS_FILE)
        self.mended: list[str] = []
        """Ids whose last phoneme was made a frame longer or shorter."""
        sound = find_sound(self.folder)
        files = sorted(file for file in self.folder.glob("*.json") if not file.name.startswith("."))
        if not files:
            raise CorpusError("holds no ID.json; name the folder with the files of the corpus", file=self.folder)
        self._utterances: list[Utterance] = []
        self.rejected = tuple(fault for file in files if (fault := self._add(file, sound)))
        if self.mended:
            counts = (len(self.mended), len(files))
            logger.warning(
                "%d of %d clips: the last phoneme was a frame off the end of the mel, now it is not", *counts
            )

    def __iter__(self) -> Iterator[Utterance]:
        return iter(self._utterances)

    def __len__(self) -> int:
        return len(self._utterances)

    @classmethod
    def tiny(cls, path: str | os.PathLike[str]) -> Self:
        """Write three clips with sound and open them."""
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        facts = "speaker: nobody\nlanguage: en\nlicence: CC0-1.0\nconsent: made by a formula\n"
        (folder / FACTS_FILE).write_text(facts, encoding="utf-8", newline="\n")
        for index in range(3):
            tiny_clip(index).save(folder / f"clip-{index}.wav")
            phones = [("pau", 0, 100), ("HH", 100, 150), ("AY1", 250, 500 + index), ("pau", 750 + index, 250 - index)]
            write_aligned(folder / f"clip-{index}.json", "hi!", phones)
        return cls(folder)

    def _add(self, file: Path, sound: Mapping[str, Path]) -> Rejected | None:
        """Keep a clip, or say why not."""
        id_ = check_id(file.stem, file=file)
        try:
            text, timed = _read(file)
            mel = file.with_name(id_ + MEL_ENDING)
            if id_ in sound:
                audio, phones = sound[id_], _in_seconds(timed)
            elif mel.is_file():
                audio, phones = mel, self._in_frames(id_, timed, mel)
            else:
                return Rejected(id_, os.fspath(mel), f"is missing, and {id_}.wav too; copy one of them there")
        except (CorpusError, AlignmentError, AudioError) as error:
            return Rejected(id_, error.file or os.fspath(file), error.message)
        self._utterances.append(Utterance(id=id_, text=text, audio=audio, phones=phones, **self._facts))
        return None

    def _in_frames(self, id_: str, timed: Sequence[_Timed], mel: Path) -> Alignment:
        """Times on the grid of the mel's frames, from its first to its last."""
        onsets = [phone.onset_ms for phone in timed]
        durations = frames_of_onsets(onsets, timed[-1].duration_ms, frame_rate=MEL_FRAME_RATE)
        n_frames = mel_shape(mel)[1]
        exact = fitted(durations, n_frames)
        if exact != durations:
            self.mended.append(id_)
        return Alignment.from_durations([phone.symbol for phone in timed], exact, frame_rate=MEL_FRAME_RATE)


def write_aligned(file: Path, text: str, phones: Sequence[tuple[str, float, float]]) -> None:
    """Write a clip's JSON file, all phonemes as one word.

    Args:
        file: `ID.json`.
        text: what is said.
        phones: symbol, onset and duration in milliseconds.
    """
    names = ("phone", "onset", "duration")
    words = [{"word": text, "phones": [dict(zip(names, phone, strict=True)) for phone in phones]}]
    content = {"ID": file.stem, "text": text, "utterance": {"words": words}}
    file.write_text(json.dumps(content), encoding="utf-8", newline="\n")


def _read(file: Path) -> tuple[str, list[_Timed]]:
    """What is said, and its phonemes with times."""
    try:
        content = json.loads(file.read_bytes().decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise CorpusError(f"cannot be read as JSON ({error}); write it again or leave it out") from error
    record = content.get("utterance") if isinstance(content, dict) else None
    if not isinstance(record, dict):
        raise CorpusError("has no record 'utterance'; it was not aligned, leave it out")
    text = content.get("text")
    fault = text_fault(text) if isinstance(text, str) else "has no 'text'; write what is said"
    if fault:
        raise CorpusError(fault)
    try:
        timed = [_timed(phone) for word in record["words"] for phone in word["phones"]]
    except (KeyError, TypeError) as error:
        raise CorpusError(
            f"has no words with phones, each with 'phone', 'onset' and 'duration' ({error}); align it again"
        ) from error
    if not timed:
        raise CorpusError("has no phonemes; align it again or leave it out")
    return str(text), _from_the_beginning(timed)


def _timed(phone: Mapping[str, Any]) -> _Timed:
    symbol, onset, duration = phone["phone"], phone["onset"], phone["duration"]
    for value in (onset, duration):
        if not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
            raise CorpusError(f"{symbol!r} has the time {value!r}, not milliseconds from 0 on; align it again")
    if not isinstance(symbol, str) or not symbol.strip():
        raise CorpusError(f"phone {symbol!r} is no symbol; align it again")
    return _Timed(symbol, onset, duration)


def _from_the_beginning(timed: list[_Timed]) -> list[_Timed]:
    """Put a pause before a first phoneme that begins late, so that no frame is without one."""
    first = timed[0].onset_ms
    return timed if round(first / 1000 * MEL_FRAME_RATE) == 0 else [_Timed(PAUSE, 0.0, first), *timed]


def _in_seconds(timed: Sequence[_Timed]) -> Alignment:
    """Times as they are written, each phoneme up to the next."""
    starts = [phone.onset_ms / 1000 for phone in timed]
    starts[0] = 0.0
    end_s = starts[-1] + timed[-1].duration_ms / 1000
    spans = [
        Span(phone.symbol, start, end) for phone, start, end in zip(timed, starts, [*starts[1:], end_s], strict=True)
    ]
    return Alignment(tuple(spans), end_s)
