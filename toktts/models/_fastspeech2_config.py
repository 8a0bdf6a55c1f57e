"""Sizes and choices of `fastspeech2`, and what its `forward` returns."""

from dataclasses import dataclass, field
from typing import Literal

from huggingface_hub.dataclasses import strict
from torch import Tensor

from toktts.codecs._mel import MEL_MEAN, MEL_STD
from toktts.errors import ModelError
from toktts.models._aligned import AlignedConfig
from toktts.models._base import MelOutput
from toktts.models._code_loss import check_code_weights
from toktts.models._feature import check_feature


@strict
class FastSpeech2Config(AlignedConfig):  # type: ignore[no-untyped-call]
    """Sizes, choices and losses of `fastspeech2`, beside those of `AlignedConfig`.

    Args:
        feature: what is written; the codec must read it.
        mel_mean: of log-mel; subtracted inside the model.
        mel_std: of log-mel; divided by inside the model.
        head_size: channels of an attention head; None = the layer's channels shared among the heads.
        contract_kernel_size: positions that the second convolution of an attention block sees.
        feed_dropout: dropped of what its convolutions add; None = `dropout`.
        norm: where its layer norms stand: `pre`, `post`, or `branch` (on what is added).
        positions_added: how often positions are added to the text; the reference does it twice.
        learn_durations: False = no aligner is built, every batch brings `durations`.
        pitch_level: a pitch for each text unit, each frame, or none.
        energy_level: the same for energy.
        pitch_spacing: buckets of pitch, evenly in the logarithm or in Hz.
        energy_spacing: buckets of energy, evenly in the logarithm or as it is.
        n_buckets: rows of each table.
        predictor_channels: of the convolutions of each predictor.
        predictor_kernel_size: positions they see.
        predictor_dropout: share dropped in them.
        frame_places: tell each frame where in its unit it lies.
        decoder: what writes frames: `conv` blocks, or `attention` blocks with positions.
        decoder_size: its channels; None = `hidden_size`.
        decoder_layers: blocks.
        decoder_heads: of the attention blocks.
        decoder_head_size: channels of each; None = shared among them.
        decoder_intermediate_size: width inside a block.
        decoder_kernel_size: frames a block sees.
        mel_head: a linear layer after the decoder; False = its `n_mels` channels are the mel itself.
        postnet_layers: convolutions that correct the mel, at least 2; None = the mel stays as it is.
        postnet_size: their channels.
        postnet_kernel_size: frames each sees.
        postnet_norm: behind each.
        postnet_dropout: share dropped in them.
        postnet_residual: they add to the mel; False = they write it anew.
        fine_layers: convolution blocks before each later codebook's head.
        code_weights: of the codebooks' losses; missing ones are 1.
        soft_decoding: while not drawing, let the codec mix the sounds of likely codes.
        duration_weight: of the loss of durations.
        pitch_weight: of the loss of pitch.
        energy_weight: of the loss of energy.
        n_speakers: rows of a table that `speaker_ids` choose from; 0 = one voice.
        speaker_vector_size: of the vectors that `speaker_vectors` brings; 0 = none.
    """

    model_type = "fastspeech2"

    feature: Literal["mel", "codes"] = "mel"
    n_codebooks: int = 0
    codebook_size: int = 0
    n_mels: int = 80
    mel_mean: float = MEL_MEAN
    mel_std: float = MEL_STD
    encoder_layers: int = 4
    intermediate_size: int = 768
    encoder_kernel_size: int = 5
    head_size: int | None = None
    contract_kernel_size: int = 1
    feed_dropout: float | None = None
    norm: Literal["pre", "post", "branch"] = "pre"
    positions_added: int = 1
    learn_durations: bool = True
    pitch_level: Literal["unit", "frame", "none"] = "unit"
    energy_level: Literal["unit", "frame", "none"] = "unit"
    pitch_spacing: Literal["log", "linear"] = "log"
    energy_spacing: Literal["log", "linear"] = "log"
    n_buckets: int = 256
    predictor_channels: list[int] = field(default_factory=lambda: [256, 256])
    predictor_kernel_size: int = 3
    predictor_dropout: float = 0.5
    frame_places: bool = True
    decoder: Literal["conv", "attention"] = "conv"
    decoder_size: int | None = None
    decoder_layers: int = 6
    decoder_heads: int = 2
    decoder_head_size: int | None = None
    decoder_intermediate_size: int = 768
    decoder_kernel_size: int = 7
    mel_head: bool = True
    postnet_layers: int | None = 5
    postnet_size: int = 128
    postnet_kernel_size: int = 5
    postnet_norm: Literal["batch", "layer", "none"] = "layer"
    postnet_dropout: float = 0.1
    postnet_residual: bool = True
    fine_layers: int = 1
    code_weights: list[float] | None = None
    soft_decoding: bool = True
    duration_weight: float = 0.3
    pitch_weight: float = 0.3
    energy_weight: float = 0.3
    n_speakers: int = 0
    speaker_vector_size: int = 0
    max_frames: int = 2600
    max_frames_per_unit: int = 150

    def __post_init__(self, **kwargs: object) -> None:
        super().__post_init__(**kwargs)
        check_feature(self)
        if self.feature == "mel" and not self.mel_head and self.decoder_channels != self.n_mels:
            raise ModelError(
                f"is false, so decoder_size must be n_mels {self.n_mels}, got {self.decoder_channels}; change one",
                key="mel_head",
            )
        check_code_weights(self.code_weights, self.n_codebooks)
        self._check_numbers()

    def _check_numbers(self) -> None:
        for name in ("encoder_kernel_size", "contract_kernel_size", "decoder_kernel_size"):
            _check_odd(name, getattr(self, name))
        for name in ("predictor_kernel_size", "postnet_kernel_size"):
            _check_odd(name, getattr(self, name))
        least = {"n_buckets": 2, "positions_added": 0, "n_speakers": 0, "decoder_layers": 0, "decoder_heads": 1}
        for name, low in least.items():
            if getattr(self, name) < low:
                raise ModelError(f"must be at least {low}, got {getattr(self, name)}; change it", key=name)
        if self.postnet_layers is not None and self.postnet_layers < 2:
            raise ModelError(
                f"must be at least 2, or null for none, got {self.postnet_layers}; 5 is usual", key="postnet_layers"
            )
        if not self.predictor_channels or min(self.predictor_channels) < 1:
            raise ModelError("must be a list of widths, as [256, 256]; write at least one", key="predictor_channels")
        if self.decoder_channels % 2:
            raise ModelError(f"must be even, got {self.decoder_channels}; change it", key="decoder_size")

    @property
    def decoder_channels(self) -> int:
        """Channels of the decoder."""
        return self.hidden_size if self.decoder_size is None else self.decoder_size

    @property
    def wants_prosody(self) -> bool:
        """Whether it learns from pitch or energy."""
        return self.pitch_level != "none" or self.energy_level != "none"

    @property
    def takes_durations(self) -> bool:
        """Whether `forward` can be told them: then the aligner is not asked."""
        return True

    @property
    def frames_per_text_id(self) -> int:
        """One where durations are learned; units of given durations may be left out."""
        return 1 if self.learn_durations else 0


