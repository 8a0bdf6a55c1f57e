import os
import re
import signal
import subprocess
import sys
import threading
import time

import pytest
from light_process import LIGHT

from toktts.data.atomic import sweep, write_atomically
from toktts.data.locks import FolderLock
from toktts.errors import CacheError, RunFolderError

HOLD = f"""{LIGHT}
import time
from toktts.data.locks import FolderLock
with FolderLock(sys.argv[1], "trains"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path / "run"], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_second_owner_is_told_who_holds_the_folder(tmp_path, holder):
    since = r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d"
    expected = rf"in use by pid {holder.pid} since {since}, which trains; wait for it to end or stop it"
    with pytest.raises(RunFolderError, match=expected), FolderLock(tmp_path / "run", "trains", error=RunFolderError):
        pass


def test_a_killed_owner_blocks_nobody(tmp_path, holder):
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    with FolderLock(tmp_path / "run", "trains"):
        pass


def test_a_released_folder_can_be_locked_again(tmp_path):
    for _ in range(2):
        with FolderLock(tmp_path, "trains"):
            pass


def test_a_lock_is_released_by_an_error(tmp_path):
    with pytest.raises(KeyError), FolderLock(tmp_path, "trains"):
        raise KeyError
    with FolderLock(tmp_path, "trains"):
        pass


def test_waiting_ends_when_the_owner_is_done(tmp_path):
    held = threading.Event()

    def hold() -> None:
        with FolderLock(tmp_path, "encodes"):
            held.set()
            time.sleep(0.3)

    owner = threading.Thread(target=hold)
    owner.start()
    held.wait()
    with FolderLock(tmp_path, "encodes", wait_seconds=10):
        pass
    owner.join()


def test_the_lock_of_a_dead_pid_is_taken_over_once_its_last_child_is_gone(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    lock = FolderLock(tmp_path, "trains").__enter__()
    (tmp_path / ".lock").write_text(f'{{"pid": {dead.pid}}}', encoding="utf-8")
    threading.Timer(0.3, lock.__exit__, (None, None, None)).start()
    with FolderLock(tmp_path, "trains", wait_seconds=0):
        pass


def test_a_half_written_owner_is_no_crash(tmp_path):
    with FolderLock(tmp_path, "trains"):
        (tmp_path / ".lock").write_text("{", encoding="utf-8")
        with pytest.raises(CacheError, match="in use by pid unknown"), FolderLock(tmp_path, "trains"):
            pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "run"
    expected = re.escape(f"{folder}: folder cannot be written (Not a directory); choose another place")
    with pytest.raises(CacheError, match=expected), FolderLock(folder, "trains"):
        pass


def test_sweeping_removes_old_scratch_files_of_dead_processes_only(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    folder = tmp_path / "key"
    folder.mkdir()
    old_dead = folder / f".tmp-{dead.pid}-shard"
    old_dead_folder = tmp_path / f".tmp-{dead.pid}-codec"
    new_dead = folder / f".tmp-{dead.pid}-new"
    old_alive = folder / f".tmp-{os.getpid()}-shard"
    old_dead_folder.mkdir()
    for path in (old_dead, new_dead, old_alive, folder / "shard"):
        path.touch()
    for path in (old_dead, old_dead_folder, old_alive, folder / "shard"):
        os.utime(path, (0, 0))
    assert sorted(sweep(tmp_path)) == sorted([old_dead, old_dead_folder])
    assert new_dead.exists()
    assert old_alive.exists()
    assert (folder / "shard").exists()


def test_a_failed_write_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]
