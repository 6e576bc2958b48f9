"""All exercises of the course by difficulty and topic, read from the lessons: minutes, hints, solved or not.

>>> find(level="hard")[0].title
'A robust detector'
>>> print(index(topic="lucas"))  # doctest: +SKIP
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from .checks import record
from .checks.frame import SYMBOL
from .course_map import LEVELS, PARTS, Asked, lessons
from .errors import DataError
from .page import Page

SAYS = {"solved": "solved", "wrong": "not yet", "open": "open"}


def find(level: str | None = None, topic: str | None = None, *, unsolved: bool = False) -> list[Asked]:
    """The exercises of a level and of a topic, part by part and the easy ones first.

    A topic is a word, or the beginning of one: of the part, the lesson, the section, the exercise or its name.

    Raises:
        DataError: there is no such level, or no exercise on that topic.
    """
    if level is not None and level not in LEVELS:
        raise DataError(f"no exercise is called {level!r}", wanted=f"a level: {', '.join(LEVELS)}")
    course = lessons()
    everything = [asked for lesson in course.values() for asked in lesson.exercises]
    found = [a for a in everything if topic is None or _is_about(a, course[a.lesson].title, topic)]
    if not found:
        raise DataError(f"no exercise is about {topic!r}", wanted=f"a word, as in: {'; '.join(PARTS)}")
    solved = {name for name, entry in record.load().items() if "solved" in entry}
    found = [a for a in found if level in (None, a.level) and not (unsolved and a.name in solved)]
    parts = list(PARTS)
    return sorted(found, key=lambda a: (parts.index(a.part), LEVELS.index(a.level), a.lesson, a.number))


def _is_about(asked: Asked, lesson: str, topic: str) -> bool:
    text = " ".join((asked.part, lesson, asked.section, asked.title, asked.name.replace("_", " ")))
    return re.search(rf"(?<!\w){re.escape(topic)}", text, re.IGNORECASE) is not None


def so_far(name: str, kept: dict[str, dict]) -> str:
    """What the learner's record says of an exercise, in a symbol and in words.

    >>> so_far("a.b", {"a.b": {"attempts": 2, "hints": 1}}), so_far("a.b", {})
    ('✘ not yet, 2 tries, 1 hint', '○ open')
    """
    entry = kept.get(name, {})
    status = "solved" if "solved" in entry else "wrong" if entry.get("attempts") else "open"
    counts = ((entry.get("attempts", 0), "try", "tries"), (entry.get("hints", 0), "hint", "hints"))
    words = [f"{count} {one if count == 1 else many}" for count, one, many in counts if count]
    return f"{SYMBOL[status]} {', '.join([SAYS[status], *words])}"


class Index(Page):
    """Exercises as a table, with what the learner has done of each."""

    words = 5

    def __init__(self, found: Iterable[Asked], title: str) -> None:
        self.found, self.title, self.kept = list(found), title, record.load()

    def __len__(self) -> int:
        return len(self.found)

    def _page(self):
        head = ("exercise", "title", "lesson", "level", "so far", "minutes", "hints")
        rows = [
            (a.name, a.title, a.lesson, a.level, so_far(a.name, self.kept), str(a.minutes), str(a.hints))
            for a in self.found
        ]
        minutes = sum(a.minutes for a in self.found)
        open_ = sum("solved" not in self.kept.get(a.name, {}) for a in self.found)
        number = f"{len(rows)} exercise{'' if len(rows) == 1 else 's'}"
        return self.title, head, rows, [f"{number}, {minutes} minutes in all; {open_} not solved yet."]


def index(level: str | None = None, topic: str | None = None, *, unsolved: bool = False) -> Index:
    """The index, or the part of it that `find` finds."""
    words = ["Exercises", level, topic and f"on “{topic}”", "not solved yet" if unsolved else None]
    return Index(find(level, topic, unsolved=unsolved), ", ".join(word for word in words if word))


def markdown(base: str = "../notebooks/") -> str:
    """The whole index for a page of the docs or the site: counts by topic and level, then a table for each topic.

    It says nothing of a learner; `base` leads from that page to the notebooks.
    """
    course, everything = lessons(), find()
    lines = ["# Exercises by topic and difficulty", ""]
    lines += [f"| topic | {' | '.join(LEVELS)} | minutes |", "|---|" + "--:|" * (len(LEVELS) + 1)]
    for part in [*PARTS, "all"]:
        here = [a for a in everything if part in (a.part, "all")]
        counts = [str(sum(a.level == level for a in here)) for level in LEVELS]
        lines.append(f"| {part} | {' | '.join(counts)} | {sum(a.minutes for a in here)} |")
    for part in PARTS:
        lines += ["", f"## {part}", "", "| exercise | level | minutes | hints | lesson |", "|---|---|--:|--:|---|"]
        for a in everything:
            if a.part == part:
                lesson = course[a.lesson]
                title = f"[{a.number} · {a.title}]({base}{lesson.file})"
                lines.append(f"| {title} | {a.level} | {a.minutes} | {a.hints} | {a.lesson} {lesson.title} |")
    return "\n".join(lines) + "\n"
