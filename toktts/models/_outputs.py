"""What models give back: from `forward`, from `synthesize`, from `generate`."""

from dataclasses import dataclass, field
from typing import Literal

from torch import Tensor
from transformers.utils.generic import ModelOutput

StopReason = Literal["eos", "length", "empty"]


@dataclass
class CodesOutput(ModelOutput):
    """What `forward` gives for labels.

    Args:
        loss: scalar, mean over the targets that are not -100; None without labels.
        logits: in the order and shape of the family; `predicted_codes` reads them.
    """

    loss: Tensor | None = None
    logits: Tensor | None = None


@dataclass
class MelOutput(ModelOutput):
    """What `forward` gives for labels that are mel.

    Args:
        loss: scalar; None without labels.
        mel: (batch, n_mels, n_frames), in the units of the labels: `predicted_mel` reads it.
    """

    loss: Tensor | None = None
    mel: Tensor | None = None


@dataclass
class SpeechOutput(ModelOutput):
    """What `generate` gives. The pipeline reads the batch size off the first field, so that one must be a tensor.

    Args:
        features: codes (batch, n_codebooks, n_frames), or mel (batch, n_mels, n_frames).
        n_frames: int64 (batch,), frames of each row that count.
        audio: one 1-D float32 tensor a row, in [-1, 1], each of its own length; None with `output_audio=False`.
        stop_reasons: one a row, see `Synthesis`.
        units: int64 (batch, n_frames), the place in the text ids that each frame says; None = not known.
    """

    features: Tensor | None = None
    n_frames: Tensor | None = None
    audio: list[Tensor] | None = None
    stop_reasons: list[str] | None = None
    units: Tensor | None = None


@dataclass(frozen=True)
class Synthesis:
    """Features of a batch.

    Args:
        features: codes, int64 (batch, n_codebooks, n_frames), legal everywhere: also the padding behind a row;
            or mel, float (batch, n_mels, n_frames), finite everywhere.
        n_frames: int64 (batch,), frames of each row that count.
        stop_reasons: `eos` = the model ended the row, `length` = cut at `max_new_tokens`, `empty` = not one frame.
        alignment: float (batch, n_frames, n_input_ids), how much each frame read of each text id; None = not known.
        probabilities: of every code, (batch, n_codebooks, n_frames, codebook_size), to be decoded instead of the
            features, which then are the most likely ones; None = the features are decoded.
    """

    features: Tensor
    n_frames: Tensor
    stop_reasons: list[StopReason] = field(default_factory=list)
    alignment: Tensor | None = None
    probabilities: Tensor | None = None
