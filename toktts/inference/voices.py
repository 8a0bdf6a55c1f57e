"""Which voice speaks where none is named: the demo's, if it was trained here, else the one that came with toktts."""

import importlib.resources
import os
from pathlib import Path

from toktts.errors import ModelError

BUNDLED = "bundled"
WEIGHTS_FILE = "model.safetensors"
DEFAULT_RUN = Path("runs", "demo")


def bundled_voice() -> str:
    """Name the folder of the voice that came with toktts: what `pipeline(..., model=...)` takes.

    Raises:
        ModelError: the package came without it.
    """
    folder = _bundled_folder()
    if not (folder / WEIGHTS_FILE).is_file():
        raise ModelError(
            "this installation came without a voice; install toktts again, or train one with `toktts demo`", file=folder
        )
    return os.fspath(folder)


def voice_folder(name: str | Path) -> Path:
    """Find the folder of a voice: an existing path, else `bundled`, the one that came with toktts.

    Raises:
        ModelError: neither.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    if str(name) == BUNDLED:
        return Path(bundled_voice())
    raise ModelError(f"no such folder; name a run folder, a checkpoint in one, or {BUNDLED}", file=folder)


def default_voice() -> str:
    """Choose a voice for somebody who named none: `runs/demo` if it holds one, else the bundled one.

    Raises:
        ModelError: neither is there.
    """
    if (DEFAULT_RUN / WEIGHTS_FILE).is_file():
        return os.fspath(DEFAULT_RUN)
    if not (_bundled_folder() / WEIGHTS_FILE).is_file():
        raise ModelError(
            f"no voice in {DEFAULT_RUN}, and none came with toktts; train one with `toktts demo`, or name one",
            key="--model",
        )
    return bundled_voice()


def _bundled_folder() -> Path:
    return Path(str(importlib.resources.files("toktts") / "assets" / "voice"))
