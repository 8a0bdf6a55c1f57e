"""Sizes of `nonattentive`, and what its `forward` returns."""

from dataclasses import dataclass
from typing import Literal

from huggingface_hub.dataclasses import strict
from torch import Tensor
from transformers.utils.generic import ModelOutput

from toktts.codecs._mel import MEL_MEAN, MEL_STD
from toktts.errors import ModelError
from toktts.models._config import ToktsConfig
from toktts.models._feature import check_feature


@strict
class NonAttentiveConfig(ToktsConfig):  # type: ignore[no-untyped-call]
    """Sizes and losses of `nonattentive`; the defaults are those that published solutions of its method agree on.

    Args:
        feature: what is written; the codec must read it.
        mel_mean: of log-mel; subtracted inside the model.
        mel_std: of log-mel; divided by inside the model.
        hidden_size: channels.
        num_attention_heads: heads.
        encoder_layers: blocks over the text.
        decoder_layers: blocks over the frames.
        intermediate_size: channels inside a block.
        kernel_size: positions that a convolution sees, odd.
        block: `plain` attention without layer normalisation, or PyTorch's own layer with it (`torch`).
        encoder_dropout: share dropped in the encoder while training.
        decoder_dropout: the same, in the decoder.
        postnet_layers: convolutional residual blocks that correct what the decoder wrote.
        postnet_dropout: the same, in them.
        text_window: learned positions of the text; a longer one is read in windows of this size at most.
        frame_window: learned positions of the frames; longer speech is written in windows of this size at most.
        alignment_weight: of the aligner's loss, where batches bring no durations.
        duration_size: channels of each direction of the recurrent net that predicts durations.
        duration_layers: its layers.
        duration_dropout: share dropped between them.
        first_stage_share: of the training; behind it all but the durations is frozen, and only they learn.
        soft_decoding: with codes, let the codec mix the sounds of likely codes instead of taking the likeliest.
        max_frames: most frames of one text.
        max_frames_per_unit: most frames of one text unit while speaking.
    """

    model_type = "nonattentive"

    feature: Literal["mel", "codes"] = "mel"
    n_codebooks: int = 0
    codebook_size: int = 0
    n_mels: int = 80
    mel_mean: float = MEL_MEAN
    mel_std: float = MEL_STD
    hidden_size: int = 256
    num_attention_heads: int = 4
    encoder_layers: int = 3
    decoder_layers: int = 3
    intermediate_size: int = 1024
    kernel_size: int = 5
    block: Literal["plain", "torch"] = "plain"
    encoder_dropout: float = 0.15
    decoder_dropout: float = 0.1
    postnet_layers: int = 5
    postnet_dropout: float = 0.0
    text_window: int = 150
    frame_window: int = 900
    alignment_weight: float = 0.3
    duration_size: int = 128
    duration_layers: int = 3
    duration_dropout: float = 0.1
    first_stage_share: float = 0.85
    soft_decoding: bool = True
    max_frames: int = 4000
    max_frames_per_unit: int = 300

    def __post_init__(self, **kwargs: object) -> None:
        super().__post_init__(**kwargs)  # type: ignore[no-untyped-call]
        check_feature(self)
        if self.hidden_size % self.num_attention_heads or self.hidden_size % 2:
            raise ModelError(
                f"{self.hidden_size} must be even and a multiple of num_attention_heads {self.num_attention_heads}; "
                "change one of them",
                key="hidden_size",
            )
        if self.kernel_size < 1 or self.kernel_size % 2 == 0:
            raise ModelError(f"must be odd, got {self.kernel_size}; 5 is usual", key="kernel_size")
        if not 0 < self.first_stage_share <= 1:
            raise ModelError(
                f"must be above 0 and at most 1, got {self.first_stage_share}; 0.85 is usual", key="first_stage_share"
            )
        for name in ("text_window", "frame_window"):
            if getattr(self, name) < 2:
                raise ModelError(f"must be at least 2, got {getattr(self, name)}; change it", key=name)

    @property
    def takes_durations(self) -> bool:
        """Whether `forward` can be told them: then the aligner is not asked."""
        return True

    @property
    def frames_per_text_id(self) -> int:
        """One: what the aligner finds lasts a frame at least."""
        return 1

    @property
    def frame_values(self) -> int:
        """Numbers that are written for a frame: mel bands, or scores of all codes."""
        return self.n_mels if self.feature == "mel" else self.n_codebooks * self.codebook_size


@dataclass
class NonAttentiveOutput(ModelOutput):
    """What `forward` gives.

    Args:
        loss: scalar; the mean of what the rows give alone.
        mel: (batch, n_mels, n_frames), in the units of the labels, corrected; None with codes.
        logits: (batch, n_frames, n_codebooks, codebook_size), corrected; None with mel.
        first_loss: scalar, of what the decoder writes: L1 + squared error of normalised mel, or cross-entropy a code.
        final_loss: scalar, the same after the correction.
        alignment_loss: scalar, forward-sum loss a text unit; None where durations were given.
        duration_loss: scalar, squared error of ln(1 + frames) in standard deviations; None in the first stage.
        durations: int64 (batch, n_units), frames that were used.
    """

    loss: Tensor | None = None
    mel: Tensor | None = None
    logits: Tensor | None = None
    first_loss: Tensor | None = None
    final_loss: Tensor | None = None
    alignment_loss: Tensor | None = None
    duration_loss: Tensor | None = None
    durations: Tensor | None = None
