"""The reference model: a GPT-2 reads text, a GPT-2 with cross-attention writes flat codes, one at a time.

Parameter names are those of `EncoderDecoderModel` over two GPT-2s, so weights of the reference load as they are.
"""

import copy
from typing import Self

import torch
from torch import Tensor, nn
from transformers import GenerationConfig, GenerationMixin, GPT2LMHeadModel, GPT2Model
from transformers.cache_utils import Cache
from transformers.generation.logits_process import LogitsProcessor, LogitsProcessorList
from transformers.modeling_outputs import BaseModelOutput, Seq2SeqLMOutput

from toktts.codecs._base import Codec
from toktts.errors import ModelError
from toktts.models._attaching import small_voice
from toktts.models._base import CodesOutput, StopReason, Synthesis, ToktsModel
from toktts.models._generation import seeded
from toktts.models._tokflat_config import TokflatConfig
from toktts.registry import load
from toktts.tokens import flat_labels, restore_codes, unflatten

__all__ = ["TokflatConfig", "TokflatModel"]


class _LegalCodes(LogitsProcessor):
    """The start mark never, the end mark only where a frame is complete; all codebooks share the other ids."""

    def __init__(self, config: TokflatConfig) -> None:
        self.config = config

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        step = input_ids.shape[1] - 1
        if bool(scores.isnan().any()):
            raise ModelError(f"non-finite logits at step {step}; the weights are damaged, train or load them again")
        illegal = [self.config.bos_code_id]
        if step % self.config.n_codebooks:
            illegal.append(self.config.eos_code_id)
        return scores.index_fill(1, torch.tensor(illegal, device=scores.device), float("-inf"))


