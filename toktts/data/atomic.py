"""Files that are seen whole or not at all, whenever the process dies."""

import contextlib
import os
import re
import shutil
import time
from pathlib import Path

_SCRATCH = re.compile(r"\.tmp-(\d+)-")
DAY_S = 86_400.0


def write_atomically(path: Path, content: bytes) -> None:
    """Write to a scratch file beside `path`, sync it, and rename it into place.

    Raises:
        OSError: nothing is left behind, and what was at `path` stays as it was.
    """
    scratch = scratch_path(path.parent, path.name)
    try:
        with scratch.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` survive a loss of power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        # Some network file systems cannot sync a folder; the rename is atomic all the same.
        with contextlib.suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)


def scratch_path(folder: Path, name: str) -> Path:
    """A hidden name that says which process is at work, for `sweep`."""
    return folder / f".tmp-{os.getpid()}-{name}"


def sweep(folder: Path, *, older_than_s: float = DAY_S) -> list[Path]:
    """Remove scratch files and folders in `folder` and one level below that are old and whose process is dead.

    Returns:
        What was removed.
    """
    removed = []
    for path in [*folder.glob(".tmp-*"), *folder.glob("*/.tmp-*")]:
        owner = _SCRATCH.match(path.name)
        if owner is None or is_alive(int(owner[1])):
            continue
        with contextlib.suppress(OSError):  # another process may sweep too
            if time.time() - path.stat().st_mtime < older_than_s:
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
            removed.append(path)
    return removed


def is_alive(pid: int) -> bool:
    """Whether a process with this id runs on this machine."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
