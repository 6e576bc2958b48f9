"""What a lecturer has beside the slides: `data/lectures/NN.toml`, one table for each cell that something is said to.

    minutes = 45

    [cells.s-shortcut]                 # the id of a cell of the lesson
    minutes = 1.5                      # how long its slide stays, the poll not counted
    say = "…"                          # markdown: what to say and do
    wrong = "…"                        # what the class usually says, and why it is wrong
    optional = true                    # left out by --short: what 30 minutes can do without
    show = "output"                    # of a code cell: "code", "output" or "both" (default: pictures show no code)
    lines = [1, 4]                     # of its code only these lines, counted from 1
    outputs = [0]                      # of its outputs only these, counted from 0

    [cells.s-shortcut.poll]            # a slide of its own after this one: the class votes by a show of hands
    minutes = 1
    ask = "…"
    options = ["…", "…"]               # A, B, …
    answer = "B"
    why = "…"                          # for the lecturer: how the votes fall, what to say before and after

A lesson without such a file still has slides, with no notes.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

from nbformat import NotebookNode

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = Path(__file__).resolve().parents[2] / "data" / "lectures"
LETTERS = "ABCDEFGH"
PREDICT = re.compile(r"\*\*predict", re.I)  # how a lesson asks before it tells
SLACK = 3  # minutes that a lecture may be off what it promises


@dataclass(frozen=True)
class Poll:
    """A question for a show of hands."""

    ask: str
    options: list[str]
    answer: str
    why: str
    minutes: float


@dataclass(frozen=True)
class Note:
    """What is said to one cell, and what of the cell is shown."""

    say: str = ""
    wrong: str = ""
    minutes: float = 0.0
    optional: bool = False
    show: str = ""
    lines: list[int] = field(default_factory=list)
    outputs: list[int] | None = None
    poll: Poll | None = None


@dataclass(frozen=True)
class Lecture:
    """All notes to a lesson, by the id of the cell."""

    minutes: float = 0.0
    notes: dict[str, Note] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.notes)

    def note(self, cell_id: str) -> Note:
        return self.notes.get(cell_id, Note())

    def total(self, short: bool = False) -> float:
        """The minutes of all slides and polls; `short` without the optional ones."""
        notes = [note for note in self.notes.values() if not (short and note.optional)]
        return sum(note.minutes + (note.poll.minutes if note.poll else 0) for note in notes)


def read(number: str, folder: Path = FOLDER) -> Lecture:
    """The lecture to lesson `number`, such as "05"; an empty one where nobody has written any.

    Raises:
        ValueError: the file holds a key or a value that does not belong there.
    """
    path = folder / f"{number}.toml"
    if not path.is_file():
        return Lecture()
    rows = tomllib.loads(path.read_text(encoding="utf-8"))
    notes = {}
    for cell_id, row in rows["cells"].items():
        try:
            poll = Poll(**row.pop("poll")) if "poll" in row else None
            notes[cell_id] = Note(**row, poll=poll)
        except TypeError as error:
            raise ValueError(f"{path.name}, cells.{cell_id}: {error}") from None
        if notes[cell_id].show not in ("", "code", "output", "both"):
            raise ValueError(f'{path.name}, cells.{cell_id}: show = "code", "output" or "both"')
    return Lecture(rows["minutes"], notes)


def complaints(lecture: Lecture, nb: NotebookNode, slides: list[list[str]]) -> list[str]:
    """What is wrong with a lecture: `slides` lists the ids of the cells that stand on each of its slides."""
    found = []
    cells = {cell.id: cell for cell in nb.cells}
    shown = {cell_id for slide in slides for cell_id in slide}
    for cell_id, note in lecture.notes.items():
        if cell_id not in cells:
            found.append(f"{cell_id}: no cell has this id")
        elif cell_id not in shown:
            found.append(f"{cell_id}: there is a note, but the cell is on no slide")
        if note.poll and not 2 <= len(note.poll.options) <= len(LETTERS):
            found.append(f"{cell_id}: a poll has two to eight options")
        if note.poll and note.poll.answer not in LETTERS[: len(note.poll.options)]:
            found.append(f"{cell_id}: {note.poll.answer!r} is no letter of its options")
    for slide in slides:
        if not any(lecture.note(cell_id).say for cell_id in slide):
            found.append(f"{slide[0]}: nothing is said to its slide")
        if not sum(lecture.note(cell_id).minutes for cell_id in slide) > 0:
            found.append(f"{slide[0]}: its slide has no minutes")
    for cell_id in shown:
        if PREDICT.search(cells[cell_id].source) and not lecture.note(cell_id).poll:
            found.append(f"{cell_id}: it asks to predict, and there is no poll")
    if abs(lecture.total() - lecture.minutes) > SLACK:
        found.append(f"the minutes add up to {lecture.total():g}, wanted: {lecture.minutes:g} ± {SLACK}")
    return found
