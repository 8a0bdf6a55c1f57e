"""`toknar`: all frames in one pass. Text is read both ways, each unit is given its frames, and every frame its codes.

Durations come from an aligner that learns beside the model (forward-sum loss, monotonic search); a small head learns
to predict them. Codes are written coarse to fine: each codebook's head sees the codes of those before it.
"""

from typing import Self

import torch
from torch import Tensor, nn
from transformers import GenerationConfig

from toktts.alignment.monotonic import length_mask
from toktts.codecs.melrvq import MelRVQ
from toktts.errors import ModelError
from toktts.models._aligned import AlignedModel, check_enough_frames
from toktts.models._base import Synthesis
from toktts.models._generation import speed_of
from toktts.models._toknar_config import ToknarConfig, ToknarOutput
from toktts.models.modules.convolution import FrameBlock
from toktts.models.modules.sampling import RowSampler
from toktts.models.modules.upsampling import GaussianUpsampling, durations_of_path, whole_durations

__all__ = ["Toknar", "ToknarConfig", "ToknarOutput"]


class Toknar(AlignedModel):
    """Text ids -> durations -> codes, without a loop over the frames."""

    is_autoregressive = False
    can_change_speed = True
    config_class = ToknarConfig
    config: ToknarConfig

    def __init__(self, config: ToknarConfig) -> None:
        super().__init__(config, code_rows=config.codebook_size)
        size = config.hidden_size
        self.durations = nn.Sequential(
            nn.Linear(size, size), nn.GELU(), nn.LayerNorm(size), nn.Dropout(config.dropout), nn.Linear(size, 1)
        )
        self.upsampling = GaussianUpsampling(size)
        self.decoder = self._blocks(config.decoder_layers)
        self.decoder_norm = nn.LayerNorm(size)
        self.spread = nn.Linear(size, size * config.frames_per_position) if config.frames_per_position > 1 else None
        self.fine = self._blocks(config.fine_layers * (config.n_codebooks - 1))
        self.fine_norms = nn.ModuleList(nn.LayerNorm(size) for _ in range(config.n_codebooks - 1))
        self.post_init()  # type: ignore[no-untyped-call]

    def _blocks(self, count: int) -> nn.ModuleList:
        config = self.config
        return nn.ModuleList(
            FrameBlock(
                config.hidden_size,
                config.decoder_intermediate_size,
                kernel_size=config.decoder_kernel_size,
                dropout=config.dropout,
                initial_scale=1.0 / max(1, config.decoder_layers),
            )
            for _ in range(count)
        )

    def default_generation(self) -> GenerationConfig:
        """Take the most likely codes."""
        return GenerationConfig(  # type: ignore[no-untyped-call]
            max_new_tokens=self.config.max_frames, do_sample=False, pad_token_id=0
        )

    def forward(
        self, input_ids: Tensor | None = None, attention_mask: Tensor | None = None, labels: Tensor | None = None
    ) -> ToknarOutput:
        """Score codes against text; see `ToktsModel.forward`.

        Returns:
            Logits (batch, n_frames, n_codebooks, codebook_size), the losses, and the alignment.
        Raises:
            ModelError: no labels, or a row with fewer frames than text ids.
        """
        if input_ids is None or labels is None:
            raise ModelError("forward wants input_ids and labels; call generate to speak", key="labels")
        attention_mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        n_units, n_frames = attention_mask.sum(dim=1), (labels[:, 0] >= 0).sum(dim=1)
        check_enough_frames(n_units, n_frames)
        encoded = self.encode_text(input_ids, attention_mask)
        is_real = length_mask(n_frames, labels.shape[2])[:, :, None]
        codes = labels.clamp_min(0).transpose(1, 2)
        units, alignment_loss = self.aligner(
            encoded, self._embed(codes, len(self.code_embeddings)) * is_real, n_units=n_units, n_frames=n_frames
        )
        durations = durations_of_path(units, n_frames, n_units=input_ids.shape[1])
        hidden = self._decode_frames(encoded, durations, total=labels.shape[2])
        logits = torch.stack([self._head(book, hidden, codes, is_real) for book in range(codes.shape[2])], dim=2)
        code_loss = self._code_loss(logits, labels.transpose(1, 2))
        duration_loss = self._duration_loss(encoded, durations, attention_mask.bool())
        config = self.config
        return ToknarOutput(
            loss=code_loss + config.alignment_weight * alignment_loss + config.duration_weight * duration_loss,
            logits=logits,
            code_loss=code_loss.detach(),
            alignment_loss=alignment_loss.detach(),
            duration_loss=duration_loss.detach(),
            units=units,
        )

    def _embed(self, codes: Tensor, n_books: int) -> Tensor:
        """Sum the embeddings of the first codebooks: int64 (batch, n_frames, n_codebooks) -> hidden."""
        tables = list(self.code_embeddings)[:n_books]
        return torch.stack([table(codes[:, :, book]) for book, table in enumerate(tables)]).sum(dim=0)

    def _decode_frames(self, encoded: Tensor, durations: Tensor, *, total: int) -> Tensor:
        """From units to frames, (batch, total, hidden_size)."""
        rate = self.config.frames_per_position
        hidden = self.upsampling(encoded, durations, total=total, frames_per_position=rate)
        n_positions = -(-durations.sum(dim=1) // rate)
        is_real = length_mask(n_positions, hidden.shape[1])[:, :, None]
        for block in self.decoder:
            hidden = block(hidden, is_real)
        hidden = self.decoder_norm(hidden)
        if self.spread is not None:
            hidden = self.spread(hidden).reshape(len(hidden), -1, self.config.hidden_size)
        cut: Tensor = hidden[:, :total]
        return cut

    def _head(self, book: int, hidden: Tensor, codes: Tensor, is_real: Tensor) -> Tensor:
        """Logits (batch, n_frames, codebook_size) of one codebook, given the codes of those before it."""
        if book:
            hidden = hidden + self._embed(codes, book)
            first = (book - 1) * self.config.fine_layers
            for block in list(self.fine)[first : first + self.config.fine_layers]:
                hidden = block(hidden, is_real)
            hidden = self.fine_norms[book - 1](hidden)
        logits: Tensor = self.code_heads[book](hidden)
        return logits

    def _code_loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        weights = [*(self.config.code_weights or []), *[1.0] * logits.shape[2]][: logits.shape[2]]
        losses = [
            weight
            * nn.functional.cross_entropy(
                logits[:, :, book].float().flatten(0, 1), targets[:, :, book].flatten(), ignore_index=-100
            )
            for book, weight in enumerate(weights)
        ]
        return torch.stack(losses).sum() / sum(weights)

    def _log_durations(self, encoded: Tensor) -> Tensor:
        predicted: Tensor = self.durations(encoded)[:, :, 0].float()
        return predicted

    def _duration_loss(self, encoded: Tensor, durations: Tensor, is_real: Tensor) -> Tensor:
        gaps = self._log_durations(encoded) - torch.log(durations.clamp_min(1).float())
        return gaps[is_real].square().mean()

    def predicted_codes(self, logits: Tensor, labels: Tensor) -> Tensor:  # noqa: ARG002 - frames are in cache order
        """Read the most likely codes (batch, n_codebooks, n_frames) off the logits of `forward`."""
        return logits.argmax(dim=3).transpose(1, 2)

    def synthesize(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        *,
        generation: GenerationConfig,
        seed: int | None = None,
    ) -> Synthesis:
        """Write all frames at once; see `ToktsModel.synthesize`."""
        attention_mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        is_text = attention_mask.bool()
        encoded = self.encode_text(input_ids, attention_mask)
        limit = min(generation.max_new_tokens or self.config.max_frames, self.config.max_frames)
        frames = torch.exp(self._log_durations(encoded)) / speed_of(generation)
        durations = whole_durations(frames, is_text, limit=self.config.max_frames_per_unit)
        wanted = durations.sum(dim=1)
        ends = durations.cumsum(dim=1).clamp(max=limit)
        durations = torch.diff(ends, dim=1, prepend=torch.zeros_like(ends[:, :1]))
        n_frames = durations.sum(dim=1)
        sampler = RowSampler(input_ids, attention_mask, generation=generation, seed=seed)
        codes, probabilities = self._write(encoded, durations, sampler)
        codes = codes.masked_fill(~length_mask(n_frames, codes.shape[2])[:, None], 0)
        frames = torch.arange(codes.shape[2], device=ends.device).expand(len(codes), -1).contiguous()
        path = torch.searchsorted(ends, frames, right=True).clamp(max=input_ids.shape[1] - 1)
        return Synthesis(
            features=codes,
            n_frames=n_frames,
            stop_reasons=["eos" if fits else "length" for fits in (wanted <= limit).tolist()],
            alignment=nn.functional.one_hot(path, input_ids.shape[1]).float(),
            probabilities=None if generation.do_sample or not self.config.soft_decoding else probabilities,
        )

    def _write(self, encoded: Tensor, durations: Tensor, sampler: RowSampler) -> tuple[Tensor, Tensor]:
        """Choose codes, coarse to fine: int64 (batch, n_codebooks, n_frames), and how likely each code was."""
        n_frames = durations.sum(dim=1)
        total = int(n_frames.max())
        hidden = self._decode_frames(encoded, durations, total=total)
        is_real = length_mask(n_frames, total)[:, :, None]
        codes = hidden.new_zeros(len(hidden), total, len(self.code_heads), dtype=torch.long)
        probabilities = []
        for book in range(len(self.code_heads)):
            logits = self._head(book, hidden, codes, is_real)
            codes[:, :, book] = sampler.draw_frames(logits)
            probabilities.append(logits.float().softmax(dim=2))
        return codes.transpose(1, 2), torch.stack(probabilities, dim=1)

    @classmethod
    def tiny(cls) -> Self:
        """Build a small model with fixed random weights and a tiny codec attached, in eval mode."""
        codec = MelRVQ.tiny()
        config = ToknarConfig(
            n_codebooks=codec.n_codebooks,
            codebook_size=codec.codebook_size,
            text_limit=64,
            hidden_size=32,
            num_attention_heads=2,
            encoder_layers=1,
            intermediate_size=64,
            decoder_layers=2,
            decoder_intermediate_size=64,
            fine_layers=1,
            max_frames=96,
            max_frames_per_unit=8,
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            model = cls(config)
        model.train(mode=False)
        return model.attach_codec(codec)