def _check_odd(name: str, value: int) -> None:
    if value < 1 or value % 2 == 0:
        raise ModelError(f"must be odd and above 0, got {value}; {value + 1} would do", key=name)


@dataclass
class FastSpeech2Output(MelOutput):
    """`MelOutput` with the parts of the loss and what was read of the text.

    Args:
        logits: (batch, n_frames, n_codebooks, codebook_size), where codes are written.
        mel_loss: scalar, mean absolute error of the decoder's mel, in standard deviations.
        postnet_loss: scalar, the same behind the post-net.
        code_loss: scalar, cross-entropy a code.
        pitch_loss: scalar, mean squared error of standard scores.
        energy_loss: scalar, the same.
        duration_loss: scalar, mean squared error of log(1 + frames).
        alignment_loss: scalar, forward-sum loss a text unit.
        durations: int64 (batch, n_input_ids), frames of each text id as they were used.
        units: int64 (batch, n_frames), the text id of each frame.
    """

    logits: Tensor | None = None
    mel_loss: Tensor | None = None
    postnet_loss: Tensor | None = None
    code_loss: Tensor | None = None
    pitch_loss: Tensor | None = None
    energy_loss: Tensor | None = None
    duration_loss: Tensor | None = None
    alignment_loss: Tensor | None = None
    durations: Tensor | None = None
    units: Tensor | None = None
