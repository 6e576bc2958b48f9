"""How long a lesson takes its reader, by what stands in it: `python -m vidlab.reading_time` compares it with the label.

The label's own minutes come from words, code and exercises alone (`vidlab.normalise.reading_minutes`). Here formulas
and figures count as well, and words and code at another pace; so these are two opinions, and where they lie more than a
third apart the label is to be looked at. What the machine computes is not counted: you read on meanwhile.

>>> Counts(words=1800, formulas=3, exercises=20).minutes
31.0
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, fields
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from .course_map import NOTEBOOKS
from .normalise import EXERCISE_MINUTES, words

FAR = 1 / 3  # of the stated minutes
DISPLAYED, INLINE = re.compile(r"\$\$.+?\$\$", re.DOTALL), re.compile(r"\$[^$\n]+\$")
LIVE = re.compile(r"\bfigures\.[A-Z]\w+[.(]")  # a class is a figure to play with, a function draws a still one
HINTS = re.compile(r"<details.*?</details>", re.DOTALL)


@dataclass(frozen=True)
class Counts:
    """What there is to read, to look at and to do; `exercises` in minutes, as the lesson states them."""

    words: int = 0
    formulas: int = 0  # on a line of their own
    signs: int = 0  # formulas within a sentence
    code: int = 0  # lines that are not empty
    figures: int = 0  # still ones
    live: int = 0
    exercises: int = 0

    @property
    def minutes(self) -> float:
        """180 words and 20 lines of code a minute; 20 s a formula, 2 s a sign, 30 s a figure, 90 s one to play with."""
        looks = 20 * self.formulas + 2 * self.signs + 30 * self.figures + 90 * self.live
        return self.words / 180 + self.code / 20 + looks / 60 + self.exercises

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(Counts)))


def count(nb: NotebookNode) -> Counts:
    """The counts of a notebook that was run (figures are counted where their pictures are)."""
    return sum(map(_cell, nb.cells), Counts())


def _cell(cell: NotebookNode) -> Counts:
    if cell.cell_type == "markdown":
        text = HINTS.sub(" ", cell.source)
        return Counts(
            words=words(cell.source),
            formulas=len(DISPLAYED.findall(text)),
            signs=len(INLINE.findall(DISPLAYED.sub(" ", text))),
            exercises=sum(map(int, EXERCISE_MINUTES.findall(cell.source))),
        )
    lines = sum(bool(line.strip()) for line in cell.source.splitlines())
    pictures = sum("image/png" in output.get("data", {}) for output in cell.get("outputs", []))
    live = min(pictures, len(LIVE.findall(cell.source)))
    return Counts(code=lines, figures=pictures - live, live=live)


def stated(nb: NotebookNode) -> int:
    """The minutes that the label promises; 0 without a label."""
    label = next((cell.source for cell in nb.cells if cell.get("id") == "label"), "")
    found = re.search(r"About (\d+) minutes", label)
    return int(found[1]) if found else 0


def is_far(minutes: float, promised: int) -> bool:
    """Whether a label is off by more than a third."""
    return abs(minutes - promised) > FAR * promised


def table(folder: Path = NOTEBOOKS) -> list[tuple[str, Counts, int]]:
    """(lesson, counts, stated minutes) of every lesson."""
    books = {path.name[:2]: nbformat.read(path, as_version=4) for path in sorted(folder.glob("[0-9][0-9]_*.ipynb"))}
    return [(name, count(nb), stated(nb)) for name, nb in books.items()]


def main() -> int:
    names = [each.name for each in fields(Counts)]
    print("lesson", *(f"{name:>9}" for name in [*names, "minutes", "stated"]))
    far = False
    for lesson, counts, promised in table():
        row = [*(getattr(counts, name) for name in names), round(counts.minutes), promised]
        far |= (off := is_far(counts.minutes, promised))
        print(f"{lesson:>6}", *(f"{value:>9,}" for value in row), " ← look at this label" if off else "")
    return int(far)


if __name__ == "__main__":
    sys.exit(main())
