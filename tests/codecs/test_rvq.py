import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from toktts.codecs._rvq import CHUNK, dequantize, fit_codebooks, nearest, quantize


def vectors(n: int, size: int, *, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, size, generator=torch.Generator().manual_seed(seed))


@given(n=st.integers(0, 50), size=st.integers(1, 6), books=st.integers(1, 20), seed=st.integers(0, 1000))
def test_the_nearest_centroid_is_the_one_that_a_search_over_all_finds(n: int, size: int, books: int, seed: int) -> None:
    points, codebook = vectors(n, size, seed=seed), vectors(books, size, seed=seed + 1)
    distances = (points[:, None] - codebook[None]).square().sum(dim=2)
    chosen = distances.gather(1, nearest(points, codebook)[:, None])[:, 0]
    torch.testing.assert_close(chosen, distances.min(dim=1).values, rtol=0, atol=1e-4)


def test_equal_centroids_give_the_lower_index() -> None:
    assert nearest(torch.ones(3, 2), torch.ones(4, 2)).tolist() == [0, 0, 0]


def test_a_vectors_code_does_not_depend_on_how_many_come_with_it() -> None:
    points, codebook = vectors(CHUNK + 7, 4), vectors(32, 4, seed=1)
    together = nearest(points, codebook)
    assert torch.equal(together[-7:], nearest(points[-7:], codebook))


@given(books=st.integers(1, 4), size=st.integers(1, 5), n=st.integers(1, 30))
def test_each_codebook_refines_what_the_ones_before_it_leave(books: int, size: int, n: int) -> None:
    points, codebooks = vectors(n, size), vectors(books * 8, size, seed=1).view(books, 8, size)
    codes = quantize(points, codebooks)
    assert codes.shape == (books, n)
    residual = points
    for row, codebook in zip(codes, codebooks, strict=True):
        assert torch.equal(row, nearest(residual, codebook))
        residual = residual - codebook[row]
    torch.testing.assert_close(points - dequantize(codes, codebooks), residual, rtol=0, atol=1e-5)


def test_points_on_the_centroids_come_back_exactly() -> None:
    codebooks = vectors(8, 3)[None]
    assert torch.equal(dequantize(quantize(codebooks[0], codebooks), codebooks), codebooks[0])


@settings(max_examples=10)
@given(seed=st.integers(0, 100))
def test_every_further_codebook_and_every_pass_leaves_less(seed: int) -> None:
    points = vectors(600, 4, seed=seed)
    errors = []
    for n_codebooks in (1, 2, 3):
        books = fit_codebooks(points, n_codebooks, codebook_size=16, iterations=8, seed=0)
        errors.append((points - dequantize(quantize(points, books), books)).square().mean())
    assert errors[0] > errors[1] > errors[2]
    start = fit_codebooks(points, 1, codebook_size=16, iterations=0, seed=0)
    assert (points - dequantize(quantize(points, start), start)).square().mean() > errors[0]


def test_separate_clusters_are_found() -> None:
    """Mean of a cluster = its centre to within the noise, 0.01 / sqrt(100) and some."""
    centres = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]])
    points = centres.repeat_interleave(100, dim=0) + 0.01 * vectors(400, 2)
    found = fit_codebooks(points, 1, codebook_size=16, iterations=20, seed=0)[0]
    error = (points - found[nearest(points, found)]).norm(dim=1)
    assert error.max() < 0.1


def test_the_same_seed_gives_the_same_codebooks_and_another_seed_others() -> None:
    points = vectors(300, 4)
    fits = [fit_codebooks(points, 2, codebook_size=16, iterations=4, seed=seed) for seed in (1, 1, 2)]
    assert torch.equal(fits[0], fits[1])
    assert not torch.equal(fits[0], fits[2])


def test_fitting_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    fit_codebooks(vectors(100, 2), 1, codebook_size=8, iterations=2, seed=0)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("n", [8, 9])
def test_centroids_stay_finite_when_there_are_hardly_more_points_than_centroids(n: int) -> None:
    assert fit_codebooks(torch.ones(n, 2), 2, codebook_size=8, iterations=3, seed=0).isfinite().all()
