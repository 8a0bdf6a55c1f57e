"""The two halves of `nonattentive`: what reads the text, and what writes frames."""

from collections.abc import Callable

from torch import Tensor, nn

from toktts.alignment.monotonic import length_mask
from toktts.codecs._mel import mel_scores, natural_mel
from toktts.models._labels import real_frames
from toktts.models._nonattentive_config import NonAttentiveConfig
from toktts.models.modules.code_heads import embed_codes
from toktts.models.modules.interleaved import AttentionBlock, ConvolutionResidual, Interleaved, TorchBlock
from toktts.models.modules.upsampling import SharedSpreadUpsampling
from toktts.models.modules.windows import LearnedPositions


def frame_errors(predicted: Tensor, wanted: Tensor) -> Tensor:
    """Measure how wrong each frame is, float32 (batch, n_frames): a mean over bands or codebooks.

    Args:
        predicted: normalised mel (batch, n_frames, n_mels), or logits (batch, n_frames, n_codebooks, codebook_size).
        wanted: normalised mel (batch, n_frames, n_mels), or codes int64 (batch, n_frames, n_codebooks).
    """
    if predicted.ndim == 4:
        scores = predicted.float().permute(0, 3, 1, 2)
        return nn.functional.cross_entropy(scores, wanted, reduction="none").mean(dim=2)
    gaps = predicted.float() - wanted
    return (gaps.abs() + gaps.square()).mean(dim=2)


def _blocks(config: NonAttentiveConfig, dropout: float) -> Callable[[], nn.Module]:
    kind = AttentionBlock if config.block == "plain" else TorchBlock

    def build() -> nn.Module:
        return kind(
            config.hidden_size,
            config.num_attention_heads,
            intermediate_size=config.intermediate_size,
            kernel_size=config.kernel_size,
            dropout=dropout,
        )

    return build


class TextReader(nn.Module):
    """Phoneme embedding and learned positions, then blocks.

    Args:
        config: of the model.
    """

    def __init__(self, config: NonAttentiveConfig) -> None:
        super().__init__()
        self.embedding = nn.Embedding(config.text_vocab_size, config.hidden_size)
        self.blocks = Interleaved(
            LearnedPositions(config.text_window, config.hidden_size),
            config.encoder_layers,
            _blocks(config, config.encoder_dropout),
        )

    def forward(self, input_ids: Tensor, n_units: Tensor) -> Tensor:
        """Read int64 (batch, n_units): (batch, n_units, hidden_size), 0 behind a row's end."""
        encoded: Tensor = self.blocks(self.embedding(input_ids), n_units)
        return encoded


class FrameWriter(nn.Module):
    """Upsampling, learned positions again, blocks, a first writing, and a correction by convolutions.

    Args:
        config: of the model.
    """

    def __init__(self, config: NonAttentiveConfig) -> None:
        super().__init__()
        size = config.hidden_size
        self.config = config
        self.upsampling = SharedSpreadUpsampling()
        self.blocks = Interleaved(
            LearnedPositions(config.frame_window, size),
            config.decoder_layers,
            _blocks(config, config.decoder_dropout),
        )
        self.first = nn.Linear(size, config.frame_values)
        self.postnet = nn.ModuleList(
            ConvolutionResidual(size, size, kernel_size=config.kernel_size, dropout=config.postnet_dropout)
            for _ in range(config.postnet_layers)
        )
        self.correction = nn.Linear(size, config.frame_values)
        nn.init.zeros_(self.correction.weight)
        nn.init.zeros_(self.correction.bias)
        self.hearing = nn.Linear(config.n_mels, size) if config.feature == "mel" else None
        self.code_embeddings = nn.ModuleList(
            nn.Embedding(config.codebook_size, size) for _ in range(config.n_codebooks if self.hearing is None else 0)
        )

    def forward(self, units: Tensor, durations: Tensor, *, n_frames: Tensor, total: int) -> tuple[Tensor, Tensor]:
        """Write a batch, twice: as the decoder has it, and corrected.

        Args:
            units: (batch, n_units, hidden_size).
            durations: int64 (batch, n_units).
            n_frames: int64 (batch,), the sums of the durations.
            total: frames of the result.
        Returns:
            Normalised mel (batch, total, n_mels), or logits (batch, total, n_codebooks, codebook_size), two of them.
        """
        hidden = self.blocks(self.upsampling(units, durations, total=total), n_frames)
        first = self.first(hidden)
        is_real = length_mask(n_frames, total)
        for block in self.postnet:
            hidden = block(hidden, is_real)
        final = first + self.correction(hidden)
        return self._shaped(first), self._shaped(final)

    def _shaped(self, written: Tensor) -> Tensor:
        if self.config.feature == "mel":
            return written
        return written.view(*written.shape[:2], self.config.n_codebooks, self.config.codebook_size)

    def normalised(self, labels: Tensor) -> Tensor:
        """Turn labels (batch, values, n_frames) into what is written: frames before values, mel as standard scores."""
        if self.config.feature == "mel":
            scores = mel_scores(labels, mean=self.config.mel_mean, std=self.config.mel_std)
            return scores * real_frames(labels)[:, :, None]
        return labels.clamp_min(0).transpose(1, 2)

    def natural(self, written: Tensor) -> Tensor:
        """Undo `normalised` for mel: (batch, n_mels, n_frames)."""
        return natural_mel(written, mean=self.config.mel_mean, std=self.config.mel_std)

    def hear(self, labels: Tensor) -> Tensor:
        """Turn recordings into what the aligner compares with text: (batch, n_frames, hidden_size), 0 behind a row."""
        frames = self.normalised(labels)
        if self.hearing is not None:
            heard: Tensor = self.hearing(frames)
        else:
            heard = embed_codes(self.code_embeddings, frames)
        return heard * real_frames(labels)[:, :, None]
