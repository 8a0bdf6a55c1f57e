"""`toknar`: all frames in one pass. Text is read both ways, each unit is given its frames, and every frame its codes.

Durations come from an aligner that learns beside the model (forward-sum loss, monotonic search); a small head learns
to predict them. Codes are written coarse to fine: each codebook's head sees the codes of those before it. Two options
are off by default: pitch and energy of each unit, predicted and changeable (`prosody`), and codes that are chosen again
where they are least certain (`refinement`).
"""

from collections.abc import Mapping
from typing import Self

import torch
from torch import Tensor, nn
from transformers import GenerationConfig

from toktts.alignment.monotonic import length_mask
from toktts.codecs.melrvq import MelRVQ
from toktts.errors import ModelError
from toktts.models._aligned import check_enough_frames
from toktts.models._attaching import small_voice
from toktts.models._base import Synthesis
from toktts.models._code_loss import code_loss, weights_of_books
from toktts.models._generation import energy_of, pitch_of, refinement_steps_of
from toktts.models._labels import check_durations, real_frames
from toktts.models._toknar_config import ToknarConfig, ToknarOutput
from toktts.models._toknar_net import ToknarNet
from toktts.models._told_durations import TakesDurations
from toktts.models.modules.averages import mean_of_batch
from toktts.models.modules.duration_predictor import is_said, log_frames
from toktts.models.modules.prosody import Kind
from toktts.models.modules.refinement import draw_settled, most_certain, open_share
from toktts.models.modules.repeating import round_durations
from toktts.models.modules.sampling import RowSampler
from toktts.models.modules.upsampling import durations_of_path

__all__ = ["Toknar", "ToknarConfig", "ToknarOutput"]


