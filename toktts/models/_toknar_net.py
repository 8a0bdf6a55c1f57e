"""The net of `toknar`: durations, upsampling, decoder, coarse-to-fine heads, and what options add."""

from collections.abc import Iterable

from torch import Tensor, nn

from toktts.alignment.monotonic import length_mask
from toktts.models._aligned import AlignedModel
from toktts.models._toknar_config import ToknarConfig
from toktts.models.modules.code_heads import embed_codes, refine
from toktts.models.modules.convolution import FrameBlock
from toktts.models.modules.refinement import SettledCodes
from toktts.models.modules.unit_prosody import UnitProsody
from toktts.models.modules.upsampling import GaussianUpsampling


class ToknarNet(AlignedModel):
    """Everything with weights, and the way from encoded text to the logits of one codebook."""

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
        self.prosody = UnitProsody(size, dropout=config.dropout) if config.prosody else None
        rate = config.frames_per_position
        self.settled_codes = (
            SettledCodes(size, n_codebooks=config.n_codebooks, frames_per_position=rate) if config.refinement else None
        )
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

    @property
    def can_change_prosody(self) -> bool:  # type: ignore[override]  # with the option `prosody` only
        """Whether `pitch` and `energy` have a meaning."""
        return self.prosody is not None

    def fit_prosody(self, pitch: Iterable[Tensor], energy: Iterable[Tensor]) -> None:
        """Set the scales of pitch and energy from the training clips, before the first step; see `UnitProsody.fit`."""
        if self.prosody is not None:
            self.prosody.fit(pitch, energy)

    def _decode_frames(
        self,
        encoded: Tensor,
        durations: Tensor,
        *,
        total: int,
        codes: Tensor | None = None,
        settled: Tensor | None = None,
    ) -> Tensor:
        """From units to frames, (batch, total, hidden_size), knowing the codes that are settled, if any are."""
        rate = self.config.frames_per_position
        hidden = self.upsampling(encoded, durations, total=total, frames_per_position=rate)
        if self.settled_codes is not None and codes is not None and settled is not None:
            is_frame = length_mask(durations.sum(dim=1), total)[:, :, None]
            hidden = hidden + self.settled_codes(codes, settled, list(self.code_embeddings), is_frame)
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
            first = (book - 1) * self.config.fine_layers
            blocks = list(self.fine)[first : first + self.config.fine_layers]
            known = embed_codes(self.code_embeddings, codes, book)
            hidden = refine(hidden, known, is_real, blocks=blocks, norm=self.fine_norms[book - 1])
        logits: Tensor = self.code_heads[book](hidden)
        return logits

    def _log_durations(self, encoded: Tensor) -> Tensor:
        predicted: Tensor = self.durations(encoded)[:, :, 0].float()
        return predicted
