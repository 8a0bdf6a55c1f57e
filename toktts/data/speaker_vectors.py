"""Vectors of speakers, as a speaker encoder gives them: a safetensors file with one for each name."""

import difflib
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from toktts.errors import CorpusError

if TYPE_CHECKING:
    from datasets import Dataset

SHOWN = 3  # names in a message


@dataclass(frozen=True)
class SpeakerVectors:
    """Who sounds how.

    Args:
        file: where it stands.
        by_name: float32 (size,) of each speaker, in the order of the alphabet; at least one.
    """

    file: Path
    by_name: Mapping[str, Tensor]

    @property
    def size(self) -> int:
        """Numbers of a vector."""
        return len(next(iter(self.by_name.values())))

    def of(self, name: str | None = None) -> list[float]:
        """Give the vector of a speaker.

        Args:
            name: of the speaker; None = the only one.
        Raises:
            CorpusError: no such speaker, or several to choose from.
        """
        names = list(self.by_name)
        if name is None and len(names) > 1:
            raise CorpusError(f"holds {len(names)} speakers; name one, as {self.file}:{names[0]}", file=self.file)
        chosen = names[0] if name is None else name
        if chosen not in self.by_name:
            guess = difflib.get_close_matches(chosen, names, n=1)
            fix = f"did you mean {guess[0]!r}?" if guess else f"choose one of {_listed(names)}"
            raise CorpusError(f"has no vector of speaker {chosen!r}; {fix}", file=self.file)
        return [float(value) for value in self.by_name[chosen]]

    def check_speakers(self, names: Collection[str]) -> None:
        """Refuse a corpus with speakers that have no vector.

        Raises:
            CorpusError: naming them.
        """
        missing = sorted({*names} - {*self.by_name})
        if missing:
            whom = f"speaker {missing[0]!r}" if len(missing) == 1 else f"speakers {_listed(missing)}"
            raise CorpusError(
                f"has no vector of {whom}; add what is missing, under the names of the corpus", file=self.file
            )

    def added_to(self, rows: "Dataset") -> "Dataset":
        """Give rows with a column `speaker` another, `speaker_vector`, float32 (size,)."""
        arrays = {name: vector.numpy() for name, vector in self.by_name.items()}
        return rows.add_column("speaker_vector", [arrays[name] for name in rows["speaker"]])


def read_speaker_vectors(path: str | os.PathLike[str]) -> SpeakerVectors:
    """Read a safetensors file of one vector a speaker, the name of the speaker being that of the tensor.

    Raises:
        CorpusError: no such file, or tensors that are no finite vectors of one size; the speaker is named.
    """
    file = Path(path)
    try:
        tensors = load_file(file)
    except (OSError, SafetensorError) as error:
        raise CorpusError(
            f"cannot be read ({error}); write a vector a speaker with safetensors.torch.save_file", file=file
        ) from error
    if not tensors:
        raise CorpusError("holds no vector; save one for each speaker, under the speaker's name", file=file)
    by_name = {name: _checked(name, tensors[name], file) for name in sorted(tensors)}
    first, *others = by_name
    for name in others:
        if len(by_name[name]) != len(by_name[first]):
            sizes = f"has {len(by_name[name])} numbers, that of {first!r} {len(by_name[first])}"
            raise CorpusError(f"vector of speaker {name!r} {sizes}; make all of one size", file=file)
    return SpeakerVectors(file, by_name)


def _checked(name: str, vector: Tensor, file: Path) -> Tensor:
    if vector.ndim != 1 or not len(vector) or not vector.is_floating_point():
        kind = f"{str(vector.dtype).removeprefix('torch.')} {tuple(vector.shape)}"
        raise CorpusError(f"vector of speaker {name!r} is {kind}, not floats (size,); save it again", file=file)
    vector = vector.float()
    if not bool(torch.isfinite(vector).all()):
        raise CorpusError(f"vector of speaker {name!r} is not finite; compute it again", file=file)
    return vector


def _listed(names: list[str]) -> str:
    rest = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(repr(name) for name in names[:SHOWN]) + rest
