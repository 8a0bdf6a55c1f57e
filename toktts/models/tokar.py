"""`tokar`: an encoder-decoder that writes codec frames left to right and always knows which letter it is saying.

The decoder does not search the text by attention. A pointer walks over the encoder's states, one text unit after the
other; each frame is written under the pointer, and a small head decides when the pointer moves on. The end of speech is
the pointer leaving the last unit. So no word can be skipped or said twice, and the alignment is known exactly. While
training, the pointer's path comes from an aligner that learns beside the model (forward-sum loss, monotonic search).
"""

from typing import Self

import torch
from torch import Tensor, nn
from transformers import GenerationConfig

from toktts.alignment.monotonic import length_mask
from toktts.codecs.melrvq import MelRVQ
from toktts.errors import ModelError
from toktts.models._aligned import AlignedModel, check_enough_frames
from toktts.models._attaching import small_voice
from toktts.models._base import Synthesis
from toktts.models._code_loss import code_loss
from toktts.models._generation import guidance_of
from toktts.models._labels import real_frames
from toktts.models._tokar_config import TokarConfig, TokarOutput
from toktts.models._tokar_writing import FrameWriter
from toktts.models.modules.averages import mean_of_batch
from toktts.models.modules.local import LocalNet
from toktts.models.modules.pointer import Pointer, elapsed_frames
from toktts.models.modules.sampling import RowSampler
from toktts.models.modules.transformer import rotary_angles
from toktts.models.modules.upsampling import durations_of_path
from toktts.tokens.layouts import stack, unstack
from toktts.tokens.steps import HOLE, steps_from_codes, steps_to_codes

__all__ = ["Tokar", "TokarConfig", "TokarOutput"]


