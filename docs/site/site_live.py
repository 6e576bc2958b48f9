"""Live figures: lessons run once more, and kept with the pages that their figures are, in `build/live`.

A saved lesson holds the picture of each figure and its description, not the figure itself: it would be too large. So a
lesson is run for the site, as `make course` runs it, and again only when it or the code that it uses has changed.
"""

from __future__ import annotations

import copy
import hashlib
from functools import cache
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from vidlab.course import execute
from vidlab.fingerprint import PACKAGE, fingerprint
from vidlab.normalise import normalise

LIVE = "text/x-live"  # as a type of its own, what is only live outlasts the tidying


@cache
def package() -> str:
    """The whole package as it stands; nothing has to be looked at more closely as long as this is the same."""
    files = (file for file in sorted(PACKAGE.rglob("*")) if file.suffix in (".py", ".js", ".css"))
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def sources(nb: NotebookNode) -> str:
    """The code of a lesson, cell by cell."""
    said = "\0".join(f"{cell.id} {cell.source}" for cell in nb.cells if cell.cell_type == "code")
    return hashlib.sha256(said.encode()).hexdigest()


def kept(path: Path, folder: Path) -> NotebookNode | None:
    """The lesson with its live figures, if it was run as it stands: the same cells, and the code that they use.

    Its text is taken from the lesson as it stands: words may change without a run.
    """
    file = folder / path.name
    if not file.exists():
        return None
    nb, now = nbformat.read(file, as_version=4), nbformat.read(path, as_version=4)
    mark = nb.metadata.get("live", {})
    if mark.get("sources") != sources(now):
        return None
    if mark.get("package") != package():
        if mark.get("fingerprint") != fingerprint(now):
            return None
        nb.metadata.live.package = package()
        nbformat.write(nb, file)
    outputs = {cell.id: cell.outputs for cell in nb.cells if cell.cell_type == "code"}
    for cell in now.cells:
        if cell.cell_type == "code":
            cell.outputs = outputs[cell.id]
    return now


def keep(nb: NotebookNode, file: Path) -> None:
    """Write a lesson that was run, tidy, with its live pages.

    What is run holds the outputs of one run only: the numbers that its figures show are those that its cells print.
    """
    mark = {"sources": sources(nb), "package": package(), "fingerprint": fingerprint(nb)}
    for cell in nb.cells:
        for output in cell.get("outputs", []):
            if "text/html" in output.get("data", {}):
                output.data[LIVE] = output.data.pop("text/html")
    normalise(nb)
    nb.metadata["live"] = nbformat.from_dict(mark)
    file.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nb, file)


def run(path: Path, folder: Path) -> float:
    """Run a lesson and keep it; returns the seconds that its cells took.

    Raises:
        CellFailed: a cell raised.
    """
    nb = copy.deepcopy(nbformat.read(path, as_version=4))
    seconds = execute(nb, path.parent).seconds
    keep(nb, folder / path.name)
    return seconds
