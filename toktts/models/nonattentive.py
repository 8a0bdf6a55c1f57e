"""`nonattentive`: text and durations in, all frames in one pass. Attention and convolution by turns, in two stages.

First everything learns but the durations: encoder, one spread for all units, decoder, and a correction of what it
wrote. Then a recurrent net learns the durations from what the encoder says, and nothing else moves any more.
"""

from typing import Self

import torch
from torch import Tensor, nn
from transformers import GenerationConfig

from toktts.alignment.monotonic import length_mask
from toktts.codecs._mel import SILENCE
from toktts.codecs.griffin_lim import GriffinLim
from toktts.errors import ModelError
from toktts.models._aligned import check_enough_frames
from toktts.models._attaching import small_voice
from toktts.models._base import Synthesis
from toktts.models._labels import check_durations, real_frames
from toktts.models._nonattentive_config import NonAttentiveConfig, NonAttentiveOutput
from toktts.models._nonattentive_net import FrameWriter, TextReader, frame_errors
from toktts.models._told_durations import TakesDurations
from toktts.models.modules.aligner import Aligner
from toktts.models.modules.averages import mean_of_rows
from toktts.models.modules.duration_predictor import RecurrentDurations, duration_errors
from toktts.models.modules.repeating import round_durations, units_of_frames
from toktts.models.modules.sampling import RowSampler
from toktts.models.modules.upsampling import durations_of_path

__all__ = ["NonAttentive", "NonAttentiveConfig", "NonAttentiveOutput"]


