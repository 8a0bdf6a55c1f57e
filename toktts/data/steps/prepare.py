"""Step one: any corpus -> `{speaker}/ID.wav` and `{speaker}/ID.lab`, as forced aligners want them."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from toktts.audio import Waveform
from toktts.audio.reading import Finding, read_clip
from toktts.data.atomic import write_atomically
from toktts.data.corpora._base import Corpus, Utterance, check_id
from toktts.data.corpora._facts import FACTS_FILE
from toktts.data.corpora._pairs import TRANSCRIPT
from toktts.data.rejects import Rejected
from toktts.data.steps.report import StepReport
from toktts.errors import AudioError, CorpusError
from toktts.text import Normalizer

STEP = "prepare"
SHARED_FACTS = ("language", "licence", "consent")
Progress = Callable[[int], None]


def prepare_dataset(
    corpus: Corpus,
    folder: Path,
    *,
    normalizer: Normalizer,
    sampling_rate: int = 22_050,
    max_seconds: float | None = None,
    mono: Literal["error", "mean"] = "error",
    max_rejected_fraction: float = 0.01,
    on_progress: Progress = lambda _done: None,
) -> StepReport:
    """Write every clip as 16-bit WAV with its peak at full scale, and what is said in it, in words.

    Clips that are there already stay; one whose text changed is written again.

    Args:
        corpus: gone through once; all its clips are of one language, licence and consent.
        folder: made if missing; `corpus.yaml` in it says those three.
        normalizer: text as written -> as read.
        sampling_rate: Hz of the files.
        max_seconds: longer clips are left out; None = any.
        mono: what to do with more than one channel.
        max_rejected_fraction: share of clips that may be left out.
        on_progress: gets the number of clips gone through.
    Raises:
        CorpusError: facts that differ from clip to clip, a speaker whose name is no folder's, a folder that cannot be
            written, or too many clips left out.
    """
    report = StepReport(STEP, rejected=list(corpus.rejected))
    facts: dict[str, str] = {}
    for index, utterance in enumerate(corpus, 1):
        if not facts:
            facts = _write_facts(utterance, folder)
        _check_facts(utterance, facts)
        text = normalizer(utterance.text)
        place = folder / _speaker(utterance) / utterance.id
        if _is_done(place, text):
            report.kept += 1
            continue
        try:
            clip = read_clip(
                utterance.audio, sampling_rate=sampling_rate, max_seconds=max_seconds, mono=mono, report=_unheard
            )
        except AudioError as error:
            report.rejected.append(Rejected(utterance.id, error.file, error.message))
            continue
        _write(place, clip, text)
        report.done += 1
        on_progress(index)
    return report.finish(folder, max_rejected_fraction=max_rejected_fraction)


def _write_facts(utterance: Utterance, folder: Path) -> dict[str, str]:
    facts = {name: str(getattr(utterance, name)) for name in SHARED_FACTS}
    lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}\n" for name, value in facts.items()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / FACTS_FILE, "".join(lines).encode("utf-8"))
    except OSError as error:
        raise CorpusError(f"cannot be written ({error.strerror}); choose another place", file=folder) from error
    return facts


def _check_facts(utterance: Utterance, facts: dict[str, str]) -> None:
    for name, value in facts.items():
        if getattr(utterance, name) != value:
            raise CorpusError(
                f"{name} is {getattr(utterance, name)!r}, of the clips before {value!r}; prepare them as two data sets",
                key=utterance.id,
            )


def _speaker(utterance: Utterance) -> str:
    try:
        return check_id(utterance.speaker)
    except CorpusError as error:
        raise CorpusError(
            f"speaker {utterance.speaker[:60]!r} cannot name a folder; use letters, digits, '.', '_' and '-'",
            key=utterance.id,
        ) from error


def _is_done(place: Path, text: str) -> bool:
    try:
        written = place.with_name(place.name + TRANSCRIPT).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return written == f"{text}\n" and place.with_name(place.name + ".wav").is_file()


def _write(place: Path, clip: Waveform, text: str) -> None:
    """Write sound, then text: where both are, the clip is done."""
    try:
        place.parent.mkdir(exist_ok=True)
        loud = Waveform(clip.samples / clip.samples.abs().max(), clip.sampling_rate)
        loud.save(place.with_name(place.name + ".wav"))
        write_atomically(place.with_name(place.name + TRANSCRIPT), f"{text}\n".encode())
    except OSError as error:
        reason = error.strerror or os.fspath(place)
        raise CorpusError(
            f"cannot be written ({reason}); free some space or choose another place", file=place
        ) from error


def _unheard(_finding: Finding) -> None:
    """What was noticed about a clip is counted when its features are made."""
