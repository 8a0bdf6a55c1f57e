from pathlib import Path

import pytest

from toktts.errors import CacheError
from toktts.places import cache_folder


def test_the_cache_lies_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKTTS_CACHE", "/a")
    monkeypatch.setenv("XDG_CACHE_HOME", "/b")
    monkeypatch.setenv("HOME", "/c")
    assert cache_folder(tmp_path) == tmp_path
    assert cache_folder() == Path("/a")
    monkeypatch.setenv("TOKTTS_CACHE", "~/a")
    assert cache_folder() == Path("/c/a")
    monkeypatch.delenv("TOKTTS_CACHE")
    assert cache_folder() == Path("/b/toktts")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/does/not/count")
    assert cache_folder() == Path("/c/.cache/toktts")


def test_without_a_home_folder_the_error_names_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError

    monkeypatch.delenv("TOKTTS_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(CacheError, match="TOKTTS_CACHE: no home folder to cache in; set it to a folder"):
        cache_folder()
