"""Who speaks: a row of a table, or a vector from outside, as something to add to what is read."""

from dataclasses import dataclass

from torch import Tensor, nn

from toktts.errors import ModelError


@dataclass(frozen=True)
class Speaker:
    """Who speaks each row of a batch.

    Args:
        ids: int64 (batch,).
        vectors: float (batch, vector_size).
    """

    ids: Tensor | None = None
    vectors: Tensor | None = None


class SpeakerVoice(nn.Module):
    """What a speaker adds to every text unit; 0 for a model of one voice.

    Args:
        size: channels.
        n_speakers: rows of the table; 0 = there is none.
        vector_size: of vectors from outside, as a speaker encoder gives them; 0 = none are taken.
    """

    def __init__(self, size: int, *, n_speakers: int, vector_size: int) -> None:
        super().__init__()
        self.table = nn.Embedding(n_speakers, size) if n_speakers else None
        self.projection = nn.Linear(vector_size, size) if vector_size else None

    def forward(self, hidden: Tensor, speaker: Speaker) -> Tensor:
        """Add the speaker to (batch, n_positions, size).

        Raises:
            ModelError: no speaker, or one that the model does not know.
        """
        if self.table is not None:
            hidden = hidden + self.table(_checked_ids(speaker.ids, self.table.num_embeddings))[:, None]
        if self.projection is not None:
            vectors = _checked_vectors(speaker.vectors, self.projection.in_features)
            hidden = hidden + self.projection(vectors)[:, None]
        return hidden


def _checked_ids(ids: Tensor | None, n_speakers: int) -> Tensor:
    if ids is None:
        raise ModelError(f"is missing; choose one of {n_speakers} speakers", key="speaker_ids")
    if int(ids.min()) < 0 or int(ids.max()) >= n_speakers:
        raise ModelError(f"must lie in [0, {n_speakers}), got {ids.tolist()}; choose another", key="speaker_ids")
    return ids


def _checked_vectors(vectors: Tensor | None, size: int) -> Tensor:
    if vectors is None or vectors.ndim != 2 or vectors.shape[1] != size:
        came = "nothing" if vectors is None else tuple(vectors.shape)
        raise ModelError(f"must be (batch, {size}), got {came}; give one a row", key="speaker_vectors")
    return vectors