class Toknar(ToknarNet, TakesDurations):
    """Text ids -> durations -> codes, without a loop over the frames."""

    is_autoregressive = False
    can_change_speed = True
    bfloat16_parts = ("decoder", "spread", "fine", "code_heads")
    config_class = ToknarConfig
    config: ToknarConfig

    def default_generation(self) -> GenerationConfig:
        """Take the most likely codes."""
        return GenerationConfig(  # type: ignore[no-untyped-call]
            max_new_tokens=self.config.max_frames, do_sample=False, pad_token_id=0
        )

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        pitch: Tensor | None = None,
        energy: Tensor | None = None,
        durations: Tensor | None = None,
    ) -> ToknarOutput:
        """Score codes against text; see `ToktsModel.forward`.

        Args:
            input_ids: int64 (batch, n_input_ids).
            attention_mask: int64, same shape; None = all real.
            labels: int64 (batch, n_codebooks, n_frames), padded with -100.
            pitch: Hz, float (batch, n_frames), 0 = unvoiced; None = the predicted one is used, and not scored.
            energy: norms of the spectrum, float (batch, n_frames); None as above.
            durations: int64 frames (batch, n_input_ids); None = as the aligner hears them.

        Returns:
            Logits (batch, n_frames, n_codebooks, codebook_size), the losses, and the alignment.
        Raises:
            ModelError: no labels, a row with fewer frames than text ids, or durations that do not add up.
        """
        if input_ids is None or labels is None:
            raise ModelError("forward wants input_ids and labels; call generate to speak", key="labels")
        attention_mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        is_text, n_frames = attention_mask.bool(), real_frames(labels).sum(dim=1)
        is_real = length_mask(n_frames, labels.shape[2])
        encoded = self.encode_text(input_ids, attention_mask)
        units, alignment_loss = self._units(encoded, labels, is_text, durations)
        durations = durations_of_path(units, n_frames, n_units=input_ids.shape[1])
        losses = {"alignment_loss": alignment_loss, "duration_loss": self._duration_loss(encoded, durations, is_text)}
        if self.prosody is not None:
            tracks: Mapping[Kind, Tensor | None] = {"pitch": pitch, "energy": energy}
            encoded, losses["prosody_loss"] = self.prosody.learn(encoded, is_text, tracks, path=units, is_real=is_real)
        logits, targets = self._teach(encoded, durations, labels, is_real)
        losses["code_loss"] = code_loss(
            logits, targets, weights_of_books(self.config.code_weights, self.config.n_codebooks)
        )
        weights = {name: getattr(self.config, name.replace("loss", "weight"), 1.0) for name in losses}
        return ToknarOutput(
            loss=torch.stack([weights[name] * loss for name, loss in losses.items()]).sum(),
            logits=logits,
            units=units,
            **{name: loss.detach() for name, loss in losses.items()},
        )

    def _units(
        self, encoded: Tensor, labels: Tensor, is_text: Tensor, durations: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Unit of each frame, int64 (batch, n_frames), given or heard; and the aligner's loss."""
        n_units, n_frames = is_text.sum(dim=1), real_frames(labels).sum(dim=1)
        if durations is None:
            check_enough_frames(n_units, n_frames)
            units, loss = self.aligner(encoded, self.hear(labels), n_units=n_units, n_frames=n_frames)
            return units, loss
        check_durations(durations, is_text, n_frames)
        return _units_of(durations, total=labels.shape[2]), encoded.new_zeros((), dtype=torch.float32)

    def _teach(self, encoded: Tensor, durations: Tensor, labels: Tensor, is_real: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (batch, n_frames, n_codebooks, codebook_size), and the codes to learn, -100 where there is none."""
        codes, targets = labels.clamp_min(0).transpose(1, 2), labels.transpose(1, 2)
        settled = None
        if self.settled_codes is not None and self.training:
            share = self.config.refinement_share
            settled = draw_settled(is_real, n_codebooks=codes.shape[2], row_share=share)
            targets = targets.masked_fill(settled, -100)
        hidden = self._decode_frames(encoded, durations, total=labels.shape[2], codes=codes, settled=settled)
        seen = is_real[:, :, None]
        return torch.stack([self._head(book, hidden, codes, seen) for book in range(codes.shape[2])], dim=2), targets

    def _duration_loss(self, encoded: Tensor, durations: Tensor, is_real: Tensor) -> Tensor:
        gaps = self._log_durations(encoded) - log_frames(durations)
        return mean_of_batch(gaps.square(), is_real)

    def predicted_codes(self, logits: Tensor, labels: Tensor) -> Tensor:  # noqa: ARG002 - frames are in cache order
        """Read the most likely codes (batch, n_codebooks, n_frames) off the logits of `forward`."""
        return logits.argmax(dim=3).transpose(1, 2)

    def plan(self, encoded: Tensor, is_text: Tensor, *, speed: float) -> Tensor:
        """Choose frames of each unit, int64 (batch, n_units): one at least, none for those learned as not said."""
        logs = self._log_durations(encoded)
        least = is_said(logs).long()
        return round_durations(
            torch.exp(logs) * least / speed, is_text, limit=self.config.max_frames_per_unit, least=least
        )

    def _read(self, input_ids: Tensor, attention_mask: Tensor, generation: GenerationConfig) -> Tensor:  # noqa: ARG002
        return self.encode_text(input_ids, attention_mask)

    def _write(
        self,
        encoded: Tensor,
        is_text: Tensor,
        durations: Tensor,
        *,
        sampler: RowSampler,
        generation: GenerationConfig,
    ) -> Synthesis:
        n_frames = durations.sum(dim=1)
        if self.prosody is not None:
            factors: Mapping[Kind, float] = {"pitch": pitch_of(generation), "energy": energy_of(generation)}
            encoded = self.prosody.speak(encoded, is_text, factors)
        is_soft, n_again = self.config.soft_decoding and not generation.do_sample, refinement_steps_of(generation)
        codes, probabilities = self._codes(encoded, durations, sampler, n_again=n_again, is_soft=is_soft)
        codes = codes.masked_fill(~length_mask(n_frames, codes.shape[2])[:, None], 0)
        path = _units_of(durations, total=codes.shape[2])
        return Synthesis(
            features=codes,
            n_frames=n_frames,
            stop_reasons=["eos"] * len(n_frames),
            alignment=nn.functional.one_hot(path, durations.shape[1]).float(),
            probabilities=probabilities,
        )

    def _codes(
        self, encoded: Tensor, durations: Tensor, sampler: RowSampler, *, n_again: int, is_soft: bool
    ) -> tuple[Tensor, Tensor | None]:
        """Choose codes, int64 (batch, n_codebooks, n_frames), and the least certain again; and how likely each is."""
        n_frames = durations.sum(dim=1)
        total = int(n_frames.max())
        is_real = length_mask(n_frames, total)
        hidden = self._decode_frames(encoded, durations, total=total)
        nothing = torch.zeros(len(hidden), total, len(self.code_heads), dtype=torch.bool, device=hidden.device)
        codes, logits = self._choose(hidden, nothing.long(), nothing, is_real, sampler)
        if not n_again and not is_soft:
            return codes.transpose(1, 2), None
        probabilities = _softmax(logits)
        for step in range(1, n_again + 1):
            certainty = probabilities.gather(3, codes[..., None])[..., 0]
            settled = most_certain(certainty, is_real, share_open=open_share(step, n_again))
            hidden = self._decode_frames(encoded, durations, total=total, codes=codes, settled=settled)
            codes, again = self._choose(hidden, codes, settled, is_real, sampler)
            probabilities = torch.where(settled[..., None], probabilities, _softmax(again))
        return codes.transpose(1, 2), probabilities.transpose(1, 2) if is_soft else None

    def _choose(
        self, hidden: Tensor, codes: Tensor, settled: Tensor, is_real: Tensor, sampler: RowSampler
    ) -> tuple[Tensor, list[Tensor]]:
        """Choose the codes that are not settled, coarse to fine, (batch, n_frames, n_codebooks); and logits of each."""
        codes, logits = codes.clone(), []
        for book in range(len(self.code_heads)):
            logits.append(self._head(book, hidden, codes, is_real[:, :, None]).float())
            codes[:, :, book] = torch.where(settled[:, :, book], codes[:, :, book], sampler.draw_frames(logits[book]))
        return codes, logits

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
        return small_voice(cls, config, codec)


def _softmax(logits: list[Tensor]) -> Tensor:
    """Probabilities (batch, n_frames, n_codebooks, codebook_size) of each codebook's logits."""
    return torch.stack([each.softmax(dim=2) for each in logits], dim=2)


def _units_of(durations: Tensor, *, total: int) -> Tensor:
    """Name the unit of each frame, int64 (batch, total); the last one behind a row's end."""
    ends = durations.cumsum(dim=1)
    frames = torch.arange(total, device=ends.device).expand(len(ends), -1).contiguous()
    return torch.searchsorted(ends, frames, right=True).clamp(max=durations.shape[1] - 1)
