"""Check one value against the annotation of its field, and say what is wrong in words a user can act on."""

import difflib
import enum
import math
import os
import re
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from toktts.config._yaml import KEY, MAX_DEPTH
from toktts.errors import ConfigError

LARGEST = 2**63 - 1
SECRET = re.compile(
    r"(.*_)?(api_?key|access_?key|secret_?key|private_?key|password|passwd|secret|credentials?)"
    r"|token|(.*_)?(auth|access|hub|hf|hugging_?face|wandb|bearer)_?token"
)
WORDS = {"bool": "true or false", "int": "a whole number", "float": "a number", "str": "text"}


@dataclass(frozen=True)
class Between:
    """A number from `low` to `high`; `inside` leaves the ends out."""

    low: float
    high: float
    inside: bool = False

    def apply(self, value: Any, key: str) -> Any:
        """Return the number unchanged, or raise ConfigError naming the range."""
        fits = self.low < value < self.high if self.inside else self.low <= value <= self.high
        if not fits:
            ends = ", both excluded" if self.inside else ""
            raise fault(
                key,
                f"expected {plainly(self.low)} to {plainly(self.high)}{ends}, got {shown(value)}",
                "choose one in that range",
            )
        return value


@dataclass(frozen=True)
class Matches:
    """Text of a certain form."""

    pattern: str
    description: str

    def apply(self, value: Any, key: str) -> Any:
        """Return the text unchanged, or raise ConfigError describing the form."""
        if not re.fullmatch(self.pattern, value):
            raise fault(key, f"expected {self.description}, got {shown(value)}", "change it")
        return value


@dataclass(frozen=True)
class IsPath:
    """A path, in which `~` and `$VARIABLE` are filled in."""

    def apply(self, value: Any, key: str) -> str:
        """Return the path filled in, or raise ConfigError for an unknown user or variable."""
        expanded: str = os.path.expandvars(os.path.expanduser(value))
        if expanded.startswith("~") or "$" in expanded:
            raise fault(key, f"{shown(value)} names an unknown user or variable", "write the path out")
        if len(os.fsencode(expanded)) > 4095:
            raise fault(key, f"path of {len(expanded)} characters is too long", "use one below 4096 bytes")
        return expanded


def fault(key: str, what: str, fix: str) -> ConfigError:
    """The error for a key whose place in a file is found later."""
    return ConfigError(f"{what}; {fix}", key=key)


def plainly(number: float) -> str:
    """A number without needless zeros or exponents."""
    return str(number) if isinstance(number, int) else f"{number:g}"


