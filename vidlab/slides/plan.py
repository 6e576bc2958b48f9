"""Which cells stand on which slide, and the notebook that nbconvert makes slides of.

A lesson says it itself, in `slideshow.slide_type` of its cells' metadata (JupyterLab: the cell's property inspector):

    slide      begins a section        subslide   begins another slide of it     fragment   appears at a key
    (nothing)  goes on below           skip       is not shown                   notes      is for the lecturer

A lesson that says nothing gets slides all the same: a heading begins a section, a slide is full when it is full,
exercises and what only prepares are left out, and a picture comes without the code that draws it.
"""

from __future__ import annotations

import copy
import re
import textwrap

import nbformat
from nbformat import NotebookNode

from .lecture import LETTERS, PREDICT, Lecture, Note

STARTS = ("slide", "subslide")
HIDDEN = ("skip", "notes")
FULL = 15.0  # lines of a slide; a picture takes ten
LONG_CODE = 14  # lines
LONG = 24  # lines of code and of what it prints; a list that is longer is for reading at home
APART = {"before", "label", "after", "imports"}  # cells of every lesson that are for its reader
PICTURE = "image/png"


def slide_types(nb: NotebookNode) -> dict[str, str]:
    """{cell id: slide type, "" for a cell that goes on below}: the lesson's own, or the automatic ones."""
    own = {cell.id: cell.metadata.get("slideshow", {}).get("slide_type", "") for cell in nb.cells}
    types = own if any(own.values()) else automatic(nb)
    return {cell_id: "" if kind == "-" else kind for cell_id, kind in types.items()}


def automatic(nb: NotebookNode) -> dict[str, str]:
    """Slide types for a lesson that has none."""
    types, used, asked = {}, 0.0, False
    for cell in nb.cells:
        size = _lines(cell)
        if _is_for_readers(cell):
            types[cell.id] = "skip"
        elif re.match(r"##? ", cell.source) and cell.cell_type == "markdown":
            types[cell.id], used = "slide", size
        elif used + size > FULL or not used or asked:  # an answer never stands on the slide of its question
            types[cell.id], used = "subslide", size
        else:
            types[cell.id], used = "", used + size
        if types[cell.id] != "skip":
            asked = PREDICT.search(cell.source) is not None
    return types


def has_picture(cell: NotebookNode) -> bool:
    return any(PICTURE in output.get("data", {}) for output in cell.get("outputs", []))


