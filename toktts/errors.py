"""What users may catch, and the one-line form that every user-facing error has.

Messages say what was expected, what came and what to do, separated by a semicolon:
`codec expects 24000 Hz, got 22050 Hz; call toktts.audio.resample first`.
"""

import os

MAX_LINE = 300


class ToktsError(Exception):
    """A fault the user can mend; prints as one line and ends a command with exit code 2.

    Args:
        message: `<what>; <fix>`, without file or key.
        file: the file (or folder, or host) where the fault is.
        line: 1-based line in `file`.
        key: the config key, option, id or column at fault.

    >>> ToktsError("no such codec 'encodek'; write 'encodec'", file="a.yaml", line=3, key="codec.name").one_line()
    "toktts: error: a.yaml:3 codec.name: no such codec 'encodek'; write 'encodec'"
    """

    def __init__(
        self,
        message: str,
        *,
        file: str | os.PathLike[str] | None = None,
        line: int | None = None,
        key: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.file = None if file is None else os.fspath(file)
        self.line = line
        self.key = key

    @property
    def where(self) -> str:
        """`<file>[:line] <key>`, with whatever of them is known."""
        place = self.file or ""
        if place and self.line is not None:
            place += f":{self.line}"
        return " ".join(part for part in (place, self.key) if part)

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message

    def one_line(self) -> str:
        """The line a command prints: at most 300 characters, no line break."""
        text = " ".join(f"toktts: error: {self}".split())
        if len(text) <= MAX_LINE:
            return text
        what, semicolon, fix = text.rpartition(";")
        room = MAX_LINE - len(fix) - 2
        if semicolon and room > 40:
            return f"{what[:room]}…;{fix}"
        return text[: MAX_LINE - 1] + "…"


class ConfigError(ToktsError):
    """A config file, inline YAML or override that cannot be used."""


class TextError(ToktsError):
    """Text that cannot be spoken."""


class AudioError(ToktsError):
    """An audio file that is wrong, silent, truncated or unreadable."""


class SamplingRateError(AudioError):
    """Audio at another sampling rate than the one needed; nothing resamples silently."""


class CorpusError(ToktsError):
    """A corpus whose metadata or layout cannot be used."""


class CacheError(ToktsError):
    """A token cache that is locked, damaged or cannot be written."""


class CodecError(ToktsError):
    """A codec that cannot be found or loaded, or features it cannot decode."""


class AlignmentError(ToktsError):
    """An alignment that contradicts itself, a file of one that cannot be used, or sound that does not fit its text."""


class ModelError(ToktsError):
    """A model folder or model options that cannot be used."""


class CheckpointError(ToktsError):
    """A checkpoint that is incomplete, damaged or of another run."""


class RunFolderError(ToktsError):
    """A run folder that is in use, read-only or holds something else."""


class TrainingError(ToktsError):
    """A training that cannot go on: a non-finite loss, an empty split."""


class DownloadError(ToktsError):
    """A download that failed, or does not have the expected hash."""


class MissingPackageError(ToktsError):
    """An optional package that is needed now; the message holds the install line."""
