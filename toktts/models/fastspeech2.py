"""`fastspeech2`: mel frames or codes in one pass, with durations, pitch and energy predicted from the text.

Duration, pitch and energy are predicted a text unit (or a frame) at a time, and can be changed while speaking. In
training the true ones are used: durations from an aligner that learns beside the model, or as the batch brings them.
"""

from collections.abc import Iterable
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
from toktts.models._code_loss import code_loss_of_rows
from toktts.models._fastspeech2_config import FastSpeech2Config, FastSpeech2Output
from toktts.models._fastspeech2_net import FastSpeech2Net
from toktts.models._fastspeech2_parts import Frames, Prosody
from toktts.models._generation import energy_of, pitch_of
from toktts.models._labels import check_durations, real_frames
from toktts.models._told_durations import TakesDurations
from toktts.models.modules.averages import mean_of_rows
from toktts.models.modules.prosody import KINDS, Kind, frame_scores, unit_scores
from toktts.models.modules.repeating import round_durations, units_of_frames
from toktts.models.modules.sampling import RowSampler
from toktts.models.modules.speakers import Speaker
from toktts.models.modules.upsampling import durations_of_path

__all__ = ["FastSpeech2", "FastSpeech2Config", "FastSpeech2Output"]


class FastSpeech2(FastSpeech2Net, TakesDurations):
    """Text ids -> durations, pitch, energy -> mel or codes, without a loop over the frames."""

    is_autoregressive = False
    can_change_speed = True
    can_change_prosody = True
    config_class = FastSpeech2Config

    def default_generation(self) -> GenerationConfig:
        """Take the most likely codes; mel is never drawn."""
        return GenerationConfig(  # type: ignore[no-untyped-call]
            max_new_tokens=self.config.max_frames, do_sample=False, pad_token_id=0
        )

    @property
    def generation_limit(self) -> int:
        """Most frames."""
        return self.config.max_frames

    def use_code_vectors(self, vectors: Tensor) -> None:
        """Start code tables and heads from a codec's centroids, see `CodeHeads.use_vectors`."""
        if self.code_heads is not None:
            self.code_heads.use_vectors(vectors)

    def fit_prosody(self, pitch: Iterable[Tensor], energy: Iterable[Tensor]) -> None:
        """Set the scales of pitch and energy from the training clips, before the first step.

        Args:
            pitch: Hz, 0 = unvoiced, 1-D, one a clip.
            energy: norms of the spectrum, 1-D, one a clip.
        Raises:
            ModelError: values that do not differ, or are not finite.
        """
        for kind, clips in zip(KINDS, (pitch, energy), strict=True):
            if kind in self.variances:
                self.variance(kind).scale.fit(clips)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        pitch: Tensor | None = None,
        energy: Tensor | None = None,
        durations: Tensor | None = None,
        speaker_ids: Tensor | None = None,
        speaker_vectors: Tensor | None = None,
    ) -> FastSpeech2Output:
        """Score features against text, all that is known given; see `ToktsModel.forward`.

        Args:
            input_ids: int64 (batch, n_input_ids).
            attention_mask: int64, same shape; None = all real.
            labels: mel or codes.
            pitch: Hz, float (batch, n_frames), 0 = unvoiced; None = the predicted one is used, and not scored.
            energy: norms of the spectrum, float (batch, n_frames); None as above.
            durations: int64 frames (batch, n_input_ids); None = as the aligner hears them.
            speaker_ids: int64 (batch,), for `n_speakers`.
            speaker_vectors: float (batch, speaker_vector_size).
        Raises:
            ModelError: no labels; fewer frames than text ids; durations that do not add up, or are missing; no speaker.
        """
        if input_ids is None or labels is None:
            raise ModelError("forward wants input_ids and labels; call generate to speak", key="labels")
        attention_mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        is_text, n_frames = attention_mask.bool(), real_frames(labels).sum(dim=1)
        total = int(n_frames.max())
        heard = labels[:, :, :total]
        is_real = length_mask(n_frames, total)
        encoded = self.encode_text(input_ids, attention_mask, Speaker(speaker_ids, speaker_vectors))
        durations, alignment_loss = self._durations(encoded, heard, is_text, durations)
        known: dict[Kind, Tensor | None] = {"pitch": pitch, "energy": energy}
        prosody = {
            kind: self._teacher(kind, track[:, :total].float(), durations, is_real)
            for kind, track in known.items()
            if track is not None and kind in self.variances
        }
        frames = self.write_frames(encoded, is_text, durations, prosody)
        features, losses = self._score(frames, heard, is_real)
        gaps = self.log_durations(encoded, is_text) - torch.log1p(durations.float())
        losses["duration_loss"] = mean_of_rows(gaps.square(), is_text)
        for kind, truth in prosody.items():
            assert truth.teacher is not None
            assert truth.counted is not None
            losses[f"{kind}_loss"] = mean_of_rows((frames.scores[kind] - truth.teacher).square(), truth.counted)
        if alignment_loss is not None:
            losses["alignment_loss"] = alignment_loss
        behind = labels.shape[2] - total
        is_mel = self.code_heads is None
        return FastSpeech2Output(
            loss=self._weighted(losses),
            mel=nn.functional.pad(features, (0, behind)) if is_mel else None,
            logits=None if is_mel else nn.functional.pad(features, (0, 0, 0, 0, 0, behind)),
            durations=durations,
            units=nn.functional.pad(frames.path, (0, behind)),
            **{name: loss.detach() for name, loss in losses.items()},
        )

    def _weighted(self, losses: dict[str, Tensor]) -> Tensor:
        config = self.config
        weights = {f"{name}_loss": getattr(config, f"{name}_weight") for name in (*KINDS, "duration", "alignment")}
        return torch.stack([weights.get(name, 1.0) * loss for name, loss in losses.items()]).sum()

    def _score(self, frames: Frames, labels: Tensor, is_real: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Write features and compare them with the labels.

        Returns:
            Mel (batch, n_mels, n_frames), or logits (batch, n_frames, n_codebooks, codebook_size); and the losses.
        """
        if self.code_heads is not None:
            logits = self.code_heads(frames.hidden, labels.clamp_min(0).transpose(1, 2), frames.is_real)
            return logits, {"code_loss": code_loss_of_rows(logits, labels, self.config.code_weights)}
        target = self.mel_scores(labels)
        mel, corrected = self.mel_of(frames)
        losses = {"mel_loss": mean_of_rows((mel - target).abs().mean(dim=2), is_real)}
        if corrected is not None:
            losses["postnet_loss"] = mean_of_rows((corrected - target).abs().mean(dim=2), is_real)
        return self.natural_mel(mel if corrected is None else corrected), losses

    def _durations(
        self, encoded: Tensor, labels: Tensor, is_text: Tensor, given: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """Frames of each unit, int64 (batch, n_units), and the aligner's loss if it was asked."""
        n_units, n_frames = is_text.sum(dim=1), real_frames(labels).sum(dim=1)
        if given is not None:
            check_durations(given, is_text, n_frames)
            return given, None
        if self.aligner is None:
            raise ModelError(
                "are missing, and learn_durations is false; use an aligned corpus and a tokenizer that reads it, "
                "as tokens.tokenizer: pauses",
                key="durations",
            )
        check_enough_frames(n_units, n_frames)
        path, loss = self.aligner(encoded, self.hear(labels), n_units=n_units, n_frames=n_frames)
        return durations_of_path(path, n_frames, n_units=is_text.shape[1]), loss

    @torch.no_grad()
    def align(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        labels: Tensor,
        speaker_ids: Tensor | None = None,
        speaker_vectors: Tensor | None = None,
    ) -> Tensor:
        """Say how long each text id lasts in a recording, as far as the aligner has learned it.

        Args:
            input_ids: int64 (batch, n_units).
            attention_mask: int64, same shape, 1 = real, 0 = padding.
            labels: what was recorded, as `forward` takes it.
            speaker_ids: int64 (batch,), for `n_speakers`.
            speaker_vectors: float (batch, speaker_vector_size).
        Returns:
            Frames, int64 (batch, n_units), at least 1 for each real id; a row's sum is its number of frames.
        Raises:
            ModelError: a row with fewer frames than text ids, a model without an aligner, or no speaker.
        """
        encoded = self.encode_text(input_ids, attention_mask, Speaker(speaker_ids, speaker_vectors))
        return self._durations(encoded, labels, attention_mask.bool(), None)[0]

    def _teacher(self, kind: Kind, track: Tensor, durations: Tensor, is_real: Tensor) -> Prosody:
        """True standard scores of units or frames; what has no pitch, or no frames, gets 0, the mean, and no weight."""
        scores, speaks = frame_scores(self.variance(kind).scale, track, is_real)
        if self.level(kind) == "unit":
            path = units_of_frames(durations)
            scores, speaks = unit_scores(scores, speaks, path, is_real, n_units=durations.shape[1])
        return Prosody(teacher=scores, counted=speaks)

    def predicted_codes(self, logits: Tensor, labels: Tensor) -> Tensor:  # noqa: ARG002 - frames are in cache order
        """Read the most likely codes (batch, n_codebooks, n_frames) off the logits of `forward`."""
        return logits.argmax(dim=3).transpose(1, 2)

    def plan(self, encoded: Tensor, is_text: Tensor, *, speed: Tensor | float) -> Tensor:
        """Choose frames of each unit, int64 (batch, n_units); a row gets one at least."""
        frames = (torch.exp(self.log_durations(encoded, is_text)) - 1) / speed
        return round_durations(frames, is_text, limit=self.config.max_frames_per_unit)

    def _read(self, input_ids: Tensor, attention_mask: Tensor, generation: GenerationConfig) -> Tensor:
        """Encode the text of who speaks: `generation.speaker_id`, an int, or `speaker_vector`, a list of floats."""
        return self.encode_text(input_ids, attention_mask, _speaker(generation, input_ids))

    def _write(
        self,
        encoded: Tensor,
        is_text: Tensor,
        durations: Tensor,
        *,
        sampler: RowSampler,
        generation: GenerationConfig,
    ) -> Synthesis:
        controls: dict[Kind, Prosody] = {
            "pitch": Prosody(factor=pitch_of(generation)),
            "energy": Prosody(factor=energy_of(generation)),
        }
        frames = self.write_frames(encoded, is_text, durations, controls)
        features, probabilities = self._features(frames, sampler)
        is_soft = self.config.soft_decoding and not generation.do_sample
        return Synthesis(
            features=features,
            n_frames=durations.sum(dim=1),
            stop_reasons=["eos"] * len(durations),
            alignment=nn.functional.one_hot(frames.path, durations.shape[1]).float(),
            probabilities=probabilities if is_soft else None,
        )

    def _features(self, frames: Frames, sampler: RowSampler) -> tuple[Tensor, Tensor | None]:
        """Write features (batch, n_codebooks or n_mels, n_frames), and how likely each code was."""
        outside = ~frames.is_real.transpose(1, 2)
        if self.code_heads is None:
            mel, corrected = self.mel_of(frames)
            return self.natural_mel(mel if corrected is None else corrected).masked_fill(outside, SILENCE), None
        codes, logits = self.code_heads.write(frames.hidden, frames.is_real, sampler.draw_frames)
        return codes.masked_fill(outside, 0), logits.float().softmax(dim=3)

    @classmethod
    def tiny(cls) -> Self:
        """Build a small model with fixed random weights and a tiny codec attached, in eval mode."""
        codec = GriffinLim.tiny()
        config = FastSpeech2Config(
            codec_sampling_rate=codec.sampling_rate,
            codec_hop_length=codec.hop_length,
            n_mels=codec.n_mels,
            text_limit=64,
            hidden_size=32,
            num_attention_heads=2,
            encoder_layers=1,
            intermediate_size=64,
            predictor_channels=[32],
            n_buckets=16,
            decoder_layers=2,
            decoder_intermediate_size=64,
            postnet_layers=2,
            postnet_size=32,
            max_frames=96,
            max_frames_per_unit=8,
        )
        return small_voice(cls, config, codec)


def _speaker(generation: GenerationConfig, input_ids: Tensor) -> Speaker:
    speaker_id, vector = getattr(generation, "speaker_id", None), getattr(generation, "speaker_vector", None)
    return Speaker(
        None if speaker_id is None else torch.full_like(input_ids[:, 0], int(speaker_id)),
        None if vector is None else torch.tensor([vector] * len(input_ids), device=input_ids.device),
    )
