"""Speech that a forced aligner went through: sound, transcript and a TextGrid with the phonemes of every clip."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from toktts.alignment.alignment import Alignment
from toktts.alignment.frames import speech_part
from toktts.alignment.textgrid import read_textgrid, tier_named, write_textgrid
from toktts.data.corpora._base import Corpus, Utterance, tiny_clip
from toktts.data.corpora._facts import FACTS_FILE, complete_facts
from toktts.data.corpora._pairs import TEXTGRID_FOLDER, Pair, find_pairs, read_transcript
from toktts.data.metadata import text_fault
from toktts.data.rejects import Rejected
from toktts.errors import AlignmentError

TIERS = ("phones", "phone", "phonemes", "phoneme")


class TextGrid(Corpus):
    """Folders `{speaker}/` with `NAME.wav`, `NAME.lab` (what is said) and `NAME.TextGrid`, or `TextGrid/NAME.TextGrid`.

    The tier `phones` says what is said when. Silence before and behind speech (`sil`, `sp`, `spn`, or nothing) is left
    out of the clip, pauses inside it stay. Ids are `{speaker}-NAME`, or NAME where it begins with the speaker.

    Args:
        path: the folder of the speakers' folders.
        language: BCP 47 tag, as `en`.
        licence: SPDX name or the terms in words.
        consent: how the speakers agreed to a synthetic voice. These three may stand in `corpus.yaml` instead.
    Raises:
        CorpusError: no such folders, a name that is no id, or one of the three facts is missing.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        language: str | None = None,
        licence: str | None = None,
        consent: str | None = None,
    ) -> None:
        folder = Path(path)
        given = {"language": language, "licence": licence, "consent": consent}
        self._facts = complete_facts(given, folder / FACTS_FILE)
        pairs, alone = find_pairs(folder)
        self._utterances: list[Utterance] = []
        faults = [self._add(pair) for pair in pairs]
        self.rejected = (*alone, *(fault for fault in faults if fault))

    def __iter__(self) -> Iterator[Utterance]:
        return iter(self._utterances)

    def __len__(self) -> int:
        return len(self._utterances)

    @classmethod
    def tiny(cls, path: str | os.PathLike[str]) -> Self:
        """Write two clips of two speakers each, with times, and open them."""
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        facts = "language: en\nlicence: CC0-1.0\nconsent: made by a formula\n"
        (folder / FACTS_FILE).write_text(facts, encoding="utf-8", newline="\n")
        for index, speaker in enumerate(("anna", "anna", "bert", "bert")):
            place = folder / speaker
            (place / TEXTGRID_FOLDER).mkdir(parents=True, exist_ok=True)
            tiny_clip(index).save(place / f"clip-{index}.wav")
            (place / f"clip-{index}.lab").write_text("hi, ho\n", encoding="utf-8", newline="\n")
            names, frames = ("sil", "HH", "AY1", "sp", "HH", "OW1"), (2, 8, 10 + index, 2, 8, 10)
            phones = Alignment.from_durations(names, frames, frame_rate=50.0)
            write_textgrid(place / TEXTGRID_FOLDER / f"clip-{index}.TextGrid", [Alignment(phones.spans, 1.0, TIERS[0])])
        return cls(folder)

    def _add(self, pair: Pair) -> Rejected | None:
        """Keep a clip, or say why not."""
        text = read_transcript(pair.transcript)
        fault = text_fault(text)
        if fault:
            return Rejected(pair.id, os.fspath(pair.transcript), fault)
        if not pair.textgrid.is_file():
            return Rejected(pair.id, os.fspath(pair.textgrid), "is missing; write it with toktts align-dataset")
        try:
            phones = speech_part(tier_named(read_textgrid(pair.textgrid), *TIERS))
        except AlignmentError as error:
            return Rejected(pair.id, error.file or os.fspath(pair.textgrid), error.message)
        self._utterances.append(
            Utterance(id=pair.id, text=text, audio=pair.sound, speaker=pair.speaker, phones=phones, **self._facts)
        )
        return None
