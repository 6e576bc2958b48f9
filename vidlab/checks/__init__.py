"""Exercises: `check` says in words what is wrong, `hint` and `solution` help, `progress` shows what is done.

>>> check("space_time.yt_slice", lambda clip, x: clip[..., x])  # doctest: +ELLIPSIS
✘ space_time.yt_slice: ...

Nothing here leaves the machine.
"""

from __future__ import annotations

import difflib
import html
from typing import Any

from . import record
from .frame import Exercise, Mistake, Result, exercises, judge, panel

__all__ = ["Exercise", "Mistake", "Result", "check", "exercises", "hint", "progress", "solution"]


def check(name: str, function: Any, *, seed: int | None = None) -> Result:
    """Judge an answer to the exercise `name`, such as "space_time.yt_slice", on freshly drawn inputs.

    Never raises for a wrong answer or a wrong name; `seed` draws the same inputs again. The result is true when solved.
    """
    exercise = exercises(name.split(".")[0]).get(name)
    if exercise is None:
        return _unknown(name)
    result = judge(exercise, function, seed)
    record.note(result)
    return result


class Help:
    """A hint or a solution, as text and as html."""

    def __init__(self, title: str, text: str, *, code: bool = False) -> None:
        self.title, self.text, self.code = title, text, code

    def __repr__(self) -> str:
        return f"{self.title}\n\n{self.text}" if self.code else f"{self.title}: {self.text}"

    def _repr_html_(self) -> str:
        if self.code:
            return panel(f"{html.escape(self.title)}<pre><code>{html.escape(self.text)}</code></pre>")
        return panel(f"<b>{html.escape(self.title)}</b>: {html.escape(self.text)}")


def hint(name: str) -> Help | Result:
    """The next hint; the last one again when there are no more."""
    exercise = exercises(name.split(".")[0]).get(name)
    if exercise is None:
        return _unknown(name)
    used = min(record.load().get(name, {}).get("hints", 0), len(exercise.hints))
    number = min(used + 1, len(exercise.hints))
    record.update(name, hints=number)
    return Help(f"Hint {number} of {len(exercise.hints)}", exercise.hints[number - 1])


def solution(name: str) -> Help | Result:
    """A commented answer. Who has not solved it and has hints left gets the next hint first; ask again to see it."""
    exercise = exercises(name.split(".")[0]).get(name)
    if exercise is None:
        return _unknown(name)
    entry = record.load().get(name, {})
    if not ("solved" in entry or entry.get("asked") or entry.get("hints", 0) >= len(exercise.hints)):
        helped = hint(name)
        record.update(name, asked=True)
        return Help(helped.title, f"{helped.text} (Ask once more for the solution.)")
    return Help(f"One answer to {name}. {exercise.task}", exercise.solution, code=True)


def progress() -> record.Page:
    """A page of what is done, lesson by lesson."""
    return record.Page()


def _unknown(name: str) -> Result:
    near = difflib.get_close_matches(name, exercises(), n=1, cutoff=0.4)
    return Result(name, "wrong", "there is no such exercise" + (f"; did you mean “{near[0]}”?" if near else ""))
