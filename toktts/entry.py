"""What every command does around its work: one-line errors, exit codes, signals."""

import errno
import functools
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType, TracebackType
from typing import NoReturn

from toktts.errors import AudioError, ToktsError
from toktts.memory import is_shortage

USER_FAULT, INTERRUPTED, BROKEN_PIPE, TERMINATED = 2, 130, 141, 143
_ENVIRONMENT_FAULTS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES)


def run_command(main: Callable[[], None], *, debug: bool = False) -> NoReturn:
    """Run the work of a command, then end the process the way a user and a script expect.

    Exit code 0 when done, 2 after a fault of the user (one line on stderr), 1 after a fault of ours (also one line),
    130 after Ctrl-C, 143 after SIGTERM, 141 when nobody reads stdout any more.

    Args:
        main: the work; it may install signal handlers of its own.
        debug: print the traceback too.
    """
    signal.signal(signal.SIGTERM, _terminate)
    sys.excepthook = functools.partial(_report_bug, debug)
    try:
        main()
        sys.stdout.flush()
    except ToktsError as error:
        _report_fault(error, debug)
    except KeyboardInterrupt:
        print("toktts: interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # Python flushes stdout once more while it exits, and would complain about the pipe again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(BROKEN_PIPE)
    except (MemoryError, RuntimeError) as error:
        if not is_shortage(error):
            raise
        _report_fault(ToktsError("memory ran out; lower the batch size, or leave other programs"), debug)
    except OSError as error:
        if error.errno not in _ENVIRONMENT_FAULTS:
            raise
        _report_fault(
            ToktsError(f"{error.strerror}; free some space or choose another place", file=error.filename), debug
        )
    sys.exit(0)


def check_output(path: Path, *, force: bool) -> None:
    """Refuse, before any work is done, a sound file that could not be written in the end.

    Args:
        path: the file to be written; the ending chooses the format.
        force: an existing file may be replaced.
    Raises:
        AudioError: unknown ending, no such folder, a folder, or the file exists.
    """
    from toktts.audio.waveform import FORMATS

    if path.suffix.lower() not in FORMATS:
        raise AudioError(f"cannot write {path.suffix or 'no ending'!r}; use one of {', '.join(FORMATS)}", file=path)
    check_place(path, AudioError, force=force)


def check_place(path: Path, error: type[ToktsError], *, force: bool) -> None:
    """Refuse, before any work is done, a file that could not be written in the end.

    Args:
        path: the file to be written.
        error: what to raise.
        force: an existing file may be replaced.
    """
    if not path.parent.is_dir():
        raise error("is in a folder that does not exist; make the folder first", file=path)
    if path.is_dir():
        raise error("is a folder; name a file in it", file=path)
    if path.exists() and not force:
        raise error("exists already; choose another name, or replace it with --force", file=path)


def read_text(source: Path | None = None) -> str:
    """Read UTF-8 text, with or without a byte order mark.

    Args:
        source: a file; None = standard input.
    Raises:
        ToktsError: a byte that is not UTF-8, named by its offset.
    """
    content = sys.stdin.buffer.read() if source is None else source.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = "standard input" if source is None else source
        raise ToktsError(f"byte {error.start} is not UTF-8; save the text as UTF-8", file=place) from error


def read_argument(text: str) -> str:
    r"""Undo what Python does to the UTF-8 of a command line where the locale is not UTF-8, as under `LC_ALL=C`.

    >>> read_argument("caf\udcc3\udca9")
    'café'
    """
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text  # half a character of another kind, which is refused later


def _terminate(_signum: int, _frame: FrameType | None) -> None:
    """Leave by SystemExit, so that `finally` and `with` clean up."""
    sys.exit(TERMINATED)


def _report_fault(error: ToktsError, debug: bool) -> NoReturn:
    if debug:
        traceback.print_exc()
    print(error.one_line(), file=sys.stderr)
    sys.exit(USER_FAULT)


def _report_bug(debug: bool, kind: type[BaseException], value: BaseException, trace: TracebackType | None) -> None:
    """As `sys.excepthook`: a fault of ours in one line; Python then exits with 1."""
    if debug:
        sys.__excepthook__(kind, value, trace)
    last = traceback.extract_tb(trace)[-1]
    bug = ToktsError(
        f"unexpected {kind.__name__}: {value}; run it again with --debug and report what it prints",
        file=last.filename,
        line=last.lineno,
    )
    print(bug.one_line(), file=sys.stderr)
