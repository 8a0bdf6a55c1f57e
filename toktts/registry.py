"""Find an implementation by the name of its file: adding one thing touches one place.

Every open folder (`text`, `models`, `codecs`, `data/corpora`, `evaluation`) holds its contract in `_base.py` and one
implementation a file. `melrvq` in a config means the one public class in `toktts/codecs/melrvq.py` that fulfils the
contract of `toktts/codecs/_base.py`.
"""

import difflib
import importlib
import inspect
import pkgutil
from typing import TypeVar

from toktts.errors import ConfigError

ContractT = TypeVar("ContractT")


def available(package: str) -> list[str]:
    """Names that `load(package, name, ...)` accepts, sorted.

    >>> "melrvq" in available("toktts.codecs")
    True
    """
    path = importlib.import_module(package).__path__
    return sorted(
        module.name for module in pkgutil.iter_modules(path) if not module.ispkg and not module.name.startswith("_")
    )


def load(package: str, name: str, contract: type[ContractT], *, key: str | None = None) -> type[ContractT]:
    """Import `package.name` and return the class in it that fulfils `contract`.

    Args:
        package: an open folder, as `toktts.codecs`.
        name: a file name in it, without `.py`.
        contract: the base class in the folder's `_base.py`.
        key: the config key that named it, for the error.
    Raises:
        ConfigError: no such file; the message names the nearest one.
    """
    names = available(package)
    if name not in names:
        nearest = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {nearest[0]!r}?" if nearest else f"choose one of {', '.join(names)}"
        raise ConfigError(f"unknown name {name!r} in {package}; {hint}", key=key)
    module = importlib.import_module(f"{package}.{name}")
    classes = [
        member
        for member_name, member in inspect.getmembers(module, inspect.isclass)
        if issubclass(member, contract) and member.__module__ == module.__name__ and not member_name.startswith("_")
    ]
    assert len(classes) == 1, f"{module.__name__} must hold exactly one public {contract.__name__}, holds {classes}"
    return classes[0]
