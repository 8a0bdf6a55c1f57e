"""From frames to codes: coarse before fine, each codebook's head sees the codes of those before it."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from toktts.models.modules.averages import mean_of_rows
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
        tables = list(self.embeddings)[:n_books]
        return torch.stack([table(codes[:, :, book]) for book, table in enumerate(tables)]).sum(dim=0)

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
            hidden = hidden + self.embed(codes, book)
            blocks: Sequence[nn.Module] = list(self.fine[book - 1].children())
            for block in blocks:
                hidden = block(hidden, is_real)
            hidden = self.fine_norms[book - 1](hidden)
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
        generator = torch.Generator().manual_seed(0)
        size = self.heads[0].get_parameter("weight").shape[1]
        projection = torch.randn(vectors.shape[2], size, generator=generator)
        projected = vectors.float() @ (projection / vectors.shape[2] ** 0.5)
        scale = projected[0].std().clamp_min(1e-6)
        with torch.no_grad():
            for table, head, book in zip(self.embeddings, self.heads, projected, strict=True):
                table.get_parameter("weight").copy_(0.5 * book / scale)
                head.get_parameter("weight").copy_(0.05 * book / book.std().clamp_min(1e-6))


def code_loss(logits: Tensor, labels: Tensor, weights: Sequence[float] | None = None) -> Tensor:
    """Cross-entropy a code, the mean of what each row gives alone.

    Args:
        logits: (batch, n_frames, n_codebooks, codebook_size).
        labels: int64 (batch, n_codebooks, n_frames), -100 is not counted.
        weights: of the codebooks; missing ones are 1.
    """
    n_codebooks = logits.shape[2]
    filled = torch.tensor([*(weights or []), *[1.0] * n_codebooks][:n_codebooks], device=logits.device)
    # Classes stand in dimension 1: (batch, codebook_size, n_codebooks, n_frames).
    errors = nn.functional.cross_entropy(
        logits.float().permute(0, 3, 2, 1), labels, ignore_index=-100, reduction="none"
    )
    weighted = (errors * filled[:, None]).sum(dim=1) / filled.sum()
    return mean_of_rows(weighted, labels[:, 0] >= 0)
