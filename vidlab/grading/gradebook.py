"""Grades go into nbgrader's gradebook, where a person adds points by hand (in nbgrader's formgrader), and into a table.

Points by hand are never lost: grading again changes what the checks gave, and asks for a second look where a person had
been before.
"""

from __future__ import annotations

import csv
import io
import os
import re
import sysconfig
import warnings
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

import nbformat
from nbgrader.api import Grade as Score
from nbgrader.api import Gradebook, MissingEntry
from sqlalchemy.exc import SAWarning

from .assignment import Assignment, load
from .late import rule_of
from .store import Course, CourseError, Record, moment, note_time, write

AUTOGRADE = """# Made by `vidlab homework export`. nbgrader's own autograde would run what students wrote in no jail.
c = get_config()
c.Autograde.sanitize_preprocessors = []
c.Autograde.autograde_preprocessors = []
"""


@dataclass
class Row:
    """A student's standing. marks: as in `Mark`, with "review": a person has to look, and "comment"; loss: a share."""

    record: Record
    loss: float
    marks: list[dict] = field(default_factory=list)

    @property
    def points(self) -> float:
        return sum(mark["points"] for mark in self.marks)

    @property
    def most(self) -> float:
        return sum(mark["most"] for mark in self.marks)

    @property
    def final(self) -> float:
        return round(self.points * (1 - self.loss), 6)


def standing(course: Course, name: str) -> list[Row]:
    """Everybody's marks, with the points that a person gave."""
    assignment, late = load(course.source(name)), rule_of(course, name)
    rows = []
    for record in course.records(name).values():
        marks = [{**mark, "review": mark["state"] == "manual", "comment": ""} for mark in record.grade["marks"]]
        rows.append(Row(record, late.loss(record.submitted), marks))
    if not rows:
        raise CourseError(f"nobody has a grade for {name} yet", mend=f"vidlab homework grade {name}")
    if {cell.id for cell in assignment.questions} != {mark["id"] for row in rows for mark in row.marks}:
        raise CourseError(f"{name} asks other questions than were graded", mend=f"vidlab homework grade {name}")
    if course.gradebook.exists():
        with _open(course) as book:
            for row in rows:
                _by_hand(book, name, row)
    return rows


def merge(course: Course, name: str) -> None:
    """Bring the gradebook up to date; doing it twice changes nothing. Only one process at a time may do it."""
    source = course.source(name)
    assignment, late = load(source), rule_of(course, name)
    _forbid_autograde(course)
    with warnings.catch_warnings(), _open(course) as book:
        warnings.simplefilter("ignore", SAWarning)  # of how nbgrader builds its rows
        book.update_or_create_assignment(name, **({"duedate": moment(late.deadline)} if late.due else {}))
        _questions(book, assignment, nbformat.read(source, as_version=4))
        for record in course.records(name).values():
            _enter(book, assignment, record, late.loss(record.submitted))
            _to_read(course, source, record)


def _forbid_autograde(course: Course) -> None:
    """Formgrader has a button that runs what a student wrote, as you, without a jail. After this it runs nothing."""
    path = course.root / "nbgrader_config.py"
    if not path.exists():
        write(path, AUTOGRADE.encode())


def export(course: Course, name: str) -> Path:
    """Merge, and write grades/NAME.csv."""
    merge(course, name)
    rows, path = standing(course, name), course.root / "grades" / f"{name}.csv"
    ids = [mark["id"] for mark in rows[0].marks]
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    head = ["student", "submitted", "points", "of", "late", "final", "to review", *ids, "notes"]
    writer.writerow([guarded(word) for word in head])
    for row in rows:
        points = {mark["id"]: mark["points"] for mark in row.marks}
        line = [row.record.student, row.record.submitted, row.points, row.most, f"{100 * row.loss:g}%", row.final]
        line += [sum(mark["review"] for mark in row.marks), *(points[question] for question in ids)]
        writer.writerow([guarded(value) for value in [*line, " ".join(row.record.grade["notes"])]])
    write(path, table.getvalue().encode("utf-8", "replace"))
    return path


def guarded(value: object) -> object:
    """Words that a table program would take for a formula get a ' in front.

    >>> guarded("=1+1"), guarded("one"), guarded(-1)
    ("'=1+1", 'one', -1)
    """
    formula = isinstance(value, str) and value.lstrip().startswith(("=", "+", "-", "@"))
    return f"'{value}" if formula else value


def harmless(text: str) -> str:
    """Markdown whose HTML, links, headings and commands of MathJax that make links are seen, and not obeyed:
    formgrader's page may do all that you may do in Jupyter, and finds the questions by the names that headings have,
    too. A sign without width breaks them.

    >>> ascii(harmless("2 < 3, <script>"))
    "'2 < 3, <\\\\u200bscript>'"
    """
    breaks = r"<(?=[A-Za-z/!?])|\](?=[(:])|\\(?=href|Href|url|require|class|style|cssId|unicode)"
    text = re.sub(r"^([\s>*+.)\d-]*)(?=#|=+\s*$|-+\s*$)", "\\1\u200b", text, flags=re.M)
    return re.sub(breaks, "\\g<0>\u200b", text)


