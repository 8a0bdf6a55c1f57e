"""Text or phonemes -> samples, from one file: `TextToSpeechSynthesizer("TTS.safetensors")`."""

import difflib
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from toktts.errors import ModelError, TextError
from toktts.inference._packing import CODEC, check_md5, pack, read_header, unpack
from toktts.inference.loading import load_tokenizer
from toktts.inference.pipeline import TokttsPipeline, pipeline
from toktts.models._told_durations import TakesDurations

PAUSE, PAUSE_AS = "pau", ","
"""How aligned corpora write a pause, and the mark that stands for one in our own phonemes."""


class CheckpointMetadata(NamedTuple):
    """What tells whether a file is the one that was meant: its digest, and where it lies."""

    md5: str
    link: str


class TextToSpeechSynthesizer:
    """A voice that is told what to say by text, or phoneme by phoneme.

    Args:
        checkpoint: a file of `export_synthesizer`, or a run folder.
        md5: of the file, in hex; None = the one recorded beside it.
    Raises:
        ModelError: no such file or folder, or one that was altered.
    """

    def __init__(self, checkpoint: str | os.PathLike[str], *, md5: str | None = None) -> None:
        path = Path(checkpoint)
        if path.is_dir():
            self._pipe = pipeline(path)
            return
        check_md5(path, md5)
        with tempfile.TemporaryDirectory() as folder:
            unpack(path, Path(folder))
            self._pipe = _loaded(Path(folder))

    @property
    def sampling_rate(self) -> int:
        """Hz of what is given back."""
        return self._pipe.model.config.sampling_rate

    @property
    def phonemes(self) -> list[str]:
        """What `synthesize_from_phonemes` takes, in the order of the ids."""
        return _vocabulary(self._pipe.tokenizer)

    def synthesize_from_text(self, text: str) -> Tensor:
        """Speak a text of any length.

        Returns:
            float32 (1, n_samples), in [-1, 1], at `sampling_rate` Hz.
        Raises:
            TextError: nothing to speak, or characters the model cannot read.
        """
        return torch.from_numpy(self._pipe(text)["audio"])[None]

    def synthesize_from_phonemes(self, phonemes: Sequence[str], durations: Sequence[int] | None = None) -> Tensor:
        """Speak phonemes, as long as they usually are or as they are told to be.

        Args:
            phonemes: symbols of `phonemes`, as ["HH", "AH0", "L", "OW1"]; `pau` also where the voice writes a comma.
            durations: frames of each phoneme, 0 or more; None = the model chooses.
        Returns:
            float32 (1, n_samples), in [-1, 1]; with durations exactly `sum(durations)` frames of samples.
        Raises:
            TextError: a symbol the model does not know, or nothing to say.
            ModelError: durations that do not fit, or a family that cannot be told them.
        """
        ids = self._ids(phonemes)
        model = self._pipe.model
        if durations is None:
            speech = model.generate(ids)
        elif isinstance(model, TakesDurations):
            frames = _checked(durations, phonemes)
            # The end of the text is no sound.
            frames = torch.nn.functional.pad(frames, (0, ids.shape[1] - frames.shape[1]))
            speech = model.generate_for_durations(ids, durations=frames)
        else:
            raise ModelError(
                f"{model.config.model_type} chooses its own; leave them out, or use a nonattentive, fastspeech2 or "
                "toknar voice",
                key="durations",
            )
        assert speech.audio is not None
        return speech.audio[0].float().cpu()[None]

    def _ids(self, phonemes: Sequence[str]) -> Tensor:
        known = self.phonemes
        if isinstance(phonemes, str) or not phonemes:
            raise TextError('phonemes must be a list with at least one symbol; write ["HH", "AY1"]')
        places = {symbol: place for place, symbol in enumerate(known)}
        ids = []
        for place, symbol in enumerate(phonemes):
            written = PAUSE_AS if symbol == PAUSE and PAUSE not in places else symbol
            if written not in places:
                nearest = (difflib.get_close_matches(str(symbol), known, n=1, cutoff=0.0) or known)[0]
                raise TextError(f"no phoneme {symbol!r}, number {place + 1}; the nearest one is {nearest!r}")
            ids.append(places[written])
        end = self._pipe.tokenizer.eos_token_id
        return torch.tensor([[*ids, *([] if end is None else [end])]])


def _loaded(folder: Path) -> TokttsPipeline:
    """Load all of it now, for the folder will be gone."""
    pipe = pipeline(folder)
    assert pipe.model.codec is not None
    return pipe


def _vocabulary(tokenizer: Any) -> list[str]:
    return [str(token) for token in tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))]


def _checked(durations: Sequence[int], phonemes: Sequence[str]) -> Tensor:
    if len(durations) != len(phonemes):
        raise ModelError(f"are {len(durations)} for {len(phonemes)} phonemes; give one each", key="durations")
    frames = torch.tensor([list(durations)])
    if frames.is_floating_point() or bool((frames < 0).any()):
        raise ModelError(f"must be whole numbers of frames, 0 or more, got {list(durations)[:8]}", key="durations")
    if not int(frames.sum()):
        raise ModelError("are all 0; give at least one frame", key="durations")
    return frames


def export_synthesizer(run: str | os.PathLike[str], path: str | os.PathLike[str]) -> CheckpointMetadata:
    """Write a run folder as one file, with its md5 beside it.

    The header of the file holds, as JSON, the `vocabulary`, the `config` of the model, and `codec`, the facts of its
    features; `safetensors.safe_open(path, "pt").metadata()` shows them.

    Args:
        run: a run folder, with its tokenizer and codec.
        path: of the file, as `TTS.safetensors`.
    Raises:
        ModelError: the folder is not complete.
    """
    folder, target = Path(run), Path(path)
    for name in ("config.json", "model.safetensors", f"{CODEC}/codec.json"):
        if not (folder / name).is_file():
            raise ModelError(f"holds no {name}; name a run folder of a finished training", file=folder)
    vocabulary = _vocabulary(load_tokenizer(folder))
    facts = {
        "vocabulary": json.dumps(vocabulary),
        "config": (folder / "config.json").read_text(encoding="utf-8"),
        "codec": (folder / CODEC / "codec.json").read_text(encoding="utf-8"),
    }
    return CheckpointMetadata(pack(folder, target, facts=facts), target.resolve().as_uri())


def checkpoint_metadata(path: str | os.PathLike[str]) -> CheckpointMetadata:
    """Check a file of `export_synthesizer` against the md5 beside it.

    Raises:
        ModelError: it was altered, is not of this format, or has no md5 beside it.
    """
    checked = check_md5(Path(path), None)
    read_header(Path(path))
    return CheckpointMetadata(checked, Path(path).resolve().as_uri())
