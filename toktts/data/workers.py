"""Processes that encode: none outlives its parent, and one that dies costs at most the clip that killed it."""

import contextlib
import ctypes
import logging
import os
import signal
import subprocess
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe, wait
from pathlib import Path
from types import TracebackType
from typing import Self

from toktts.codecs._base import Codec
from toktts.data.encoding import CHUNK_CLIPS, Arrangement, Clip, ClipSettings, Outcome, encode_chunk
from toktts.data.rejects import Rejected
from toktts.errors import CodecError, ToktsError

# A fresh interpreter instead of a fork (which deadlocks once torch has threads) or multiprocessing's spawn (which runs
# the caller's script again).
# The package's public door stays shut: it registers models, and imports transformers, which takes seconds, to do so.
_COMMAND = """
import sys, types
sys.modules["toktts"] = door = types.ModuleType("toktts")
door.__path__ = [sys.argv[3]]
from toktts.data.workers import serve
serve(int(sys.argv[1]), parent=int(sys.argv[2]))
"""
_PACKAGE = Path(__file__).parent.parent
_PR_SET_PDEATHSIG = 1

_log = logging.getLogger(__name__)


@dataclass
class _Task:
    """A chunk on its way: the positions of its clips in the whole list, and the clips."""

    positions: list[int]
    clips: list[Clip]

    def without(self, lost: set[int]) -> "_Task":
        kept = [index for index in range(len(self.clips)) if index not in lost]
        return _Task([self.positions[index] for index in kept], [self.clips[index] for index in kept])

    def only(self, index: int) -> "_Task":
        return _Task([self.positions[index]], [self.clips[index]])


@dataclass
class _Worker:
    process: subprocess.Popen[bytes]
    connection: Connection
    task: _Task | None = None
    at: tuple[int, ...] = ()


class WorkerPool:
    """Encodes chunks of clips in processes of their own; use it in a `with` block.

    Args:
        codec_class: what the processes build.
        folder: where its `save_pretrained` wrote; it must stay there.
        settings: see `ClipSettings`.
        arrangement: see `Arrangement`.
    """

    def __init__(
        self, codec_class: type[Codec], folder: Path, settings: ClipSettings, arrangement: Arrangement
    ) -> None:
        self._job = (codec_class, folder, settings, arrangement)
        self._arrangement = arrangement
        self._workers: list[_Worker] = []
        self._deaths: Counter[tuple[int, ...]] = Counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            _stop(worker)
        self._workers.clear()

    def encode(self, clips: Sequence[Clip], *, on_done: Callable[[int], None]) -> list[Outcome]:
        """Encode clips on all processes.

        Args:
            clips: in the order wanted.
            on_done: gets the number of clips that are finished, after each chunk.
        Returns:
            One outcome a clip, in the order of `clips`. A clip on which a process dies twice is rejected.
        Raises:
            CorpusError, CodecError: as `encode_chunk`.
            CodecError: processes die before they read a clip.
        """
        outcomes: dict[int, Outcome] = {}
        self._deaths.clear()
        tasks = deque(_tasks(clips))
        while tasks or any(worker.task for worker in self._workers):
            self._hand_out(tasks)
            busy = {worker.connection: worker for worker in self._workers if worker.task}
            for connection in wait(list(busy)):
                worker = busy[connection]  # type: ignore[index]  # only connections were given
                task = worker.task
                assert task is not None
                results = self._receive(worker, outcomes, tasks)
                if results is not None:
                    outcomes.update(zip(task.positions, results, strict=True))
                    on_done(len(outcomes))
        return [outcomes[position] for position in range(len(clips))]

    def _hand_out(self, tasks: deque[_Task]) -> None:
        idle = [worker for worker in self._workers if worker.task is None]
        while tasks and (idle or len(self._workers) < self._arrangement.workers):
            worker = idle.pop() if idle else self._start()
            worker.task, worker.at = tasks.popleft(), ()
            # A worker that is dead already is noticed when its answer is read.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                worker.connection.send(worker.task.clips)

    def _start(self) -> _Worker:
        ours, theirs = Pipe()
        threads = str(self._arrangement.threads)
        process = subprocess.Popen(
            [sys.executable, "-c", _COMMAND, str(theirs.fileno()), str(os.getpid()), str(_PACKAGE)],
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": threads},
            start_new_session=True,  # Ctrl-C is the parent's to handle
        )
        theirs.close()
        worker = _Worker(process, ours)
        self._workers.append(worker)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            ours.send(self._job)
        return worker

    def _receive(self, worker: _Worker, outcomes: dict[int, Outcome], tasks: deque[_Task]) -> list[Outcome] | None:
        """One message: the clips a worker is at (None), its results, an error (raised), or its death (None)."""
        try:
            message = worker.connection.recv()
        except (EOFError, OSError):
            tasks.extendleft(self._bury(worker, outcomes))
            return None
        if isinstance(message, ToktsError):
            raise message
        if isinstance(message, tuple):
            worker.at = message
            return None
        worker.task = None
        return list(message)

    def _bury(self, worker: _Worker, outcomes: dict[int, Outcome]) -> list[_Task]:
        """Decide what is left to do of a dead worker's chunk; clips that it had together are tried one by one."""
        task = worker.task
        assert task is not None
        code = worker.process.wait()
        worker.connection.close()
        self._workers.remove(worker)
        names = ", ".join(task.clips[index].id for index in worker.at) or "start"
        if code >= 0:
            raise RuntimeError(f"encoding process ended with exit code {code} at {names}; its traceback is above")
        reason = signal.Signals(-code).name
        _log.warning("encoding process %d died (%s) at %s", worker.process.pid, reason, names)
        if len(worker.at) > 1:
            return [task.without(set(worker.at)), *map(task.only, worker.at)]
        suspects = tuple(task.positions[index] for index in worker.at)
        self._deaths[suspects] += 1
        if self._deaths[suspects] < 2:
            return [task]
        if not suspects:
            raise CodecError(f"encoding processes die at the start ({reason}); use fewer workers or a smaller codec")
        for index in worker.at:
            clip = task.clips[index]
            file = None if isinstance(clip.audio, bytes) else os.fspath(clip.audio)
            outcomes[task.positions[index]] = Rejected(
                clip.id, file, f"killed the process that encoded it twice ({reason}); convert it again"
            )
        return [task.without(set(worker.at))]


def serve(handle: int, *, parent: int) -> None:
    """Encode what comes through a pipe until it closes; the main function of a worker.

    Args:
        handle: file descriptor of the pipe's end.
        parent: process id that must stay alive.
    """
    _die_with(parent)
    connection = Connection(handle)
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        codec_class, folder, settings, arrangement = connection.recv()
        codec = None
        while True:
            clips = connection.recv()
            try:
                codec = codec or codec_class.from_pretrained(folder)
                connection.send(encode_chunk(clips, codec, settings, arrangement, report=connection.send))
            except ToktsError as error:
                connection.send(error)


def _die_with(parent: int) -> None:
    """End this process when its parent ends, even by SIGKILL; elsewhere than on Linux the closed pipe ends it."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)


def _tasks(clips: Sequence[Clip]) -> Iterator[_Task]:
    for start in range(0, len(clips), CHUNK_CLIPS):
        chunk = list(clips[start : start + CHUNK_CLIPS])
        yield _Task(list(range(start, start + len(chunk))), chunk)


def _stop(worker: _Worker) -> None:
    if worker.process.poll() is None:
        worker.process.kill()
    worker.process.wait()
    worker.connection.close()
