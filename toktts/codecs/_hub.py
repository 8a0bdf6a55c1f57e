"""Codecs from the Hugging Face Hub: downloaded once, then held to the revision and the hashes of that first time."""

import hashlib
import json
import os
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import huggingface_hub
from huggingface_hub import constants, errors
from huggingface_hub.errors import (
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from toktts.errors import CodecError, DownloadError
from toktts.places import cache_folder

HTTPError = errors.HTTPError  # type: ignore[attr-defined]  # httpx's or httpx2's, as huggingface_hub chose.
KEY = "codec.name_or_path"
LOCK_FILE = "codecs.lock.json"
WANTED = ["config.json", "*.safetensors", "*.safetensors.index.json"]
ANSWER_TIMEOUT_S = 4.0
PAUSES_S = (0.5, 1.5)  # Between three attempts, when the Hub is there but busy or breaks off.
BUSY = (408, 429, 500, 502, 503, 504)

ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class Snapshot:
    """Files of one commit of one repository.

    Args:
        folder: where they lie.
        revision: the commit, 40 hexadecimal digits.
    """

    folder: Path
    revision: str


@dataclass(frozen=True)
class Locked:
    """What the first download of a codec was.

    Args:
        revision: the commit, 40 hexadecimal digits.
        files: sha256 by path in the folder.
    """

    revision: str
    files: dict[str, str]


def fetch(name: str, *, revision: str | None = None, lock_file: Path | None = None) -> Snapshot:
    """Get a codec's files, from the local copy if there is one, else from the Hub.

    The commit and the sha256 of every file of the first download are written to the lock file; from then on that
    commit is used, and other bytes are refused.

    Args:
        name: `owner/repository` on the Hub.
        revision: branch, tag or commit; each has its own entry in the lock file. None = the main branch.
        lock_file: None = `codecs.lock.json` in the cache folder.
    Raises:
        DownloadError: the Hub cannot be reached or does not have it.
        CodecError: a file is not the one that was locked, or the lock file cannot be read.
    """
    lock_file = lock_file or cache_folder() / LOCK_FILE
    entry = name if revision is None else f"{name}@{revision}"
    locked = _read_lock(lock_file).get(entry)
    if locked is None:
        snapshot = _download(name, revision, files=[])
        _write_lock(lock_file, entry, Locked(snapshot.revision, _hashes(snapshot.folder)))
        return snapshot
    snapshot = _download(name, locked.revision, files=list(locked.files))
    _check_hashes(snapshot.folder, locked.files, f"the entry {entry!r} of {lock_file}")
    return snapshot


def _download(name: str, revision: str | None, *, files: list[str]) -> Snapshot:
    """Ask the Hub for the commit and its files; without the Hub, take what an earlier download left."""
    if revision is not None and _is_commit(revision):
        folder = _local_copy(name, revision)
        if folder and all((folder / file).exists() for file in files):
            return Snapshot(folder, revision)
    try:
        commit = _attempts(lambda: _commit_of(name, revision))
        return Snapshot(_attempts(lambda: _snapshot(name, commit)), commit)
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise DownloadError(_not_there(name, revision), file=_host(), key=KEY) from error
    except (HTTPError, OSError) as error:
        # What lies in the Hub's own cache is as good: its folder is named by the commit.
        if folder := _local_copy(name, revision):
            return Snapshot(folder, folder.name)
        raise DownloadError(_unreachable(name, error), file=_host(), key=KEY) from error


def _commit_of(name: str, revision: str | None) -> str:
    """Ask for the commit of a branch or tag; for a commit, ask only whether the Hub is there, which answers fast."""
    info = huggingface_hub.HfApi(endpoint=constants.ENDPOINT).model_info(
        name, revision=revision, timeout=ANSWER_TIMEOUT_S
    )
    if info.sha is None or not _is_commit(info.sha):
        raise DownloadError(f"named no commit of {name!r}; try again later", file=_host(), key=KEY)
    return revision if revision is not None and _is_commit(revision) else info.sha


def _snapshot(name: str, commit: str) -> Path:
    return Path(
        huggingface_hub.snapshot_download(name, revision=commit, allow_patterns=WANTED, endpoint=constants.ENDPOINT)
    )


def _local_copy(name: str, revision: str | None) -> Path | None:
    try:
        return Path(
            huggingface_hub.snapshot_download(name, revision=revision, allow_patterns=WANTED, local_files_only=True)
        )
    except LocalEntryNotFoundError:
        return None


def _attempts(ask: Callable[[], ResultT]) -> ResultT:
    """Ask again where the Hub is busy; a Hub that is not there is not waited for."""
    for pause_s in PAUSES_S:
        try:
            return ask()
        except HfHubHTTPError as error:
            if error.response.status_code not in BUSY:
                raise
            time.sleep(pause_s)
    return ask()


def _host() -> str:
    return urlsplit(constants.ENDPOINT).hostname or constants.ENDPOINT


def _not_there(name: str, revision: str | None) -> str:
    at = "" if revision is None else f" at revision {revision!r}"
    return (
        f"no folder {name!r} here, and no such public repository{at} there; "
        "correct the name, or log in with `hf auth login` if it is private"
    )


def _unreachable(name: str, error: Exception) -> str:
    if isinstance(error, OfflineModeIsEnabled):
        return f"offline mode is on and {name!r} was never downloaded; unset HF_HUB_OFFLINE or name a local folder"
    if isinstance(error, HfHubHTTPError):
        return f"answered {error.response.status_code} for {name!r}; try again later or name a local folder"
    proxy = urllib.request.getproxies().get(urlsplit(constants.ENDPOINT).scheme)
    # Never the whole address: it may hold a password.
    through = f" through proxy {urlsplit(proxy).hostname}:{urlsplit(proxy).port}" if proxy else ""
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return f"cannot be reached{through} for {name!r} ({reason}); check the network or name a local folder"


def _is_commit(revision: str) -> bool:
    return len(revision) == 40 and all(character in "0123456789abcdef" for character in revision)


def _hashes(folder: Path) -> dict[str, str]:
    """Give the sha256 of every wanted file, by its path in the folder."""
    files = sorted({path for pattern in WANTED for path in folder.rglob(pattern) if path.is_file()})
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in files}


