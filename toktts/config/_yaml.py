"""A strict reader for the YAML of configs: plain data only, every value with its file and line, every size capped.

It works on the parser's events, so nothing is ever constructed from a tag, and neither depth nor aliases can grow
unseen. Differences from YAML 1.1: `1e-4` is a number; `010`, `10:30` and `.nan` are refused as ambiguous; dates are
text; an unquoted `None` is null, because sweep agents write it so.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple, NoReturn

import yaml

from toktts.errors import ConfigError

MAX_BYTES = 65_536
MAX_ALIASES = 100
MAX_DEPTH = 32
MAX_VALUES = 4_000
MAX_NUMBER = 40

# libyaml's parser, where PyYAML was built with it, is ten times as fast; events are the same.
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
NULLS = frozenset({"", "~", "null", "Null", "NULL", "None"})
TRUES = frozenset(case for word in ("true", "yes", "on") for case in (word, word.title(), word.upper()))
FALSES = frozenset(case for word in ("false", "no", "off") for case in (word, word.title(), word.upper()))
INTEGER = re.compile(r"[-+]?(0|[1-9][0-9_]*)")
HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
DECIMAL = re.compile(r"[-+]?([0-9][0-9_]*(\.[0-9_]*)?|\.[0-9][0-9_]*)([eE][-+]?[0-9]+)?")
AMBIGUOUS = re.compile(r"[-+]?0[0-9_]+|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?|0[bo][0-7_]+")
NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
KEY = re.compile(r"[A-Za-z0-9_-]{1,80}")
PLAIN_TEXT = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*( [A-Za-z0-9_./-]+)*")

type_name = {dict: "a mapping", list: "a list", str: "text", bool: "true or false", int: "a number", float: "a number"}


class Origin(NamedTuple):
    """Where a value was written: a file (or `--yconfig`, or the command line) and its 1-based line, if it has one."""

    file: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """A value with the place it was written at.

    Args:
        value: None, bool, int, float, str, a list of nodes or a mapping of nodes.
        origin: where it was written.
        replaces: a mapping that unsets what earlier sources hold at its place, instead of being merged into it.
    """

    value: "object | list[Node] | dict[str, Node]"
    origin: Origin
    replaces: bool = False

    def children(self) -> "dict[str, Node]":
        """The entries of a mapping; none for anything else."""
        return self.value if isinstance(self.value, dict) else {}

    def plain(self) -> object:
        """The value without its places; null entries of mappings are left out, because null means unset."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items() if child.value is not None}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return self.value


def merge(left: Node, right: Node) -> Node:
    """Lay `right` over `left`: mappings merge key by key, anything else, null included, replaces.

    Associative: a mapping that came after a null or a scalar remembers that it replaces what lies below.
    """
    if not isinstance(right.value, dict) or right.replaces:
        return right
    if not isinstance(left.value, dict):
        return Node(right.value, right.origin, replaces=True)
    entries = dict(left.value)
    for key, child in right.value.items():
        entries[key] = merge(entries[key], child) if key in entries else child
    return Node(entries, right.origin, replaces=left.replaces)


