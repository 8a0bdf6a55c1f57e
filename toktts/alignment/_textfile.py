"""Text files of alignments: decoded by their first bytes, and written whole or not at all."""

import codecs
import os
import re
import tempfile
from pathlib import Path

from toktts.errors import AlignmentError

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_LINE_END = re.compile(r"\r\n|\r|\n")


def read_text(path: str | os.PathLike[str]) -> str:
    """Read UTF-8, or UTF-16 that begins with its byte order mark; line ends stay as they are.

    Raises:
        AlignmentError: missing, unreadable or in another encoding.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise AlignmentError(f"cannot be read ({error.strerror}); name an existing file", file=path) from error
    encoding = "utf-16" if content.startswith(_UTF16) else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        name = "UTF-16" if encoding == "utf-16" else "UTF-8"
        raise AlignmentError(f"byte {error.start} is not {name}; save it as UTF-8", file=path, line=line) from error


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write UTF-8 with line ends as given; nothing partial is ever seen under `path`.

    Raises:
        AlignmentError: a label that UTF-8 cannot hold, or a folder or disk that cannot be written.
    """
    target = Path(path)
    try:
        content = text.encode("utf-8")
    except UnicodeEncodeError as error:
        shown = ascii(text[error.start])
        raise AlignmentError(f"cannot write {shown}, half a character; mend the label", file=target) from error
    try:
        handle, staging = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise AlignmentError(f"folder cannot be written ({error.strerror}); choose another", file=target) from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(staging, 0o644)
        os.replace(staging, target)
    except OSError as error:
        raise AlignmentError(f"cannot be written ({error.strerror}); choose another place", file=target) from error
    finally:
        Path(staging).unlink(missing_ok=True)


def line_of(text: str, position: int) -> int:
    """Count the lines up to a position, 1 = the first."""
    return len(_LINE_END.findall(text, 0, position)) + 1
