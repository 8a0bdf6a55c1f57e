"""A run folder <-> one safetensors file: its tensors and its texts, with a digest beside it."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save, save_file
from torch import Tensor

from toktts.data.atomic import write_atomically
from toktts.errors import ModelError

FORMAT = "toktts-synthesizer-1"
WEIGHTS = "model.safetensors"
TEXTS = (".json", ".yaml", ".txt")
CODEC = "codec"


def pack(folder: Path, path: Path, *, facts: Mapping[str, str]) -> str:
    """Write the model, tokenizer and codec of a run folder into one file, and its md5 beside it.

    Args:
        folder: a run folder.
        path: of the file; what lies there is replaced, whole.
        facts: more texts of the header.
    Returns:
        The md5, in hex.
    """
    tensors: dict[str, Tensor] = {}
    texts: dict[str, str] = {}
    for file in [*sorted(folder.iterdir()), *sorted(Path(folder, CODEC).iterdir())]:
        name = file.relative_to(folder).as_posix()
        if file.name == WEIGHTS or (file.suffix == ".safetensors" and file.parent.name == CODEC):
            with safe_open(file, framework="pt") as opened:
                tensors |= {f"{name}:{key}": opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118
                texts[f"{name}:"] = json.dumps(opened.metadata() or {})
        elif file.suffix in TEXTS and file.name != "trainer_state.json":
            texts[name] = file.read_text(encoding="utf-8")
    content = save(tensors, metadata={"format": FORMAT, "files": json.dumps(texts), **facts})
    write_atomically(path, content)
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    write_atomically(md5_path(path), f"{digest}  {path.name}\n".encode())
    return digest


def md5_path(path: Path) -> Path:
    """Where the digest of a file lies, as `md5sum` writes and checks it."""
    return path.with_name(path.name + ".md5")


def check_md5(path: Path, expected: str | None) -> str:
    """Refuse a file that is not as it was written.

    Args:
        path: of the file.
        expected: md5 in hex; None = the one recorded beside it.
    Returns:
        The md5.
    Raises:
        ModelError: no file, no digest, or another one.
    """
    if not path.is_file():
        raise ModelError("no such file; write it with export_synthesizer, or name a run folder", file=path)
    if expected is None:
        record = md5_path(path)
        words = record.read_text(encoding="utf-8", errors="replace").split() if record.is_file() else []
        if not words:
            raise ModelError(f"has no {record.name} beside it; copy that too, or pass its md5", file=path)
        expected = words[0]
    found = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    if found != expected.lower():
        raise ModelError(f"has md5 {found}, expected {expected}; it was altered, copy or export it again", file=path)
    return found


def read_header(path: Path) -> dict[str, str]:
    """Read the texts in the header of a packed file.

    Raises:
        ModelError: it is none.
    """
    try:
        with safe_open(path, framework="pt") as opened:
            header: dict[str, str] = opened.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise ModelError(f"is no safetensors file ({error}); write it with export_synthesizer", file=path) from error
    if header.get("format") != FORMAT:
        raise ModelError(f"is not of the format {FORMAT}; write it with export_synthesizer", file=path)
    return header


def unpack(path: Path, folder: Path) -> None:
    """Write a packed file as the folder it was made of.

    Raises:
        ModelError: it is none, or names a file outside of the folder.
    """
    texts: dict[str, str] = json.loads(read_header(path).get("files", "{}"))
    tensors: dict[str, dict[str, Tensor]] = {}
    with safe_open(path, framework="pt") as opened:
        for key in opened.keys():  # noqa: SIM118 - not a mapping
            name, _, tensor = key.partition(":")
            tensors.setdefault(name, {})[tensor] = opened.get_tensor(key)
    (folder / CODEC).mkdir(parents=True, exist_ok=True)
    for name, content in tensors.items():
        metadata: Any = json.loads(texts.pop(f"{name}:", "{}"))
        save_file(content, _inside(folder, name, path), metadata=metadata)
    for name, text in texts.items():
        if not name.endswith(":"):
            _inside(folder, name, path).write_text(text, encoding="utf-8")


def _inside(folder: Path, name: str, path: Path) -> Path:
    parts = PurePosixPath(name).parts
    if not (len(parts) == 1 or (len(parts) == 2 and parts[0] == CODEC)) or ".." in parts or name.startswith("/"):
        raise ModelError(f"names a file {name!r} outside of its folder; do not use it", file=path)
    return folder.joinpath(*parts)