def _is_for_readers(cell: NotebookNode) -> bool:
    """Whether the automatic slides leave a cell out: exercises, and code that shows nothing or is long."""
    if cell.id in APART or cell.source.startswith("### Exercise") or 'check("' in cell.source:
        return True
    if cell.cell_type != "code" or has_picture(cell):
        return False
    return _printed(cell) > LONG or (not cell.outputs and len(cell.source.splitlines()) > LONG_CODE // 2)


def _lines(cell: NotebookNode) -> float:
    """About how many lines of a slide a cell fills."""
    if cell.cell_type == "markdown":
        words = sum(len(re.sub(r"\$[^$]*\$", "x", part).split()) / 12 + 0.5 for part in cell.source.split("\n\n"))
        rows = sum(line.startswith(("- ", "|", "1. ")) for line in cell.source.splitlines())
        return words + 2.5 * cell.source.count("$$") / 2 + 0.7 * rows + 1.5 * cell.source.startswith("#")
    if has_picture(cell):
        return 10.0
    code = len(cell.source.splitlines())
    return 0.7 * ((code if code <= LONG_CODE else 0) + min(_printed(cell), 20)) + 1.0


def _printed(cell: NotebookNode) -> int:
    """How many lines a cell of code has printed."""
    words = (output.get("text", "") or output.get("data", {}).get("text/plain", "") for output in cell.outputs)
    return sum(len("".join(text).splitlines()) for text in words)


def slides(nb: NotebookNode) -> list[list[str]]:
    """The ids of the cells on each slide, polls not counted."""
    types, found = slide_types(nb), []
    for cell in nb.cells:
        if types[cell.id] in HIDDEN:
            continue
        if types[cell.id] in STARTS or not found:
            found.append([])
        found[-1].append(cell.id)
    return found


def deck(nb: NotebookNode, lecture: Lecture, html: dict[str, list[str]], short: bool = False) -> NotebookNode:
    """The notebook for nbconvert: only what is shown, with notes, polls and live figures.

    Args:
        nb: a lesson, as saved or as `vidlab.live` has kept it.
        lecture: what is said to it; may be empty.
        html: the live HTML of its outputs, as `vidlab.live.pages` gives it; without it pictures are shown.
        short: leave out slides whose every cell that has a note is optional.
    """
    cells = {cell.id: cell for cell in nb.cells}
    types, made, clock = slide_types(nb), [], 0.0
    for ids in slides(nb):
        notes = [lecture.note(cell_id) for cell_id in ids]
        if short and any(note.optional for note in notes):
            continue
        page = [_shown(cells[cell_id], lecture.note(cell_id), html.get(cell_id, [])) for cell_id in ids]
        for cell, cell_id in zip(page, ids, strict=True):
            cell.metadata["slideshow"] = {"slide_type": types[cell_id] or "-"}
        minutes = sum(note.minutes for note in notes)
        if any(note.say for note in notes):
            page.insert(1, _notes(f"{ids[0]}-notes", "\n\n".join(map(_said, notes)), minutes, clock, lecture))
        clock += minutes
        made += page
        for cell_id, note in zip(ids, notes, strict=True):
            if note.poll:
                options = "\n".join(f"1. {option}" for option in note.poll.options)
                question = _to_decks(f"**Hands up**\n\n## {note.poll.ask}\n\n{options}")
                asked = nbformat.v4.new_markdown_cell(question, id=f"{cell_id}-poll")
                asked.metadata.update(slideshow={"slide_type": "subslide"}, poll=True)
                said = f"**Answer: {note.poll.answer}** · {note.poll.options[LETTERS.index(note.poll.answer)]}"
                said = _notes(f"{cell_id}-answer", f"{said}\n\n{note.poll.why}", note.poll.minutes, clock, lecture)
                made += [asked, said]
                clock += note.poll.minutes
    return nbformat.v4.new_notebook(cells=made, metadata={"title": _title(nb)})


def _shown(cell: NotebookNode, note: Note, html: list[str]) -> NotebookNode:
    """A copy of a cell with what of it stands on the slide."""
    cell = copy.deepcopy(cell)
    cell.metadata = nbformat.from_dict({})
    if cell.cell_type != "code":
        cell.source = _to_decks(cell.source)
        return cell
    for output in cell.outputs:
        if "text/markdown" in output.get("data", {}):
            output.data["text/markdown"] = _to_decks("".join(output.data["text/markdown"]))
    for output, piece in zip(cell.outputs, html, strict=False):
        if piece and "data" in output:
            output.data["text/html"] = piece
    lines = cell.source.splitlines()
    long = (len(lines) > LONG_CODE and cell.outputs and not note.lines) or len(lines) + _printed(cell) > LONG
    cell.metadata["show"] = note.show or ("output" if has_picture(cell) or long else "both")
    if note.lines:
        first, last = note.lines
        cell.source = "\n".join(lines[first - 1 : last])
    cell.source = textwrap.dedent(re.sub(r"\n{3,}", "\n\n", cell.source))
    if note.outputs is not None:
        cell.outputs = [cell.outputs[k] for k in note.outputs]
    return cell


def _to_decks(markdown: str) -> str:
    """A link from lesson to lesson leads from deck to deck, and a line does not end between a number and its %."""
    markdown = re.sub(r"(?<=\d) (?=%)", "\N{NO-BREAK SPACE}", markdown)
    return re.sub(r"\]\((\d\d)_\w+\.ipynb(?:#[^)]*)?\)", r"](../\1/index.html)", markdown)


def _said(note: Note) -> str:
    wrong = f"\n\n**Usually wrong:** {note.wrong.strip()}" if note.wrong else ""
    return note.say.strip() + wrong


def _notes(cell_id: str, text: str, minutes: float, clock: float, lecture: Lecture) -> NotebookNode:
    """What the lecturer reads: how long, until when, and what to say."""
    head = f"**{minutes:g} min** · until {clock + minutes:g} of {lecture.minutes:g}"
    cell = nbformat.v4.new_markdown_cell(f"{head}\n\n{text.strip()}", id=cell_id)
    cell.metadata["slideshow"] = {"slide_type": "notes"}
    return cell


def _title(nb: NotebookNode) -> str:
    heading = re.search(r"^# (.*)", nb.cells[0].source, flags=re.M)
    return heading[1] if heading else "Slides"
