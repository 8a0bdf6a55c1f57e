"""Judged voices -> one page on which each says the same sentences: players, and what was heard wrong below each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toktts.audio import Waveform
from toktts.data.atomic import write_atomically
from toktts.errors import RunFolderError
from toktts.evaluation.judging.verdict import FOLDERS, ORIGINALS, VOICE
from toktts.evaluation.report.embedding import fill_template, mp3_uri

TEMPLATE = "side_by_side.html.jinja"
N_SENTENCES = 10
RECORDING = "recording"
Sentences = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class JudgedVoice:
    """What a voice said of one set.

    Args:
        name: as the page heads it; other than `recording`, and no two alike.
        scores: of the set, as `read_scores` gives it.
        folder: with the sound of the set, `voice/ID.wav` and where there are any `originals/ID.wav`.
    """

    name: str
    scores: Mapping[str, Any]
    folder: Path

    def sentences(self, column: str) -> Sentences:
        """What was judged, by id, as far as its sound is still there."""
        found = self.scores["columns"].get(column, {}).get("sentences", [])
        return {one["id"]: one for one in found if self.wav(column, one["id"]).is_file()}

    def wav(self, column: str, id_: str) -> Path:
        """Where a sentence lies."""
        return self.folder / FOLDERS[column] / f"{id_}.wav"


@dataclass(frozen=True)
class Heard:
    """One sentence as one voice says it: a data URI, its scores in words, and whether it counts as a failure."""

    audio: str
    remark: str
    has_failed: bool


@dataclass(frozen=True)
class Row:
    """One sentence: its name, its text, and what is heard of it by column."""

    name: str
    text: str
    heard: Mapping[str, Heard]


def shared_sentences(voices: Sequence[JudgedVoice], *, limit: int = N_SENTENCES) -> list[str]:
    """Name sentences that all voices have said, spread over the set.

    Args:
        voices: judged on sets of one title; of the set `unseen`, what all have said is new to every one of them.
        limit: of them, at most.
    """
    said = [voice.sentences(VOICE) for voice in voices]
    first, *others = said or [{}]
    # By text, too: of another corpus, or another file of sentences, the same id may name something else.
    shared = [
        id_ for id_, one in first.items() if all(id_ in other and other[id_]["text"] == one["text"] for other in others)
    ]
    return [shared[place * len(shared) // limit] for place in range(limit)] if len(shared) > limit else shared


def write_side_by_side(
    target: Path, voices: Sequence[JudgedVoice], *, title: str, table: Sequence[Sequence[str]] = ()
) -> Path:
    """Write a page with a column a voice, the recordings first where there are any; everything is inside.

    Args:
        target: of the page.
        voices: in order.
        title: of the set that they said.
        table: scores to show below; rows, the first one is the heading.
    Returns:
        The page.
    Raises:
        RunFolderError: no sentence that all of them said, or a page that cannot be written.
        AudioError: sound that cannot be read.
    """
    ids = shared_sentences(voices)
    if not ids:
        names = ", ".join(voice.name for voice in voices) or "no voice"
        raise RunFolderError(f"{names} have no sentence of the set {title!r} in common; judge them on the same sets")
    rows = [_row(id_, voices) for id_ in ids]
    columns = [
        name for name in (RECORDING, *(voice.name for voice in voices)) if any(name in row.heard for row in rows)
    ]
    page = fill_template(TEMPLATE, title=title, recording=RECORDING, columns=columns, rows=rows, table=table)
    try:
        write_atomically(target, page.encode("utf-8"))
    except OSError as error:
        raise RunFolderError(f"cannot be written ({error.strerror}); choose another place", file=target) from error
    return target


def _row(id_: str, voices: Sequence[JudgedVoice]) -> Row:
    heard = {voice.name: _heard(voice, VOICE, id_) for voice in voices}
    recorded = next((voice for voice in voices if id_ in voice.sentences(ORIGINALS)), None)
    if recorded is not None:
        heard[RECORDING] = _heard(recorded, ORIGINALS, id_)
    return Row(id_, voices[0].sentences(VOICE)[id_]["text"] or "", heard)


def _heard(voice: JudgedVoice, column: str, id_: str) -> Heard:
    facts = voice.sentences(column)[id_]
    return Heard(mp3_uri(Waveform.load(voice.wav(column, id_))), _remark(facts), bool(facts["failed"]))


def _remark(facts: Mapping[str, Any]) -> str:
    wer = facts["scores"].get("wer")
    if wer is None:
        return ""
    heard = f"; heard: {wer['heard']}" if wer["value"] and "heard" in wer else ""
    return f"WER {wer['value']:.0f} %{heard}"
