"""Archives, unpacked without trust."""

import lzma
import os
import shutil
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from toktts.errors import DownloadError

_PIECE_BYTES = 2**20


@dataclass(frozen=True)
class Limits:
    """What an archive may hold."""

    n_members: int = 20_000
    n_bytes: int = 8 * 2**30
    ratio: float = 20.0


def unpack_tar(archive: Path, target: Path, *, root: str, limits: Limits | None = None) -> Path:
    """Unpack what lies below `root` in a tar archive to `target`, which appears complete or not at all.

    Only folders and regular files, written one by one: no links, devices or pipes, no name that leaves the folder, no
    name twice, no set-uid; owners, modes and times of the archive are not used.

    Args:
        archive: a tar file, compressed or not.
        target: does not exist yet.
        root: the one folder in the archive.
        limits: members, bytes and compression that are still believed.
    Raises:
        DownloadError: with the name of the member at fault; `target` is untouched.
    """
    if target.exists():
        raise DownloadError("exists already; move it away to unpack again", file=target)
    staging = target.parent / f".{target.name}.unpacking"
    shutil.rmtree(staging, ignore_errors=True)
    try:
        staging.mkdir(parents=True)
        with tarfile.open(archive, "r:*") as tar:
            _Unpacking(archive, staging, limits or Limits()).all_of(tar)
        if not (staging / root).is_dir():
            raise DownloadError(f"holds no folder {root!r}; download it again", file=archive)
        os.replace(staging / root, target)
    except (tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError) as error:
        raise DownloadError(
            f"cannot be unpacked ({error}); free some space or download it again", file=archive
        ) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return target


def root_of(archive: Path) -> str:
    """Name the one folder that a tar archive holds everything in, by its first member.

    Raises:
        DownloadError: it is no tar archive, or is empty.
    """
    try:
        with tarfile.open(archive, "r:*") as tar:
            first = tar.next()
    except (tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError) as error:
        raise DownloadError(f"cannot be unpacked ({error}); download it again", file=archive) from error
    parts = PurePosixPath(first.name).parts if first is not None else ()
    if not parts:
        raise DownloadError("is empty; download it again", file=archive)
    return parts[0]


class _Unpacking:
    """One pass over an archive: counts what came so far, and refuses the first member that must not be."""

    def __init__(self, archive: Path, staging: Path, limits: Limits) -> None:
        self.archive, self.staging, self.limits = archive, staging, limits
        self.max_bytes = min(limits.n_bytes, int(limits.ratio * archive.stat().st_size) + tarfile.RECORDSIZE)
        self.names: set[PurePosixPath] = set()
        self.n_members = 0
        self.n_bytes = 0

    def all_of(self, tar: tarfile.TarFile) -> None:
        """Write every member below the staging folder, one after the other.

        Raises:
            DownloadError: a member that must not be; what came before it lies in the staging folder.
        """
        with tqdm(unit=" files", desc=f"unpacking {self.archive.name}", disable=None) as bar:
            for member in tar:
                self.check(member)
                path = self.staging / self.safe_name(member)
                if member.isdir():
                    path.mkdir(parents=True, exist_ok=True)
                else:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    source = tar.extractfile(member)
                    assert source is not None, "regular files have content"
                    with source, open(path, "xb") as file:
                        shutil.copyfileobj(source, file, _PIECE_BYTES)
                bar.update()

    def check(self, member: tarfile.TarInfo) -> None:
        """Count a member, and refuse what is too much or neither a plain file nor a folder.

        Raises:
            DownloadError: names the member.
        """
        self.n_members += 1
        self.n_bytes += member.size
        if self.n_members > self.limits.n_members:
            raise self.error(member, f"is member {self.n_members}, allowed are {self.limits.n_members}")
        if member.size < 0 or self.n_bytes > self.max_bytes:
            raise self.error(member, f"brings the size to {self.n_bytes} bytes, allowed are {self.max_bytes}")
        if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE) or member.issparse():
            raise self.error(member, "is no regular file or folder")
        if member.isreg() and member.mode & 0o6000:
            raise self.error(member, "is set-uid or set-gid")

    def safe_name(self, member: tarfile.TarInfo) -> PurePosixPath:
        """Refuse names that leave the folder, on any system, or that came before."""
        name = PurePosixPath(member.name)
        if name.is_absolute() or ".." in name.parts or any(letter in member.name for letter in "\\:\0"):
            raise self.error(member, "leaves the folder")
        if name in self.names:
            raise self.error(member, "comes twice")
        self.names.add(name)
        return name

    def error(self, member: tarfile.TarInfo, what: str) -> DownloadError:
        return DownloadError(f"{what}; do not use this archive", file=self.archive, key=repr(member.name[:100]))
