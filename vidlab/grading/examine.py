"""One submission is graded: its cells run in the jail, the instructor's checks run here, against stand-ins.

Each question stands for itself: a cell that never ends, or takes the process with it, is left out, and the others are
run again without it. A zero always has a reason. The same submission, assignment and secret give the same grade.

Everything runs twice. What the student's code prints and says is told from the first run, which sees no hidden input;
of the second, with the hidden checks, nothing is told but the hints that the instructor wrote.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import io
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from . import messages
from .assignment import Assignment, Cell
from .intake import Submission
from .jail import SLACK, Ended, Jail, Session
from .marks import Grade, Mark
from .remote import StudentError, names

REASON = 600  # characters of a reason
UNTOUCHED = ("YOUR ANSWER HERE", "# YOUR CODE HERE\nraise NotImplementedError()")  # as nbgrader hands them out
ROOM = 2 << 30  # bytes that a check may add to this process: a tensor of an unexpected shape can be spread to any size


class Examiner:
    """Grades submissions of one assignment, one after the other. secret: what the hidden inputs are drawn from.

    jail: one of this assignment that is starting already; by default a new one.
    """

    def __init__(self, assignment: Assignment, secret: bytes, jail: Jail | None = None) -> None:
        self.assignment, self.secret = assignment, secret
        self.jail = jail or Jail(assignment.masked, assignment.limits)

    def close(self) -> None:
        self.jail.close()

    def __enter__(self) -> Examiner:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def grade(self, submission: Submission) -> Grade:
        """Run and check it. Whatever the student's code does, a grade comes out."""
        grade = Grade(notes=list(submission.notes))
        dead: dict[str, str] = {}
        first = self._run(submission, grade.cells, {}, dead)
        told = {name: mark for name, mark in first.items() if mark.state != "right"}
        second = self._run(submission, None, told, dead) if len(told) < len(first) else told
        grade.marks = [second[cell.id] for cell in self.assignment.questions]
        return grade

    def _run(
        self, submission: Submission, cells: dict[str, dict] | None, known: dict[str, Mark], dead: dict[str, str]
    ) -> dict[str, Mark]:
        """All marks, those that are known included. cells: takes what is printed; None: the run with hidden checks.

        dead: the cells that end the process, and why; more are added.
        """
        marks = dict(known)
        until = time.monotonic() + self.assignment.limits.total
        while True:  # at most once more for each cell that ends the process
            try:
                with self.jail.session(until) as session:
                    self._through(submission, session, cells, marks, dead)
                return marks
            except _Died as died:
                dead[died.where] = died.reason
                if time.monotonic() > until:
                    for cell in self.assignment.questions:
                        marks.setdefault(cell.id, Mark(cell.id, 0.0, cell.points, "failed", died.reason))
                    return marks

    def _through(
        self,
        submission: Submission,
        session: Session,
        cells: dict[str, dict] | None,
        marks: dict[str, Mark],
        dead: dict[str, str],
    ) -> None:
        """From the first cell to the last; what was marked before is not asked again."""
        ours: dict[str, Any] = {"__name__": "check"}
        for step in submission.steps:
            if step.kind == "check":
                if step.id not in marks:
                    marks[step.id] = self._check(step, session, ours, dead, cells is None)
                continue
            if step.kind == "given":
                with contextlib.suppress(Exception):  # what needs the student's names cannot run here
                    _run_quietly(step.source, ours)
            if step.kind == "manual":
                written = step.id in submission.answered and step.source.strip() not in ("", *UNTOUCHED)
                words = "a person will read it" if written else "nothing was written"
                marks[step.id] = Mark(step.id, 0.0, step.points, "manual" if written else "open", words)
            if not step.code or not step.source.strip() or step.id in dead:
                continue
            try:
                answer, _ = session.ask({"do": "run", "cell": step.id, "source": step.source})
            except Ended as ended:
                if cells is not None:
                    cells[step.id] = {"printed": "", "error": f"it was not run to its end: {ended.what}"}
                raise _Died(step.id, ended.what) from ended
            if cells is not None:
                cells[step.id] = _told(answer)

    def _check(self, step: Cell, session: Session, ours: dict[str, Any], dead: dict[str, str], hidden: bool) -> Mark:
        """What students can see; in the run with hidden checks also what they cannot."""
        mark = Mark(step.id, 0.0, step.points, "wrong")
        if step.id in dead:
            mark.reason = f"the check could not be finished: {dead[step.id]}"
            return mark
        torch.manual_seed(0)
        np.random.seed(0)  # noqa: NPY002, an old check may use it
        try:
            there = dict(ours) | names(session, self.assignment.names)
            for part, secret in ((step.public, b""), (step.hidden, self.secret))[: 1 + hidden]:
                there["rng"] = torch.Generator().manual_seed(self._seed(step.id, secret))
                reason = self._asked(part, hidden, there)
                if session.ended:  # whatever the check made of it
                    raise Ended(session.ended)
                if reason is not None:
                    mark.state, mark.reason = reason
                    if dead:
                        left_out = ", ".join(f"“{name}” ({why})" for name, why in dead.items())
                        mark.reason += f" (Not run: {left_out}.)"
                    return mark
        except Ended as ended:
            raise _Died(step.id, ended.what) from ended
        mark.state, mark.points, mark.reason = "right", step.points, "right"
        return mark

    def _asked(self, part: str, hidden: bool, there: dict[str, Any]) -> tuple[str, str] | None:
        """None if all is well; else a state and a reason: after a hidden input only a hint, or the kind of error."""
        try:
            with _in_time(SLACK + self.assignment.limits.seconds), _in_room(ROOM):
                _run_quietly(part, there)
            return None
        except Ended:
            raise
        except _Late as late:
            raise Ended(str(late)) from late
        except AssertionError as error:
            says = str(error)[:REASON]
            return "wrong", says if says and (not hidden or says in _hints(part)) else "a check failed"
        except StudentError as error:
            if error.kind == "NotImplementedError":
                return "open", "not tried yet"
            says = "" if hidden or not error.says else f": {error.says}"
            return "wrong", f"{error.what}{says}"[:REASON]
        except NameError as error:
            if error.name in self.assignment.names:
                return "failed", f"`{error.name}` is not defined: its cell is missing, or stopped with an error"
            return "wrong", "the check could not be finished"
        except Exception as error:
            says = "" if hidden else f" ({type(error).__name__}: {error})"
            return "wrong", f"the answer is of another kind than the check can use{says}"[:REASON]

    def _seed(self, question: str, secret: bytes) -> int:
        """The same for all students of a class, and unknown to them."""
        word = hashlib.sha256(secret + self.assignment.name.encode() + b"/" + question.encode()).digest()
        return int.from_bytes(word[:7], "big")


