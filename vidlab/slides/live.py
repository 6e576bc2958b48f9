"""The figures to touch, and tables as tables: HTML that a saved lesson leaves out, and slides want back.

A notebook in the repository holds a picture and a description of each figure, not its live page: that keeps it small
and readable in a diff. So a lesson is run once more, as `make course` runs it, and the HTML of its outputs is kept in
`build/live/` until the lesson or its code changes. Text and pictures on the slides are still those that are saved.
"""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from ..course import ROOT, execute
from ..fingerprint import fingerprint

KEPT = ROOT / "build" / "live"
LIVE = ("data-vidlab=", "<table")  # what is worth it; a still picture is saved as it is


def html_of(nb: NotebookNode) -> dict[str, list[str]]:
    """{cell id: the HTML of each of its outputs, "" for those that have none worth keeping}."""
    found = {}
    for cell in nb.cells:
        pieces = ["".join(output.get("data", {}).get("text/html", "")) for output in cell.get("outputs", [])]
        pieces = [piece if any(mark in piece for mark in LIVE) else "" for piece in pieces]
        if any(pieces):
            found[cell.id] = pieces
    return found


def kept(path: Path, folder: Path = KEPT) -> dict[str, list[str]] | None:
    """The HTML of a lesson's outputs from an earlier run, or None if there is none or the lesson has changed."""
    file = folder / f"{path.stem}.json"
    if not file.is_file():
        return None
    saved = json.loads(file.read_text(encoding="utf-8"))
    nb = nbformat.read(path, as_version=4)
    return saved["html"] if saved["fingerprint"] == fingerprint(nb) else None


def run(path: Path, folder: Path = KEPT) -> dict[str, list[str]]:
    """The HTML of a lesson's outputs: kept from an earlier run, or run now (a minute or two) and kept.

    Raises:
        CellFailed: a cell of the lesson raised.
    """
    found = kept(path, folder)
    if found is None:
        nb = nbformat.read(path, as_version=4)
        execute(nb, path.parent)
        found = html_of(nb)
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"fingerprint": fingerprint(nb), "html": found}, ensure_ascii=False)
        (folder / f"{path.stem}.json").write_text(text, encoding="utf-8")
    return found
