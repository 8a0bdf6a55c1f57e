"""The cloud config: which machine, and how to make it if there is none."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from toktts.config._checks import nearest, shown
from toktts.config._yaml import Node, read_yaml
from toktts.errors import ConfigError

# What Google allows in each name. None of them can start with a dash, so none can be taken for an option.
INSTANCE = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
PLACE = re.compile(r"[a-z][-a-z0-9:.]{0,62}")
FLAG = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")


@dataclass(frozen=True)
class CloudSettings:
    """One Google Compute Engine instance.

    Args:
        name: the instance.
        path: the gcloud program: a path, or a name on PATH.
        project: None = what gcloud is configured for; so for `zone`.
        creation_flags: options of `gcloud compute instances create`, spelled out.
    """

    name: str
    path: str = "gcloud"
    project: str | None = None
    zone: str | None = None
    creation_flags: list[str] = field(default_factory=list)


def read_settings(path: str | os.PathLike[str]) -> CloudSettings:
    """Read a cloud config.

    Raises:
        ConfigError: unreadable, an unknown key (with the nearest known one), a missing or malformed value.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"cannot be read ({error}); start from config/cloud/gcloud.example.yaml", file=path
        ) from error
    root = read_yaml(text, os.fspath(path))
    top = _section(root, "", ["gcloud"], root)
    gcloud = _section(top.get("gcloud"), "gcloud", ["path", "project", "zone", "instance"], root)
    instance = _section(gcloud.get("instance"), "gcloud.instance", ["name", "creation_args"], root)
    return CloudSettings(
        name=_required(_name(instance.get("name"), "gcloud.instance.name", INSTANCE), "gcloud.instance.name", root),
        path=_name(gcloud.get("path"), "gcloud.path", re.compile(r"[^-].*")) or "gcloud",
        project=_name(gcloud.get("project"), "gcloud.project", PLACE),
        zone=_name(gcloud.get("zone"), "gcloud.zone", PLACE),
        creation_flags=_flags(instance.get("creation_args")),
    )


def _section(node: Node | None, key: str, known: list[str], parent: Node) -> Mapping[str, Node]:
    if node is None or not isinstance(node.value, dict):
        place = (node or parent).origin
        raise ConfigError(
            f"expected a mapping with {', '.join(known)}; write one", file=place.file, line=place.line, key=key
        )
    for name, child in node.value.items():
        if name not in known:
            found = nearest(name, known)
            fix = f"did you mean {found!r}?" if found else f"use {', '.join(known)}"
            raise _fault(child, f"{key}.{name}".lstrip("."), f"unknown key; {fix}")
    return node.value


def _name(node: Node | None, key: str, pattern: re.Pattern[str]) -> str | None:
    if node is None or node.value is None:
        return None
    if not isinstance(node.value, str) or not pattern.fullmatch(node.value):
        raise _fault(
            node, key, f"expected a name ({pattern.pattern}), got {shown(node.value)}; write the one gcloud shows"
        )
    return node.value


def _required(value: str | None, key: str, root: Node) -> str:
    if value is None:
        raise ConfigError("is missing; name the instance", file=root.origin.file, key=key)
    return value


def _flags(node: Node | None) -> list[str]:
    """`{tags: [a, b], preemptible: true, restart: false, x: null}` -> `--tags=a,b --preemptible --no-restart`."""
    if node is None or node.value is None:
        return []
    key = "gcloud.instance.creation_args"
    if not isinstance(node.value, dict):
        raise _fault(
            node,
            key,
            f"expected options of `gcloud compute instances create`, got {shown(node.value)}; write name: value",
        )
    flags = []
    for name, child in node.value.items():
        if not FLAG.fullmatch(name) or name in ("zone", "project", "quiet"):
            raise _fault(
                child,
                f"{key}.{name}",
                "is no option to set here; zone and project stand in gcloud.zone and gcloud.project",
            )
        flags += _flag(name.replace("_", "-"), child, f"{key}.{name}")
    return flags


def _flag(name: str, node: Node, key: str) -> list[str]:
    value = node.value
    if value is None:
        return []
    if isinstance(value, bool):
        return [f"--{name}" if value else f"--no-{name}"]
    if isinstance(value, dict):
        value = ",".join(f"{entry}={_scalar(child, f'{key}.{entry}')}" for entry, child in value.items())
    elif isinstance(value, list):
        value = ",".join(_scalar(child, key) for child in value)
    return [f"--{name}={value}"]


def _scalar(node: Node, key: str) -> str:
    if isinstance(node.value, bool):
        return str(node.value)
    if not isinstance(node.value, (str, int, float)) or "," in str(node.value):
        raise _fault(node, key, f"expected one word or number, got {shown(node.value)}; write it without a comma")
    return str(node.value)


def _fault(node: Node, key: str, message: str) -> ConfigError:
    return ConfigError(message, file=node.origin.file, line=node.origin.line, key=key)
