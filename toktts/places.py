"""Where things lie on this machine that belong to no run."""

import os
from pathlib import Path

from toktts.errors import CacheError


def cache_folder(named: str | os.PathLike[str] | None = None) -> Path:
    """Say where caches lie: the argument, else `TOKTTS_CACHE`, else `XDG_CACHE_HOME` or `~/.cache`, plus `toktts`.

    Args:
        named: a folder to use as it is; None or empty = ask the environment.
    Raises:
        CacheError: nothing of that is set and the user has no home folder.
    """
    chosen = named or os.environ.get("TOKTTS_CACHE")
    try:
        if chosen:
            return Path(chosen).expanduser()
        shared = os.environ.get("XDG_CACHE_HOME", "")
        return (Path(shared) if os.path.isabs(shared) else Path.home() / ".cache") / "toktts"
    except RuntimeError as error:
        raise CacheError("no home folder to cache in; set it to a folder", key="TOKTTS_CACHE") from error
