"""What came in is collected: from a folder, or from the zip that Moodle or Canvas makes of all submissions.

Only bytes are copied, of plain files, so many and no more. Nothing is unpacked to a place that its name asks for. Of
everything that is not taken, the table says why.
"""

from __future__ import annotations

import contextlib
import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from .entries import Entry, entries, shown
from .intake import IntakeError
from .store import Course, CourseError, as_json, digest, handed_in, moment, usable, write

MOODLE = re.compile(r"(?P<name>.+)_(?P<id>\d+)_assignsubmission_\w*")
CANVAS = re.compile(r"(?P<name>[^_]+)_(?P<late>late_)?(?P<id>\d+)_(?P<try>\d+)_(?P<file>.+)", re.I)
AGAIN = re.compile(r"(-\d{1,3}| ?\(\d{1,3}\)|-checkpoint)?$")  # what is put behind a name that was there before


@dataclass(frozen=True)
class _File:
    """A student's notebook; named: as the assignment is."""

    student: str
    named: bool
    attempt: int
    notes: tuple[str, ...]
    entry: Entry


@dataclass
class Collected:
    """taken: students, with notes; left: what was not taken, and why."""

    taken: dict[str, str] = field(default_factory=dict)
    left: list[tuple[str, str]] = field(default_factory=list)

    def __str__(self) -> str:
        rows = [("taken", who, note) for who, note in sorted(self.taken.items())]
        rows += [("left", shown(what), why) for what, why in self.left]
        widths = [max((len(row[k]) for row in rows), default=0) for k in (0, 1)]
        lines = [f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c}".rstrip() for a, b, c in rows]
        return "\n".join([*lines, f"{len(self.taken)} taken, {len(self.left)} left"])


def collect(course: Course, assignment: str, inbox: Path) -> Collected:
    """Copy each student's newest notebook to submitted/; what is there already and newer stays.

    Raises:
        CourseError: the inbox is neither a folder nor a zip, or has too much in it.
    """
    course.source(assignment)
    result, found = Collected(), defaultdict(list)
    with contextlib.ExitStack() as still_open:
        for entry in entries(inbox, result.left, still_open):
            file = _whose(entry, assignment, result)
            if file is not None:
                found[file.student].append(file)
        for student, files in sorted(found.items()):
            named = [file for file in files if file.named] or files
            if not named[0].named and len(named) > 1:
                result.left.append((student, f"{len(named)} notebooks, and none is called {assignment}.ipynb"))
                continue
            _take(course, assignment, sorted(named, key=lambda file: (file.entry.when, file.attempt)), result)
    return result


def _take(course: Course, assignment: str, files: list[_File], result: Collected) -> None:
    """The newest that can be read."""
    student, taken = files[0].student, False
    path = course.submission(student, assignment)
    for file in reversed(files):
        entry, when = file.entry, moment(file.entry.when)
        if taken or (path.is_file() and handed_in(path) > when):
            result.left.append((entry.where, f"there is a newer one of {student}"))
            continue
        try:
            data = entry.data()
        except IntakeError as error:
            result.left.append((entry.where, error.what))
            continue
        notes = [*file.notes, *(["the newest of several"] if len(files) > 1 else [])]
        notes += [] if file.named else [f"it was called {shown(entry.parts[-1])}"]
        write(path, data)
        about = {"when": when, "sha256": digest(data), "from": shown(entry.where), "notes": notes}
        write(path.with_name("submission.json"), as_json(about))
        result.taken[student] = "; ".join([when, *notes])
        taken = True


def _whose(entry: Entry, assignment: str, result: Collected) -> _File | None:
    """Whose notebook it is; None if it is none of ours."""
    *folders, name = entry.parts
    moodle, canvas = MOODLE.fullmatch(folders[0]) if folders else None, CANVAS.fullmatch(name)
    notes, attempt = [], 0
    if moodle:
        student, folders = _joined(moodle), folders[1:]
    elif folders:
        student, folders = unicodedata.normalize("NFC", folders[0]), folders[1:]
    elif canvas:
        student, name = _joined(canvas), canvas["file"]
        again = re.search(r"-(\d{1,3})\.ipynb$", name)
        attempt = int(again[1]) if again else 0
        notes = ["Canvas says that it was late"] if canvas["late"] else []
    else:
        student = ""
    if not name.lower().endswith(".ipynb"):
        why = "no notebook"
    elif not student:
        why = "whose it is cannot be seen; wanted STUDENT/NOTEBOOK.ipynb"
    elif ".ipynb_checkpoints" in folders:
        why = "a copy that Jupyter made"
    elif folders and folders[0].casefold() != assignment.casefold():
        why = f"it is in the folder {shown(folders[0])}, not in {assignment}"
    else:
        try:
            named = AGAIN.sub("", Path(name).stem).casefold() == assignment.casefold()
            return _File(usable(student), named, attempt, tuple(notes), entry)
        except CourseError as error:
            why = error.what
    result.left.append((entry.where, why))
    return None


def _joined(match: re.Match) -> str:
    """A student's name and number: two of one name stay two."""
    name = re.sub(r"[^\w.-]+", "-", unicodedata.normalize("NFC", match["name"])).strip("-._")
    return f"{name.encode()[:60].decode(errors='ignore') or 'student'}_{match['id']}"
