"""A class is graded: by worker processes of this machine, or by Dask's; and written down by this process alone.

A record is written when its grade is there, so a program that was killed goes on where it was. A worker that dies is
replaced, and its submission is tried again; only then a zero is written down, with the reason.
"""

from __future__ import annotations

import contextlib
import functools
from collections import Counter, deque
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

from tqdm import tqdm

from . import intake
from .assignment import Assignment, load
from .intake import IntakeError
from .jail import JailError
from .marks import Grade, refused
from .store import Course, Record, digest, handed_in
from .workers import Job, local, spread

TRIES = 3
SOURCES = "messages wire jail inmate calls remote intake assignment marks examine workers".split()


@dataclass
class Outcome:
    """What happened. troubles: in words, for the instructor."""

    graded: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)


def grade(
    course: Course,
    name: str,
    workers: int,
    regrade: bool = False,
    scheduler: str | None = None,
    dry: bool = False,
    jailed: bool = True,
) -> Outcome:
    """Grade what has no record yet. Equal bytes are examined once. dry: say only what would be done. jailed: False runs
    what students wrote as you; what was graded so counts as not graded when there is a jail again.

    Raises:
        JailError: no jail on this machine. Nobody gets a zero for that.
    """
    assignment = load(course.source(name))
    assignment = replace(assignment, limits=replace(assignment.limits, jailed=jailed))
    secret = course.secret(make=not dry)
    outcome, jobs, whose = _plan(course, name, assignment, secret, regrade, dry)
    if dry or not jobs:
        return outcome
    answers = spread(jobs, assignment, secret, scheduler) if scheduler else local(jobs, assignment, secret, workers)
    tries: Counter[str] = Counter()
    with contextlib.closing(answers), tqdm(total=len(jobs), desc=name, unit="submission", disable=None) as bar:
        for job, answer in answers:
            who = ", ".join(record.student for record in whose[job[0]])
            if "jail" in answer:
                raise JailError(answer["jail"])
            if "broken" in answer:
                tries[job[0]] += 1
                if tries[job[0]] < TRIES:
                    jobs.append(job)
                    continue
                outcome.troubles.append(f"{who}: it could not be graded ({answer['broken']}); look at it yourself")
                answer = {"grade": _given_up(assignment, answer["broken"]).as_dict()}
            bar.update()
            if "changed" in answer:
                outcome.troubles.append(f"{who}: the file was changed meanwhile; grade again")
                continue
            for record in whose[job[0]]:
                course.keep(name, replace(record, **answer))
                outcome.graded.append(record.student)
    return outcome


def _plan(
    course: Course, name: str, assignment: Assignment, secret: bytes, regrade: bool, dry: bool
) -> tuple[Outcome, deque[Job], dict[str, list[Record]]]:
    """What is done already, what needs no examining and is written down now, and the jobs that are left."""
    found, odd = course.submissions(name)
    records = {} if regrade else course.records(name)
    same = {record.key: record for record in records.values()}
    about = f"{assignment.version} {grader()} {digest(b'key' + secret)}"
    outcome, jobs, whose = Outcome(troubles=odd), deque(), {}
    for student, path in found.items():
        try:
            sha256, error = digest(intake.contents(path)), None
        except IntakeError as refusal:
            sha256, error = digest(str(refusal).encode()), refusal
        key = digest(f"{sha256} {about}".encode())
        record = Record(student, key, sha256, handed_in(path))
        ready = None
        if key in same:
            ready = replace(same[key], student=student, submitted=record.submitted)
        elif error is not None:
            ready = replace(record, grade=refused(assignment, error).as_dict())
        elif key in whose:
            whose[key].append(record)
        else:
            jobs.append((key, path, sha256))
            whose[key] = [record]
        if ready is not None:
            (outcome.kept if ready == records.get(student) else outcome.graded).append(student)
            if ready != records.get(student) and not dry:
                course.keep(name, ready)
    if dry:
        outcome.graded += [record.student for each in whose.values() for record in each]
    return outcome, jobs, whose


@functools.cache
def grader() -> str:
    """Changes when the programs that grade change."""
    here = Path(__file__).parent
    return digest(b"\0".join([version("torch").encode(), *((here / f"{name}.py").read_bytes() for name in SOURCES)]))


def _given_up(assignment: Assignment, why: str) -> Grade:
    """No points, and the reason; a person has to look."""
    grade = refused(assignment, IntakeError(f"it could not be graded, {TRIES} times: {why}"))
    grade.notes.append("Your instructor knows of it.")
    return grade
