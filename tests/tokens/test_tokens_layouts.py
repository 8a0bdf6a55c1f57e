import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from toktts.errors import ConfigError
from toktts.tokens import arrange, delay, flat_labels, flatten, restore, restore_codes, undelay, unflatten

BOS, EOS = 1024, 1025


def random_codes(n_frames: int, n_codebooks: int = 2) -> torch.Tensor:
    return torch.randint(0, 1024, (n_codebooks, n_frames), generator=torch.Generator().manual_seed(n_frames))


def read(code_ids: list[int]) -> list[list[int]]:
    return restore_codes(torch.tensor(code_ids, dtype=torch.long), n_codebooks=2, codebook_size=1024).tolist()


@pytest.mark.parametrize("n_frames", range(0, 201))
def test_a_flat_row_with_its_marks_restores_exactly(n_frames: int) -> None:
    codes = random_codes(n_frames)
    row = torch.cat([torch.tensor([BOS]), flatten(codes), torch.tensor([EOS])])
    assert torch.equal(restore_codes(row, n_codebooks=2, codebook_size=1024), codes)


def test_the_first_end_mark_ends_the_row() -> None:
    assert read([BOS, 1, 2, EOS, 3, 4, EOS]) == [[1], [2]]


def test_half_a_frame_at_the_end_is_dropped() -> None:
    assert read([BOS, 1, 2, 3]) == [[1], [2]]


def test_a_start_mark_inside_ends_the_row() -> None:
    assert read([BOS, 1, 2, BOS, 3, 4]) == [[1], [2]]


@pytest.mark.parametrize("row", [[], [BOS], [EOS], [BOS, EOS], [BOS, 5]])
def test_a_row_without_a_whole_frame_restores_no_frames(row: list[int]) -> None:
    assert read(row) == [[], []]


@given(st.lists(st.integers(-200, 2000), max_size=30))
def test_any_integers_restore_legal_codes(row: list[int]) -> None:
    codes = torch.tensor(read(row))
    assert codes.shape[0] == 2
    assert ((codes >= 0) & (codes < 1024)).all()


def test_two_seconds_become_301_labels() -> None:
    labels = flat_labels(random_codes(150)[None], eos_id=EOS)
    assert labels.shape == (1, 301)
    assert labels[0, -1] == EOS
    assert torch.equal(labels[0, :-1], flatten(random_codes(150)))


@given(lengths=st.lists(st.integers(0, 9), min_size=1, max_size=4), n_codebooks=st.integers(1, 4))
def test_each_row_ends_with_its_own_mark(lengths: list[int], n_codebooks: int) -> None:
    rows = [random_codes(length, n_codebooks) for length in lengths]
    codes = torch.full((len(rows), n_codebooks, max(lengths)), -100)
    for padded, row in zip(codes, rows, strict=True):
        padded[:, : row.shape[1]] = row
    for labels, row in zip(flat_labels(codes, eos_id=EOS), rows, strict=True):
        alone = flat_labels(row[None], eos_id=EOS)[0]
        assert torch.equal(labels[: len(alone)], alone)
        assert (labels[len(alone) :] == -100).all()


@given(codes=st.integers(0, 30).map(lambda n: random_codes(n, 3)))
def test_unflatten_undoes_flatten(codes: torch.Tensor) -> None:
    assert torch.equal(unflatten(flatten(codes), 3), codes)


def test_delay_lets_padding_through() -> None:
    codes = torch.tensor([[[1, 3, -100], [2, 4, -100]]])
    assert delay(codes, fill=9).tolist() == [[[1, 3, -100, 9], [9, 2, 4, -100]]]


@pytest.mark.parametrize("n_steps", [0, 1, 2])
def test_fewer_steps_than_codebooks_are_no_frame(n_steps: int) -> None:
    assert undelay(torch.zeros(2, 3, n_steps)).shape == (2, 3, 0)


UNKNOWN_LAYOUT = "model.layout: unknown layout 'piled'; write one of flat, delay, parallel, stacked"


def test_arranging_names_an_unknown_layout() -> None:
    with pytest.raises(ConfigError, match=UNKNOWN_LAYOUT):
        arrange("piled", torch.zeros(1, 2, 3), fill=0)


def test_restoring_names_an_unknown_layout() -> None:
    with pytest.raises(ConfigError, match=UNKNOWN_LAYOUT):
        restore("piled", torch.zeros(1, 3, 2), n_codebooks=2)