class Tokar(AlignedModel):
    """Text ids -> codes, one decoder step a frame (`delay`, `parallel`), a code (`flat`) or some frames (`stacked`)."""

    config_class = TokarConfig
    config: TokarConfig

    def __init__(self, config: TokarConfig) -> None:
        # The last row of each code table stands for "no code here": before the start, and in the holes of a layout.
        super().__init__(config, code_rows=config.codebook_size + 1)
        size = config.hidden_size
        self.elapsed_embedding = nn.Embedding(config.max_frames_per_unit, size)
        self.context = nn.Linear(size, size)
        self.decoder = nn.ModuleList(self._layer(1, is_causal=True) for _ in range(config.decoder_layers))
        self.decoder_norm = nn.LayerNorm(size)
        self.advance_head = nn.Linear(size, 1)
        # Stands where a unit stood, in rows that are to be spoken without knowing their text.
        self.no_unit = nn.Parameter(torch.zeros(size)) if config.can_be_guided else None
        self.local = self._local_net() if config.layout == "stacked" else None
        if config.frames_per_step > 1:
            books = range(config.codes_per_step)
            self.code_embeddings = nn.ModuleList(nn.Embedding(config.codebook_size + 1, size) for _ in books)
            self.code_heads = nn.ModuleList(nn.Linear(size, config.codebook_size) for _ in books)
        self.post_init()  # type: ignore[no-untyped-call]

    def _local_net(self) -> LocalNet:
        config = self.config
        return LocalNet(
            config.hidden_size,
            intermediate_size=config.local_size,
            n_columns=config.codes_per_step,
            dropout=config.dropout,
        )

    @property
    def _hole(self) -> int:
        return self.config.codebook_size

    def default_generation(self) -> GenerationConfig:
        """Draw among the likelier codes, for at most `max_frames` frames."""
        return GenerationConfig(  # type: ignore[no-untyped-call]
            max_new_tokens=self.config.max_frames, do_sample=True, temperature=0.7, top_k=50, pad_token_id=0
        )

    def use_code_vectors(self, vectors: Tensor) -> None:
        """See `AlignedModel.use_code_vectors`; the frames of a step begin alike."""
        super().use_code_vectors(vectors.repeat(self.config.frames_per_step, 1, 1))

    def _embed_columns(self, steps: Tensor) -> list[Tensor]:
        filled = torch.where(steps < 0, self._hole, steps)
        return [table(filled[:, :, k]) for k, table in enumerate(self.code_embeddings)]

    def embed_steps(self, steps: Tensor) -> Tensor:
        """Sum the embeddings of the codes of each step: int64 (batch, n_steps, codes per step), -100 in holes."""
        return torch.stack(self._embed_columns(steps)).sum(dim=0)

    def hear(self, labels: Tensor) -> Tensor:
        """See `AlignedModel.hear`; (batch, n_steps, hidden_size) where a step has several frames."""
        codes = stack(labels, self.config.frames_per_step, fill=HOLE)
        return self.embed_steps(codes.transpose(1, 2)) * (codes[:, 0] >= 0)[:, :, None]

    @torch.no_grad()
    def align(self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor) -> Tensor:
        """See `AlignedModel.align`; where a step has several frames, so has every unit, but for the last."""
        repeats, n_frames = self.config.frames_per_step, real_frames(labels).sum(dim=1)
        n_units, n_steps = attention_mask.sum(dim=1), -(-n_frames // repeats)
        check_enough_frames(n_units, n_frames, frames_per_unit=repeats)
        encoded = self.encode_text(input_ids, attention_mask)
        units, _ = self.aligner(encoded, self.hear(labels), n_units=n_units, n_frames=n_steps)
        path = units.repeat_interleave(repeats, dim=1)[:, : labels.shape[2]]
        return durations_of_path(path, n_frames, n_units=input_ids.shape[1])

    def forward(
        self, input_ids: Tensor | None = None, attention_mask: Tensor | None = None, labels: Tensor | None = None
    ) -> TokarOutput:
        """Score codes against text; see `ToktsModel.forward`.

        Returns:
            Logits (batch, n_steps, codes per step, codebook_size), the losses, and the pointer's path.
        Raises:
            ModelError: no labels, or a row with fewer frames than its text ids need.
        """
        if input_ids is None or labels is None:
            raise ModelError("forward wants input_ids and labels; call generate to speak", key="labels")
        attention_mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        n_units, repeats = attention_mask.sum(dim=1), self.config.frames_per_step
        check_enough_frames(n_units, real_frames(labels).sum(dim=1), frames_per_unit=repeats)
        # From here to the logits a frame is what a step writes, of as many codebooks as that has codes.
        codes = stack(labels, repeats, fill=HOLE)
        n_frames = (codes[:, 0] >= 0).sum(dim=1)
        encoded = self.encode_text(input_ids, attention_mask)
        units, alignment_loss = self.aligner(encoded, self.hear(labels), n_units=n_units, n_frames=n_frames)
        steps = steps_from_codes(self.config.layout, codes)
        has_text = self._rows_with_text(n_units)
        hidden = self._teacher_forced(encoded, steps, units, has_text=has_text)
        logits = self.code_logits(hidden, steps)
        error = code_loss(logits, steps, self.config.column_weights)
        advance_loss = self._advance_loss(hidden, units, n_frames, has_text=has_text)
        loss = error + self.config.alignment_weight * alignment_loss + self.config.advance_weight * advance_loss
        return TokarOutput(
            loss=loss,
            logits=logits,
            code_loss=error.detach(),
            alignment_loss=alignment_loss.detach(),
            advance_loss=advance_loss.detach(),
            units=units.repeat_interleave(repeats, dim=1)[:, : labels.shape[2]],
        )

    def code_logits(self, hidden: Tensor, steps: Tensor) -> Tensor:
        """Score the codes of each step, each before it is known.

        Args:
            hidden: the decoder's states, (batch, n_steps, hidden_size).
            steps: int64 (batch, n_steps, codes per step); in `stacked` a code hears those before it in its step.
        Returns:
            (batch, n_steps, codes per step, codebook_size).
        """
        if self.local is None:
            return torch.stack([head(hidden) for head in self.code_heads], dim=2)
        states = self.local(hidden, self._embed_columns(steps))
        return torch.stack([head(state) for head, state in zip(self.code_heads, states, strict=True)], dim=2)

    def _units_of_steps(self, units: Tensor, n_steps: int) -> tuple[Tensor, Tensor]:
        """Unit and elapsed frames (batch, n_steps) at each step; behind the last frame it stays, as while speaking."""
        if self.config.layout == "flat":
            repeats = self.config.n_codebooks
            return units.repeat_interleave(repeats, dim=1), elapsed_frames(units).repeat_interleave(repeats, dim=1)
        path = torch.cat([units, units[:, -1:].expand(-1, n_steps - units.shape[1])], dim=1)
        return path, elapsed_frames(path)

    def _rows_with_text(self, n_units: Tensor) -> Tensor:
        """Draw, in training, which rows know their text: bool (batch,). All walk under the same pointer as ever."""
        if not self.training or self.no_unit is None:
            return torch.ones_like(n_units, dtype=torch.bool)
        return torch.rand(n_units.shape, device=n_units.device) >= self.config.text_dropout

    def without_text(self, context: Tensor) -> Tensor:
        """What units add to the steps under them where nobody is to know the text: one learned vector, in any shape."""
        assert self.no_unit is not None, "refused by generate"
        return self.no_unit.to(context.dtype).expand_as(context)

    def _teacher_forced(
        self, encoded: Tensor, steps: Tensor, units: Tensor, *, has_text: Tensor | None = None
    ) -> Tensor:
        """Hidden states (batch, n_steps, hidden_size), each from the steps before it and the unit it is under."""
        context = self.context(encoded)
        if has_text is not None and self.no_unit is not None:
            context = torch.where(has_text[:, None, None], context, self.without_text(context))
        history = nn.functional.pad(steps[:, :-1], (0, 0, 1, 0), value=-100)
        if self.training and self.config.history_dropout > 0:
            hidden_from_view = torch.rand(history.shape[:2], device=history.device) < self.config.history_dropout
            history = history.masked_fill(hidden_from_view[:, :, None], -100)
        return self._run_decoder(context, history, *self._units_of_steps(units, steps.shape[1]))

    def _run_decoder(self, context: Tensor, history: Tensor, units: Tensor, elapsed: Tensor) -> Tensor:
        under_pointer = context.gather(1, units[:, :, None].expand(-1, -1, context.shape[2]))
        elapsed = elapsed.clamp(max=self.elapsed_embedding.num_embeddings - 1)
        hidden = self.embed_steps(history) + under_pointer + self.elapsed_embedding(elapsed)
        hidden = self.input_dropout(hidden)
        angles = rotary_angles(torch.arange(history.shape[1], device=history.device), self._head_size)
        for layer in self.decoder:
            hidden = layer(hidden, angles)
        normed: Tensor = self.decoder_norm(hidden)
        return normed

    def _last_step_of_frame(self, frame: Tensor) -> Tensor:
        """Step after which the pointer may move: a frame's only step, or in `flat` its last."""
        return frame * self.config.n_codebooks + self.config.n_codebooks - 1 if self.config.layout == "flat" else frame

    def _advance_loss(self, hidden: Tensor, units: Tensor, n_frames: Tensor, *, has_text: Tensor) -> Tensor:
        """Binary cross-entropy of moving on after each frame; behind the last frame the pointer leaves the text.

        Rows without text have no say: while speaking, the pointer always knows it.
        """
        frame = torch.arange(units.shape[1], device=units.device)
        scores = self.advance_head(hidden[:, self._last_step_of_frame(frame)])[:, :, 0].float()
        moves = nn.functional.pad((units[:, 1:] != units[:, :-1]).float(), (0, 1))
        moves = moves.scatter(1, n_frames[:, None] - 1, 1.0)
        losses = nn.functional.binary_cross_entropy_with_logits(scores, moves, reduction="none")
        return mean_of_batch(losses, length_mask(n_frames, units.shape[1]) & has_text[:, None])

    def predicted_codes(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Read the most likely codes (batch, n_codebooks, n_frames) off the logits of `forward`."""
        n_frames = -(-labels.shape[2] // self.config.frames_per_step)
        codes = steps_to_codes(self.config.layout, logits.argmax(dim=3), n_frames=n_frames)
        return unstack(codes, self.config.n_codebooks)[:, :, : labels.shape[2]]

    def synthesize(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        *,
        generation: GenerationConfig,
        seed: int | None = None,
    ) -> Synthesis:
        """Write frames until every pointer has left its text; see `ToktsModel.synthesize`."""
        attention_mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        n_units = attention_mask.sum(dim=1).tolist()
        repeats = self.config.frames_per_step
        pointer = Pointer(n_units, max_frames_per_unit=-(-self.config.max_frames_per_unit // repeats))
        sampler = RowSampler(input_ids, attention_mask, generation=generation, seed=seed)
        limit = min(generation.max_new_tokens or self.config.max_frames, self.config.max_frames)
        with torch.inference_mode():
            context = self.context(self.encode_text(input_ids, attention_mask))
            writer = FrameWriter(self, context, guidance_scale=guidance_of(generation))
            written, path = writer.write(pointer, sampler, limit=-(-limit // repeats))
        return self._synthesis(torch.tensor(written, device=input_ids.device), path, pointer, limit=limit)

    def _synthesis(self, steps: Tensor, path: list[list[int]], pointer: Pointer, *, limit: int) -> Synthesis:
        repeats = self.config.frames_per_step
        n_frames = (repeats * torch.tensor(pointer.n_frames, device=steps.device)).clamp(max=limit)
        stacked = steps_to_codes(self.config.layout, steps.transpose(0, 1), n_frames=max(pointer.n_frames))
        codes = unstack(stacked, self.config.n_codebooks)[:, :, : int(n_frames.max())]
        codes = codes.masked_fill(~length_mask(n_frames, codes.shape[2])[:, None], 0)
        units = torch.tensor(path, device=steps.device).t().repeat_interleave(repeats, dim=1)[:, : codes.shape[2]]
        return Synthesis(
            features=codes,
            n_frames=n_frames,
            stop_reasons=["eos" if left else "length" for left in pointer.has_left_text],
            alignment=nn.functional.one_hot(units, max(pointer.n_units)).float(),
        )

    @classmethod
    def tiny(cls) -> Self:
        """Build a small model with fixed random weights and a tiny codec attached, in eval mode."""
        codec = MelRVQ.tiny()
        config = TokarConfig(
            n_codebooks=codec.n_codebooks,
            codebook_size=codec.codebook_size,
            text_limit=64,
            hidden_size=32,
            num_attention_heads=2,
            encoder_layers=1,
            decoder_layers=2,
            intermediate_size=64,
            max_frames=96,
            max_frames_per_unit=8,
        )
        return small_voice(cls, config, codec)
