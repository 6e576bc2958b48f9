"""Where to start: the questions of the placement quiz, and the rule that leads from answers to a lesson.

The questions stand in `data/placement.toml`, one for each lesson from 00 to 13, in the order of the lessons. The rule:

    Start with the first lesson whose question you missed and after which you did not get the next two right.

So a single slip does not send anyone back: it is listed as something to look up. Of the last two questions there are no
two that follow, and a miss counts. Who misses nothing else starts with lesson 14. The quiz may stop as soon as no
further answer can change the result; a beginner then sees two or three questions, not fourteen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .catalogue import tomllib
from .errors import DataError

FILE = Path(__file__).resolve().parents[1] / "data" / "placement.toml"
LAST = "14"  # for who knows all that is asked
RULE = (
    "You start with the first lesson whose question you missed, unless you got the next two questions right: "
    "then it was a slip, and is listed as something to look up."
)


@dataclass(frozen=True)
class Option:
    """An answer that can be chosen, and why it is right or wrong."""

    says: str
    why: str
    right: bool = False


@dataclass(frozen=True)
class Question:
    """A question, and the lesson that teaches what it asks."""

    lesson: str
    asks: str
    options: tuple[Option, ...]

    @property
    def answer(self) -> int:
        """Which option is right."""
        return next(k for k, option in enumerate(self.options) if option.right)


@dataclass(frozen=True)
class Verdict:
    """Where to start, and the lessons of single slips before it."""

    start: str
    look_up: tuple[str, ...]


@cache
def questions(path: Path = FILE) -> tuple[Question, ...]:
    """The quiz, in the order in which it is asked.

    Raises:
        DataError: the file cannot be read, or a question is not one that can be asked.

    >>> questions()[3].lesson
    '03'
    """
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8"))["question"]
        found = tuple(
            Question(row["lesson"], row["asks"], tuple(Option(**option) for option in row["option"])) for row in rows
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path.name} cannot be used ({error})", wanted="questions as its head describes") from None
    for question in found:
        if sum(option.right for option in question.options) != 1 or len(question.options) < 2:
            raise DataError(f"{path.name}, lesson {question.lesson}", wanted="two options or more, one of them right")
    if list(found) != sorted(found, key=lambda question: question.lesson):
        raise DataError(f"{path.name} is out of order", wanted="questions in the order of their lessons")
    return found


def settled(right: Sequence[bool]) -> bool:
    """Whether the answers decide: two misses within three questions, one of the last two, or nothing left to ask.

    >>> settled([True, False]), settled([True, False, True, False])
    (False, True)
    """
    count = len(questions())
    stops = (not well and (i + 2 >= count or not all(right[i + 1 : i + 3])) for i, well in enumerate(right))
    return any(stops) or len(right) >= count


def verdict(right: Sequence[bool]) -> Verdict:
    """The lesson to start with, from right and wrong answers in the order of the questions; those not given are wrong.

    >>> verdict([True] * 5)
    Verdict(start='05', look_up=())
    >>> verdict([True, False, True, True, True])
    Verdict(start='05', look_up=('01',))
    """
    lessons = [question.lesson for question in questions()]
    known = [*right, *[False] * (len(lessons) - len(right))]
    slips = []
    for i, lesson in enumerate(lessons):
        if known[i]:
            continue
        if known[i + 1 : i + 3] != [True, True]:
            return Verdict(lesson, tuple(slips))
        slips.append(lesson)
    return Verdict(LAST, tuple(slips))
