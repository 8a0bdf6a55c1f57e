"""One text into one sound file: what `toktts say` does."""

import os
from pathlib import Path

import torch

from toktts.audio import Waveform
from toktts.errors import AudioError, ModelError
from toktts.inference.pipeline import Speech, Unknown, pipeline


def say(
    text: str,
    *,
    model: str | os.PathLike[str],
    output: Path,
    force: bool = False,
    unknown: Unknown = "error",
    seed: int = 0,
) -> None:
    """Speak a text into a file; the same seed writes the same bytes.

    Args:
        text: of any length.
        model: a run folder or Hub id.
        output: sound file; the ending chooses the format.
        force: an existing file may be replaced.
        unknown: what to do about characters that the model cannot read: refuse them, or leave them out.
        seed: of the drawing of codes.
    Raises:
        TextError: text that cannot be spoken.
        ModelError: a model that cannot be loaded, or that makes no sound of this text.
        AudioError: a file that exists already or cannot be written.
    """
    if output.exists() and not force:
        raise AudioError("exists already; choose another name, or replace it with --force", file=output)
    speech: Speech = pipeline(model)(text, seed=seed, unknown=unknown)
    if not speech["audio"].size:
        raise ModelError("made no sound of this text; train it longer or write more words", file=model)
    as_waveform(speech).save(output)


def as_waveform(speech: Speech) -> Waveform:
    """One clip of what a pipeline gave."""
    return Waveform(torch.from_numpy(speech["audio"]), speech["sampling_rate"])
