"""The loop in which `tokar` speaks: a decoder step, a draw, and the pointer's move, until all text is said."""

from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from toktts.models.modules.pointer import Pointer
from toktts.models.modules.sampling import RowSampler
from toktts.models.modules.stepping import StepDecoder
from toktts.models.modules.transformer import TransformerLayer
from toktts.tokens.steps import FRAME_A_STEP, n_steps

if TYPE_CHECKING:
    from toktts.models.tokar import Tokar


class FrameWriter:
    """Write codes step by step under a pointer.

    Args:
        model: in eval mode; its weights are copied.
        context: (batch, n_units, hidden_size), what a unit adds to the steps under it.
        guidance_scale: 1 = codes are drawn as the text says; above 1, every row is also written without its text, and
            scores are pushed away from those. The pointer moves by the text alone.
    Source: Ho and Salimans 2022, arXiv:2207.12598, equation 6, on the scores of codes.
    """

    def __init__(self, model: "Tokar", context: Tensor, *, guidance_scale: float = 1.0) -> None:
        self.layout = model.config.layout
        self.n_codebooks = model.config.codes_per_step
        self._hole = model.config.codebook_size
        self._batch, self._n_units, _ = context.shape
        self._guidance_scale, self._is_guided = guidance_scale, guidance_scale != 1.0
        if self._is_guided:
            context = torch.cat([context, model.without_text(context)])
        layers = [cast(TransformerLayer, layer) for layer in model.decoder]
        code_heads = [cast(nn.Linear, head) for head in model.code_heads]
        # Where a code hears those before it in its step, the state alone tells the first one and the pointer's move.
        self._local, self._local_heads = model.local, code_heads[1:] if model.local is not None else []
        heads = [*code_heads[: len(code_heads) - len(self._local_heads)], model.advance_head]
        self._decoder = StepDecoder(layers, model.decoder_norm, heads)
        tables = self._code_tables = [cast(nn.Embedding, table).weight for table in model.code_embeddings]
        # One table of all that is added up at the input of a step, so that one look-up finds it.
        self._table = torch.cat([*tables, model.elapsed_embedding.weight, context.flatten(0, 1)])
        self._first_elapsed = sum(len(table) for table in tables)
        self._last_elapsed = len(model.elapsed_embedding.weight) - 1
        self._first_unit = self._first_elapsed + self._last_elapsed + 1

    def write(
        self, pointer: Pointer, sampler: RowSampler, *, limit: int
    ) -> tuple[list[list[list[int]]], list[list[int]]]:
        """Let the pointer walk until every row has left, or has `limit` frames.

        Returns:
            Codes [step][row][codebook], and the unit of each frame [frame][row].
        """
        written: list[list[list[int]]] = []
        path: list[list[int]] = []
        history = [[self._hole] * self.n_codebooks] * self._batch
        while not self._is_done(pointer, len(written), limit):
            step = len(written)
            state = self._decoder.advance(self._embed(history, pointer))
            outputs = self._decoder.read(state)
            codes = self._draw(outputs[:, :-1], state, sampler).tolist()
            history = [self._with_holes(row_codes, step, pointer, row) for row, row_codes in enumerate(codes)]
            written.append(codes)
            if self.layout != "flat" or (step + 1) % self.n_codebooks == 0:
                path.append(pointer.units.copy())
                pointer.advance(outputs[: self._batch, -1].float().sigmoid().tolist(), limit=limit)
        return written, path

    def _draw(self, scores: Tensor, state: Tensor, sampler: RowSampler) -> Tensor:
        """Choose the codes of a step, int64 (batch, n_codebooks); where there is a local network, one by one."""
        if self._local is None:
            return sampler.draw(self._guided(scores).view(self._batch, self.n_codebooks, -1))
        drawn = [sampler.draw(self._guided(scores))]
        before = torch.zeros_like(state)
        for column, head in enumerate(self._local_heads, 1):
            vectors = nn.functional.embedding(drawn[-1], self._code_tables[column - 1])
            before = before + (torch.cat([vectors, vectors]) if self._is_guided else vectors)
            drawn.append(sampler.draw(self._guided(head(self._local.column(column, state, before)))))
        return torch.stack(drawn, dim=1)

    def _guided(self, scores: Tensor) -> Tensor:
        """Push scores from those without text, the second half of the rows, beyond those with it, the first."""
        if not self._is_guided:
            return scores
        with_text, without = scores.chunk(2)
        return without + self._guidance_scale * (with_text - without)

    def _is_done(self, pointer: Pointer, step: int, limit: int) -> bool:
        if step >= n_steps(self.layout, limit, self.n_codebooks):
            return True
        return pointer.all_left and step >= n_steps(self.layout, max(pointer.n_frames), self.n_codebooks)

    def _embed(self, history: list[list[int]], pointer: Pointer) -> Tensor:
        """Add up codes, unit and elapsed frames of each row: (batch, hidden_size); guided, once more without text."""
        books = range(0, self._first_elapsed, self._hole + 1)
        rows = [
            [
                *(first + code for first, code in zip(books, codes, strict=True)),
                self._first_unit + (row + without_text * self._batch) * self._n_units + pointer.units[row],
                self._first_elapsed + min(pointer.elapsed[row], self._last_elapsed),
            ]
            for without_text in range(1 + self._is_guided)
            for row, codes in enumerate(history)
        ]
        return nn.functional.embedding(torch.tensor(rows, device=self._table.device), self._table).sum(dim=1)

    def _with_holes(self, codes: list[int], step: int, pointer: Pointer, row: int) -> list[int]:
        """Put the hole's index where the layout has no code at this step, as in training."""
        if self.layout in FRAME_A_STEP:
            return codes
        if self.layout == "flat":
            spoken = step % self.n_codebooks
            return [code if book == spoken else self._hole for book, code in enumerate(codes)]
        end = pointer.n_frames[row] if pointer.has_left[row] else step + 1
        return [code if 0 <= step - book < end else self._hole for book, code in enumerate(codes)]
