"""A course's folder: where each thing is kept, and how it is written so that a kill at any moment leaves nothing half.

source/hw1/hw1.ipynb   release/hw1/   submitted/STUDENT/hw1/hw1.ipynb, submission.json, timestamp.txt
graded/hw1/STUDENT.json   autograded/STUDENT/hw1/hw1.ipynb, for formgrader
feedback/hw1/STUDENT.html   grades/hw1.csv   gradebook.db   secret
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import unicodedata
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path

import filelock
from dateutil.parser import parse

from ..errors import VidlabError

NAME = re.compile(r"\w[\w.@+ -]*")  # of students and assignments; so never a path, an option, a formula or a tag
LONGEST = 120  # bytes of a name


MARK = {"id": str, "points": (int, float), "most": (int, float), "state": str, "reason": str}


class CourseError(VidlabError, ValueError):
    """The course's folder is not as it should be."""


@dataclass(frozen=True)
class Record:
    """What one submission got. The grade is `Grade.as_dict()`; steps: the student's own cells, as [id, kind, source].

    key: of the bytes, the assignment, the secret and the grader; a record with this key need not be made again.
    """

    student: str
    key: str
    sha256: str
    submitted: str
    grade: dict = field(default_factory=dict)
    steps: list[list[str]] = field(default_factory=list)


class Course:
    """A folder with everything of one course."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        if not self.root.is_dir():
            raise CourseError(f"there is no folder {root}", wanted="the folder of a course, with source/ in it")

    def source(self, assignment: str) -> Path:
        """The instructor's notebook, in a folder of its own, as nbgrader has it."""
        place = self.root / "source"
        path = place / usable(assignment) / f"{assignment}.ipynb"
        if not path.is_file():
            there = sorted(p.stem for p in place.glob("*/*.ipynb") if p.stem == p.parent.name)
            loose = (place / path.name).is_file()
            raise CourseError(
                f"there is no {path}",
                wanted=", ".join(there) or "source/ASSIGNMENT/ASSIGNMENT.ipynb",
                mend=f"move source/{path.name} to source/{assignment}/" if loose else "",
            )
        return path

    def submission(self, student: str, assignment: str) -> Path:
        return self.root / "submitted" / usable(student) / usable(assignment) / f"{assignment}.ipynb"

    def submissions(self, assignment: str) -> tuple[dict[str, Path], list[str]]:
        """Who handed in, and what cannot be used, in words."""
        found, odd, place = {}, [], self.root / "submitted"
        for name in sorted(os.listdir(place)) if place.is_dir() else []:
            try:
                path = self.submission(name, assignment)
            except CourseError as error:
                odd.append(str(error))
                continue
            if os.path.lexists(path):
                if path.parent.is_symlink() or path.parents[1].is_symlink():
                    odd.append(f"submitted/{name} is a link: it is left out")
                else:
                    found[name] = path
        return found, odd

    def record(self, student: str, assignment: str) -> Path:
        return self.root / "graded" / usable(assignment) / f"{usable(student)}.json"

    def records(self, assignment: str) -> dict[str, Record]:
        """All that are there; one that cannot be read, or is of another form or name, counts as none."""
        found = {}
        for path in sorted((self.root / "graded" / usable(assignment)).glob("*.json")):
            with contextlib.suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
                record = Record(**json.loads(path.read_bytes()))
                if record.student == usable(path.stem) and _sound(record):
                    found[record.student] = record
        return found

    def keep(self, assignment: str, record: Record) -> None:
        write(self.record(record.student, assignment), as_json(asdict(record)))

    @property
    def gradebook(self) -> Path:
        return self.root / "gradebook.db"

    def secret(self, make: bool = True) -> bytes:
        """What hidden inputs are drawn from; made once, readable by you alone. Empty if it may not be made yet."""
        path = self.root / "secret"
        if not path.exists():
            if not make:
                return b""
            write(path, secrets.token_bytes(32), mode=0o600)
        data = path.read_bytes()
        if len(data) != 32:
            raise CourseError(f"{path} has {len(data)} bytes", wanted="32", mend="its backup, or delete it")
        os.chmod(path, 0o600)
        return data

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """One program at a time changes a course; a program that was killed holds up nobody.

        Raises:
            CourseError: another one is at it.
        """
        lock = filelock.FileLock(self.root / ".lock", timeout=0)
        try:
            lock.acquire()
        except filelock.Timeout as error:
            raise CourseError(f"another `vidlab homework` is at work in {self.root}", mend="wait for it") from error
        try:
            yield
        finally:
            lock.release()


def usable(name: str) -> str:
    """A name that can be that of a file, and means the same in a table and in a page.

    >>> usable("Ana López_4711")
    'Ana López_4711'
    """
    fits = NAME.fullmatch(name) and len(name.encode("utf-8", "replace")) <= LONGEST and name == name.rstrip(" .")
    if not fits or name != unicodedata.normalize("NFC", name):
        raise CourseError(
            f"the name {ascii(name[:80])} cannot be used",
            wanted="letters, digits and _ . @ + - in it, at most 120 bytes",
        )
    return name


def write(path: Path, data: bytes, mode: int = 0o644) -> None:
    """All of it or nothing: a temporary file takes the place of the old one in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    with contextlib.suppress(FileNotFoundError):
        part.unlink()  # of a program that was killed
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


def as_json(value: object) -> bytes:
    return json.dumps(value, indent=1, sort_keys=True).encode() + b"\n"


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def moment(seconds: float) -> str:
    """A time as it is kept: in UTC, to the second.

    >>> moment(0)
    '1970-01-01T00:00:00+00:00'
    """
    return datetime.fromtimestamp(int(seconds), timezone.utc).isoformat()


def handed_in(path: Path) -> str:
    """When a submission came: what `collect` noted beside it, or nbgrader; or else the time of the file."""
    try:
        when = json.loads((path.parent / "submission.json").read_bytes())["when"]
        return datetime.fromisoformat(when).isoformat()
    except (OSError, ValueError, KeyError, TypeError):
        changed = path.lstat().st_mtime
    noted = path.with_name("timestamp.txt")
    try:
        if noted.lstat().st_mtime >= changed:  # or it was another file's
            return moment(parse(noted.read_text()).replace(tzinfo=timezone.utc).timestamp())
    except (OSError, ValueError, OverflowError):
        pass
    return moment(changed)


def note_time(path: Path, when: str) -> None:
    """For nbgrader, beside a submission that is there: in UTC, to the second."""
    if path.is_file() and not path.is_symlink():
        utc = datetime.fromisoformat(when).astimezone(timezone.utc)
        write(path.with_name("timestamp.txt"), f"{utc:%Y-%m-%d %H:%M:%S} UTC".encode())


def _sound(record: Record) -> bool:
    """Has it the form of what was once written? It may have come from a machine that is not trusted."""
    words = [record.student, record.key, record.sha256, record.submitted]
    marks, notes, cells = (record.grade.get(name) for name in ("marks", "notes", "cells"))
    lists = isinstance(marks, list) and isinstance(notes, list) and isinstance(cells, dict)
    if not lists or not all(isinstance(word, str) for word in [*words, *notes]):
        return False
    datetime.fromisoformat(record.submitted)
    return (
        all(isinstance(mark[name], kind) for mark in marks for name, kind in MARK.items())
        and all(isinstance(cell[name], str) for cell in cells.values() for name in ("printed", "error"))
        and all(len(step) == 3 and all(isinstance(word, str) for word in step) for step in record.steps)
    )
