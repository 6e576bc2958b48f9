"""Live figures: lessons run once more, and kept with the pages that their figures are, in `build/live`.

A saved lesson holds the picture of each figure and its description, not the figure itself: it would be too large. So a
lesson is run for the site, as `make course` runs it, and again only when it or the code that it uses has changed.
"""

from __future__ import annotations

import copy
import hashlib
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from vidlab.course import execute
from vidlab.fingerprint import fingerprint
from vidlab.normalise import normalise

LIVE = "text/x-live"  # as a type of its own, what is only live outlasts the tidying


def digest(nb: NotebookNode) -> str:
    """What the live figures of a lesson depend on: its cells, and the code that they use."""
    sources = "\0".join(f"{cell.id} {cell.source}" for cell in nb.cells if cell.cell_type == "code")
    return hashlib.sha256((fingerprint(nb) + sources).encode()).hexdigest()


def kept(path: Path, folder: Path) -> NotebookNode | None:
    """The lesson with its live figures, if it was run as it stands."""
    file = folder / path.name
    if not file.exists():
        return None
    nb = nbformat.read(file, as_version=4)
    return nb if nb.metadata.get("live") == digest(nbformat.read(path, as_version=4)) else None


def keep(nb: NotebookNode, file: Path) -> None:
    """Write a lesson that was run, tidy, with its live pages.

    What is run holds the outputs of one run only: the numbers that its figures show are those that its cells print.
    """
    mark = digest(nb)
    for cell in nb.cells:
        for output in cell.get("outputs", []):
            if "text/html" in output.get("data", {}):
                output.data[LIVE] = output.data.pop("text/html")
    normalise(nb)
    nb.metadata["live"] = mark
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
