"""The net of `fastspeech2`, from text ids to frames; losses and speaking stand in `fastspeech2`."""

import math

import torch
from torch import Tensor, nn

from toktts.alignment.monotonic import length_mask
from toktts.codecs._mel import mel_scores, natural_mel
from toktts.models._base import ToktsModel
from toktts.models._fastspeech2_config import FastSpeech2Config
from toktts.models._fastspeech2_parts import Frames, Prosody
from toktts.models._labels import real_frames
from toktts.models.modules.aligner import Aligner
from toktts.models.modules.code_heads import CodeHeads
from toktts.models.modules.convolution import FrameBlock
from toktts.models.modules.fft_block import FFTBlock
from toktts.models.modules.positions import sinusoids
from toktts.models.modules.postnet import PostNet
from toktts.models.modules.prosody import KINDS, Kind
from toktts.models.modules.repeating import places_in_units, repeat_units, units_of_frames
from toktts.models.modules.speakers import Speaker, SpeakerVoice
from toktts.models.modules.variance import Variance, VariancePredictor

TYPICAL_FRAMES = 6.0


class FastSpeech2Net(ToktsModel):  # type: ignore[no-untyped-call]
    """Text embedding, encoder, variance adaptor, length regulator, decoder, and heads for either feature.

    Source: Ren et al. 2021, arXiv:2006.04558.
    """

    config: FastSpeech2Config

    def __init__(self, config: FastSpeech2Config) -> None:
        super().__init__(config)
        size, wide = config.hidden_size, config.decoder_channels
        self.text_embedding = nn.Embedding(config.text_vocab_size, size)
        self.input_dropout = nn.Dropout(config.dropout)
        self.encoder = nn.ModuleList(self._encoder_block() for _ in range(config.encoder_layers))
        self.encoder_norm = nn.LayerNorm(size) if config.norm != "post" else nn.Identity()
        self.voice = SpeakerVoice(size, n_speakers=config.n_speakers, vector_size=config.speaker_vector_size)
        self.duration = self._predictor()
        levels: dict[Kind, str] = {"pitch": config.pitch_level, "energy": config.energy_level}
        self.variances = nn.ModuleDict(
            {kind: self._variance(kind) for kind, level in levels.items() if level != "none"}
        )
        self.place = nn.Linear(4, size) if config.frame_places else None
        self.bridge = nn.Linear(size, wide) if wide != size else nn.Identity()
        is_conv = config.decoder == "conv"
        self.decoder = nn.ModuleList(
            self._frame_block() if is_conv else self._decoder_block() for _ in range(config.decoder_layers)
        )
        self.decoder_norm = nn.LayerNorm(wide) if is_conv or config.norm != "post" else nn.Identity()
        self._add_heads(config, wide)
        self.aligner = Aligner(size) if config.learn_durations else None
        self.post_init()  # type: ignore[no-untyped-call]
        # Behind `post_init`, which makes all weights small: text as loud as its positions, and units of a usual length.
        nn.init.normal_(self.text_embedding.weight)
        nn.init.constant_(self.duration.head.bias, math.log1p(TYPICAL_FRAMES))

    def _add_heads(self, config: FastSpeech2Config, wide: int) -> None:
        self.code_heads, self.mel_head, self.postnet = None, None, None
        if config.feature == "codes":
            self.code_heads = CodeHeads(
                config.n_codebooks,
                config.codebook_size,
                size=wide,
                make_blocks=lambda: [self._frame_block() for _ in range(config.fine_layers)],
            )
        elif config.mel_head:
            self.mel_head = nn.Linear(wide, config.n_mels)
        if config.feature == "mel" and config.postnet_layers:
            self.postnet = PostNet(
                config.n_mels,
                config.postnet_size,
                n_layers=config.postnet_layers,
                kernel_size=config.postnet_kernel_size,
                dropout=config.postnet_dropout,
                norm=config.postnet_norm,
                is_residual=config.postnet_residual,
            )
        feature_size = config.n_mels if config.feature == "mel" else wide
        self.heard = nn.Linear(feature_size, config.hidden_size) if config.learn_durations else None

    def _encoder_block(self) -> FFTBlock:
        config = self.config
        return self._block(
            config.hidden_size,
            config.num_attention_heads,
            head_size=config.head_size,
            intermediate_size=config.intermediate_size,
            kernel_size=config.encoder_kernel_size,
        )

    def _decoder_block(self) -> FFTBlock:
        config = self.config
        return self._block(
            config.decoder_channels,
            config.decoder_heads,
            head_size=config.decoder_head_size,
            intermediate_size=config.decoder_intermediate_size,
            kernel_size=config.decoder_kernel_size,
        )

    def _block(
        self, size: int, n_heads: int, *, head_size: int | None, intermediate_size: int, kernel_size: int
    ) -> FFTBlock:
        config = self.config
        return FFTBlock(
            size,
            n_heads,
            head_size=head_size or max(1, size // n_heads),
            intermediate_size=intermediate_size,
            kernel_sizes=(kernel_size, config.contract_kernel_size),
            dropout=config.dropout,
            feed_dropout=config.dropout if config.feed_dropout is None else config.feed_dropout,
            norm=config.norm,
        )

    def _frame_block(self) -> FrameBlock:
        config = self.config
        return FrameBlock(
            config.decoder_channels,
            config.decoder_intermediate_size,
            kernel_size=config.decoder_kernel_size,
            dropout=config.dropout,
            initial_scale=1.0 / max(1, config.decoder_layers),
        )

    def _predictor(self) -> VariancePredictor:
        config = self.config
        return VariancePredictor(
            config.hidden_size,
            channels=config.predictor_channels,
            kernel_size=config.predictor_kernel_size,
            dropout=config.predictor_dropout,
        )

    def _variance(self, kind: Kind) -> Variance:
        config = self.config
        return Variance(
            kind,
            self._predictor(),
            n_buckets=config.n_buckets,
            spacing=config.pitch_spacing if kind == "pitch" else config.energy_spacing,
            size=config.hidden_size,
        )

    def variance(self, kind: Kind) -> Variance:
        """The net of pitch or of energy; only where its level is not `none`."""
        found = self.variances[kind]
        assert isinstance(found, Variance)
        return found

    def level(self, kind: Kind) -> str:
        """Where a variance is predicted: `unit`, `frame` or `none`."""
        return self.config.pitch_level if kind == "pitch" else self.config.energy_level

    def encode_text(self, input_ids: Tensor, attention_mask: Tensor, speaker: Speaker | None = None) -> Tensor:
        """Read text both ways: int64 (batch, n_units) -> (batch, n_units, hidden_size), 0 behind a row's end."""
        is_real = attention_mask.bool()[:, :, None]
        positions = sinusoids(torch.arange(input_ids.shape[1], device=input_ids.device), self.config.hidden_size)
        hidden = self.text_embedding(input_ids)
        for _ in range(self.config.positions_added):
            hidden = hidden + positions.to(hidden.dtype)
        hidden = self.input_dropout(hidden) * is_real
        for block in self.encoder:
            hidden = block(hidden, is_real)
        encoded: Tensor = self.voice(self.encoder_norm(hidden), speaker or Speaker()) * is_real
        return encoded

    def log_durations(self, encoded: Tensor, is_text: Tensor) -> Tensor:
        """Predict log(1 + frames) of each unit, float32 (batch, n_units)."""
        predicted: Tensor = self.duration(encoded, is_text)
        return predicted

    def write_frames(self, encoded: Tensor, is_text: Tensor, durations: Tensor, prosody: dict[Kind, Prosody]) -> Frames:
        """From units to frames: pitch and energy of units, repetition, pitch and energy of frames, decoder.

        Args:
            encoded: (batch, n_units, hidden_size).
            is_text: bool (batch, n_units).
            durations: int64 frames (batch, n_units).
            prosody: of each variance there is; missing ones are predicted.
        """
        scores: dict[Kind, Tensor] = {}
        hidden = self._vary("unit", encoded, is_text, prosody, scores)
        path = units_of_frames(durations)
        is_real = length_mask(durations.sum(dim=1), path.shape[1])
        hidden = repeat_units(hidden, path)
        if self.place is not None:
            hidden = hidden + self.place(places_in_units(path, durations)).to(hidden.dtype)
        hidden = self._vary("frame", hidden, is_real, prosody, scores)
        return Frames(self._decode_frames(hidden, is_real[:, :, None]), is_real[:, :, None], path, scores)

    def _vary(
        self,
        level: str,
        hidden: Tensor,
        is_real: Tensor,
        prosody: dict[Kind, Prosody],
        scores: dict[Kind, Tensor],
    ) -> Tensor:
        """Add the vectors of the variances of one level; each sees those before it."""
        for kind in KINDS:
            if self.level(kind) == level:
                known = prosody.get(kind, Prosody())
                vectors, scores[kind] = self.variance(kind)(hidden, is_real, teacher=known.teacher, factor=known.factor)
                hidden = hidden + vectors.to(hidden.dtype)
        return hidden

    def _decode_frames(self, hidden: Tensor, is_real: Tensor) -> Tensor:
        hidden = self.bridge(hidden)
        if self.config.decoder == "attention":
            positions = sinusoids(torch.arange(hidden.shape[1], device=hidden.device), hidden.shape[2])
            hidden = hidden + positions.to(hidden.dtype)
        hidden = hidden * is_real
        for block in self.decoder:
            hidden = block(hidden, is_real)
        decoded: Tensor = self.decoder_norm(hidden)
        return decoded

    def mel_of(self, frames: Frames) -> tuple[Tensor, Tensor | None]:
        """Write mel as standard scores, (batch, n_frames, n_mels): the decoder's, and the corrected one."""
        mel = frames.hidden if self.mel_head is None else self.mel_head(frames.hidden)
        mel = mel.float()
        return mel, None if self.postnet is None else self.postnet(mel, frames.is_real).float()

    def natural_mel(self, scores: Tensor) -> Tensor:
        """Turn standard scores (batch, n_frames, n_mels) into log-mel (batch, n_mels, n_frames)."""
        return natural_mel(scores, mean=self.config.mel_mean, std=self.config.mel_std)

    def mel_scores(self, mel: Tensor) -> Tensor:
        """Undo `natural_mel`."""
        return mel_scores(mel, mean=self.config.mel_mean, std=self.config.mel_std)

    def hear(self, labels: Tensor) -> Tensor:
        """Turn recordings into what the aligner compares with text: (batch, n_frames, hidden_size), 0 at padding."""
        assert self.heard is not None
        is_real = real_frames(labels)
        if self.code_heads is None:
            frames = self.mel_scores(labels)
        else:
            frames = self.code_heads.embed(labels.clamp_min(0).transpose(1, 2))
        heard: Tensor = self.heard(frames) * is_real[:, :, None]
        return heard
