import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import SafetensorError

from toktts.errors import CheckpointError
from toktts.training.checkpoints import (
    MANIFEST,
    checkpoint_path,
    checkpoint_steps,
    find_checkpoint,
    prune_checkpoints,
    sweep_staging,
    verify_checkpoint,
    write_checkpoint,
)

FACTS = {"seed": 1}


def fill(folder: Path) -> None:
    (folder / "weights").write_bytes(bytes(range(200)))
    (folder / "state").write_bytes(b"{}")


def save(folder: Path, step: int) -> Path:
    return write_checkpoint(folder, step, fill, facts=FACTS)


def test_what_was_written_verifies_and_is_found(tmp_path: Path) -> None:
    save(tmp_path, 5)
    newest = save(tmp_path, 10)
    manifest = verify_checkpoint(newest)
    assert (manifest.step, manifest.facts, set(manifest.files)) == (10, FACTS, {"weights", "state"})
    assert find_checkpoint(tmp_path) == newest


def test_the_newest_checkpoint_is_the_one_with_most_steps_not_the_latest_date(tmp_path: Path) -> None:
    for step in (9, 10, 100):
        save(tmp_path, step)
    os.utime(checkpoint_path(tmp_path, 100), (0, 0))
    assert find_checkpoint(tmp_path) == checkpoint_path(tmp_path, 100)


def test_a_folder_without_checkpoints_has_none(tmp_path: Path) -> None:
    assert find_checkpoint(tmp_path) is None
    assert find_checkpoint(tmp_path / "nowhere") is None


DAMAGES = {
    "flipped": (
        lambda folder: (folder / "weights").write_bytes(bytes([1, *range(1, 200)])),
        r"weights: has sha256 [0-9a-f]{12}, expected [0-9a-f]{12}; use an earlier checkpoint",
    ),
    "half": (
        lambda folder: os.truncate(folder / "weights", 100),
        r"weights: has 100 bytes, expected 200; use an earlier checkpoint",
    ),
    "empty": (lambda folder: os.truncate(folder / "state", 0), r"state: has 0 bytes, expected 2;"),
    "missing": (
        lambda folder: (folder / "state").unlink(),
        r"state: is missing, the checkpoint is incomplete; use an earlier checkpoint",
    ),
    "added": (
        lambda folder: (folder / "optimizer.pt").write_bytes(b"\x80\x04."),
        r"optimizer.pt: is not named in manifest.json; move it elsewhere",
    ),
    "no manifest": (
        lambda folder: (folder / MANIFEST).unlink(),
        r"checkpoint-5: has no manifest.json; name a checkpoint that toktts has written",
    ),
    "half a manifest": (
        lambda folder: os.truncate(folder / MANIFEST, 40),
        r"manifest.json: cannot be read \(JSONDecodeError: .*\); use an earlier checkpoint",
    ),
    "another step": (
        lambda folder: (folder / MANIFEST).write_bytes(
            (folder / MANIFEST).read_bytes().replace(b'"step": 5', b'"step": 6')
        ),
        r"manifest.json: does not match its own sha256; use an earlier checkpoint",
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_checkpoint_is_refused_by_name_and_passed_over_otherwise(name: str, tmp_path: Path) -> None:
    older, damaged = save(tmp_path, 4), save(tmp_path, 5)
    change, message = DAMAGES[name]
    change(damaged)
    with pytest.raises(CheckpointError, match=message) as caught:
        verify_checkpoint(damaged)
    assert len(caught.value.one_line()) <= 300
    assert find_checkpoint(tmp_path) == older


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("run"), 1)


@given(data=st.data())
def test_any_single_changed_byte_is_noticed(data: st.DataObject, checkpoint: Path) -> None:
    path = data.draw(st.sampled_from(sorted(checkpoint.iterdir())))
    original = path.read_bytes()
    content = bytearray(original)
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    with pytest.raises(CheckpointError):
        verify_checkpoint(checkpoint)
    path.write_bytes(original)
    verify_checkpoint(checkpoint)


def n_system_calls_until_done(folder: Path, step: int, *, killed_at: int) -> int:
    """Save in a child that dies, without any clean-up, before its call number `killed_at`; the calls it made."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        calls = 0

        def dying(call: Callable[..., Any]) -> Callable[..., Any]:
            def wrapped(*args: Any, **kwargs: Any) -> Any:
                nonlocal calls
                if calls == killed_at:
                    os._exit(9)
                calls += 1
                return call(*args, **kwargs)

            return wrapped

        for name in ("fsync", "mkdir", "rename", "open"):
            setattr(os, name, dying(getattr(os, name)))
        Path.write_text = dying(Path.write_text)  # type: ignore[method-assign]
        Path.write_bytes = dying(Path.write_bytes)  # type: ignore[method-assign]
        shutil.rmtree = dying(shutil.rmtree)  # type: ignore[assignment]
        save(folder, step)
        os.write(writer, str(calls).encode())
        os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader, "rb") as pipe:
        return int(pipe.read() or -1)


@pytest.mark.parametrize("step", [5, 6], ids=["over a damaged one", "beside an older one"])
def test_a_kill_at_any_moment_of_a_save_leaves_a_usable_checkpoint(step: int, tmp_path: Path) -> None:
    save(tmp_path, 4)
    os.truncate(save(tmp_path, 5) / "weights", 3)
    done, killed_at = -1, 0
    while done < 0:
        done = n_system_calls_until_done(tmp_path, step, killed_at=killed_at)
        found = find_checkpoint(tmp_path)
        assert found is not None
        assert found.name in ("checkpoint-4", f"checkpoint-{step}")
        sweep_staging(tmp_path)
        assert {path.name.partition("-")[0] for path in tmp_path.iterdir()} == {"checkpoint"}
        killed_at += 1
    assert done >= 10, "the test itself is blind if it does not see the calls"
    assert find_checkpoint(tmp_path) == checkpoint_path(tmp_path, step)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device"),
            r"disk full: a checkpoint takes 46 MB, \d+ MB are free; free",
        ),
        (SafetensorError("I/O error: No space left on device (os error 28)"), r"disk full: a checkpoint takes 46 MB"),
        (OSError(errno.EROFS, "Read-only file system"), r"cannot be written \(Read-only file system\); .* intact"),
    ],
)
def test_a_save_that_fails_says_why_and_leaves_the_one_before(error: Exception, message: str, tmp_path: Path) -> None:
    older = save(tmp_path, 4)

    def fail(folder: Path) -> None:
        fill(folder)
        raise error

    with pytest.raises(CheckpointError, match=message):
        write_checkpoint(tmp_path, 5, fail, facts=FACTS, needed_bytes=45_500_000)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-4"]
    assert find_checkpoint(tmp_path) == older


def test_old_checkpoints_are_deleted_by_step_and_the_best_one_stays(tmp_path: Path) -> None:
    for step in (2, 4, 6, 8, 10):
        os.utime(save(tmp_path, step), (1e9 - step, 1e9 - step))  # the clock runs backwards
    prune_checkpoints(tmp_path, newest=8, keep=2, protected=[2])
    assert checkpoint_steps(tmp_path) == [2, 6, 8, 10]
    assert not list(tmp_path.glob(".tmp-*"))


def test_a_folder_that_was_deleted_while_training_is_made_again(tmp_path: Path) -> None:
    shutil.rmtree(save(tmp_path / "run", 1).parent)
    assert verify_checkpoint(save(tmp_path / "run", 2)).step == 2