class TokflatModel(ToktsModel):  # type: ignore[no-untyped-call]
    """Encoder-decoder of two GPT-2 stacks over flat codes."""

    is_timed = False
    config_class = TokflatConfig
    config: TokflatConfig
    base_model_prefix = "encoder_decoder"
    supports_gradient_checkpointing = True
    _supports_sdpa = True

    def __init__(self, config: TokflatConfig) -> None:
        super().__init__(config)
        encoder, decoder = config.encoder_config(), config.decoder_config()
        encoder._attn_implementation = decoder._attn_implementation = self.config._attn_implementation
        self.encoder = GPT2Model(encoder)
        self.decoder = GPT2LMHeadModel(decoder)
        if encoder.n_embd != decoder.n_embd:
            self.enc_to_dec_proj = nn.Linear(encoder.n_embd, decoder.n_embd)
        self.post_init()  # type: ignore[no-untyped-call]

    def get_input_embeddings(self) -> nn.Module:
        """Name the embedding of the text."""
        embedding: nn.Module = self.encoder.wte
        return embedding

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        encoder_outputs: BaseModelOutput | None = None,
        past_key_values: Cache | None = None,
        use_cache: bool | None = None,
        return_dict: bool | None = None,  # noqa: ARG002 - generate passes it; there is only the dict form
    ) -> CodesOutput | Seq2SeqLMOutput:
        """Score flat codes.

        Args:
            input_ids: int64 (batch, n_input_ids).
            attention_mask: int64, same shape, 1 = real, 0 = padding; None = all real.
            labels: codes, int64 (batch, n_codebooks, n_frames), padded at the end with -100.
            decoder_input_ids: code ids so far, int64 (batch, n_steps), instead of labels.
            encoder_outputs: text that is encoded already.
            past_key_values: keys and values of earlier steps.
            use_cache: give `past_key_values` back.
            return_dict: accepted for `GenerationMixin.generate`, without effect.

        Returns:
            With labels `loss` (mean cross-entropy over codes and end marks) and `logits`
            (batch, n_codebooks * n_frames + 1, vocab_size); without, what `GenerationMixin.generate` needs.
        """
        hidden = self._encode(input_ids, attention_mask) if encoder_outputs is None else encoder_outputs[0]
        flat = None if labels is None else flat_labels(labels, eos_id=self.config.eos_code_id)
        if flat is not None:
            self._check_positions(flat.shape[1])
            decoder_input_ids = self._shift_right(flat)
        decoded = self.decoder(
            input_ids=decoder_input_ids,
            encoder_hidden_states=hidden,
            encoder_attention_mask=attention_mask,
            past_key_values=past_key_values,
            use_cache=bool(use_cache),
        )
        if flat is None:
            return Seq2SeqLMOutput(
                logits=decoded.logits, past_key_values=decoded.past_key_values, encoder_last_hidden_state=hidden
            )
        loss = nn.functional.cross_entropy(decoded.logits.flatten(0, 1).float(), flat.flatten(), ignore_index=-100)
        return CodesOutput(loss=loss, logits=decoded.logits)

    def _encode(self, input_ids: Tensor | None, attention_mask: Tensor | None) -> Tensor:
        ids = self._check_input_ids(input_ids)
        mask = torch.ones_like(ids) if attention_mask is None else attention_mask
        if not self.config.causal_encoder:
            # GPT-2 takes a 4-D additive mask as it is, and adds no causal one.
            blocked = torch.zeros(mask.shape, dtype=self.dtype, device=ids.device).masked_fill_(
                mask == 0, torch.finfo(self.dtype).min
            )
            mask = blocked[:, None, None, :].expand(-1, 1, ids.shape[1], -1)
        hidden: Tensor = self.encoder(input_ids=ids, attention_mask=mask)[0]
        if hidden.shape[-1] != self.decoder.config.n_embd:
            hidden = self.enc_to_dec_proj(hidden)
        return hidden

    def _shift_right(self, flat: Tensor) -> Tensor:
        shifted = flat.roll(1, dims=1).masked_fill(flat.roll(1, dims=1) == -100, self.config.eos_code_id)
        shifted[:, 0] = self.config.bos_code_id
        return shifted

    def _check_positions(self, n_steps: int) -> None:
        if n_steps > self.generation_limit:
            raise ModelError(
                f"labels take {n_steps} positions, the decoder has {self.generation_limit}; "
                "shorten the clips or raise model.decoder.n_positions"
            )

    def predicted_codes(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Read the most likely codes off teacher-forced logits.

        Args:
            logits: (batch, n_codebooks * n_frames + 1, vocab_size).
            labels: (batch, n_codebooks, n_frames); only their number of codebooks is used.

        Returns:
            int64 (batch, n_codebooks, n_frames); start and end marks can be among them.
        """
        return unflatten(logits.argmax(dim=-1)[:, :-1], labels.shape[1])

    @property
    def generation_limit(self) -> int:
        """Most code ids there are positions for."""
        return int(self.decoder.config.n_positions)

    def default_generation(self) -> GenerationConfig:
        """Generate as the reference does: beam sampling with 4 beams."""
        ids = {"pad_token_id": self.config.pad_token_id, "eos_token_id": self.config.eos_token_id}
        return GenerationConfig(  # type: ignore[no-untyped-call]
            max_new_tokens=self.config.seq_length, num_beams=4, do_sample=True, **ids
        )

    @torch.no_grad()
    def synthesize(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        *,
        generation: GenerationConfig,
        seed: int | None = None,
    ) -> Synthesis:
        """Turn text ids into codes; start and end marks cannot stand where they are illegal.

        Args:
            input_ids: int64 (batch, n_input_ids), padded at the end.
            attention_mask: int64, same shape; None = all real.
            generation: complete and checked; `max_new_tokens` counts code ids.
            seed: same seed, same codes; None = torch's own generators.
        """
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        with seeded(seed, self.device):
            rows = GenerationMixin.generate(
                self,  # type: ignore[arg-type]  # its protocol asks for device and dtype that can be set
                encoder_outputs=BaseModelOutput(last_hidden_state=self._encode(input_ids, mask)),
                attention_mask=mask,
                generation_config=self._with_code_marks(generation),
                logits_processor=LogitsProcessorList([_LegalCodes(self.config)]),
            )
        assert isinstance(rows, Tensor)
        return self._read(rows)

    def _with_code_marks(self, generation: GenerationConfig) -> GenerationConfig:
        # Written here, not in the defaults: there the Trainer wants the ids of the text tokenizer.
        marks = copy.deepcopy(generation)
        marks.bos_token_id = marks.decoder_start_token_id = self.config.bos_code_id
        marks.eos_token_id = marks.pad_token_id = self.config.eos_code_id
        marks.return_dict_in_generate = False
        return marks

    def _read(self, rows: Tensor) -> Synthesis:
        n_codebooks, codebook_size = self.config.n_codebooks, self.config.codebook_size
        codes = [restore_codes(row, n_codebooks=n_codebooks, codebook_size=codebook_size) for row in rows]
        n_frames = torch.tensor([row.shape[1] for row in codes], device=rows.device)
        features = rows.new_zeros(len(codes), n_codebooks, int(n_frames.max()))
        reasons: list[StopReason] = []
        for padded, row, ids in zip(features, codes, rows, strict=True):
            padded[:, : row.shape[1]] = row
            ended = bool((ids == self.config.eos_code_id).any())
            reasons.append("empty" if not row.shape[1] else "eos" if ended else "length")
        return Synthesis(features, n_frames, reasons)

    @classmethod
    def tiny(cls) -> Self:
        """Build a model of about 20,000 weights with a tiny codec attached."""
        codec = load("toktts.codecs", "melrvq", Codec).tiny()  # type: ignore[type-abstract]
        sizes = {"n_layer": 1, "n_head": 2, "n_positions": 128}
        config = TokflatConfig(
            codec_sampling_rate=codec.sampling_rate,
            codec_hop_length=codec.hop_length,
            n_codebooks=codec.n_codebooks,
            codebook_size=codec.codebook_size,
            encoder={**sizes, "n_embd": 16},
            decoder={**sizes, "n_embd": 32, "seq_length": 24},
        )
        return small_voice(cls, config, codec)
