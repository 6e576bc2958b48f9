"""Those who grade: processes of this machine, or the workers of a Dask cluster. Each keeps its jail between two jobs.

What a worker is told is bytes, and what it answers is JSON:

    {"grade": ..., "steps": ...}   a grade, and the student's own cells as [id, kind, source]
    {"broken": why}                something went wrong that may go well again
    {"unborn": why}                its process ended before it could begin
    {"jail": why}                  nothing can be graded there
    {"changed": true}              the file is not what it was
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING

from . import intake
from .assignment import Assignment
from .intake import IntakeError
from .jail import SLACK, WANTED, Ended, Jail, JailError
from .marks import refused
from .store import digest

if TYPE_CHECKING:  # torch takes a second, and memory: the process that writes does without
    from .examine import Examiner

Job = tuple[str, Path, str]  # key, file, sha256
BIRTHS = 5  # processes in a row that end before they could begin

_examiner: list = []  # of this process: what it was made for, and it
_one_at_a_time = threading.Lock()  # Dask's workers have threads; seeds and output are the process's


def examined(assignment: Assignment, secret: bytes, data: bytes) -> str:
    """Grade a submission in this process, which keeps its jail: JSON with "grade" and "steps".

    Or with "jail", if there is none on this machine, or with "broken", if something went wrong that may go well again.
    """
    with _one_at_a_time:
        try:
            examiner = _ready(assignment, secret)
        except JailError as error:
            return json.dumps({"jail": str(error)})
        try:
            submission = intake.arrange(intake.parsed(data), assignment)
            grade = examiner.grade(submission)
            steps = [[s.id, s.kind, s.source] for s in submission.steps if s.kind in ("answer", "manual", "added")]
            return json.dumps({"grade": grade.as_dict(), "steps": steps})
        except IntakeError as error:
            return json.dumps({"grade": refused(assignment, error).as_dict(), "steps": []})
        except Exception as error:  # a submission must not end the grading of a class
            _examiner.pop()[1].close()
            return json.dumps({"broken": f"{type(error).__name__}: {error}"[:300]})


def _ready(assignment: Assignment, secret: bytes) -> Examiner:
    """This process's examiner, whose jail has worked once."""
    wanted = (assignment.version, secret)
    if _examiner and _examiner[0][0] != wanted:
        _examiner.pop()[1].close()
    if not _examiner:
        jail = Jail(assignment.masked, assignment.limits)  # imports torch in there while it is imported here
        from .examine import Examiner

        examiner = Examiner(assignment, secret, jail)
        try:
            with examiner.jail.session() as session:
                session.ask({"do": "run", "cell": "", "source": ""})  # it is set up only behind "born"
        except Ended as error:
            examiner.close()
            raise JailError(f"a session in the jail does not start ({error.what})", wanted=WANTED) from error
        except JailError:
            examiner.close()
            raise
        _examiner.append((wanted, examiner))
    return _examiner[0][1]


def _read(job: Job) -> bytes | None:
    """The bytes that the key was made of; None if they are others by now."""
    try:
        data = intake.contents(job[1])
    except IntakeError:
        return None
    return data if digest(data) == job[2] else None


def local(jobs: deque, assignment: Assignment, secret: bytes, workers: int) -> Iterator[tuple[Job, dict]]:
    """Each job and its answer, from processes of this machine; who adds jobs meanwhile gets them done, too."""
    patience = 2 * (assignment.limits.seconds + SLACK) * (len(assignment.cells) + 1)
    busy: dict[Connection, _Worker] = {}
    idle: list[_Worker] = []
    unborn = 0
    try:
        while jobs or busy:
            while jobs and len(busy) < workers:
                job = jobs.popleft()
                data = _read(job)
                if data is None:
                    yield job, {"changed": True}
                    continue
                worker = idle.pop() if idle else _Worker(assignment, secret)
                worker.begin(job, data, time.monotonic() + patience)
                busy[worker.line] = worker
            if not busy:
                continue
            ready = wait(list(busy), timeout=max(0.0, min(w.until for w in busy.values()) - time.monotonic()))
            late = [line for line, worker in busy.items() if worker.until < time.monotonic() and line not in ready]
            for line in [*ready, *late]:
                answer = busy[line].answer() if line in ready else {"broken": "it took too long"}
                if "ready" in answer:
                    unborn = 0
                    continue
                worker = busy.pop(line)
                if "grade" in answer:
                    idle.append(worker)
                else:
                    worker.end()
                if "unborn" in answer:  # that says nothing about the submission
                    unborn += 1
                    jobs.appendleft(worker.job)
                    if unborn < BIRTHS:
                        continue
                    answer = {"jail": answer["unborn"]}
                yield worker.job, answer
    finally:
        for worker in [*busy.values(), *idle]:
            worker.end()


class _Worker:
    """A process of this machine that grades one submission after the other. It is told, and tells, only bytes."""

    def __init__(self, assignment: Assignment, secret: bytes) -> None:
        spawn = multiprocessing.get_context("spawn")
        self.line, theirs = spawn.Pipe()
        self.process = spawn.Process(target=_serve, args=(theirs, assignment, secret), daemon=True)
        self.process.start()
        theirs.close()
        self.ready = False

    def begin(self, job: Job, data: bytes, until: float) -> None:
        self.job, self.until = job, until
        with contextlib.suppress(OSError):  # if it is dead, that is seen when its answer is read
            self.line.send_bytes(data)

    def answer(self) -> dict:
        """What it says; first of all, that it is ready."""
        try:
            answer = json.loads(self.line.recv_bytes())
        except (EOFError, OSError):
            if not self.ready:
                return {"unborn": "a process that should grade ended before it could begin; is there enough memory?"}
            return {"broken": "the process that graded it ended"}
        self.ready = True
        return answer

    def end(self) -> None:
        """Ask it to end its jail; a jail also ends with its process."""
        self.process.terminate()
        self.process.join(5)
        self.process.kill()
        self.process.join()
        self.line.close()


def _serve(line: Connection, assignment: Assignment, secret: bytes) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that writes
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    try:
        try:
            _ready(assignment, secret)
            line.send_bytes(b'{"ready": true}')
        except JailError as error:
            line.send_bytes(json.dumps({"jail": str(error)}).encode())
        import torch

        torch.set_num_threads(1)
        while True:
            line.send_bytes(examined(assignment, secret, line.recv_bytes()).encode())
    except (EOFError, OSError):  # the process that writes is gone
        return
    finally:
        while _examiner:
            _examiner.pop()[1].close()
        os._exit(0)  # an interpreter with torch takes half a second to end


def spread(jobs: deque, assignment: Assignment, secret: bytes, address: str) -> Iterator[tuple[Job, dict]]:
    """The same from the workers of a Dask cluster, which see the secret: it should be yours alone, with TLS."""
    from dask.distributed import Client, as_completed

    with Client(address, timeout=60) as client:
        running, whose, number = as_completed(), {}, 0
        while jobs or running.count():
            while jobs and running.count() < 4 * max(1, len(client.scheduler_info()["workers"])):
                job = jobs.popleft()
                data = _read(job)
                if data is None:
                    yield job, {"changed": True}
                    continue
                number += 1
                future = client.submit(examined, assignment, secret, data, key=f"{job[0]}-{number}", pure=False)
                whose[future.key] = job
                running.add(future)
            if running.count():
                future = next(running)
                if future.status == "finished":
                    yield whose.pop(future.key), json.loads(future.result())
                else:
                    yield whose.pop(future.key), {"broken": "the process that graded it ended"}
