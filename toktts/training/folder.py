"""The run folder: who may write into it, and what lies there besides the model."""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from toktts.data.atomic import write_atomically
from toktts.data.locks import FolderLock
from toktts.errors import RunFolderError

CHECKPOINTS = "checkpoints"
CONFIG_FILE = "config.yaml"


@contextlib.contextmanager
def open_run_folder(folder: Path, *, resume: bool) -> Iterator[Path]:
    """Make or re-open a run folder and keep other trainings out of it.

    Args:
        folder: made if missing.
        resume: whether a run that lies there may be gone on with.
    Raises:
        RunFolderError: a file, not writable, full, in use, or holding a run although `resume` is off.
    """
    if folder.exists() and not folder.is_dir():
        raise RunFolderError("is a file, a run wants a folder; choose another training.output_dir", file=folder)
    if not resume and _holds_run(folder):
        raise RunFolderError(
            "holds a run already; set training.resume=true to go on with it, choose another training.output_dir, "
            "or delete it",
            file=folder,
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise RunFolderError(
            f"cannot be written ({error.strerror}); choose another training.output_dir", file=folder
        ) from error
    with FolderLock(folder, "trains", error=RunFolderError):
        try:
            yield folder
        except OSError as error:
            # What was being written is named by whoever knows it; the rest was written into this folder.
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS) or error.filename is not None:
                raise
            raise RunFolderError(
                f"cannot be written ({error.strerror}); free some space, then set training.resume=true", file=folder
            ) from error


def _holds_run(folder: Path) -> bool:
    return (folder / CONFIG_FILE).exists() or (folder / CHECKPOINTS).exists()


def write_config(folder: Path, text: str) -> None:
    """Write the merged config beside the model."""
    write_atomically(folder / CONFIG_FILE, text.encode("utf-8"))
