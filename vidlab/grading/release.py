"""An assignment is handed out: the instructor's notebook without solutions and hidden checks, by nbgrader's own steps.

What comes out is looked at once more: no line of a solution or of a hidden check may be in it.
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from .assignment import HIDDEN, SOLUTION, Assignment, AssignmentError, load
from .store import Course, write

KEPT = ("nbgrader", "tags", "slideshow", "jupyter", "deletable", "editable")  # of a cell's metadata
TELLING = 12  # characters; a shorter line, as `else:`, gives nothing away


def release(course: Course, name: str) -> tuple[Path, Path]:
    """Write release/NAME/NAME.ipynb, and a zip with it.

    Raises:
        AssignmentError: the source is not ready, or something in it would be given away.
    """
    source = course.source(name)
    book = handed_out(source, load(source))
    path = course.root / "release" / name / f"{name}.ipynb"
    data = (nbformat.writes(book) + "\n").encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(zipfile.ZipInfo(f"{name}/{name}.ipynb"), data, zipfile.ZIP_DEFLATED)  # its time is 1980
    write(path, data)
    write(path.with_suffix(".zip"), packed.getvalue())
    return path, path.with_suffix(".zip")


def handed_out(path: Path, assignment: Assignment) -> NotebookNode:
    """The students' notebook."""
    from nbgrader.preprocessors import (
        CheckCellMetadata,
        ClearHiddenTests,
        ClearMarkScheme,
        ClearOutput,
        ClearSolutions,
        ComputeChecksums,
        LockCells,
    )

    book, resources = nbformat.read(path, as_version=4), {}
    steps = (LockCells, ClearSolutions, ClearOutput, CheckCellMetadata)
    steps += (ClearHiddenTests, ClearMarkScheme, ComputeChecksums, CheckCellMetadata)  # checksums of what is handed out
    for step in steps:
        try:
            book, resources = step().preprocess(book, resources)
        except Exception as error:
            raise AssignmentError(f"{path.name}: nbgrader's {step.__name__} refuses it ({error})") from error
    book.metadata = NotebookNode(
        {key: book.metadata[key] for key in ("kernelspec", "language_info") if key in book.metadata}
    )
    for cell in book.cells:
        cell.metadata = NotebookNode({key: cell.metadata[key] for key in KEPT if key in cell.metadata})
    _look_through(book, assignment, path.name)
    return book


def untold(assignment: Assignment) -> set[str]:
    """The lines that students must not get: of solutions and hidden checks, less those that they may see anyway."""
    seen, secret = set(), set()
    for cell in assignment.cells:
        if cell.kind in ("answer", "manual"):
            marked = SOLUTION.findall(cell.source)
            secret |= _lines("".join(marked) if marked else cell.source)
            seen |= _lines(SOLUTION.sub("", cell.source)) if marked else set()
        else:
            seen |= _lines(cell.public)
            secret |= _lines(cell.hidden)
    return {line for line in secret - seen if len(line) >= TELLING}


def _lines(source: str) -> set[str]:
    return {line.strip() for line in source.split("\n")}


def _look_through(book: NotebookNode, assignment: Assignment, name: str) -> None:
    """The last look before students get it."""
    secret = untold(assignment)
    public = {cell.id: cell.public for cell in assignment.cells if cell.kind in ("given", "check")}
    for number, cell in enumerate(book.cells):
        there = cell.metadata.get("nbgrader", {}).get("grade_id")
        if there in public and public[there].strip() != cell.source.strip():
            raise AssignmentError(
                f"{name}: cell {there} would be handed out with another text than students' work is compared with",
                wanted="`### BEGIN HIDDEN TESTS` and `### END HIDDEN TESTS`, written exactly so",
            )
        told = sorted(_lines(cell.source) & secret)
        if told or HIDDEN.search(cell.source) or SOLUTION.search(cell.source):
            what = f"`{told[0]}`, a line of a solution or hidden check" if told else "a solution or hidden check"
            raise AssignmentError(f"{name}: cell {number} would give away {what}", mend="say it in other words there")
    rest = json.dumps([book.metadata, [[cell.metadata, cell.get("attachments", {})] for cell in book.cells]])
    if any(json.dumps(line)[1:-1] in rest for line in secret):
        raise AssignmentError(f"{name}: metadata hold a line of a solution or hidden check", mend="delete them")