class NonAttentive(TakesDurations):  # type: ignore[no-untyped-call]
    """Phonemes -> durations -> frames. Longer input than it has positions is read and written in windows."""

    is_autoregressive = False
    can_change_speed = True
    config_class = NonAttentiveConfig
    config: NonAttentiveConfig

    def __init__(self, config: NonAttentiveConfig) -> None:
        super().__init__(config)
        self.stage = 1
        self.reader = TextReader(config)
        self.writer = FrameWriter(config)
        self.aligner = Aligner(config.hidden_size)
        self.durations = RecurrentDurations(
            config.hidden_size,
            config.duration_size,
            num_layers=config.duration_layers,
            dropout=config.duration_dropout,
        )
        self.post_init()  # type: ignore[no-untyped-call]

    def _init_weights(self, module: nn.Module) -> None:
        """Keep PyTorch's own beginnings: without layer normalisation the base class's small numbers learn slowly."""

    def default_generation(self) -> GenerationConfig:
        """Take what is most likely."""
        return GenerationConfig(  # type: ignore[no-untyped-call]
            max_new_tokens=self.config.max_frames, do_sample=False, pad_token_id=0
        )

    @property
    def generation_limit(self) -> int:
        """Most frames."""
        return self.config.max_frames

    @property
    def first_stage_share(self) -> float:
        """Share of a training behind which `begin_stage(2)` is due."""
        return self.config.first_stage_share

    def begin_stage(self, stage: int) -> None:
        """Choose what learns: 1 = all but the durations; 2 = the durations alone, the rest is frozen bit for bit.

        Raises:
            ModelError: another stage.
        """
        if stage not in (1, 2):
            raise ModelError(f"there is no stage {stage}; choose 1 or 2", key="stage")
        self.stage = stage
        for part in self._acoustic_parts:
            part.requires_grad_(stage == 1)
        self.train(self.training)

    @property
    def _acoustic_parts(self) -> tuple[nn.Module, ...]:
        return self.reader, self.writer, self.aligner

    def train(self, mode: bool = True) -> Self:
        """Switch dropout and batch statistics on or off; what is frozen keeps them off."""
        super().train(mode)
        for part in self._acoustic_parts:
            part.train(mode and self.stage == 1)
        return self

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        durations: Tensor | None = None,
    ) -> NonAttentiveOutput:
        """Score frames against text; see `ToktsModel.forward`. In training only what the stage learns is computed.

        Args:
            input_ids: int64 (batch, n_units).
            attention_mask: int64, same shape; None = all real.
            labels: mel or codes.
            durations: int64 (batch, n_units), frames of each text id; None = the aligner finds them.
        Raises:
            ModelError: no labels, a row with fewer frames than text ids, or durations that do not sum up to the frames.
        """
        if input_ids is None or labels is None:
            raise ModelError("forward wants input_ids and labels; call generate to speak", key="labels")
        attention_mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        n_units, n_frames = attention_mask.sum(dim=1), real_frames(labels).sum(dim=1)
        output = NonAttentiveOutput()
        # An evaluation scores both, whichever learns, so that its loss means the same from the beginning to the end.
        scores_frames, scores_durations = (not self.training or self.stage == stage for stage in (1, 2))
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.stage == 1):
            encoded = self.reader(input_ids, n_units)
            used, alignment_loss = self._durations_of(input_ids, attention_mask, labels, durations)
            output.durations = used
            if scores_frames:
                output.alignment_loss = alignment_loss
                self._score_frames(output, encoded, labels, n_frames)
        if scores_durations:
            errors = duration_errors(self.durations(encoded.detach(), n_units), used)
            output.duration_loss = mean_of_rows(errors, attention_mask.bool())
        output.loss = self._total(output)
        return output

    def _durations_of(
        self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor, given: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        n_units, n_frames = attention_mask.sum(dim=1), real_frames(labels).sum(dim=1)
        if given is not None:
            check_durations(given, attention_mask.bool(), n_frames)
            return given, None
        check_enough_frames(n_units, n_frames)
        # By the phonemes themselves: an encoder that knows places could agree with the aligner on any path.
        units = self.reader.embedding(input_ids) * length_mask(n_units, input_ids.shape[1])[:, :, None]
        path, loss = self.aligner(units, self.writer.hear(labels), n_units=n_units, n_frames=n_frames)
        return durations_of_path(path, n_frames, n_units=input_ids.shape[1]), loss

    def _score_frames(self, output: NonAttentiveOutput, encoded: Tensor, labels: Tensor, n_frames: Tensor) -> None:
        assert output.durations is not None
        first, final = self.writer(encoded, output.durations, n_frames=n_frames, total=labels.shape[2])
        is_real, wanted = real_frames(labels), self.writer.normalised(labels)
        output.first_loss = mean_of_rows(frame_errors(first, wanted), is_real)
        output.final_loss = mean_of_rows(frame_errors(final, wanted), is_real)
        if self.feature_kind == "mel":
            output.mel = self.writer.natural(final)
        else:
            output.logits = final

    def _total(self, output: NonAttentiveOutput) -> Tensor:
        weighted = [
            (1.0, output.first_loss),
            (1.0, output.final_loss),
            (self.config.alignment_weight, output.alignment_loss),
            (1.0, output.duration_loss),
        ]
        return torch.stack([weight * loss for weight, loss in weighted if loss is not None]).sum()

    @torch.no_grad()
    def align(self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor) -> Tensor:
        """Say how long each text id lasts in a recording, as far as the aligner has learned it.

        Args:
            input_ids: int64 (batch, n_units).
            attention_mask: int64, same shape, 1 = real, 0 = padding.
            labels: what was recorded, as `forward` takes it.
        Returns:
            Frames, int64 (batch, n_units), at least 1 for each real id; a row's sum is its number of frames.
        Raises:
            ModelError: a row with fewer frames than text ids.
        """
        return self._durations_of(input_ids, attention_mask, labels, None)[0]

    def predicted_codes(self, logits: Tensor, labels: Tensor) -> Tensor:  # noqa: ARG002 - frames are in cache order
        """Read the most likely codes (batch, n_codebooks, n_frames) off the logits of `forward`."""
        return logits.argmax(dim=3).transpose(1, 2)

    def _read(self, input_ids: Tensor, attention_mask: Tensor, generation: GenerationConfig) -> Tensor:  # noqa: ARG002
        encoded: Tensor = self.reader(input_ids, attention_mask.sum(dim=1))
        return encoded

    def plan(self, encoded: Tensor, is_text: Tensor, *, speed: float) -> Tensor:
        """Choose frames of each unit, int64 (batch, n_units); a row gets one at least."""
        frames = torch.expm1(self.durations(encoded, is_text.sum(dim=1))) / speed
        return round_durations(frames, is_text, limit=self.config.max_frames_per_unit)

    def _write(
        self,
        encoded: Tensor,
        is_text: Tensor,  # noqa: ARG002 - durations say enough
        durations: Tensor,
        *,
        sampler: RowSampler,
        generation: GenerationConfig,  # noqa: ARG002 - mel and codes are all it writes
    ) -> Synthesis:
        n_frames = durations.sum(dim=1)
        total = int(n_frames.max())
        _, final = self.writer(encoded, durations, n_frames=n_frames, total=total)
        features, probabilities = self._features(final, sampler)
        silence = SILENCE if self.feature_kind == "mel" else 0
        is_real = length_mask(n_frames, total)[:, None]
        return Synthesis(
            features=torch.where(is_real, features, torch.full_like(features, silence)),
            n_frames=n_frames,
            stop_reasons=["eos"] * len(n_frames),
            alignment=nn.functional.one_hot(units_of_frames(durations), durations.shape[1]).float(),
            probabilities=probabilities,
        )

    def _features(self, final: Tensor, sampler: RowSampler) -> tuple[Tensor, Tensor | None]:
        """Mel, or codes and how likely each code was."""
        if self.feature_kind == "mel":
            return self.writer.natural(final).float(), None
        codes = torch.stack([sampler.draw_frames(final[:, :, book]) for book in range(final.shape[2])], dim=1)
        is_soft = self.config.soft_decoding and not sampler.do_sample
        return codes, final.float().softmax(dim=3).transpose(1, 2) if is_soft else None

    @classmethod
    def tiny(cls) -> Self:
        """Build a small model with fixed random weights and a tiny codec attached, in eval mode."""
        codec = GriffinLim.tiny()
        config = NonAttentiveConfig(
            codec_sampling_rate=codec.sampling_rate,
            codec_hop_length=codec.hop_length,
            n_mels=codec.n_mels,
            text_limit=64,
            hidden_size=32,
            num_attention_heads=2,
            encoder_layers=1,
            decoder_layers=1,
            intermediate_size=48,
            postnet_layers=2,
            text_window=64,
            frame_window=96,
            duration_size=16,
            duration_layers=1,
            max_frames=200,
            max_frames_per_unit=12,
        )
        return small_voice(cls, config, codec)
