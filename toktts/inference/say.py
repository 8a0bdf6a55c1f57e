"""One text into one sound file, and when what is said into another: what `toktts say` does."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from toktts.alignment import Alignment
from toktts.alignment.json_file import write_json
from toktts.alignment.srt import write_srt
from toktts.alignment.textgrid import write_textgrid
from toktts.audio import Waveform
from toktts.codecs import load_codec
from toktts.errors import AlignmentError, AudioError, ModelError
from toktts.inference.pipeline import Speech, Unknown, pipeline
from toktts.inference.speaking_as import find_vector, speak_as
from toktts.inference.timestamps import Tier

ALIGNMENT_FORMATS = (".TextGrid", ".srt", ".json")


def say(
    text: str,
    *,
    model: str | os.PathLike[str],
    output: Path,
    force: bool = False,
    unknown: Unknown = "error",
    codec: str | os.PathLike[str] | None = None,
    seed: int = 0,
    speaker: str | None = None,
    speaker_vector: str | None = None,
    speed: float | None = None,
    pitch: float | None = None,
    energy: float | None = None,
    guidance_scale: float | None = None,
    refinement_steps: int | None = None,
    self_check: bool = False,
    retries: int = 0,
    fallback: str | os.PathLike[str] | None = None,
    timestamps: Sequence[Tier] = (),
    align_out: Path | None = None,
    fast: bool = False,
) -> Speech:
    """Speak a text into a file; the same seed writes the same bytes.

    Args:
        text: of any length.
        model: a run folder or Hub id.
        output: sound file; the ending chooses the format.
        force: existing files may be replaced.
        unknown: what to do about characters that the model cannot read: refuse them, or leave them out.
        codec: another way back to sound, as `load_codec` takes it; None = the voice's own.
        seed: of the drawing of codes.
        speaker: who of those the voice was trained on; None = the first.
        speaker_vector: file of a vector, and a name in it, that say who speaks, see `find_vector`; None = as trained.
        speed: 0.5 to 2, where the family can; None = as the voice was saved.
        pitch: the same, factor on the pitch in Hz.
        energy: the same, factor on the loudness.
        guidance_scale: 1 to 10, where the voice has learned it; above 1 it follows the text more.
        refinement_steps: 0 to 64, where the voice has learned it; how often its least certain codes are chosen again.
        self_check: also give a report, see `TokttsPipeline`.
        retries: how often a sentence that fails its check is drawn again.
        fallback: a voice for sentences that fail even so, see `TokttsPipeline`; there is a report then.
        timestamps: what `align_out` holds, a tier each; none = words.
        align_out: file for what is said when; `.TextGrid`, `.srt` (words only) or `.json`.
        fast: multiply in bfloat16, see `pipeline`; then the same bytes are not promised.
    Returns:
        The speech, as the pipeline gave it.
    Raises:
        TextError: text that cannot be spoken.
        ModelError: a model that cannot be loaded, that makes no sound of this text, or cannot do what is asked.
        CodecError: a codec that cannot be loaded, or reads other features.
        CorpusError: a file of vectors that cannot be used, or has no such name.
        AudioError: a file that exists already or cannot be written.
        AlignmentError: the same of `align_out`, or a format that cannot hold what is asked for.
    """
    if output.exists() and not force:
        raise AudioError("exists already; choose another name, or replace it with --force", file=output)
    tiers = check_align_out(align_out, timestamps, force=force)
    own_codec = None if codec is None else load_codec(codec)
    vector = None if speaker_vector is None else find_vector(speaker_vector)
    pipe = pipeline(model, codec=own_codec, precision="bfloat16" if fast else "float32")
    speech: Speech = pipe(
        text,
        generation_config=None if vector is None else speak_as(vector, pipe.model),
        seed=seed,
        unknown=unknown,
        speaker=speaker,
        speed=speed,
        pitch=pitch,
        energy=energy,
        guidance_scale=guidance_scale,
        refinement_steps=refinement_steps,
        self_check=self_check,
        retries=retries,
        fallback=fallback,
        return_timestamps=tiers or None,
    )
    if not speech["audio"].size:
        raise ModelError("made no sound of this text; train it longer or write more words", file=model)
    as_waveform(speech).save(output)
    if align_out is not None:
        write_alignment(align_out, speech["alignments"])
    return speech


def check_align_out(align_out: Path | None, timestamps: Sequence[Tier], *, force: bool) -> Sequence[Tier]:
    """Refuse, before any work is done, an alignment that could not be written in the end.

    Returns:
        What is to be timed.
    Raises:
        AlignmentError: `timestamps` without a file for them, another ending, no such folder, or the file exists.
    """
    if align_out is None:
        if timestamps:
            raise AlignmentError("need a file; name one with --align-out", key="--timestamps")
        return ()
    ending = align_out.suffix.lower()
    if ending not in [known.lower() for known in ALIGNMENT_FORMATS]:
        raise AlignmentError(
            f"cannot write {align_out.suffix or 'no ending'!r}; use one of {', '.join(ALIGNMENT_FORMATS)}",
            file=align_out,
        )
    if ending == ".srt" and set(timestamps) - {"word"}:
        raise AlignmentError("subtitles hold words; time words, or write a .TextGrid or .json", file=align_out)
    if not align_out.parent.is_dir():
        raise AlignmentError("is in a folder that does not exist; make the folder first", file=align_out)
    if align_out.is_dir() or (align_out.exists() and not force):
        raise AlignmentError("exists already; choose another name, or replace it with --force", file=align_out)
    return timestamps or ("word",)


def write_alignment(path: Path, alignments: Sequence[Alignment]) -> None:
    """Write what is said when, in the format that the ending names; what was cut off has no time and is left out."""
    tiers = [replace(tier, spans=tuple(span for span in tier if span.duration_s > 0)) for tier in alignments]
    if path.suffix.lower() == ".srt":
        write_srt(path, tiers[0])
    elif path.suffix.lower() == ".json":
        write_json(path, tiers)
    else:
        write_textgrid(path, tiers)


def as_waveform(speech: Speech) -> Waveform:
    """One clip of what a pipeline gave."""
    return Waveform(torch.from_numpy(speech["audio"]), speech["sampling_rate"])
