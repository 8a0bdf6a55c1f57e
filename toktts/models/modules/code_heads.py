"""From frames to codes: coarse before fine, each codebook's head sees the codes of those before it."""

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn

from toktts.models.modules.convolution import FrameBlock


class CodeHeads(nn.Module):
    """Tables and heads of all codebooks, with convolution blocks before each later head.

    Args:
        n_codebooks: codes a frame.
        codebook_size: values a code can have.
        size: channels of the frames.
        make_blocks: gives the blocks before one later codebook's head.
    """

    def __init__(
        self, n_codebooks: int, codebook_size: int, *, size: int, make_blocks: Callable[[], Sequence[FrameBlock]]
    ) -> None:
        super().__init__()
        self.embeddings = nn.ModuleList(nn.Embedding(codebook_size, size) for _ in range(n_codebooks))
        self.heads = nn.ModuleList(nn.Linear(size, codebook_size) for _ in range(n_codebooks))
        self.fine = nn.ModuleList(nn.ModuleList(make_blocks()) for _ in range(n_codebooks - 1))
        self.fine_norms = nn.ModuleList(nn.LayerNorm(size) for _ in range(n_codebooks - 1))

    def embed(self, codes: Tensor, n_books: int | None = None) -> Tensor:
        """Sum the vectors of the first codebooks: int64 (batch, n_frames, n_codebooks) -> (batch, n_frames, size)."""
        return embed_codes(self.embeddings, codes, n_books)

    def logits(self, book: int, hidden: Tensor, codes: Tensor, is_real: Tensor) -> Tensor:
        """Score one codebook.

        Args:
            book: which, 0 for the coarsest.
            hidden: frames (batch, n_frames, size).
            codes: int64 (batch, n_frames, n_codebooks), of which only those before `book` are read.
            is_real: bool (batch, n_frames, 1).
        Returns:
            (batch, n_frames, codebook_size).
        """
        if book:
            blocks: Sequence[nn.Module] = list(self.fine[book - 1].children())
            known = self.embed(codes, book)
            hidden = refine(hidden, known, is_real, blocks=blocks, norm=self.fine_norms[book - 1])
        logits: Tensor = self.heads[book](hidden)
        return logits

    def forward(self, hidden: Tensor, codes: Tensor, is_real: Tensor) -> Tensor:
        """Score all codebooks, the true codes given: (batch, n_frames, n_codebooks, codebook_size)."""
        return torch.stack([self.logits(book, hidden, codes, is_real) for book in range(len(self.heads))], dim=2)

    def write(self, hidden: Tensor, is_real: Tensor, draw: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
        """Choose codes, coarse to fine.

        Args:
            hidden: frames (batch, n_frames, size).
            is_real: bool (batch, n_frames, 1).
            draw: logits (batch, n_frames, codebook_size) -> int64 (batch, n_frames).
        Returns:
            int64 (batch, n_codebooks, n_frames), and logits (batch, n_codebooks, n_frames, codebook_size).
        """
        chosen: list[Tensor] = []
        scored: list[Tensor] = []
        for book in range(len(self.heads)):
            codes = torch.stack(chosen, dim=2) if chosen else hidden.new_zeros(*hidden.shape[:2], 0, dtype=torch.long)
            scored.append(self.logits(book, hidden, codes, is_real))
            chosen.append(draw(scored[-1]))
        return torch.stack(chosen, dim=1), torch.stack(scored, dim=1)

    def use_vectors(self, vectors: Tensor) -> None:
        """Start tables and heads from a codec's centroids, so that similar codes begin as similar.

        Args:
            vectors: (n_codebooks, codebook_size, any size), any scale; larger differences matter more.
        """
        start_from_vectors(vectors, tables=self.embeddings, heads=self.heads)


def embed_codes(tables: Iterable[nn.Module], codes: Tensor, n_books: int | None = None) -> Tensor:
    """Sum the vectors of the codes of each frame.

    Args:
        tables: of the codebooks, coarse before fine.
        codes: int64 (batch, n_frames, n_codebooks), legal everywhere.
        n_books: how many codebooks are summed; None = all.
    Returns:
        (batch, n_frames, size).
    """
    chosen = list(tables)[:n_books]
    return torch.stack([table(codes[:, :, book]) for book, table in enumerate(chosen)]).sum(dim=0)


def refine(hidden: Tensor, known: Tensor, is_real: Tensor, *, blocks: Iterable[nn.Module], norm: nn.Module) -> Tensor:
    """Give what a later codebook is read from: frames that know the codes before it.

    Args:
        hidden: frames (batch, n_frames, size).
        known: of `embed_codes`, same shape.
        is_real: bool (batch, n_frames, 1).
        blocks: of this codebook.
        norm: behind them.
    """
    hidden = hidden + known
    for block in blocks:
        hidden = block(hidden, is_real)
    normed: Tensor = norm(hidden)
    return normed


@torch.no_grad()
def start_from_vectors(vectors: Tensor, *, tables: nn.ModuleList, heads: nn.ModuleList) -> None:
    """Set tables and heads to a codec's centroids, so that similar codes begin as similar.

    Args:
        vectors: (n_codebooks, codebook_size, any size), any scale; larger differences matter more.
        tables: embeddings of at least `codebook_size` rows; those behind stay as they are.
        heads: linear layers to the codes.
    """
    generator = torch.Generator().manual_seed(0)
    size = heads[0].get_parameter("weight").shape[1]
    projection = torch.randn(vectors.shape[2], size, generator=generator)
    projected = vectors.float() @ (projection / vectors.shape[2] ** 0.5)
    scale = projected[0].std().clamp_min(1e-6)
    for table, head, book in zip(tables, heads, projected, strict=True):
        table.get_parameter("weight")[: len(book)] = 0.5 * book / scale
        head.get_parameter("weight").copy_(0.05 * book / book.std().clamp_min(1e-6))
