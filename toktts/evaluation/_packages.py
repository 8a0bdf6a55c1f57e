"""Packages that only judges need: imported when used, with one line where they are absent."""

import importlib
import importlib.util
from pathlib import Path
from types import ModuleType

from toktts.errors import MissingPackageError

INSTALL = "install the judges with scripts/install_extras evaluation"


def require(module: str, *, package: str) -> ModuleType:
    """Import a module of an optional package.

    Args:
        module: its full name.
        package: what holds it on the package index.
    Raises:
        MissingPackageError: it is not installed, or does not work here.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise MissingPackageError(f"is not installed ({error.name} is missing); {INSTALL}", key=package) from error
    except (ImportError, OSError) as error:
        raise MissingPackageError(f"cannot be imported ({error}); {INSTALL}", key=package) from error


def package_file(module: str, name: str, *, package: str) -> Path:
    """Find a data file of an optional package, without running the package's code.

    Raises:
        MissingPackageError: the package, or the file in it, is absent.
    """
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        spec = None
    folders = (spec.submodule_search_locations if spec is not None else None) or []
    for folder in folders:
        if Path(folder, name).is_file():
            return Path(folder, name)
    raise MissingPackageError(f"is not installed; {INSTALL}", key=package)
