"""What the families share that learn, beside speaking, which frames say which text unit."""

import torch
from huggingface_hub.dataclasses import strict
from torch import Tensor, nn

from toktts.errors import ModelError
from toktts.models._base import ToktsConfig, ToktsModel
from toktts.models._labels import real_frames
from toktts.models.modules.aligner import Aligner
from toktts.models.modules.code_heads import embed_codes, start_from_vectors
from toktts.models.modules.transformer import TransformerLayer, rotary_angles
from toktts.models.modules.upsampling import durations_of_path


@strict
class AlignedConfig(ToktsConfig):  # type: ignore[no-untyped-call]
    """Sizes of the side that reads text, and limits.

    Args:
        hidden_size: channels.
        num_attention_heads: heads.
        encoder_layers: layers that read the text both ways.
        intermediate_size: width of their feed-forward nets.
        encoder_kernel_size: text units those nets see.
        dropout: share of activations dropped in training.
        alignment_weight: weight of the aligner's loss.
        max_frames: most frames of one text.
        max_frames_per_unit: most frames of one text unit while speaking.
    """

    text_limit: int = 600
    hidden_size: int = 256
    num_attention_heads: int = 4
    encoder_layers: int = 3
    intermediate_size: int = 1024
    encoder_kernel_size: int = 5
    dropout: float = 0.1
    alignment_weight: float = 0.3
    max_frames: int = 2250
    max_frames_per_unit: int = 75

    def __post_init__(self, **kwargs: object) -> None:
        super().__post_init__(**kwargs)  # type: ignore[no-untyped-call]
        if self.hidden_size % (2 * self.num_attention_heads):
            raise ModelError(
                f"{self.hidden_size} is no multiple of twice num_attention_heads {self.num_attention_heads}; "
                "change one of them",
                key="hidden_size",
            )

    @property
    def frames_per_text_id(self) -> int:
        """One: every id lasts a frame at least."""
        return 1


class AlignedModel(ToktsModel):  # type: ignore[no-untyped-call]
    """Text embedding, encoder, code tables and heads, and the aligner; how frames are written is the family's own.

    Args:
        config: the family's.
        code_rows: rows of each code table, at least `codebook_size`; more have a meaning of the family's own.
    """

    config: AlignedConfig

    def __init__(self, config: AlignedConfig, *, code_rows: int) -> None:
        super().__init__(config)
        size = config.hidden_size
        self._head_size = size // config.num_attention_heads
        self.text_embedding = nn.Embedding(config.text_vocab_size, size)
        self.encoder = nn.ModuleList(
            self._layer(config.encoder_kernel_size, is_causal=False) for _ in range(config.encoder_layers)
        )
        self.encoder_norm = nn.LayerNorm(size)
        self.input_dropout = nn.Dropout(config.dropout)
        self.code_embeddings = nn.ModuleList(nn.Embedding(code_rows, size) for _ in range(config.n_codebooks))
        self.code_heads = nn.ModuleList(nn.Linear(size, config.codebook_size) for _ in range(config.n_codebooks))
        self.aligner = Aligner(size)

    def _layer(self, kernel_size: int, *, is_causal: bool) -> TransformerLayer:
        return TransformerLayer(
            self.config.hidden_size,
            self.config.num_attention_heads,
            intermediate_size=self.config.intermediate_size,
            kernel_size=kernel_size,
            dropout=self.config.dropout,
            is_causal=is_causal,
        )

    @property
    def generation_limit(self) -> int:
        """Most frames."""
        return self.config.max_frames

    def use_code_vectors(self, vectors: Tensor) -> None:
        """Start code embeddings and heads from a codec's centroids, so that similar codes begin as similar.

        Args:
            vectors: (n_codebooks, codebook_size, any size), any scale; larger differences matter more.
        """
        start_from_vectors(vectors, tables=self.code_embeddings, heads=self.code_heads)

    def encode_text(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Read text both ways: int64 (batch, n_units) -> (batch, n_units, hidden_size), 0 behind a row's end."""
        is_real = attention_mask.bool()
        hidden = self.input_dropout(self.text_embedding(input_ids)) * is_real[:, :, None]
        angles = rotary_angles(torch.arange(input_ids.shape[1], device=input_ids.device), self._head_size)
        for layer in self.encoder:
            hidden = layer(hidden, angles, is_real=is_real)
        encoded: Tensor = self.encoder_norm(hidden) * is_real[:, :, None]
        return encoded

    def hear(self, labels: Tensor) -> Tensor:
        """Turn recordings into what the aligner compares with text: (batch, n_frames, hidden_size), 0 behind a row.

        Args:
            labels: codes, int64 (batch, n_codebooks, n_frames), padded with -100.
        """
        vectors = embed_codes(self.code_embeddings, labels.clamp_min(0).transpose(1, 2))
        return vectors * real_frames(labels)[:, :, None]

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
        n_units, n_frames = attention_mask.sum(dim=1), real_frames(labels).sum(dim=1)
        check_enough_frames(n_units, n_frames)
        encoded = self.encode_text(input_ids, attention_mask)
        units, _ = self.aligner(encoded, self.hear(labels), n_units=n_units, n_frames=n_frames)
        return durations_of_path(units, n_frames, n_units=input_ids.shape[1])


def check_enough_frames(n_units: Tensor, n_frames: Tensor, *, frames_per_unit: int = 1) -> None:
    """Refuse rows whose text ids do not get a frame each, or as many as they need.

    Args:
        n_units: int64 (batch,), text ids.
        n_frames: int64 (batch,).
        frames_per_unit: least frames of an id.
    Raises:
        ModelError: naming the first such row.
    """
    is_short = n_frames < n_units * frames_per_unit
    if bool(is_short.any()):
        row = int(is_short.long().argmax())
        needed = "one frame" if frames_per_unit == 1 else f"{frames_per_unit} frames"
        raise ModelError(
            f"{int(n_frames[row])} frames cannot say {int(n_units[row])} text ids, {needed} each at least; "
            "give whole utterances (data.clip_seconds: null) or leave the row out",
            key="labels",
        )
