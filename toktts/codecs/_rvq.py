"""Residual vector quantisation, fitted by k-means: no gradient, seconds on a CPU."""

import torch
from torch import Tensor

CHUNK = 8192


def nearest(vectors: Tensor, codebook: Tensor) -> Tensor:
    """Index of the nearest centroid of each vector.

    Args:
        vectors: (n, size).
        codebook: (codebook_size, size).
    Returns:
        int64 (n,); the lower index wins a tie.
    """
    half_norms = codebook.square().sum(dim=1) / 2
    # Chunks of one fixed size: the result must not depend on how many vectors come together.
    chunks = [(chunk @ codebook.T - half_norms).argmax(dim=1) for chunk in torch.split(vectors, CHUNK)]
    return torch.cat(chunks) if chunks else torch.zeros(0, dtype=torch.long, device=vectors.device)


def quantize(vectors: Tensor, codebooks: Tensor) -> Tensor:
    """Quantise each vector, then what is left of it, then what is left of that.

    Args:
        vectors: (n, size).
        codebooks: (n_codebooks, codebook_size, size).
    Returns:
        int64 (n_codebooks, n).
    """
    residual = vectors
    codes = []
    for codebook in codebooks:
        codes.append(nearest(residual, codebook))
        residual = residual - codebook[codes[-1]]
    return torch.stack(codes)


def dequantize(codes: Tensor, codebooks: Tensor) -> Tensor:
    """Sum the centroids that the codes name.

    Args:
        codes: int64 (n_codebooks, n).
        codebooks: (n_codebooks, codebook_size, size).
    Returns:
        (n, size).
    """
    return sum((book[row] for book, row in zip(codebooks, codes, strict=True)), torch.zeros(()))


def fit_codebooks(vectors: Tensor, n_codebooks: int, *, codebook_size: int, iterations: int, seed: int) -> Tensor:
    """Fit one codebook after the other, each on what the ones before it leave.

    Args:
        vectors: (n, size), n >= codebook_size.
        n_codebooks: how many to fit.
        codebook_size: centroids of each.
        iterations: passes of k-means over mini-batches, for each codebook.
        seed: of the start and the order; the same seed gives the same codebooks on the same machine.
    Returns:
        (n_codebooks, codebook_size, size).
    """
    generator = torch.Generator().manual_seed(seed)
    residual = vectors
    codebooks = []
    for _ in range(n_codebooks):
        codebook = _fit_one(residual, codebook_size, iterations=iterations, generator=generator)
        residual = residual - codebook[nearest(residual, codebook)]
        codebooks.append(codebook)
    return torch.stack(codebooks)


def _fit_one(vectors: Tensor, codebook_size: int, *, iterations: int, generator: torch.Generator) -> Tensor:
    """Run mini-batch k-means; a batch is 64 vectors a centroid, and a centroid nobody chose starts anew.

    Source: Sculley 2010, "Web-scale k-means clustering", with whole-batch means for steadier centroids.
    """
    start = torch.randperm(len(vectors), generator=generator)[:codebook_size]
    codebook = vectors[start].clone()
    batch_size = min(len(vectors), 64 * codebook_size)
    for _ in range(iterations):
        batch = vectors[torch.randperm(len(vectors), generator=generator)[:batch_size]]
        owners = nearest(batch, codebook)
        counts = torch.bincount(owners, minlength=codebook_size)
        sums = torch.zeros_like(codebook).index_add_(0, owners, batch)
        used = counts > 0
        codebook[used] = sums[used] / counts[used, None]
        n_unused = int((~used).sum())
        if n_unused:
            codebook[~used] = batch[torch.randint(len(batch), (n_unused,), generator=generator)]
    return codebook
