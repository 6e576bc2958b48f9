"""The learner's progress on one page: what is solved, how often it was tried, what comes next and why, minutes left.

Minutes are the lessons' own: those of the whole lesson where nothing was tried yet, those of its unsolved exercises
where something was. What comes next follows from the order of the course and from what each lesson
needs; see `next_step`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from .checks import record
from .course_map import NOTEBOOKS, PARTS, Asked, Lesson, lessons
from .errors import DataError
from .exercises import so_far

Kept = dict[str, dict]
NOT_KEPT = "Nothing is kept: VIDLAB_NO_PROGRESS is set."


@dataclass(frozen=True)
class Step:
    """What to do next: a lesson, perhaps an exercise of it, and why. No lesson: everything is solved."""

    lesson: Lesson | None
    exercise: Asked | None
    why: str


def solved(lesson: Lesson, kept: Kept) -> int:
    """How many exercises of a lesson are solved."""
    return sum("solved" in kept.get(asked.name, {}) for asked in lesson.exercises)


def is_done(lesson: Lesson, kept: Kept) -> bool:
    return solved(lesson, kept) == len(lesson.exercises)


def is_begun(lesson: Lesson, kept: Kept) -> bool:
    """Whether something of it was tried, or a hint was asked for."""
    return any(kept.get(asked.name) for asked in lesson.exercises)


def minutes_left(lesson: Lesson, kept: Kept) -> int:
    """Of the reader: the whole lesson if nothing was tried, else the exercises that are left."""
    if not is_begun(lesson, kept) and lesson.exercises:
        return lesson.minutes
    return sum(asked.minutes for asked in lesson.exercises if "solved" not in kept.get(asked.name, {}))


def next_step(course: dict[str, Lesson], kept: Kept) -> Step:
    """The lesson where the learner is; when it is done, the next one in the order of the course; then what was skipped.

    The learner is in the last lesson in which something was tried.
    """
    order = list(course.values())
    begun = [lesson for lesson in order if is_begun(lesson, kept)]
    if not begun:
        why = "Everything starts here: it needs nothing but Python and arrays. "
        why += "If you know some of this already, the placement quiz says where to start."
        return Step(order[0], None, why)
    here = begun[-1]
    if not is_done(here, kept):
        asked = next(asked for asked in here.exercises if "solved" not in kept.get(asked.name, {}))
        so = f"{solved(here, kept)} of its {len(here.exercises)} exercises are solved"
        ahead = f"{asked.number} · {asked.title} ({asked.level}, {asked.minutes} minutes)"
        return Step(here, asked, f"You are in this lesson: {so}, and the next one is {ahead}.")
    after = [lesson for lesson in order[order.index(here) + 1 :] if not is_done(lesson, kept)]
    if after:
        lesson = after[0]
        why = f"Lesson {here.number} is done, and this one comes next in the order of the course."
        return Step(lesson, None, " ".join([why, *_about_needs(lesson, course, kept)]))
    skipped = [lesson for lesson in order if not is_done(lesson, kept)]
    if skipped:
        why = "You have reached the end of the course; this is the first lesson that you left open."
        return Step(skipped[0], None, why)
    return Step(None, None, "Every exercise is solved. What is left is a film of your own: lesson 15, section 7.")


def _about_needs(lesson: Lesson, course: dict[str, Lesson], kept: Kept) -> list[str]:
    """What it builds on, and what of that is not solved here."""
    needs = [number for number in lesson.needs if number in course]
    if not needs:
        return []
    missing = [number for number in needs if not solved(course[number], kept)]
    said = [f"It builds on {_list(needs)}."]
    if missing:
        unless = f"unless the placement quiz let you skip {'it' if len(missing) == 1 else 'them'}"
        said.append(f"Nothing of {_list(missing)} is solved here: look there first, {unless}.")
    return said


def _list(words: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def hours(minutes: int) -> str:
    """Minutes in words.

    >>> hours(0), hours(120), hours(150)
    ('0 min', '2 h', '2 h 30 min')
    """
    parts = [f"{minutes // 60} h"] * (minutes >= 60) + [f"{minutes % 60} min"] * (minutes % 60 > 0 or minutes == 0)
    return " ".join(parts)


def left(minutes: int) -> str:
    """What is left to do, in words.

    >>> left(12), left(0)
    ('12 min left', 'done')
    """
    return f"{hours(minutes)} left" if minutes else "done"


def damaged() -> list[str]:
    """One sentence if the record was damaged once and set aside: where it lies, and what became of it."""
    path = record.location()
    found = sorted(path.parent.glob(f"{path.name}.bak*")) if path else []
    if not found:
        return []
    names = _list([each.name for each in found])
    return [
        f"The record was damaged and set aside as {names}, beside {path.name}: nothing was deleted. What could be read "
        "of it counts here; delete the copy when you no longer want it."
    ]


class Progress:
    """The page: as text, in a notebook, and as a file of its own; all three are made from the same numbers."""

    def __init__(self) -> None:
        self.course, self.kept = lessons(), record.load()
        self.step = next_step(self.course, self.kept)
        path = record.location()
        where = f"Your record is kept in {record._tilde(path)} only." if path else NOT_KEPT
        entries = [self.kept.get(a.name, {}) for lesson in self.course.values() for a in lesson.exercises]
        done = sum("solved" in entry for entry in entries)
        tries = sum(entry.get("attempts", 0) for entry in entries)
        hints = sum(entry.get("hints", 0) for entry in entries)
        ahead = left(sum(minutes_left(lesson, self.kept) for lesson in self.course.values()))
        self.total = f"{done} of {len(entries)} exercises solved · tries: {tries} · hints: {hints} · {ahead}"
        self.notes = [where, *damaged()]

    def parts(self) -> list[tuple[str, list[Lesson], int, int, int]]:
        """(name, lessons, solved, exercises, minutes left) of each part."""
        rows = []
        for part, numbers in PARTS.items():
            here = [self.course[number] for number in numbers if number in self.course]
            asked = sum(len(lesson.exercises) for lesson in here)
            minutes = sum(minutes_left(lesson, self.kept) for lesson in here)
            rows.append((part, here, sum(map(self.solved, here)), asked, minutes))
        return rows

    def solved(self, lesson: Lesson) -> int:
        return solved(lesson, self.kept)

    def __repr__(self) -> str:
        lines = ["Your progress", self.total, "", f"Next: {self._next()}", self.step.why]
        for part, here, done, asked, minutes in self.parts():
            lines += ["", f"{part}: {done} of {asked} solved, {left(minutes)}"]
            for lesson in here:
                count = f"{self.solved(lesson)} of {len(lesson.exercises)}"
                ahead = left(minutes_left(lesson, self.kept))
                lines.append(f"  {lesson.number} {lesson.title:<48}{count:>8}{ahead:>18}")
                if is_begun(lesson, self.kept):
                    lines += [f"       {so_far(a.name, self.kept):<30}{a.number} · {a.title}" for a in lesson.exercises]
        return "\n".join([*lines, "", *self.notes])

    def _next(self) -> str:
        return f"{self.step.lesson.number} · {self.step.lesson.title}" if self.step.lesson else "a film of your own"

    def _repr_html_(self) -> str:
        from .progress_page import fragment

        return fragment(self, lambda lesson: os.path.relpath(NOTEBOOKS / lesson.file).replace(os.sep, "/"))

    def html(self) -> str:
        """A page of its own, which needs no network."""
        from .progress_page import document

        return document(self)

    def write(self, path: str | os.PathLike) -> Path:
        """Write that page, whole or not at all; returns where it lies.

        Raises:
            DataError: the file cannot be written.
        """
        path = Path(path)
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            try:
                part.write_text(self.html(), encoding="utf-8")
                os.replace(part, path)
            finally:
                part.unlink(missing_ok=True)
        except OSError as error:
            raise DataError(f"{path} cannot be written ({error.strerror})", mend="another folder") from None
        return path


def progress() -> Progress:
    """The page of what is done and what is next."""
    return Progress()
