"""From the name in a config to a class."""

from typing import Any

from toktts import registry
from toktts.config import Config
from toktts.errors import ConfigError


def load_class(config: Config, package: str, name: str, contract: Any, key: str) -> Any:
    """Load what `registry.load` finds, or say on which line the name stands that does not exist."""
    try:
        return registry.load(package, name, contract)
    except ConfigError as error:
        raise config.fault(key, error.message) from error
