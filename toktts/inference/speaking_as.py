"""Speaking as a vector says, for voices that were trained with vectors of speakers."""

from dataclasses import dataclass
from pathlib import Path

from transformers import GenerationConfig

from toktts.data.speaker_vectors import read_speaker_vectors
from toktts.errors import ModelError
from toktts.models import ToktsModel


@dataclass(frozen=True)
class FoundVector:
    """A speaker's vector.

    Args:
        values: as a speaker encoder gave them.
        file: where it stands.
    """

    values: list[float]
    file: Path


def find_vector(where: str) -> FoundVector:
    """Read a speaker's vector.

    Args:
        where: `FILE`, of one speaker, or `FILE:NAME`; of a safetensors file as `data.speaker_vectors` takes it.
    Raises:
        CorpusError: no such file or name.
    """
    file, colon, name = where.rpartition(":")
    is_file_alone = not colon or Path(where).exists()
    vectors = read_speaker_vectors(where if is_file_alone else file)
    return FoundVector(vectors.of(None if is_file_alone else name), vectors.file)


def speak_as(vector: FoundVector, model: ToktsModel) -> GenerationConfig:
    """Make what the pipeline and `generate` take as `generation_config` of a speaker's vector.

    Raises:
        ModelError: the model takes no vectors, or others.
    """
    size = getattr(model.config, "speaker_vector_size", 0)
    if not size:
        raise ModelError("has no meaning for this voice, which takes no vectors; leave it out", key="speaker_vector")
    if len(vector.values) != size:
        raise ModelError(
            f"has vectors of {len(vector.values)} numbers, the voice was trained with {size}; "
            "take them from the same speaker encoder",
            file=vector.file,
        )
    return GenerationConfig(speaker_vector=vector.values)  # type: ignore[no-untyped-call]
