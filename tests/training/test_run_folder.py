import errno
from pathlib import Path

import pytest

from toktts.errors import RunFolderError
from toktts.training.folder import open_run_folder, write_config


def test_a_folder_that_cannot_be_written_is_refused_before_anything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(path: Path) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr(Path, "touch", read_only)
    expected = r"run: cannot be written \(Read-only file system\); choose another training.output_dir"
    with pytest.raises(RunFolderError, match=expected), open_run_folder(tmp_path / "run", resume=False):
        pass


def test_parents_that_are_missing_are_made_and_a_file_among_them_is_named(tmp_path: Path) -> None:
    with open_run_folder(tmp_path / "a" / "b", resume=False) as folder:
        assert folder.is_dir()
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    with (
        pytest.raises(RunFolderError, match=r"run: cannot be written \(.*\); choose another training.output_dir"),
        open_run_folder(tmp_path / "file" / "run", resume=False),
    ):
        pass
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"


def test_a_folder_that_gets_full_is_named(tmp_path: Path) -> None:
    expected = r"run: cannot be written \(No space left on device\); free some space, then set training.resume=true"
    with pytest.raises(RunFolderError, match=expected), open_run_folder(tmp_path / "run", resume=False):
        raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(FileNotFoundError), open_run_folder(tmp_path / "run", resume=False):
        raise FileNotFoundError(errno.ENOENT, "No such file or directory")


def test_a_run_is_gone_on_with_only_if_asked_for(tmp_path: Path) -> None:
    with open_run_folder(tmp_path, resume=False):
        write_config(tmp_path, "model: {name: é}\n")
    expected = "holds a run already; set training.resume=true to go on with it, choose another"
    with pytest.raises(RunFolderError, match=expected), open_run_folder(tmp_path, resume=False):
        pass
    with open_run_folder(tmp_path, resume=True) as folder:
        assert (folder / "config.yaml").read_text(encoding="utf-8") == "model: {name: é}\n"
