"""What the lessons themselves say: title, part, minutes, what each one needs, and the exercises it sets.

All of it is read from the notebooks, so that an index, a page of progress or a site never holds a second list. Only the
parts of the course are written down here; they are those that a homework ends.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .errors import DataError

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
PARTS = {  # name: the lessons of the part
    "Space and time": ("00", "01", "02"),
    "Optical flow": ("03", "04"),
    "Fusion and 3D convolution": ("05", "06", "07", "08"),
    "Recurrence and attention": ("09", "10"),
    "Two streams": ("11", "12", "13"),
    "All together": ("14", "15"),
}
LEVELS = ("easy", "medium", "hard")  # a lesson may also say "harder"

LINK = re.compile(r"\]\((\d\d)_\w+\.ipynb\)( to \[)?")
SECTION = re.compile(r"^## (?:\d+ · )?(.+)$", re.MULTILINE)
ASKED = re.compile(r"^### Exercise (\d+) · (.+?) \((easy|medium|hard)(?:er)?, (\d+) minutes?\)$", re.MULTILINE)
CHECKED = re.compile(r"\bcheck\(\s*[\"'](\w+\.\w+)[\"']")


@dataclass(frozen=True)
class Asked:
    """An exercise as its lesson sets it; `name` is what `check` calls it."""

    name: str
    lesson: str
    number: int
    title: str
    level: str
    minutes: int
    hints: int
    section: str
    cell: str  # the id of the cell that asks

    @property
    def part(self) -> str:
        return part_of(self.lesson)


@dataclass(frozen=True)
class Lesson:
    """A lesson: its number "05", its file, and what its first cells say."""

    number: str
    file: str
    title: str
    minutes: int  # of the reader, with the exercises
    needs: tuple[str, ...]  # the lessons that it builds on
    exercises: tuple[Asked, ...]

    @property
    def part(self) -> str:
        return part_of(self.number)


def part_of(lesson: str) -> str:
    """The part of the course that a lesson belongs to.

    >>> part_of("07")
    'Fusion and 3D convolution'
    """
    return next(part for part, lessons in PARTS.items() if lesson in lessons)


def lessons(folder: Path = NOTEBOOKS) -> dict[str, Lesson]:
    """Every lesson of the course by its number, in reading order.

    Raises:
        DataError: there is no lesson, or a notebook is no notebook.
    """
    paths = sorted(folder.glob("[0-9][0-9]_*.ipynb"))
    if not paths:
        raise DataError(f"no lesson lies in {folder.name}/", wanted="notebooks such as 00_start_here.ipynb")
    return {path.name[:2]: _read(path, path.stat().st_mtime_ns) for path in paths}


@cache
def _read(path: Path, changed: int) -> Lesson:
    """One notebook; read again when it has changed, as the learner works in it."""
    try:
        cells = [(cell.get("id", ""), "".join(cell["source"])) for cell in json.loads(path.read_bytes())["cells"]]
    except (ValueError, KeyError, TypeError) as error:
        mend = f"git checkout notebooks/{path.name}, after a copy of what you wrote into it"
        raise DataError(f"{path.name} is no notebook ({error})", wanted="a lesson of the course", mend=mend) from None
    number, by_id = path.name[:2], dict(cells)
    minutes = re.search(r"About (\d+) minutes", by_id.get("label", ""))
    return Lesson(
        number=number,
        file=path.name,
        title=re.sub(r"^(# )?(\d\d · )?", "", by_id.get("title", path.stem).splitlines()[0]),
        minutes=int(minutes[1]) if minutes else 0,
        needs=_needs(by_id.get("before", "")),
        exercises=tuple(_asked(number, cells)),
    )


def _needs(before: str) -> tuple[str, ...]:
    """The lessons that the cell "Before you start" links to; "[05](…) to [13](…)" are all nine of them."""
    found: set[int] = set()
    start = None
    for number, range_follows in LINK.findall(before):
        found |= set(range(int(number) if start is None else start, int(number) + 1))
        start = int(number) if range_follows else None
    return tuple(f"{number:02d}" for number in sorted(found))


def _asked(lesson: str, cells: list[tuple[str, str]]):
    """The exercises of a lesson: a heading that asks, and the next cell that checks."""
    section, waiting = "", None
    for cell, source in cells:
        if headings := SECTION.findall(source):
            section = headings[-1]
        if found := ASKED.search(source):
            number, title, level, minutes = found.groups()
            hints = source.count("<summary>Hint")
            waiting = (int(number), title, level, int(minutes), hints, section, cell)
        elif waiting and (name := CHECKED.search(source)):
            yield Asked(name[1], lesson, *waiting)
            waiting = None
