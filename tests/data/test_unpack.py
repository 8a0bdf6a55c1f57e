import contextlib
import io
import random
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toktts.data.unpack import Limits, unpack_tar
from toktts.errors import DownloadError


def member(name: str, content: bytes = b"x", **facts: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content) if facts.get("type", tarfile.REGTYPE) == tarfile.REGTYPE else 0
    for key, value in facts.items():
        setattr(info, key, value)
    return info, content


def pack(path: Path, members: list[tuple[tarfile.TarInfo, bytes]], mode: str = "w:bz2") -> Path:
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return path


GOOD = [member("c", type=tarfile.DIRTYPE), member("c/metadata.csv", b"a|b|c\n"), member("c/wavs/a.wav", b"RIFF")]

HOSTILE: dict[str, tuple[Callable[[], list[tuple[tarfile.TarInfo, bytes]]], str]] = {
    "parent": (lambda: [member("../evil")], "'../evil': leaves the folder"),
    "parent within": (lambda: [member("c/../../evil")], "leaves the folder"),
    "absolute": (lambda: [member("/tmp/evil")], "'/tmp/evil': leaves the folder"),
    "backslash": (lambda: [member("c\\..\\..\\evil")], "leaves the folder"),
    "drive": (lambda: [member("C:evil")], "leaves the folder"),
    "symlink": (lambda: [member("c/l", type=tarfile.SYMTYPE, linkname="/etc")], "'c/l': is no regular file or folder"),
    "hard link": (
        lambda: [member("c/l", type=tarfile.LNKTYPE, linkname="/etc/passwd")],
        "is no regular file or folder",
    ),
    "pipe": (lambda: [member("c/p", type=tarfile.FIFOTYPE)], "is no regular file or folder"),
    "device": (lambda: [member("c/d", type=tarfile.CHRTYPE, devmajor=1, devminor=3)], "is no regular file or folder"),
    "block device": (lambda: [member("c/d", type=tarfile.BLKTYPE)], "is no regular file or folder"),
    "set-uid": (lambda: [member("c/s", mode=0o4755)], "is set-uid or set-gid"),
    "twice": (lambda: [member("c/metadata.csv")], "'c/metadata.csv': comes twice"),
    "twice in other words": (lambda: [member("./c//metadata.csv")], "comes twice"),
    "too many": (lambda: [member(f"c/{index}") for index in range(60)], "is member 51, allowed are 50"),
    "too large": (
        lambda: [member("c/big", bytes(2**20))],
        "brings the size to 1048586 bytes, allowed are",
    ),  # 2 ** 20 + 6 + 4
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_archive_is_refused_with_the_member_and_leaves_nothing(case: str, tmp_path: Path):
    members, reason = HOSTILE[case]
    (tmp_path / "in").mkdir()
    archive = pack(tmp_path / "in" / "x.tar.bz2", GOOD + members())
    with pytest.raises(DownloadError, match=reason) as caught:
        unpack_tar(archive, tmp_path / "out" / "c", root="c", limits=Limits(n_members=50))
    assert caught.value.file == str(archive)
    assert len(caught.value.one_line()) <= 300
    assert sorted(tmp_path.rglob("*")) == [tmp_path / "in", archive, tmp_path / "out"]


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_good_archive_is_unpacked_below_its_root(mode: str, tmp_path: Path):
    archive = pack(tmp_path / "x.tar", GOOD, mode)
    target = unpack_tar(archive, tmp_path / "c", root="c")
    assert (target / "metadata.csv").read_bytes() == b"a|b|c\n"
    assert (target / "wavs" / "a.wav").read_bytes() == b"RIFF"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c", "x.tar"]


def test_owners_and_modes_of_the_archive_are_not_used(tmp_path: Path):
    archive = pack(tmp_path / "x.tar", [member("c/a", mode=0o777, uid=12345)])
    status = (unpack_tar(archive, tmp_path / "c", root="c") / "a").stat()
    assert status.st_mode & 0o111 == 0
    assert status.st_uid != 12345


def test_what_is_there_already_is_not_replaced(tmp_path: Path):
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "mine").touch()
    with pytest.raises(DownloadError, match="exists already; move it away"):
        unpack_tar(pack(tmp_path / "x.tar", GOOD), tmp_path / "c", root="c")
    assert (tmp_path / "c" / "mine").exists()


def test_an_archive_of_something_else_is_refused(tmp_path: Path):
    with pytest.raises(DownloadError, match="holds no folder 'LJSpeech-1.1'; download it again"):
        unpack_tar(pack(tmp_path / "x.tar", GOOD), tmp_path / "c", root="LJSpeech-1.1")


def test_the_remains_of_a_killed_attempt_are_swept(tmp_path: Path):
    (tmp_path / ".c.unpacking").mkdir()
    (tmp_path / ".c.unpacking" / "half").touch()
    target = unpack_tar(pack(tmp_path / "x.tar", GOOD), tmp_path / "c", root="c")
    assert not (target / "half").exists()
    assert not (tmp_path / ".c.unpacking").exists()


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.7])
def test_a_truncated_archive_is_one_error(mode: str, share: float, tmp_path: Path):
    archive = pack(tmp_path / "x.tar", [*GOOD, member("c/noise", random.Random(0).randbytes(20_000))], mode)
    archive.write_bytes(archive.read_bytes()[: int(share * archive.stat().st_size)])
    with pytest.raises(DownloadError, match="cannot be unpacked|holds no folder"):
        unpack_tar(archive, tmp_path / "c", root="c")
    assert not (tmp_path / "c").exists()


@given(name=st.text(st.sampled_from("ab./\\:~ "), min_size=1, max_size=12))
def test_no_name_writes_outside_its_folder(name: str, tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("any-name")
    archive = pack(folder / "x.tar", [*GOOD, member(name)], "w")
    with contextlib.suppress(DownloadError):
        unpack_tar(archive, folder / "deep" / "c", root="c")
    assert {path.name for path in folder.iterdir()} == {"x.tar", "deep"}
    assert {path.name for path in (folder / "deep").iterdir()} <= {"c"}
