"""A submission is read: what a student handed in is bytes of unknown origin, and is never run here.

Taken are the answers, by nbgrader's ids, and cells that the student added. Everything else, the checks above all, comes
from the instructor's own copy. What is odd is noted in words; what cannot be read is refused with a reason.
"""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import VidlabError
from .assignment import Assignment, Cell
from .messages import words

LARGEST, CELLS, SOURCE, ADDED = 20 << 20, 2_000, 200_000, 100  # bytes, cells, characters of one, cells added


class IntakeError(VidlabError, ValueError):
    """A submission that cannot be read: `what` says why, in words for the student."""


@dataclass(frozen=True)
class Submission:
    """steps: the cells in order: the instructor's, with the student's answers in place, and those that were added.

    answered: ids of answers that were found. notes: what was odd, for the student.
    """

    steps: tuple[Cell, ...]
    answered: frozenset[str] = frozenset()
    notes: tuple[str, ...] = field(default=())


def take(path: Path, assignment: Assignment) -> Submission:
    """Read a notebook that was handed in.

    Raises:
        IntakeError: no plain file, too large, or no notebook of version 4.
    """
    return arrange(parsed(contents(path)), assignment)


def contents(path: Path) -> bytes:
    """The bytes of a plain file; no link is followed, and nothing is waited for."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        kind = "a link" if path.is_symlink() else getattr(error, "strerror", None) or "no such name"
        raise IntakeError(f"the file cannot be opened ({kind})", wanted="the notebook itself") from error
    try:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise IntakeError("this is no file but a folder, a pipe or a device", wanted="the notebook itself")
        if about.st_nlink > 1:
            raise IntakeError("the file has a second name (a hard link)", wanted="a file of its own")
        if about.st_size > LARGEST:
            raise IntakeError(
                f"the notebook has {about.st_size >> 20} MB",
                wanted=f"at most {LARGEST >> 20}",
                mend="Kernel → Restart Kernel and Clear Outputs, then save and hand in again",
            )
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(LARGEST + 1)
    finally:
        os.close(descriptor)


def parsed(data: bytes) -> list[dict]:
    """The cells of a notebook, each a dict with words as its type and source."""
    mend = "open it in JupyterLab, save it, and hand it in again"
    try:
        notebook = json.loads(data.decode("utf-8"), parse_constant=lambda word: None)
    except UnicodeDecodeError as error:
        raise IntakeError("the notebook is not in UTF-8", wanted="a file that Jupyter saved", mend=mend) from error
    except (ValueError, RecursionError) as error:
        raise IntakeError(
            "the notebook is damaged: it is no JSON", wanted="a file that Jupyter saved", mend=mend
        ) from error
    if not isinstance(notebook, dict) or not isinstance(notebook.get("nbformat"), int):
        raise IntakeError("this is no notebook", wanted="the .ipynb that was handed out", mend=mend)
    if notebook["nbformat"] != 4 or not isinstance(notebook.get("cells"), list):
        raise IntakeError(f"the notebook has format {str(notebook['nbformat'])[:9]}", wanted="format 4", mend=mend)
    cells = notebook["cells"]
    if len(cells) > CELLS:
        raise IntakeError(f"the notebook has {len(cells)} cells", wanted=f"at most {CELLS}")
    return [
        {"type": cell.get("cell_type"), "source": source[:SOURCE], "id": _id(cell), "cut": len(source) > SOURCE}
        for cell in cells
        if isinstance(cell, dict)
        for source in [_source(cell)]
    ]


def arrange(cells: list[dict], assignment: Assignment) -> Submission:
    """The student's answers and additions among the instructor's cells."""
    known = {cell.id: cell for cell in assignment.cells}
    answers: dict[str, str] = {}
    added: dict[str, list[str]] = {}
    notes: list[str] = []
    after, many = "", 0
    for cell in cells:
        ours = known.get(cell["id"])
        if cell.get("cut") and (ours is None or ours.kind in ("answer", "manual")):
            name = f"cell “{ours.id}”" if ours else "a cell that was added"
            notes.append(f"{name} has more than {SOURCE:,} characters: the rest was left out")
        if ours is None:
            if cell["type"] == "code" and cell["source"].strip():
                many += 1
                added.setdefault(after, []).append(cell["source"])
            continue
        after = ours.id
        if ours.kind in ("answer", "manual"):
            if ours.id in answers:
                notes.append(f"cell “{ours.id}” is there twice: the last one counts")
            if (cell["type"] == "code") != ours.code and ours.kind == "answer":
                notes.append(f"cell “{ours.id}” was {'code' if ours.code else 'text'}, and is not any more")
                continue
            answers[ours.id] = cell["source"]
        elif cell["source"].strip() != ours.public.strip():
            notes.append(f"cell “{ours.id}” was changed: the original counts")
    if many > ADDED:
        notes.append(f"{many} cells were added: the first {ADDED} are run")
    steps, left = [], ADDED
    for ours in (Cell("", "given", ""), *assignment.cells):
        if ours.id:
            if ours.kind in ("answer", "manual") and ours.id not in answers:
                notes.append(f"cell “{ours.id}” is missing")
            theirs = ours.kind in ("answer", "manual")
            steps.append(Cell(ours.id, ours.kind, answers.get(ours.id, ""), ours.points, ours.code) if theirs else ours)
        for k, source in enumerate(added.get(ours.id, [])[:left]):
            steps.append(Cell(f"{ours.id or 'start'}, added {k + 1}", "added", source))
        left -= min(left, len(added.get(ours.id, [])))
    return Submission(tuple(steps), frozenset(answers), tuple(dict.fromkeys(notes)))


def _source(cell: dict) -> str:
    source = cell.get("source", "")
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    return words(source[: SOURCE + 1]).replace("\x00", "") if isinstance(source, str) else ""


def _id(cell: dict) -> str:
    about: Any = cell.get("metadata")
    about = about.get("nbgrader") if isinstance(about, dict) else None
    name = about.get("grade_id") if isinstance(about, dict) else None
    return name if isinstance(name, str) else ""
