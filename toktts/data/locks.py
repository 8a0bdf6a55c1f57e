"""One writer per folder: the kernel holds the lock, so it ends with its owner however that dies."""

import json
import logging
import os
import time
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

from toktts.data.atomic import is_alive
from toktts.errors import CacheError, ToktsError

LOCK_FILE = ".lock"
POLL_S = 0.1
# A forked data loader worker of a killed owner inherits the lock and holds it until it sees that its parent is gone.
ORPHAN_S = 10.0
PASSING_S = 0.5

_log = logging.getLogger(__name__)


class FolderLock:
    """Keeps other processes from writing to a folder while the `with` block runs; readers need no lock.

    The folder is made if it is not there. A small file `.lock` stays in it; it says who holds the lock and since when.

    Args:
        folder: what is to be written.
        purpose: what the owner does, for the message others get, as `encodes tokens`.
        wait_seconds: how long to wait for another owner.
        error: raised as `in use by pid 12 since 2026-01-01 10:00:00, which encodes tokens; ...`.

    >>> with FolderLock(getfixture("tmp_path"), "trains"):
    ...     pass
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        purpose: str,
        *,
        wait_seconds: float = 0.0,
        error: type[ToktsError] = CacheError,
    ) -> None:
        self.folder = Path(folder)
        self._purpose, self._wait_seconds, self._error = purpose, wait_seconds, error
        self._handle: int | None = None

    def __enter__(self) -> Self:
        handle = self._open()
        try:
            self._acquire(handle)
            owner = {"pid": os.getpid(), "since": f"{datetime.now():%Y-%m-%d %H:%M:%S}", "purpose": self._purpose}
            os.ftruncate(handle, 0)
            os.pwrite(handle, json.dumps(owner).encode("utf-8"), 0)
        except BaseException:
            os.close(handle)
            raise
        self._handle = handle
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._handle is not None
        os.ftruncate(self._handle, 0)
        # Unlocked by name: a forked child may hold a copy of the handle.
        fcntl.flock(self._handle, fcntl.LOCK_UN)
        os.close(self._handle)
        self._handle = None

    def _open(self) -> int:
        if fcntl is None:
            raise self._error("cannot be locked on this system; use Linux, macOS or WSL", file=self.folder)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            return os.open(self.folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise self._error(
                f"folder cannot be written ({error.strerror}); choose another place", file=self.folder
            ) from error

    def _acquire(self, handle: int) -> None:
        start = time.monotonic()
        is_told = False
        while not self._try(handle):
            owner = self._owner(handle)
            pid = owner.get("pid")
            is_orphan = isinstance(pid, int) and not is_alive(pid)
            # Nothing written: an owner that is about to come or to go, so this is over in a moment.
            grace_s = ORPHAN_S if is_orphan else 0.0 if owner else PASSING_S
            patience = max(self._wait_seconds, grace_s)
            if time.monotonic() - start >= patience:
                raise self._error(
                    f"in use by pid {pid or 'unknown'} since {owner.get('since', 'just now')}, "
                    f"which {owner.get('purpose', 'just started')}; wait for it to end or stop it",
                    file=self.folder,
                )
            if not is_told:
                _log.warning("%s is in use by pid %s, waiting for it", self.folder, pid or "unknown")
                is_told = True
            time.sleep(POLL_S)

    def _try(self, handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            raise self._error(f"cannot be locked ({error.strerror}); use a local disk", file=self.folder) from error
        return True

    @staticmethod
    def _owner(handle: int) -> dict[str, object]:
        """What the owner wrote; empty while it is about to."""
        try:
            owner = json.loads(os.pread(handle, 4096, 0))
        except ValueError:
            return {}
        return owner if isinstance(owner, dict) else {}