def sha256_of(path: Path) -> str:
    """Give the sha256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_hashes(folder: Path, locked: dict[str, str], entry: str) -> None:
    found = _hashes(folder)
    for name in sorted(found | locked):
        if found.get(name) != locked.get(name):
            raise CodecError(
                f"has sha256 {found.get(name, 'none')[:16]}, {locked.get(name, 'none')[:16]} was downloaded first; "
                f"delete the file to download it again, or {entry} to trust it",
                # The Hub's cache links to a blob, and only without the blob it downloads again.
                file=(folder / name).resolve(),
                key=name,
            )


def _read_lock(path: Path) -> dict[str, Locked]:
    try:
        entries = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        locked = {name: Locked(str(entry["revision"]), dict(entry["files"])) for name, entry in entries.items()}
        if not all(_is_commit(entry.revision) for entry in locked.values()):
            raise ValueError("a revision is no commit")
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise CodecError(f"cannot be read ({error}); delete it to download and lock again", file=path) from error
    return locked


def _write_lock(path: Path, entry: str, locked: Locked) -> None:
    entries = {name: asdict(other) for name, other in (_read_lock(path) | {entry: locked}).items()}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, encoding="utf-8", delete=False) as staging:
            staging.write(json.dumps(entries, indent=2, sort_keys=True) + "\n")
        os.replace(staging.name, path)
    except OSError as error:
        raise CodecError(f"cannot be written ({error.strerror}); set TOKTTS_CACHE", file=path) from error
