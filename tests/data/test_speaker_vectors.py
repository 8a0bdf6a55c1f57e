"""A file of vectors, one a speaker."""

from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from toktts.data.collate import Collator
from toktts.data.speaker_vectors import read_speaker_vectors
from toktts.errors import CorpusError

VECTORS = {"eve": torch.tensor([0.0, 0.6, 0.8]), "adam": torch.tensor([1.0, 0.0, 0.0])}


def write(folder: Path, vectors: dict[str, torch.Tensor]) -> Path:
    save_file(vectors, folder / "v.safetensors")
    return folder / "v.safetensors"


@given(
    vectors=st.dictionaries(
        st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda name: name != "__metadata__"),
        st.lists(st.floats(-10, 10, width=32), min_size=4, max_size=4),
        min_size=1,
        max_size=5,
    )
)
def test_what_is_saved_is_read(tmp_path_factory: pytest.TempPathFactory, vectors: dict[str, list[float]]) -> None:
    tensors = {name: torch.tensor(values) for name, values in vectors.items()}
    found = read_speaker_vectors(write(tmp_path_factory.mktemp("vectors"), tensors))
    assert {name: found.of(name) for name in found.by_name} == vectors
    assert list(found.by_name) == sorted(vectors)
    assert found.size == 4


def test_half_precision_becomes_float32(tmp_path: Path) -> None:
    found = read_speaker_vectors(write(tmp_path, {"adam": torch.tensor([0.5, 2.0], dtype=torch.bfloat16)}))
    assert found.by_name["adam"].dtype == torch.float32
    assert found.of() == [0.5, 2.0]


def test_rows_get_the_vector_of_their_speaker_and_make_a_batch(tmp_path: Path) -> None:
    vectors = read_speaker_vectors(write(tmp_path, VECTORS))
    row = {"input_ids": [5, 1], "codes": [[1, 2, 3]]}
    rows = vectors.added_to(Dataset.from_list([row | {"speaker": name} for name in ("eve", "adam", "eve")]))
    batch = Collator(pad_token_id=0)([rows.with_format("numpy")[index] for index in range(3)])
    assert batch["speaker_vectors"].dtype == torch.float32
    assert torch.equal(batch["speaker_vectors"], torch.stack([VECTORS[name] for name in ("eve", "adam", "eve")]))
    assert "speaker_vectors" not in Collator(0)([row | {"codes": np.ones((1, 3))}])


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["adam", "zoe"], "has no vector of speaker 'zoe'; add what is missing, under the names of the corpus"),
        (
            ["d", "c", "b", "a", "e", "eve"],
            "has no vector of speakers 'a', 'b', 'c' and 2 more; add what is missing, under the names of the corpus",
        ),
    ],
)
def test_speakers_without_a_vector_are_named(tmp_path: Path, names: list[str], message: str) -> None:
    file = write(tmp_path, VECTORS)
    vectors = read_speaker_vectors(file)
    vectors.check_speakers(["adam", "eve"])
    with pytest.raises(CorpusError) as caught:
        vectors.check_speakers(names)
    assert str(caught.value) == f"{file}: {message}"


def test_one_of_several_must_be_named(tmp_path: Path) -> None:
    file = write(tmp_path, VECTORS)
    vectors = read_speaker_vectors(file)
    for name, message in (
        (None, f"holds 2 speakers; name one, as {file}:adam"),
        ("eva", "has no vector of speaker 'eva'; did you mean 'eve'?"),
        ("zzz", "has no vector of speaker 'zzz'; choose one of 'adam', 'eve'"),
    ):
        with pytest.raises(CorpusError) as caught:
            vectors.of(name)
        assert str(caught.value) == f"{file}: {message}"


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        ({}, "holds no vector; save one for each speaker, under the speaker's name"),
        (
            {"eve": torch.ones(2, 3)},
            r"vector of speaker 'eve' is float32 \(2, 3\), not floats \(size,\); save it again",
        ),
        ({"eve": torch.ones(0)}, r"vector of speaker 'eve' is float32 \(0,\), not floats"),
        ({"eve": torch.ones(3, dtype=torch.long)}, r"vector of speaker 'eve' is int64 \(3,\), not floats"),
        ({"eve": torch.tensor([1.0, torch.inf])}, "vector of speaker 'eve' is not finite; compute it again"),
        (
            {"eve": torch.ones(3), "adam": torch.ones(2)},
            "vector of speaker 'eve' has 3 numbers, that of 'adam' 2; make all of one size",
        ),
    ],
)
def test_what_is_no_vector_is_refused(tmp_path: Path, vectors: dict[str, torch.Tensor], message: str) -> None:
    with pytest.raises(CorpusError, match=f"v.safetensors: {message}"):
        read_speaker_vectors(write(tmp_path, vectors))


@pytest.mark.parametrize("content", [None, b"", b"junk" * 100])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "v.safetensors"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(CorpusError, match=r"v.safetensors: cannot be read \(.*\); write a vector a speaker with "):
        read_speaker_vectors(file)
