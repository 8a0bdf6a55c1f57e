"""A voice of `fastspeech2` as one ONNX file: text ids and controls in, features and what was decided about them out."""

import importlib.util
import os
import tempfile
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from toktts.data.atomic import write_atomically
from toktts.errors import MissingPackageError, ModelError
from toktts.inference.loading import load_model
from toktts.models._fastspeech2_net import FastSpeech2Net
from toktts.models._fastspeech2_parts import Prosody
from toktts.models.fastspeech2 import FastSpeech2
from toktts.models.modules.prosody import KINDS
from toktts.models.modules.repeating import cut_durations
from toktts.models.modules.speakers import Speaker

__all__ = ["export_onnx"]

OPSET = 17
EXAMPLE_IDS = ((1, 1, 1, 1, 1), (1, 1, 1, 0, 0))
AXES = {
    "input_ids": {0: "batch", 1: "n_input_ids"},
    "attention_mask": {0: "batch", 1: "n_input_ids"},
    "speaker_ids": {0: "batch"},
    "speaker_vectors": {0: "batch"},
    "mel": {0: "batch", 2: "n_frames"},
    "logits": {0: "batch", 2: "n_frames"},
    "durations": {0: "batch", 1: "n_input_ids"},
}


def export_onnx(run: str | os.PathLike[str] | FastSpeech2, output: str | os.PathLike[str]) -> Path:
    """Write a voice as ONNX.

    Inputs: `input_ids` and `attention_mask` int64 (batch, n_input_ids); `speed`, `pitch` and `energy` float32 (), 1 =
    as learned, where the voice has them; `speaker_ids` int64 (batch,) or `speaker_vectors` where it has speakers.
    Outputs: `mel` (batch, n_mels, n_frames), or `logits` (batch, n_codebooks, n_frames, codebook_size) of codes, each
    given the likeliest of the books before it; `durations` int64 (batch, n_input_ids), whose sums are the real frames;
    `pitch_out` in Hz and `energy_out`, (batch, n_input_ids or n_frames). Batch and texts may be of any size.

    Args:
        run: a run folder of a `fastspeech2` voice, or the model.
        output: the file; replaced if it exists.
    Returns:
        The file.
    Raises:
        ModelError: no such run, or one of another family.
        MissingPackageError: the package `onnx` is not installed.
    """
    if importlib.util.find_spec("onnx") is None:
        raise MissingPackageError("exporting needs the package onnx; run: pip install 'toktts[onnx]'", key="onnx")
    model = run if isinstance(run, FastSpeech2) else _load(run)
    with tempfile.TemporaryDirectory() as folder:
        traced = Path(folder, "voice.onnx")
        _trace(model, traced)
        write_atomically(Path(output), traced.read_bytes())
    return Path(output)


def _load(run: str | os.PathLike[str]) -> FastSpeech2:
    model = load_model(run)
    if not isinstance(model, FastSpeech2):
        raise ModelError(f"is a {model.config.model_type} voice; only fastspeech2 can be exported", file=run)
    return model


@torch.no_grad()
def _trace(model: FastSpeech2, file: Path) -> None:
    example = _example(model)
    with warnings.catch_warnings():
        # The checks of inputs are decided while tracing, and torch's other exporter cannot follow the lengths.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Graph(model).train(mode=False),
            tuple(example.values()),
            file,
            input_names=list(example),
            output_names=_outputs(model),
            dynamic_axes=_axes(model),
            opset_version=OPSET,
            dynamo=False,
        )


class _Graph(nn.Module):
    """What the file computes: positional tensors in and out."""

    def __init__(self, model: FastSpeech2) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor, speed: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
        """Speak; `others` are named by `_example`."""
        model = self.model
        given = dict(zip(list(_example(model))[3:], others, strict=True))
        speaker = Speaker(ids=given.get("speaker_ids"), vectors=given.get("speaker_vectors"))
        is_text = attention_mask.bool()
        encoded = model.encode_text(input_ids, attention_mask, speaker)
        durations = cut_durations(model.plan(encoded, is_text, speed=speed), model.config.max_frames)
        controls = {kind: Prosody(factor=given[kind]) for kind in KINDS if kind in given}
        frames = model.write_frames(encoded, is_text, durations, controls)
        if model.code_heads is None:
            mel, corrected = model.mel_of(frames)
            features = model.natural_mel(mel if corrected is None else corrected)
        else:
            _, features = model.code_heads.write(frames.hidden, frames.is_real, lambda logits: logits.argmax(dim=2))
        natural = [model.variance(kind).scale.natural(frames.scores[kind]) for kind in KINDS if kind in given]
        return features, durations, *natural


def _example(model: FastSpeech2Net) -> dict[str, Tensor]:
    """Inputs to trace with, by name, in the order of the file."""
    ids = torch.tensor(EXAMPLE_IDS)
    example = {"input_ids": ids.clamp(max=model.config.text_vocab_size - 1), "attention_mask": ids}
    example |= {"speed": torch.tensor(1.0)}
    example |= {kind: torch.tensor(1.0) for kind in KINDS if model.level(kind) != "none"}
    if model.config.n_speakers:
        example["speaker_ids"] = torch.zeros(len(ids), dtype=torch.long)
    if model.config.speaker_vector_size:
        example["speaker_vectors"] = torch.zeros(len(ids), model.config.speaker_vector_size)
    return example


def _outputs(model: FastSpeech2Net) -> list[str]:
    features = "mel" if model.code_heads is None else "logits"
    return [features, "durations", *(f"{kind}_out" for kind in KINDS if model.level(kind) != "none")]


def _axes(model: FastSpeech2Net) -> dict[str, dict[int, str]]:
    names = [*_example(model), *_outputs(model)]
    axes = {name: AXES[name] for name in names if name in AXES}
    for kind in KINDS:
        if model.level(kind) != "none":
            axes[f"{kind}_out"] = {0: "batch", 1: "n_input_ids" if model.level(kind) == "unit" else "n_frames"}
    return axes
