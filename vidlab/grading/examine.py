"""One submission is graded: its cells run in the jail, the instructor's checks run here, against stand-ins.

Each question stands for itself: a cell that never ends, or takes the process with it, is left out, and the others are
run again without it. A zero always has a reason. The same submission, assignment and secret give the same grade.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import io
import signal
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch

from .assignment import Assignment, Cell
from .intake import IntakeError, Submission
from .jail import Ended, Jail, Session
from .remote import StudentError, names

REASON = 600  # characters of a reason
SLACK = 60.0  # seconds a check may compute by itself, beside what it waits for


@dataclass
class Mark:
    """What one question got. state: "right", "wrong", "open" (nothing written), "failed" (not run) or "manual"."""

    id: str
    points: float
    most: float
    state: str
    reason: str = ""


@dataclass
class Grade:
    """What a submission got; `manual` points are still to come. cells: what answers printed, and their errors."""

    marks: list[Mark] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    cells: dict[str, dict] = field(default_factory=dict)

    @property
    def points(self) -> float:
        return sum(mark.points for mark in self.marks)

    def as_dict(self) -> dict:
        return asdict(self)


def refused(assignment: Assignment, error: IntakeError) -> Grade:
    """The grade of a submission that cannot be read: nothing, and why."""
    marks = [Mark(cell.id, 0.0, cell.points, "failed", error.what) for cell in assignment.questions]
    return Grade(marks, [str(error)])


class Examiner:
    """Grades submissions of one assignment, one after the other. secret: what the hidden inputs are drawn from."""

    def __init__(self, assignment: Assignment, secret: bytes) -> None:
        self.assignment, self.secret = assignment, secret
        self.jail = Jail(assignment.masked, assignment.limits)

    def close(self) -> None:
        self.jail.close()

    def __enter__(self) -> Examiner:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def grade(self, submission: Submission) -> Grade:
        """Run and check it. Whatever the student's code does, a grade comes out."""
        grade, dead = Grade(notes=list(submission.notes)), {}
        marks: dict[str, Mark] = {}
        while True:  # at most once more for each cell that ends the process
            try:
                with self.jail.session() as session:
                    self._through(submission, session, grade, marks, dead)
                break
            except _Died as died:
                dead[died.where] = died.reason
        grade.marks = [marks[cell.id] for cell in self.assignment.questions]
        return grade

    def _through(
        self, submission: Submission, session: Session, grade: Grade, marks: dict[str, Mark], dead: dict[str, str]
    ) -> None:
        """From the first cell to the last; what was marked before is not asked again."""
        ours: dict[str, Any] = {"__name__": "check"}
        for step in submission.steps:
            if step.kind == "check":
                if step.id not in marks:
                    marks[step.id] = self._check(step, submission, session, ours, dead)
                continue
            if step.kind == "given":
                with contextlib.suppress(Exception):  # what needs the student's names cannot run here
                    _run_quietly(step.source, ours)
            if step.kind == "manual":
                written = step.id in submission.answered and step.source.strip()
                words = "a person will read it" if written else "nothing was written"
                marks[step.id] = Mark(step.id, 0.0, step.points, "manual" if written else "open", words)
            if not step.code or not step.source.strip() or step.id in dead:
                continue
            try:
                answer, _ = session.ask({"do": "run", "cell": step.id, "source": step.source})
            except Ended as ended:
                grade.cells[step.id] = {"printed": "", "error": f"it was not run to its end: {ended.what}"}
                raise _Died(step.id, ended.what) from ended
            grade.cells[step.id] = _told(answer)

    def _check(
        self, step: Cell, submission: Submission, session: Session, ours: dict[str, Any], dead: dict[str, str]
    ) -> Mark:
        """First what students can see, then what they cannot."""
        mark = Mark(step.id, 0.0, step.points, "wrong")
        if step.id in dead:
            mark.reason = f"the check could not be finished: {dead[step.id]}"
            return mark
        torch.manual_seed(0)
        np.random.seed(0)  # noqa: NPY002, an old check may use it
        try:
            there = dict(ours) | names(session, self.assignment.names)
            there["rng"] = torch.Generator().manual_seed(self._seed(step.id))
            for part, hidden in ((step.public, False), (step.hidden, True)):
                reason = self._asked(part, hidden, there)
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
        """None if all is well; else a state and a reason: of a hidden part only a hint, or the kind of error."""
        try:
            with _in_time(SLACK + self.assignment.limits.seconds):
                _run_quietly(part, there)
            return None
        except Ended:
            raise
        except AssertionError as error:
            return "wrong", str(error)[:REASON] or "a check failed"
        except StudentError as error:
            if error.kind == "NotImplementedError":
                return "open", "not tried yet"
            says = "" if hidden or not error.says else f": {error.says}"
            return "wrong", f"{error}{says}"[:REASON]
        except NameError as error:
            if error.name in self.assignment.names:
                return "failed", f"`{error.name}` is not defined: its cell is missing, or stopped with an error"
            return "wrong", "the check could not be finished"
        except Exception as error:
            says = "" if hidden else f" ({type(error).__name__}: {error})"
            return "wrong", f"the answer is of another kind than the check can use{says}"[:REASON]

    def _seed(self, question: str) -> int:
        """The same for all students of a class, and unknown to them."""
        word = hashlib.sha256(self.secret + self.assignment.name.encode() + b"/" + question.encode()).digest()
        return int.from_bytes(word[:7], "big")


class _Died(Exception):
    def __init__(self, where: str, reason: str) -> None:
        super().__init__(where)
        self.where, self.reason = where, reason


def _told(answer: dict) -> dict:
    """What the jail says of a cell, cut down to words."""
    error, printed = answer.get("error"), answer.get("printed")
    words = ""
    if isinstance(error, dict):
        kind, says, line = (error.get(key) for key in ("type", "says", "line"))
        at = f", line {line}" if type(line) is int else ""
        words = f"{kind}{at}: {says}"[:REASON] if isinstance(kind, str) and isinstance(says, str) else "an error"
    return {"printed": printed[:20_000] if isinstance(printed, str) else "", "error": words}


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
        raise Ended(f"the check took more than {seconds:g} seconds")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
