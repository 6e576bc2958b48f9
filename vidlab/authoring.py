"""Lessons as plain text: a Python file in percent format becomes a notebook, and a notebook such a file.

A cell begins with a marker line; what follows `id=` and the other keys is JSON:

    # %% [markdown] id="slope-words"
    # A point that moves with velocity $u$ draws a **line**.

    # %% id="slope" tags=["claim:STV-2"]
    slope = ...

An id that is not given is made from the cell's text, so that building twice gives the same notebook. A cell that is
unchanged keeps the outputs it had.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from .normalise import NOTEBOOK_METADATA, PLACEHOLDER, tidy_metadata

MARKER = re.compile(r"^# %%(?P<kind>\s+\[(markdown|raw)\])?(?P<options>.*)$")
VALID_ID = re.compile(r"^[a-zA-Z0-9_-]{1,64}$")


def options(text: str, where: str) -> dict:
    """`id="slope" tags=["a"]` -> {"id": "slope", "tags": ["a"]}."""
    found, rest, decoder = {}, text.strip(), json.JSONDecoder()
    while rest:
        key = re.match(r"([\w-]+)=", rest)
        if not key:
            raise ValueError(f'{where}: cannot read {rest!r}; a marker line holds key=JSON pairs, such as id="slope"')
        try:
            found[key[1]], end = decoder.raw_decode(rest, key.end())
        except json.JSONDecodeError as error:
            raise ValueError(f"{where}: the value of {key[1]} is not JSON: {rest[key.end() :]!r}") from error
        rest = rest[end:].strip()
    return found


def split(text: str, name: str = "text") -> list[tuple[str, dict, str]]:
    """The cells of a percent file as (kind, options, source); what stands before the first marker is left out.

    >>> split('# %% [markdown] id="hello"\\n# # Hello\\n\\n# %%\\n1 + 1\\n')
    [('markdown', {'id': 'hello'}, '# Hello'), ('code', {}, '1 + 1')]
    """
    cells: list[tuple[str, dict, list[str]]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        marker = MARKER.match(line)
        if marker:
            kind = (marker["kind"] or "[code]").strip().strip("[]")
            cells.append((kind, options(marker["options"], f"{name}, line {number}"), []))
        elif cells:
            cells[-1][2].append(line)
    return [(kind, keys, _source(kind, lines)) for kind, keys, lines in cells]


def _source(kind: str, lines: list[str]) -> str:
    if kind != "code":  # text is commented out, one "# " a line
        lines = [line[2:] if line.startswith("# ") else line.removeprefix("#") for line in lines]
    return "\n".join(lines).strip("\n").rstrip()


def _ids(cells: list[tuple[str, dict, str]], name: str) -> list[str]:
    """Given ids checked, missing ones made from the text (and counted where texts repeat)."""
    ids: list[str] = []
    for kind, keys, source in cells:
        if "id" in keys:
            cell_id = keys["id"]
            if not isinstance(cell_id, str) or not VALID_ID.match(cell_id):
                raise ValueError(f"{name}: {cell_id!r} cannot be a cell id; use letters, digits, - and _")
            if cell_id in ids:
                raise ValueError(f"{name}: two cells have the id {cell_id!r}")
        else:
            cell_id = stem = f"{kind}-{hashlib.sha256(source.encode()).hexdigest()[:8]}"
            again = 1
            while cell_id in ids:
                again += 1
                cell_id = f"{stem}-{again}"
        ids.append(cell_id)
    return ids


def build(text: str, old: NotebookNode | None = None, name: str = "text") -> NotebookNode:
    """The notebook a percent file describes; outputs, label and measurements are taken over from `old`.

    Raises:
        ValueError: a marker line cannot be read, or an id is invalid or used twice.
    """
    before = {cell.id: cell for cell in old.cells} if old else {}
    nb = nbformat.v4.new_notebook(metadata=json.loads(json.dumps(NOTEBOOK_METADATA)))
    if old and "vidlab" in old.metadata:
        nb.metadata["vidlab"] = old.metadata["vidlab"]
    cells = split(text, name)
    for (kind, keys, source), cell_id in zip(cells, _ids(cells, name), strict=True):
        make = getattr(nbformat.v4, f"new_{kind}_cell")
        metadata = {key: value for key, value in keys.items() if key != "id"}
        cell = make(source, id=cell_id, metadata=metadata)
        was = before.get(cell_id)
        if cell_id == "label" and kind == "markdown":
            cell.source = was.source if was else PLACEHOLDER  # the machine writes the label
        elif kind == "code" and was and was.cell_type == "code" and was.source == source:
            cell.outputs, cell.execution_count = was.outputs, was.execution_count
        nb.cells.append(cell)
    return nb


def export(nb: NotebookNode) -> str:
    """The percent file of a notebook: `build(export(nb), nb)` gives it back."""
    blocks = []
    for cell in nb.cells:
        text = cell.cell_type != "code"
        keys = {"id": cell.id, **tidy_metadata(cell.metadata)}
        head = " ".join(
            ["# %%", *([f"[{cell.cell_type}]"] if text else [])]
            + [f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in keys.items()]
        )
        source = "label" if text and cell.id == "label" else cell.source
        body = "\n".join(("# " + line).rstrip() for line in source.split("\n")) if text else source
        blocks.append(f"{head}\n{body}\n")
    return "\n".join(blocks)


def build_file(source: Path, folder: Path) -> Path:
    """Build authoring/NN_name.py into folder/NN_name.ipynb; returns the notebook's path."""
    target = folder / f"{source.stem}.ipynb"
    old = nbformat.read(target, as_version=4) if target.exists() else None
    from .normalise import write

    write(build(source.read_text(encoding="utf-8"), old, source.name), target)
    return target