def _open(course: Course) -> Gradebook:
    """nbgrader asks the program `alembic` for a version; it lies where this Python's programs lie."""
    before = os.environ.get("PATH", "")
    os.environ["PATH"] = os.pathsep.join([sysconfig.get_path("scripts"), before])
    try:
        return Gradebook(f"sqlite:///{course.gradebook}")
    finally:
        os.environ["PATH"] = before


def _questions(book: Gradebook, assignment: Assignment, source: nbformat.NotebookNode) -> None:
    """The cells, as nbgrader keeps them. What was asked once stays in the gradebook."""
    name = assignment.name
    book.update_or_create_notebook(name, name, kernelspec="{}")
    kinds = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in source.cells}
    for cell in assignment.cells:
        kind = kinds[cell.id].cell_type
        if cell.kind in ("check", "manual"):
            task = kinds[cell.id].metadata.nbgrader.get("task")
            make = book.update_or_create_task_cell if task else book.update_or_create_grade_cell
            make(cell.id, name, name, max_score=cell.points, cell_type=kind)
            if cell.kind == "manual" and not task:
                book.update_or_create_solution_cell(cell.id, name, name)
        elif cell.kind == "answer":
            book.update_or_create_solution_cell(cell.id, name, name)
        locked = cell.kind in ("given", "check")
        book.update_or_create_source_cell(cell.id, name, name, cell_type=kind, locked=locked, source=cell.source)


def _enter(book: Gradebook, assignment: Assignment, record: Record, loss: float) -> None:
    """One student's points; where a person gave some and things have changed, it is to be looked at again."""
    name = assignment.name
    book.update_or_create_student(record.student)
    when = datetime.fromisoformat(record.submitted).astimezone(timezone.utc).replace(tzinfo=None)
    try:
        new = book.find_submission(name, record.student).timestamp != when
    except MissingEntry:
        new = True
    book.update_or_create_submission(name, record.student, timestamp=when.isoformat(" "))
    notebook = book.find_submission_notebook(name, name, record.student)
    scores = {score.name: score for score in notebook.grades}
    total = 0.0
    for mark in record.grade["marks"]:
        score = scores.get(mark["id"])
        if score is None:  # a question that was added later
            score = Score(cell=book.find_graded_cell(mark["id"], name, name), notebook=notebook)
        auto = None if mark["state"] == "manual" else mark["points"]
        changed, score.auto_score = new or score.auto_score != auto, auto
        if score.manual_score is not None:
            score.needs_manual_grade = bool(score.needs_manual_grade or changed)
        else:
            score.needs_manual_grade = auto is None
        total += (score.manual_score if score.manual_score is not None else auto or 0.0) + (score.extra_credit or 0.0)
    notebook.late_submission_penalty = round(total * loss, 6) or None
    book.db.commit()


def _by_hand(book: Gradebook, name: str, row: Row) -> None:
    """What a person did to a student's marks."""
    try:
        notebook = book.find_submission_notebook(name, name, row.record.student)
    except MissingEntry:
        return
    scores = {score.name: score for score in notebook.grades}
    comments = {comment.name: comment.manual_comment or "" for comment in notebook.comments}
    for mark in row.marks:
        score = scores.get(mark["id"])
        mark["comment"] = comments.get(mark["id"], "")
        if score is None:
            continue
        if score.manual_score is not None:
            mark |= {"points": score.manual_score, "review": score.needs_manual_grade}
            mark |= {"state": "by hand", "reason": "graded by a person"}
        mark["points"] += score.extra_credit or 0.0


def _to_read(course: Course, source: Path, record: Record) -> None:
    """The notebook that formgrader shows: the instructor's, with the student's answers, the code that was added, what
    they printed when they were graded, and what the checks said. And the time as formgrader wants to find it.
    """
    answers = {name: text for name, kind, text in record.steps if kind in ("answer", "manual")}
    added: dict[str, list] = {}
    for name, kind, text in record.steps:
        if kind == "added":
            made = nbformat.v4.new_code_cell(text, outputs=_shown(record, name))
            added.setdefault(name.rpartition(", added")[0], []).append(made)
    book = nbformat.read(source, as_version=4)
    cells = added.get("start", [])
    for cell in book.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if cell.metadata.get("nbgrader", {}).get("solution"):
            text = answers.get(name, "")
            cell.source = text if cell.cell_type == "code" else harmless(text)
        if cell.cell_type == "code":
            cell.outputs = _shown(record, name)
        cells += [cell, *added.get(name, [])]
    book.cells = cells
    book.nbformat_minor = max(5, book.nbformat_minor)  # cells have ids
    for number, cell in enumerate(cells):
        cell.id = f"c{number}"
    name = source.stem
    path = course.root / "autograded" / record.student / name / source.name
    write(path, nbformat.writes(book).encode("utf-8", "replace"))
    note_time(course.submission(record.student, name), record.submitted)


def _shown(record: Record, name: str | None) -> list:
    """What a cell printed, its error, and what the check said, as a cell's output."""
    mark = next((mark for mark in record.grade["marks"] if mark["id"] == name), None)
    told = record.grade["cells"].get(name, {})
    words = [told.get("printed", "").rstrip("\n"), told.get("error", "")]
    words += [f"{mark['points']:g} points: {mark['reason']}"] if mark else []
    text = "\n".join(word for word in words if word)
    return [nbformat.v4.new_output("stream", text=f"{text}\n")] if text else []
