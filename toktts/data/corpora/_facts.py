"""Who speaks, in which language, under which terms: given, or written beside the sound in `corpus.yaml`."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from toktts.errors import CorpusError

FACTS_FILE = "corpus.yaml"
FACTS = {
    "speaker": "a name for the voice",
    "language": "a tag, as en",
    "licence": "the terms of use, as CC-BY-4.0",
    "consent": "how the speaker agreed to a synthetic voice",
}
_MAX_FACTS_BYTES = 16_384


def complete_facts(given: Mapping[str, str | None], path: Path) -> dict[str, str]:
    """Take what is not given from `corpus.yaml`, and refuse to go on without one of the facts.

    Args:
        given: those that are needed, with their values where they are known.
        path: the file.
    Raises:
        CorpusError: a fact is missing, or the file holds anything else.
    """
    written = _read_facts(path) if path.exists() else {}
    facts = {name: (value or written.get(name) or "").strip() for name, value in given.items()}
    for name, value in facts.items():
        if not value:
            raise CorpusError(
                f"no {name}; write '{name}: <{FACTS[name]}>' into this file, or set data.{name}", file=path, key=name
            )
    return facts


def _read_facts(path: Path) -> dict[str, str]:
    """Read a flat YAML mapping, every value as it is written: `no` is Norwegian here, not false."""
    try:
        if path.stat().st_size > _MAX_FACTS_BYTES:
            raise CorpusError(f"is larger than {_MAX_FACTS_BYTES} bytes; write four lines", file=path)
        content = path.read_text(encoding="utf-8-sig")
        _check_flat(content, path)
        node = yaml.compose(content, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise CorpusError(f"is no YAML ({error.problem}); write 'name: value'", file=path, line=line) from error
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise CorpusError(f"cannot be read ({error}); write 'name: value' in UTF-8", file=path) from error
    if node is None:
        return {}
    if not isinstance(node, yaml.MappingNode):
        raise CorpusError("expected a mapping; write 'name: value'", file=path)
    facts: dict[str, str] = {}
    for key, value in node.value:
        line, name = key.start_mark.line + 1, str(key.value)
        if name not in FACTS or name in facts:
            what = "comes twice" if name in facts else "is unknown"
            raise CorpusError(f"{what}; use {', '.join(FACTS)} once each", file=path, line=line, key=name[:40])
        facts[name] = "" if value.tag == "tag:yaml.org,2002:null" else str(value.value)
    return facts


def _check_flat(content: str, path: Path) -> None:
    """Refuse nesting before a tree is built: PyYAML takes seconds for some thousand brackets, then fails."""
    depth = 0
    for event in yaml.parse(content, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > 1:
            line = event.start_mark.line + 1 if event.start_mark else None
            raise CorpusError("expected one text for each name; write 'name: value'", file=path, line=line)
