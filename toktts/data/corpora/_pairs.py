"""Folders of speakers, as forced aligners want them: `{speaker}/NAME.wav` beside `NAME.lab`, and their TextGrids."""

import os
from dataclasses import dataclass
from pathlib import Path

from toktts.data.corpora._base import check_id
from toktts.data.metadata import find_sound
from toktts.data.rejects import Rejected
from toktts.errors import CorpusError

TRANSCRIPT = ".lab"
TEXTGRID = ".TextGrid"
TEXTGRID_FOLDER = "TextGrid"


@dataclass(frozen=True)
class Pair:
    """One clip with its transcript.

    Args:
        id: of the utterance; begins with the speaker's name.
        speaker: the folder's name.
        sound: the sound file.
        transcript: the text file with what is said.
        textgrid: beside them or in the speaker's folder `TextGrid`; it need not be there.
    """

    id: str
    speaker: str
    sound: Path
    transcript: Path
    textgrid: Path


def find_pairs(folder: Path) -> tuple[list[Pair], list[Rejected]]:
    """List the clips of all speakers in the order of their names.

    Returns:
        The clips, and the files whose partner is missing.
    Raises:
        CorpusError: no folder of a speaker, no clip, or a name that is no id or comes twice.
    """
    try:
        speakers = sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and entry.name[0] not in "._")
    except OSError as error:
        raise CorpusError(f"cannot be read ({error.strerror}); name the folder of the speakers", file=folder) from error
    pairs: dict[str, Pair] = {}
    alone: list[Rejected] = []
    for speaker in speakers:
        found, missing = _of_speaker(folder / speaker)
        alone += missing
        for pair in found:
            if pair.id in pairs:
                raise CorpusError(f"has the same id as {pairs[pair.id].sound}; rename one", file=pair.sound)
            pairs[pair.id] = pair
    if not pairs and not alone:
        raise CorpusError("holds no {speaker}/NAME.wav with NAME.lab; make a folder for each speaker", file=folder)
    return list(pairs.values()), alone


def read_transcript(path: Path) -> str:
    """Read what is said, lines joined.

    Raises:
        CorpusError: it cannot be read, or is not UTF-8.
    """
    try:
        return " ".join(path.read_bytes().decode("utf-8-sig").split())
    except OSError as error:
        raise CorpusError(f"cannot be read ({error.strerror}); check its permissions", file=path) from error
    except UnicodeDecodeError as error:
        raise CorpusError(f"byte {error.start} is not UTF-8; save the text as UTF-8", file=path) from error


def _of_speaker(folder: Path) -> tuple[list[Pair], list[Rejected]]:
    sound = find_sound(folder)
    transcripts = {path.stem: path for path in sorted(folder.glob(f"*{TRANSCRIPT}")) if not path.name.startswith(".")}
    pairs, alone = [], []
    for name in sorted({*sound, *transcripts}):
        file = sound.get(name) or transcripts[name]
        id_ = check_id(name if name.startswith(folder.name) else f"{folder.name}-{name}", file=file)
        if name not in transcripts:
            reason = f"has no {name}{TRANSCRIPT} beside it; write what is said there"
        elif name not in sound:
            reason = f"has no {name}.wav beside it; copy the sound there"
        else:
            pairs.append(Pair(id_, folder.name, sound[name], transcripts[name], _textgrid(folder, name)))
            continue
        alone.append(Rejected(id_, os.fspath(file), reason))
    return pairs, alone


def _textgrid(folder: Path, name: str) -> Path:
    """Where an alignment is, or shall be: beside the sound, else in a folder of its own."""
    beside = folder / f"{name}{TEXTGRID}"
    return beside if beside.is_file() else folder / TEXTGRID_FOLDER / f"{name}{TEXTGRID}"
