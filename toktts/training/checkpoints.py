"""Checkpoints that are there whole or not at all, and are used only if every byte is right.

A checkpoint is written beside its place, hashed, synced and renamed, so a kill, a full disk or a loss of power costs
at most the one being written. `manifest.json` holds size and sha256 of every file; what does not fit is never loaded.
"""

import contextlib
import errno
import hashlib
import json
import logging
import os
import re
import shutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from toktts.data.atomic import scratch_path, sync_folder
from toktts.errors import CheckpointError

MANIFEST = "manifest.json"
_NAME = re.compile(r"checkpoint-(\d+)")
_CHUNK = 1 << 20
_MEGABYTE = 10**6
_FULL = (errno.ENOSPC, errno.EDQUOT)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Manifest:
    """What a checkpoint holds.

    Args:
        step: optimizer steps taken.
        facts: what must be the same for a resumed run to end as an uninterrupted one would.
        files: name -> {`size` in bytes, `sha256`}.
    """

    step: int
    facts: Mapping[str, Any]
    files: Mapping[str, Mapping[str, Any]]


def checkpoint_path(folder: Path, step: int) -> Path:
    """Where the checkpoint of a step lies."""
    return folder / f"checkpoint-{step}"


def checkpoint_steps(folder: Path) -> list[int]:
    """Steps of the checkpoints in a folder, whole or damaged, ascending."""
    if not folder.is_dir():
        return []
    names = [_NAME.fullmatch(path.name) for path in folder.iterdir() if path.is_dir()]
    return sorted(int(name[1]) for name in names if name)


def write_checkpoint(
    folder: Path, step: int, fill: Callable[[Path], None], *, facts: Mapping[str, Any], needed_bytes: int = 0
) -> Path:
    """Write a checkpoint; whatever goes wrong, those before it stay as they are.

    Args:
        folder: of all checkpoints; made if it is not there.
        step: optimizer steps taken.
        fill: writes files into the folder it is given.
        facts: see `Manifest`.
        needed_bytes: about how much it writes, for the message of a full disk.
    Raises:
        CheckpointError: the disk is full, or the folder cannot be written.
    """
    final = checkpoint_path(folder, step)
    staging = scratch_path(folder, final.name)
    try:
        _clear(staging)
        staging.mkdir(parents=True)
        fill(staging)
        _write_manifest(staging, step, facts)
        for path in staging.iterdir():
            _sync_file(path)
        sync_folder(staging)
        _put_in_place(staging, final)
    except (OSError, SafetensorError) as error:
        raise _write_fault(folder, error, needed_bytes) from error
    finally:
        _clear(staging)
    return final


def verify_checkpoint(checkpoint: Path) -> Manifest:
    """Check every byte of a checkpoint.

    Raises:
        CheckpointError: a file is missing, damaged or foreign; the message names it, with what was expected and found.
    """
    manifest = _read_manifest(checkpoint)
    for name in sorted(manifest.files.keys() | {path.name for path in checkpoint.iterdir()} - {MANIFEST}):
        if name not in manifest.files:
            raise CheckpointError(f"is not named in {MANIFEST}; move it elsewhere", file=checkpoint / name)
        _verify_file(checkpoint / name, manifest.files[name])
    return manifest


def find_checkpoint(folder: Path) -> Path | None:
    """Find the checkpoint with most steps whose bytes are all right; damaged ones are passed over with a warning.

    Returns:
        None if there is none.
    """
    for step in reversed(checkpoint_steps(folder)):
        checkpoint = checkpoint_path(folder, step)
        try:
            verify_checkpoint(checkpoint)
        except CheckpointError as error:
            _log.warning("%s; looking for an earlier checkpoint", error)
        else:
            return checkpoint
    return None


def prune_checkpoints(folder: Path, *, newest: int, keep: int, protected: Collection[int] = ()) -> None:
    """Delete old checkpoints, by step and never by date: clocks are set back.

    Args:
        folder: of all checkpoints.
        newest: step of the one just written; later ones are of another run and stay.
        keep: how many stay, the newest included.
        protected: steps that stay beyond that, as the best one.
    """
    old = [step for step in checkpoint_steps(folder) if step <= newest][:-keep]
    for step in old:
        if step not in protected:
            dead = scratch_path(folder, f"dead-{step}")
            checkpoint_path(folder, step).rename(dead)
            _clear(dead)


def sweep_staging(folder: Path) -> None:
    """Remove what a killed run left half written. Only for the owner of the folder's lock."""
    for path in folder.glob(".tmp-*"):
        _clear(path)


def _clear(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    # rmtree passes over a plain file.
    with contextlib.suppress(OSError):
        folder.unlink()


def _write_manifest(folder: Path, step: int, facts: Mapping[str, Any]) -> None:
    files = {path.name: {"size": path.stat().st_size, "sha256": _sha256(path)} for path in sorted(folder.iterdir())}
    content = {"step": step, "facts": dict(facts), "files": files}
    text = json.dumps(content | {"sha256": _digest(content)}, indent=1)
    (folder / MANIFEST).write_text(text, encoding="utf-8")


def _read_manifest(checkpoint: Path) -> Manifest:
    path = checkpoint / MANIFEST
    if not path.is_file():
        raise CheckpointError(f"has no {MANIFEST}; name a checkpoint that toktts has written", file=checkpoint)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found = content.pop("sha256")
        manifest = Manifest(content["step"], content["facts"], content["files"])
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise CheckpointError(
            f"cannot be read ({type(error).__name__}: {error}); use an earlier checkpoint", file=path
        ) from error
    if found != _digest(content):
        raise CheckpointError("does not match its own sha256; use an earlier checkpoint", file=path)
    return manifest


def _verify_file(path: Path, expected: Mapping[str, Any]) -> None:
    if not path.is_file():
        raise CheckpointError("is missing, the checkpoint is incomplete; use an earlier checkpoint", file=path)
    size = path.stat().st_size
    if size != expected["size"]:
        raise CheckpointError(f"has {size} bytes, expected {expected['size']}; use an earlier checkpoint", file=path)
    sha256 = _sha256(path)
    if sha256 != expected["sha256"]:
        raise CheckpointError(
            f"has sha256 {sha256[:12]}, expected {expected['sha256'][:12]}; use an earlier checkpoint", file=path
        )


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode("utf-8")).hexdigest()


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _sync_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _put_in_place(staging: Path, final: Path) -> None:
    """Rename; if the step was saved before, by a run that was then thrown back, that one makes room."""
    dead = scratch_path(final.parent, f"dead-{final.name}")
    if final.exists():
        final.rename(dead)
    staging.rename(final)
    sync_folder(final.parent)
    _clear(dead)


def _write_fault(folder: Path, error: OSError | SafetensorError, needed_bytes: int) -> CheckpointError:
    # safetensors reports the system's error in words only.
    is_full = getattr(error, "errno", None) in _FULL or f"os error {errno.ENOSPC}" in str(error)
    if not is_full:
        reason = getattr(error, "strerror", None) or error
        return CheckpointError(
            f"checkpoint cannot be written ({reason}); those before it are intact, choose another place", file=folder
        )
    free = shutil.disk_usage(folder).free // _MEGABYTE
    return CheckpointError(
        f"disk full: a checkpoint takes {-(-needed_bytes // _MEGABYTE)} MB, {free} MB are free; "
        "free some space and resume, the checkpoints before it are intact",
        file=folder,
    )
