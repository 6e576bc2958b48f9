"""The figures to touch: lessons run once more, and kept with the live pages that their outputs are, in `build/live/`.

A lesson in the repository holds a picture and a description of each figure, not its live page: that keeps it small and
readable in a diff. Slides and the site want the live page back. `make course` keeps here what it ran; a lesson that it
did not run is run for both of them, and again only when its code, or the code that it uses, has changed.

What is kept is a notebook of one whole run: the numbers that its figures show are those that its cells print.
"""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from .course import ROOT, execute
from .fingerprint import PACKAGE, fingerprint
from .normalise import normalise

KEPT = ROOT / "build" / "live"
LIVE = "text/x-live"  # under a name of its own, the live page of an output outlasts the tidying
WORTH = ("data-vidlab=", "<table")  # a figure to touch, a table; of all else the saved form is as good


@cache
def _package() -> str:
    """The whole package as it stands; as long as this is the same, no lesson's fingerprint needs to be taken."""
    files = (file for file in sorted(PACKAGE.rglob("*")) if file.suffix in (".py", ".js", ".css"))
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def _looks(nb: NotebookNode) -> str:
    """The code of a lesson, cell by cell, and the style and scripts of figures, which no fingerprint holds."""
    cells = "\0".join(f"{cell.id} {cell.source.strip()}" for cell in nb.cells if cell.cell_type == "code")
    files = (file for file in sorted(PACKAGE.rglob("*")) if file.suffix in (".js", ".css"))
    return hashlib.sha256(b"\0".join([cells.encode(), *(file.read_bytes() for file in files)])).hexdigest()


def keep(nb: NotebookNode, file: Path) -> None:
    """Write a lesson that was run: tidy, with its live pages, whole or not at all."""
    mark = {"looks": _looks(nb), "package": _package(), "fingerprint": fingerprint(nb)}
    for cell in nb.cells:
        for output in cell.get("outputs", []):
            if "text/html" in output.get("data", {}):
                output.data[LIVE] = output.data.pop("text/html")
    normalise(nb)
    nb.metadata["live"] = nbformat.from_dict(mark)
    _write(nb, file)


def kept(path: Path, folder: Path = KEPT) -> NotebookNode | None:
    """The lesson with its live pages, if it was run as it stands: the same code, and the same behind it; else None.

    Its words are those of the lesson as it stands: they may change without a run.
    """
    file = folder / path.name
    if not file.is_file():
        return None
    run, now = nbformat.read(file, as_version=4), nbformat.read(path, as_version=4)
    mark = run.metadata.get("live", {})
    if mark.get("looks") != _looks(now):
        return None
    if mark.get("package") != _package():
        if mark.get("fingerprint") != fingerprint(now):
            return None
        run.metadata.live.package = _package()
        _write(run, file)
    outputs = {cell.id: cell.outputs for cell in run.cells if cell.cell_type == "code"}
    for cell in now.cells:
        if cell.cell_type == "code":
            cell.outputs = outputs[cell.id]
    return now


def run(path: Path, folder: Path = KEPT) -> NotebookNode:
    """The lesson with its live pages: kept from an earlier run, or run now (a minute or two) and kept.

    Raises:
        CellFailed: a cell of the lesson raised.
    """
    found = kept(path, folder)
    if found is None:
        found = nbformat.read(path, as_version=4)
        execute(found, path.parent)
        keep(found, folder / path.name)
    return found


def page(output: NotebookNode) -> str:
    """The live page of an output, "" if it has none."""
    return "".join(output.get("data", {}).get(LIVE, ""))


def pages(nb: NotebookNode) -> dict[str, list[str]]:
    """{cell id: the live page of each of its outputs, "" for those that have none worth showing}."""
    found = {}
    for cell in nb.cells:
        pieces = [page(output) for output in cell.get("outputs", [])]
        pieces = [piece if any(mark in piece for mark in WORTH) else "" for piece in pieces]
        if any(pieces):
            found[cell.id] = pieces
    return found


def _write(nb: NotebookNode, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    nbformat.write(nb, part)
    os.replace(part, file)