def read_yaml(text: str, file: str, *, numbered: bool = True) -> Node:
    """Read one YAML document.

    Args:
        text: the document, at most 64 KiB in UTF-8.
        file: what to call it in errors and origins.
        numbered: False when its lines mean nothing to the user, as on a command line.
    Raises:
        ConfigError: not YAML, a tag, a duplicate key, an ambiguous number, or a size above the caps.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise ConfigError(f"is larger than {MAX_BYTES} bytes; a config holds settings, not data", file=file)
    return _Builder(text, file, numbered).document()


def resolve(text: str) -> object:
    """Turn an unquoted scalar into null, a boolean, a number or text.

    Raises:
        ValueError: readers disagree on what it means, or it is no finite number; the message says what to write.

    >>> resolve("1e-4"), resolve("no"), resolve("12"), resolve("2026-01-31"), resolve("None")
    (0.0001, False, 12, '2026-01-31', None)
    """
    if text in NULLS:
        return None
    if text in TRUES or text in FALSES:
        return text in TRUES
    if NOT_FINITE.fullmatch(text):
        raise ValueError(f"{text} is not a finite number; write a finite one")
    if AMBIGUOUS.fullmatch(text):
        raise ValueError(
            f"{text[:MAX_NUMBER]} can be read as different numbers or as text; quote it or write it plainly"
        )
    if not (DECIMAL.fullmatch(text) or HEXADECIMAL.fullmatch(text)):
        return text
    if len(text) > MAX_NUMBER:
        raise ValueError(f"number of {len(text)} characters is out of range; write a shorter one, or quote it")
    if INTEGER.fullmatch(text) or HEXADECIMAL.fullmatch(text):
        return int(text.replace("_", ""), 0)
    number = float(text.replace("_", ""))
    if abs(number) == float("inf"):
        raise ValueError(f"{text} is not a finite number; write a finite one")
    return number


class _Builder:
    """Builds nodes from the events of one document."""

    def __init__(self, text: str, file: str, numbered: bool) -> None:
        self.file = file
        self.numbered = numbered
        self.events = self._checked_events(text)
        self.anchors: dict[str, tuple[Node, int]] = {}
        self.n_aliases = 0
        self.n_values = 0

    def document(self) -> Node:
        """The root of the only document; an empty one is null."""
        root = Node(None, Origin(self.file, 1 if self.numbered else None))
        n_documents = 0
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                n_documents += 1
                if n_documents > 1:
                    self._fail(event, "holds more than one document; remove the second '---'")
            elif isinstance(event, yaml.NodeEvent):
                root = self._node(event, ())
        return root

    def _node(self, event: yaml.Event, path: tuple[str, ...]) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, path)
        before = self.n_values
        self._count(event, 1)
        self._check_depth(event, len(path))
        if getattr(event, "tag", None) is not None:
            self._fail(event, "tags such as !!python/object are not allowed; remove the tag")
        node = Node(self._value(event, path), self._origin(event))
        anchor = getattr(event, "anchor", None)
        if anchor is not None:
            self.anchors[anchor] = (node, self.n_values - before)
        return node

    def _check_depth(self, event: yaml.Event, depth: int) -> None:
        if depth > MAX_DEPTH:
            self._fail(event, f"is nested deeper than {MAX_DEPTH} levels; flatten it")

    def _alias(self, event: yaml.AliasEvent, path: tuple[str, ...]) -> Node:
        self.n_aliases += 1
        if self.n_aliases > MAX_ALIASES:
            self._fail(event, f"uses more than {MAX_ALIASES} aliases; write the values out")
        if event.anchor not in self.anchors:
            self._fail(event, f"alias *{event.anchor} has no finished anchor before it; write the value out")
        node, n_values = self.anchors[event.anchor]
        self._count(event, n_values)
        self._check_depth(event, len(path) + _height(node))
        return node

    def _count(self, event: yaml.Event, n_values: int) -> None:
        self.n_values += n_values
        if self.n_values > MAX_VALUES:
            self._fail(event, f"expands to more than {MAX_VALUES} values; remove aliases or data")

    def _value(self, event: yaml.Event, path: tuple[str, ...]) -> object:
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return [self._node(child, (*path, "")) for child in self._until(yaml.SequenceEndEvent)]
        assert isinstance(event, yaml.ScalarEvent)
        if event.style:
            return event.value
        try:
            return resolve(event.value)
        except ValueError as error:
            self._fail(event, str(error), path)

    def _mapping(self, path: tuple[str, ...]) -> dict[str, Node]:
        entries: dict[str, Node] = {}
        lines: dict[str, int] = {}
        for event in self._until(yaml.MappingEndEvent):
            key = self._key(event)
            if key in entries:
                both = f" (lines {lines[key]} and {_line(event)})" if self.numbered else ""
                self._fail(event, f"key {key!r} is written twice{both}; keep one", path)
            lines[key] = _line(event)
            value = self._node(next(self.events), (*path, key))
            entries[key] = replace(value, origin=self._origin(event))
        return entries

    def _key(self, event: yaml.Event) -> str:
        if not isinstance(event, yaml.ScalarEvent) or event.tag is not None:
            self._fail(event, "key is not plain text; write 'key: value'")
        if event.value == "<<":
            self._fail(event, "merge keys (<<) are not supported; give a second --config instead")
        if not KEY.fullmatch(event.value):
            fix = "nest it" if "." in event.value else "use letters, digits, _ and -"
            self._fail(event, f"key {event.value[:40]!r} is not a name; {fix}")
        return str(event.value)

    def _until(self, end: type[yaml.Event]) -> Iterator[yaml.Event]:
        for event in self.events:
            if isinstance(event, end):
                return
            yield event

    def _checked_events(self, text: str) -> Iterator[yaml.Event]:
        strange = yaml.reader.Reader.NON_PRINTABLE.search(text)
        if strange:
            line = text.count("\n", 0, strange.start()) + 1 if self.numbered else None
            message = f"character {ord(strange[0]):#06x} is not allowed in YAML; save the file as plain text"
            raise ConfigError(message, file=self.file, line=line)
        try:
            yield from yaml.parse(text, Loader=Loader)
        except yaml.MarkedYAMLError as error:
            raise self._syntax_error(error, text) from None
        except (yaml.YAMLError, ValueError, OverflowError) as error:
            raise ConfigError(f"not YAML: {error}; check escapes and directives", file=self.file) from None

    def _syntax_error(self, error: yaml.MarkedYAMLError, text: str) -> ConfigError:
        mark = error.problem_mark or error.context_mark
        fix = "check brackets, quotes and indents"
        if mark is None:
            return ConfigError(f"not YAML: {error.problem}; {fix}", file=self.file)
        lines = text.split("\n")
        line = min(mark.line, len(lines) - 1)
        if "\t" in lines[line]:
            fix = "indent with spaces, not tabs"
        message = f"column {mark.column + 1}: not YAML: {error.problem or error.context}; {fix}"
        return ConfigError(message, file=self.file, line=line + 1 if self.numbered else None)

    def _origin(self, event: yaml.Event) -> Origin:
        return Origin(self.file, _line(event) if self.numbered else None)

    def _fail(self, event: yaml.Event, message: str, path: tuple[str, ...] = ()) -> NoReturn:
        place = self._origin(event)
        key = ".".join(name for name in path if name) or None
        raise ConfigError(message, file=place.file, line=place.line, key=key)


def _height(node: Node) -> int:
    """Levels below a node."""
    children = node.value if isinstance(node.value, list) else node.children().values()
    return max((_height(child) + 1 for child in children), default=0)


def _line(event: yaml.Event) -> int:
    assert event.start_mark is not None
    return event.start_mark.line + 1


class _Dumper(yaml.SafeDumper):
    """Writes what `read_yaml` reads back as the same values."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        return True


def _represent_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    is_plain = PLAIN_TEXT.fullmatch(text) is not None and resolve(text) == text
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if is_plain else '"')


_Dumper.add_representer(str, _represent_text)


def dump_yaml(mapping: Mapping[str, object]) -> str:
    """Write plain data so that `read_yaml` gives it back."""
    return str(yaml.dump(mapping, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**6))