def shown(value: object) -> str:
    """A value as a config spells it, cut to a readable length."""
    if value is None or isinstance(value, bool):
        return str(value).lower().replace("none", "null")
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    if isinstance(value, int) and abs(value) > 10**30:
        return "a number beyond 1e30"
    text = repr(value) if isinstance(value, (str, int, float)) else type(value).__name__
    return text if len(text) <= 60 else text[:59] + "…"


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The most similar name, if any is similar."""
    found = difflib.get_close_matches(name, list(names), n=1)
    return found[0] if found else None


def refuse_secret(name: str, key: str) -> None:
    """Raise ConfigError if a key is named like a secret, without repeating its value."""
    if SECRET.fullmatch(name.lower().replace("-", "_")):
        raise fault(key, "secrets must not stand in a config", "use WANDB_API_KEY (or HF_TOKEN) in the environment")


def allows_none(hint: object) -> bool:
    """Whether an annotation has `None` in it."""
    return hint is Any or type(None) in get_args(hint)


def checked(value: object, hint: Any, key: str) -> object:
    """Return `value` as the annotation wants it (whole numbers become floats, paths are filled in).

    Raises:
        ConfigError: another type, a value outside the range, or not one of the choices.
    """
    origin = get_origin(hint)
    if origin is Annotated:
        value = checked(value, hint.__origin__, key)
        for rule in hint.__metadata__:
            value = rule.apply(value, key)
        return value
    if origin in (Union, types.UnionType):
        return _checked_union(value, get_args(hint), key)
    if origin is Literal:
        return _checked_choice(value, get_args(hint), key)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return _checked_choice(value, [member.value for member in hint], key)
    if hint in (bool, int, float, str):
        return _checked_scalar(value, hint, key)
    if origin in (list, tuple):
        return _checked_list(value, hint, key)
    if origin is Mapping or origin is dict or hint is dict:
        return _checked_mapping(value, key)
    return _checked_free(value, key, 0)


def _checked_union(value: object, hints: tuple[Any, ...], key: str) -> object:
    if value is None and type(None) in hints:
        return None
    candidates = [hint for hint in hints if hint is not type(None)]
    for hint in candidates:
        if _accepts(hint, value):
            return checked(value, hint, key)
    return checked(value, candidates[0], key)


def _accepts(hint: Any, value: object) -> bool:
    """Whether a value has the kind, if not the range, that one member of a union wants."""
    origin = get_origin(hint) or hint
    if isinstance(value, (list, tuple)):
        return origin in (list, tuple)
    if isinstance(value, Mapping):
        return origin in (dict, Mapping)
    if isinstance(value, str):
        return origin in (str, Literal) or (isinstance(origin, type) and issubclass(origin, enum.Enum))
    if isinstance(value, bool):
        return origin is bool
    return origin in (int, float) or (origin is Annotated and _accepts(hint.__origin__, value))


def _checked_choice(value: object, choices: Iterable[object], key: str) -> object:
    names = [str(choice) for choice in choices]
    if isinstance(value, str) and value in names:
        return value
    guess = nearest(value, names) if isinstance(value, str) else None
    fix = f"did you mean {guess!r}?" if guess else f"choose one of {', '.join(names)}"
    if isinstance(value, bool):
        fix += ", in quotes"
    raise fault(key, f"expected a known name, got {shown(value)}", fix)


def _checked_scalar(value: object, hint: type, key: str) -> object:
    is_bool = isinstance(value, bool)
    if hint is bool and is_bool:
        return value
    if hint is str and isinstance(value, str):
        return _checked_text(value, key)
    if hint in (int, float) and not is_bool and isinstance(value, (int, hint)):
        _check_number(value, key)
        return hint(value)
    fix = "change it"
    if hint is str and value is not None:
        fix = "quote it (unquoted yes, no, on, off and numbers are not text)"
    elif hint is int and isinstance(value, float) and value.is_integer() and abs(value) < LARGEST:
        fix = f"write {int(value)}"
    raise fault(key, f"expected {WORDS[hint.__name__]}, got {shown(value)}", fix)


def _checked_text(value: str, key: str) -> str:
    if not value.strip():
        raise fault(key, "text is empty", "write something, or null")
    if any(ord(character) < 32 or ord(character) == 127 or 0xD800 <= ord(character) < 0xE000 for character in value):
        raise fault(key, "text holds control characters", "write it again")
    return value


def _check_number(value: int | float, key: str) -> None:
    if not math.isfinite(value) if isinstance(value, float) else abs(value) > LARGEST:
        raise fault(key, f"{shown(value)} is out of range", f"choose a number from {-LARGEST} to {LARGEST}")


def _checked_list(value: object, hint: Any, key: str) -> object:
    container = get_origin(hint)
    if not isinstance(value, (list, tuple)):
        raise fault(key, f"expected a list, got {shown(value)}", "write [a, b]")
    return container(checked(item, get_args(hint)[0], key) for item in value)


def _checked_mapping(value: object, key: str) -> dict[str, object]:
    if not isinstance(value, Mapping):
        raise fault(key, f"expected a mapping, got {shown(value)}", "write {name: value}")
    free = _checked_free(value, key, 0)
    assert isinstance(free, dict)
    return free


def _checked_free(value: object, key: str, depth: int) -> object:
    """Check plain data of any shape; null entries of mappings are left out, because null means unset."""
    if depth > MAX_DEPTH - 4:
        raise fault(key, "is nested too deep", "flatten it")
    if isinstance(value, Mapping):
        for name in value:
            if not isinstance(name, str) or not KEY.fullmatch(name):
                raise fault(key, f"key {shown(name)} is not a name", "use letters, digits, _ and -")
            refuse_secret(name, f"{key}.{name}")
        items = [(name, item) for name, item in value.items() if item is not None]
        return {name: _checked_free(item, f"{key}.{name}", depth + 1) for name, item in items}
    if isinstance(value, (list, tuple)):
        return [_checked_free(item, key, depth + 1) for item in value]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        _check_number(value, key)
    elif isinstance(value, str):
        if value:
            _checked_text(value, key)
    elif value is not None and not isinstance(value, bool):
        raise fault(key, f"expected plain data, got {shown(value)}", "use text, numbers, lists and mappings")
    return value
