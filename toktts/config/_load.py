"""Read files, inline YAML and overrides, lay them over each other and build a checked `Config`."""

import os
import re
from collections.abc import Mapping, Sequence
from functools import reduce
from pathlib import Path

from toktts.config._checks import allows_none, nearest, refuse_secret, shown
from toktts.config._config import SECTIONS, Config, locate
from toktts.config._keys import check_keys
from toktts.config._yaml import MAX_BYTES, Node, Origin, merge, read_yaml
from toktts.config.sections import Section, field_types
from toktts.errors import ConfigError

COMMAND_LINE = "command line"
OVERRIDE_KEY = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")


def load_config(
    files: Sequence[str | os.PathLike[str]],
    *,
    yconfigs: Sequence[str] = (),
    overrides: Sequence[str] = (),
) -> Config:
    """Merge sources left to right, later ones winning, and check the result.

    Mappings merge key by key, lists replace, null unsets: an optional key becomes null, any other its default.

    Args:
        files: YAML files, or names of configs that come with toktts, as `demo`.
        yconfigs: inline YAML, laid over the files.
        overrides: `section.key=value` or `--section.key=value`, laid over everything else; values are YAML.
    Raises:
        ConfigError: anything in any source that cannot be used, with its file, line and key.

    >>> load_config([], overrides=["inference.num_beams=4"]).inference.num_beams
    4
    """
    sources = [_read_file(file) for file in files]
    sources += [_read_inline(text, number) for number, text in enumerate(yconfigs, 1)]
    sources += [_read_override(override) for override in overrides]
    for source in sources:
        check_keys(source)
    return _build(reduce(merge, sources, Node({}, Origin(COMMAND_LINE))))


def shipped_config(name: str) -> str | None:
    """Path of a config that comes with toktts, as `demo` or `basic/small_train`; None if there is none of that name."""
    package = Path(__file__).parent.parent
    # The wheel carries config/ inside the package; an editable install has it beside the package.
    for root in (package / "assets" / "config", package.parent / "config"):
        path = root / f"{name}.yaml"
        if re.fullmatch(r"[a-z0-9_]+(/[a-z0-9_]+)*", name) and path.is_file():
            return str(path)
    return None


def _read_file(file: str | os.PathLike[str]) -> Node:
    name = os.fsdecode(file)
    if not os.path.exists(name):
        name = shipped_config(name) or name
    try:
        with open(name, "rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"cannot be read ({reason}); {_similar_file(name)}", file=shown(name)[1:-1]) from error
    try:
        text = content.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        message = f"byte {error.object[error.start]:#04x} at offset {error.start} is not UTF-8; save the file as UTF-8"
        raise ConfigError(message, file=name, line=line) from error
    return read_yaml(text, name)


def _similar_file(name: str) -> str:
    folder, base = os.path.split(name)
    try:
        guess = nearest(base, os.listdir(folder or "."))
    except (OSError, ValueError):
        guess = None
    return f"did you mean {os.path.join(folder, guess)}?" if guess and guess != base else "check the path"


def _read_inline(text: str, number: int) -> Node:
    return read_yaml(text, "--yconfig" if number == 1 else f"--yconfig number {number}")


def _read_override(override: str) -> Node:
    """One override as a mapping that holds nothing else."""
    key, equals, text = override.removeprefix("--").partition("=")
    quoted = shown(override if len(override) <= 60 else f"{override[:59]}…")
    if not OVERRIDE_KEY.fullmatch(key):
        raise ConfigError(f"override {quoted} has no key; write section.key=value", file=COMMAND_LINE)
    _refuse_secret_key(key)
    if not equals:
        raise ConfigError(f"override {quoted} has no '='; write {key}=VALUE", file=COMMAND_LINE, key=key)
    if not text.strip():
        raise ConfigError(f"override {quoted} has no value; write {key}=null to unset", file=COMMAND_LINE, key=key)
    try:
        node = read_yaml(text, COMMAND_LINE, numbered=False)
    except ConfigError as error:
        raise ConfigError(f"override {quoted}: {error.message}", file=COMMAND_LINE, key=key) from error
    for name in reversed(key.split(".")):
        node = Node({name: node}, Origin(COMMAND_LINE))
    return node


def _refuse_secret_key(key: str) -> None:
    """Refuse before the value is read, so that no error can repeat it."""
    for name in key.split("."):
        try:
            refuse_secret(name, key)
        except ConfigError as error:
            raise locate(error, {key: Origin(COMMAND_LINE)}) from None


def _build(root: Node) -> Config:
    origins = _origins(root, "")
    try:
        sections = {name: _build_section(name, node) for name, node in root.children().items()}
        return Config(**sections, origins=origins)  # type: ignore[arg-type]
    except ConfigError as error:
        raise locate(error, origins) from None


def _build_section(name: str, node: Node) -> Section:
    section = SECTIONS[name]
    hints = field_types(section)
    children = node.children().items()
    return section(
        **{key: child.plain() for key, child in children if child.value is not None or allows_none(hints[key])}
    )


def _origins(node: Node, path: str) -> Mapping[str, Origin]:
    """Dotted key -> place, for every key that was written."""
    places: dict[str, Origin] = {}
    for name, child in node.children().items():
        key = f"{path}.{name}" if path else name
        places[key] = child.origin
        places.update(_origins(child, key))
    return places
