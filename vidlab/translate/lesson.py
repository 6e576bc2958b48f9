"""A lesson in another language: the cells of the English one, with the words of its PO file.

Ids, tags, metadata and code stay as they are. One cell is added in front, which sets the language. Links to lessons
that are not translated lead to the English ones.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from .. import course, normalise
from ..fingerprint import PACKAGE, fingerprint
from . import blocks, code
from .words import FOLDER, Words, about, pairs_of

NOTEBOOKS = PACKAGE.parent / "notebooks"
CELL = 'from vidlab.translate import language\n\nlanguage("{name}")'
RELATIVE = re.compile(r"\]\((?!https?:|#|/)([^)\s]+)\)")


def english(number: str) -> Path:
    """The notebook of a lesson such as "06"."""
    return course.lessons(NOTEBOOKS, number)[0]


def translated(name: str) -> list[str]:
    """The lessons that have a PO file in a language: ["06_early_fusion"]."""
    return sorted(path.stem for path in (FOLDER / name).glob("[0-9]*.po"))


def target(name: str, stem: str) -> Path:
    """Where the lesson of a language is written."""
    return NOTEBOOKS / name / f"{stem}.ipynb"


def texts(nb: NotebookNode) -> list[tuple[str, str, str]]:
    """(text, cell id, what it is) of all that is to be translated in a lesson, in order."""
    found = []
    for cell in nb.cells:
        if cell.cell_type == "markdown":
            found += [(b.text, cell.id, "text") for b in blocks.blocks(cell.source) if not isinstance(b, str)]
        elif cell.cell_type == "code":
            found += [(one.text, cell.id, one.kind) for one in code.literals(cell.source)]
    return [(LABEL, *where) if where[0] == "label" else (text, *where) for text, *where in found]


LABEL = (  # as in `normalise.label`: the numbers are measured anew
    "**Time.** About {0} minutes for you. The machine computes for {1} s in all and needs {2} MB of memory "
    "(measured on 2 CPU cores, no GPU)."
)


def build(nb: NotebookNode, name: str, stem: str, old: NotebookNode | None = None) -> NotebookNode:
    """The lesson in the language; cells whose code is unchanged keep the outputs they have in `old`."""
    words = Words(pairs_of(FOLDER / name / f"{stem}.po"), about(name))
    had = {cell.id: cell for cell in old.cells if cell.cell_type == "code"} if old else {}
    made = nbformat.from_dict(nb)
    for cell in made.cells:
        if cell.cell_type == "markdown":
            say = words.say if cell.id == "label" else words.exactly
            cell.source = _relink(blocks.rebuild(blocks.blocks(cell.source), say), name)
        elif cell.cell_type == "code":
            cell.source = code.rebuild(cell.source, words.exactly)
    begin = next(k for k, cell in enumerate(made.cells) if cell.cell_type == "code")
    tags = {"tags": ["nbval-ignore-output"]}  # it says so where there is no font
    made.cells.insert(begin, nbformat.v4.new_code_cell(CELL.format(name=name), id="language", metadata=tags))
    for cell in made.cells:
        if cell.cell_type == "code":
            same = cell.id in had and had[cell.id].source == cell.source
            cell.outputs = had[cell.id].outputs if same else []
            cell.execution_count = had[cell.id].execution_count if same else None
    if old:
        made.metadata["vidlab"] = {**made.metadata.get("vidlab", {}), **_print(old)}
    return made


def _print(nb: NotebookNode) -> dict:
    """The fingerprint of what a notebook's outputs were made by."""
    return {key: value for key, value in nb.metadata.get("vidlab", {}).items() if key == "fingerprint"}


def _relink(source: str, name: str) -> str:
    """Links as seen from the folder of the language."""

    def link(found: re.Match) -> str:
        file, hash_, place = found[1].partition("#")
        here = Path(file).stem in translated(name) and "/" not in file
        return f"]({file if here else '../' + file}{hash_}{place})"

    return RELATIVE.sub(link, source)


def write(name: str, stem: str, *, run: bool = False) -> tuple[Path, bool]:
    """Build the lesson, and run it; returns its file and whether that changed.

    Raises:
        CellFailed: a cell raised.
    """
    path = target(name, stem)
    old = nbformat.read(path, as_version=4) if path.exists() else None
    nb = build(nbformat.read(NOTEBOOKS / f"{stem}.ipynb", as_version=4), name, stem, old)
    path.parent.mkdir(exist_ok=True)
    if run:
        course.execute(nb, path.parent)
        nb.metadata.setdefault("vidlab", {})["fingerprint"] = fingerprint(nb)
    text = nbformat.writes(normalise.normalise(nb)).rstrip("\n") + "\n"
    changed = not path.exists() or path.read_text(encoding="utf-8") != text
    if changed:
        part = path.with_name(f".{path.name}.part")
        part.write_text(text, encoding="utf-8", newline="\n")
        os.replace(part, path)
    return path, changed
