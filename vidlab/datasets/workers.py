"""Worker processes, each of one thread: they cut videos and write the bytes to their place; the parent keeps the books.

A file may be damaged so cleverly that the decoder never comes back, or takes its process down. So a worker has a time
limit for each video, after which it is ended and another one begins with the next video.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import time
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from ..errors import DataError
from .rows import Row

BIRTH = 120.0  # seconds that a process may take to begin: its imports, on a disk that may be slow, among many others
BIRTHS = 3  # processes in a row that end before they could begin
TRIES = 2  # a process may also be ended because the machine lacks memory, which is not the video's fault


class Job(NamedTuple):
    """A video and the byte of the file at which its clips begin."""

    row: Row
    offset: int


class Answer(NamedTuple):
    """What came of a video: the checksum of its bytes, or why it cannot be used."""

    crc: int | None
    reason: str = ""


def carried_out(jobs: Iterable[Job], path: Path, how, workers: int, limit: float) -> Iterator[tuple[Job, Answer]]:
    """Each job with its answer, as they are done. The bytes are in the file before the answer comes.

    Args:
        path: the file that the workers write to. how: a `Cut`. limit: seconds for a video.

    Raises:
        DataError: processes cannot begin, or the file cannot be written.
    """
    waiting, tries, unborn = deque(jobs), {}, 0
    busy: dict[Connection, _Worker] = {}
    idle: list[_Worker] = []
    try:
        while waiting or busy:
            while waiting and len(busy) < workers:
                worker = idle.pop() if idle else _Worker(path, how)
                worker.begin(waiting.popleft(), limit)
                busy[worker.line] = worker
            patience = min(worker.until for worker in busy.values()) - time.monotonic()
            ready = wait(list(busy), timeout=max(0.0, patience))
            late = [line for line, worker in busy.items() if line not in ready and worker.until < time.monotonic()]
            for line in [*ready, *late]:
                worker = busy[line]
                said = worker.answer() if line in ready else ("late", f"it took longer than {limit:g} s")
                if said[0] == "ready":
                    worker.until, unborn = time.monotonic() + limit, 0
                    continue
                del busy[line]
                if said[0] in ("done", "bad"):
                    idle.append(worker)
                    yield worker.job, Answer(said[1]) if said[0] == "done" else Answer(None, said[1])
                    continue
                worker.end()
                if said[0] == "full":
                    raise DataError(f"{path} cannot be written ({said[1]})", mend="make room, and call it again")
                if not worker.ready:  # that says nothing about the video
                    unborn += 1
                    if unborn >= BIRTHS:
                        raise DataError("worker processes end before they begin", mend="fewer workers=, more memory")
                    waiting.appendleft(worker.job)
                    continue
                tries[worker.job] = tries.get(worker.job, 0) + 1
                if said[0] == "dead" and tries[worker.job] < TRIES:
                    waiting.appendleft(worker.job)
                else:
                    yield worker.job, Answer(None, said[1])
    finally:
        for worker in [*busy.values(), *idle]:
            worker.end()


class _Worker:
    """A process that cuts one video after the other."""

    def __init__(self, path: Path, how) -> None:
        spawn = multiprocessing.get_context("spawn")
        self.line, theirs = spawn.Pipe()
        self.process = spawn.Process(target=_serve, args=(theirs, path, how), daemon=True)
        with _bare():
            self.process.start()
        theirs.close()
        self.ready, self.job, self.until = False, None, 0.0

    def begin(self, job: Job, limit: float) -> None:
        self.job, self.until = job, time.monotonic() + (limit if self.ready else BIRTH)
        with contextlib.suppress(OSError):  # if it is dead, that is seen when its answer is read
            self.line.send(job)

    def answer(self) -> tuple[str, object]:
        """(kind, what) as `_serve` says it, or "dead"."""
        try:
            said = self.line.recv()
        except (EOFError, OSError):
            self.process.join(5)
            code = self.process.exitcode or 0
            with contextlib.suppress(ValueError):
                return "dead", f"the decoder brought its process down ({signal.Signals(-code).name})"
            return "dead", "the decoder brought its process down"
        self.ready = True
        return said

    def end(self) -> None:
        self.process.kill()  # it holds nothing that a kill could spoil: what it writes counts when it has said so
        self.process.join()
        self.line.close()


@contextlib.contextmanager
def _bare() -> Iterator[None]:
    """What a new process inherits: one thread for each library, and nothing of the program that was started.

    Or each process would run that program's imports, and with them torch; and a script without `if __name__ ==
    "__main__"` would start itself again in each.
    """
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    before, program = {name: os.environ.get(name) for name in names}, sys.modules["__main__"]
    os.environ.update(dict.fromkeys(names, "1"))
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = program
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _serve(line: Connection, path: Path, how) -> None:
    """Say "ready"; then to each job "done" and a checksum, "bad" and the reason, or "full"."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent
    from ..container import FAILURES
    from ..errors import VidlabError
    from .cutting import cut

    with contextlib.suppress(EOFError, OSError), open(path, "r+b", buffering=0) as file:
        line.send(("ready", None))
        while True:
            row, offset = line.recv()
            try:
                clips = memoryview(cut(row, how).tobytes())
            except (VidlabError, *FAILURES) as error:
                line.send(("bad", str(error).replace(str(row.path), row.path.name) or type(error).__name__))
                continue
            try:
                file.seek(offset)
                for begin in range(0, len(clips), 1 << 24):
                    part = clips[begin : begin + (1 << 24)]
                    while len(part):
                        part = part[file.write(part) :]
            except OSError as error:
                line.send(("full", str(error)))
                return
            line.send(("done", zlib.crc32(clips)))