class _Late(BaseException):
    """No Exception: a check may expect one."""


class _Died(Exception):
    def __init__(self, where: str, reason: str) -> None:
        super().__init__(where)
        self.where, self.reason = where, reason


def _told(answer: dict) -> dict:
    """What the jail says of a cell, cut down to words."""
    error, words = answer.get("error"), ""
    if isinstance(error, dict):
        kind, says = messages.words(error.get("type")), messages.words(error.get("says"))
        line = error.get("line")
        at = f", line {line}" if type(line) is int and 0 < line < 1_000_000 else ""
        words = f"{kind[:80] or 'an error'}{at}: {says}"[:REASON]
    return {"printed": messages.words(answer.get("printed"))[:20_000], "error": words}


def _hints(part: str) -> set[str]:
    """What the instructor's asserts say: a message that was made elsewhere could hold the hidden input."""
    asserts = [node.msg for node in ast.walk(ast.parse(part)) if isinstance(node, ast.Assert)]
    return {node.value[:REASON] for node in asserts if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def _run_quietly(source: str, there: dict[str, Any]) -> None:
    if source.strip():
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(ast.parse(source), "<check>", "exec"), there)


@contextlib.contextmanager
def _in_time(seconds: float) -> Iterator[None]:
    """An exception in this block after so long; only the main thread can be reached so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def late(*_: object) -> None:
        raise _Late(f"the check took more than {seconds:g} seconds")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)  # again, should the check have caught it
    try:
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:  # once more, should it have come just then
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def _in_room(room: int) -> Iterator[None]:
    """A MemoryError in this block, or torch's RuntimeError, instead of all of the machine's memory; Linux only."""
    if sys.platform != "linux":
        yield
        return
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = resource.getrlimit(resource.RLIMIT_AS)[1]
    wanted = pages * resource.getpagesize() + room
    resource.setrlimit(resource.RLIMIT_AS, (wanted if most < 0 else min(wanted, most), most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
