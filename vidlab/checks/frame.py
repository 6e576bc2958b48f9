"""What an exercise is, and how an answer to it is judged.

The learner's function and the reference are called with the same freshly drawn inputs. If the answers differ, the
reason is looked for in this order: type, known mistakes, shape, dtype, range, and at last the place of the largest
difference. A known mistake is a pair: what to say, and the wrong function itself. Whoever makes the same mistake is
recognised by giving the same answers. The right answer is never shown.
"""

from __future__ import annotations

import html
import importlib
import inspect
import linecache
import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from .mismatch import Parts, Wanted, differs, explain, inputs_in_words, read

LESSONS = {
    "start": "00 Start here",
    "tensor": "01 A video is a tensor",
    "space_time": "02 Space–time slices",
    "constraint": "03 The optical-flow constraint",
    "estimation": "04 Estimating flow",
    "frames": "05 Single frame and late fusion",
    "early": "06 Early fusion",
    "slow": "07 Slow fusion and 3D convolution",
    "inflate": "08 Inflating 2D networks",
    "recurrence": "09 Recurrent and convolutional recurrent networks",
    "attention": "10 Attention and video transformers",
    "two_stream": "11 Two-stream networks",
    "fusion": "12 Convolutional fusion",
    "hidden": "13 Hidden two-stream networks",
    "capstone": "14 All models on one table",
    "videos": "15 Your own videos",
}
MODULES = {  # the others are called as their lesson
    "constraint": "flow_constraint",
    "estimation": "flow_estimation",
    "frames": "single_frame",
    "early": "early_fusion",
    "slow": "slow_fusion",
    "inflate": "inflation",
}
SYMBOL = {"solved": "✔", "wrong": "✘", "open": "○"}
COLOUR = {"solved": "#2e8b57", "wrong": "#d55e00", "open": "#808080"}
TRIALS = 4  # fresh draws for every check


@dataclass(frozen=True)
class Mistake:
    """A wrong function that learners write, and what to tell them."""

    says: str
    gives: Callable[..., Any]


@dataclass(frozen=True)
class Exercise:
    """One exercise: what is asked, its reference, how inputs are drawn, and what a right answer looks like.

    `draw` takes a `torch.Generator` and returns a list of argument tuples: tensors, plain numbers, texts, tuples or
    lists of these; or a network, whose `repr` is short. Where many answers are right, `fault` takes the learner's
    function and its (arguments, answer) pairs and says what is wrong, or nothing; the reference shows only their form.
    """

    name: str
    task: str
    reference: Callable[..., Any]
    draw: Callable[[torch.Generator], list[tuple]]
    wanted: Wanted
    hints: tuple[str, str]
    mistakes: tuple[Mistake, ...]
    fault: Callable[[Callable, list[tuple[tuple, Any]]], str] | None = None

    @property
    def lesson(self) -> str:
        return self.name.split(".")[0]

    @property
    def solution(self) -> str:
        """The commented source of the reference."""
        return inspect.getsource(self.reference)


@dataclass(frozen=True)
class Result:
    """The verdict on one answer: `status` is "solved", "wrong" or "open" (not tried yet)."""

    name: str
    status: str
    message: str

    def __bool__(self) -> bool:
        return self.status == "solved"

    def __repr__(self) -> str:
        return f"{SYMBOL[self.status]} {self.name}: {self.message}"

    def _repr_html_(self) -> str:
        return panel(f"<b>{SYMBOL[self.status]}</b> <code>{self.name}</code>: {html.escape(self.message)}", self.status)


def panel(content: str, status: str = "open") -> str:
    """A line with a coloured edge; text and background are those of the page, so it fits a light and a dark theme."""
    style = f"border-left:4px solid {COLOUR[status]};padding:.3em .8em;margin:.2em 0;white-space:normal"
    return f'<div role="status" style="{style}">{content}</div>'


def exercises(lesson: str | None = None) -> dict[str, Exercise]:
    """All exercises by name, or those of one lesson; lessons are imported when they are first asked for."""
    wanted = LESSONS if lesson is None else [lesson] if lesson in LESSONS else []
    found = (importlib.import_module(f"{__package__}.{MODULES.get(name, name)}").EXERCISES for name in wanted)
    return {exercise.name: exercise for several in found for exercise in several}


def copies(arguments: tuple) -> tuple:
    """The arguments once more, so that nobody can change ours."""
    return tuple(v.clone() if isinstance(v, torch.Tensor) else list(v) if isinstance(v, list) else v for v in arguments)


def _learners_line(function: Callable, error: BaseException) -> tuple[int, str] | None:
    """Number and text of the line of the learner's code that raised, if it got that far."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    frames = [f for f in traceback.extract_tb(error.__traceback__) if code and f.filename == code.co_filename]
    if not frames or frames[-1].lineno is None:
        return None
    line = linecache.getline(frames[-1].filename, frames[-1].lineno).strip()
    return frames[-1].lineno - code.co_firstlineno + 1, line


def _is_stub(function: Callable, error: NotImplementedError) -> bool:
    """Tell `raise NotImplementedError` from an operation that torch has not implemented."""
    where = _learners_line(function, error)
    return where is None or not where[1] or where[1].startswith("raise ") or not str(error)


def _stopped(exercise: Exercise, function: Callable, error: Exception, arguments: tuple) -> str:
    """An exception in the learner's code as one sentence."""
    first_line = (str(error).strip().splitlines() or ["no message"])[0]
    what = f"{type(error).__name__}: {first_line[:200]}"
    where = _learners_line(function, error)
    given = inputs_in_words(exercise.reference, arguments)
    if where is None:
        return f"it cannot be called with {given} ({what})"
    return f"it stopped at line {where[0]} of the function, “{where[1]}”, when called with {given} ({what})"


def judge(exercise: Exercise, function: Any, seed: int | None = None) -> Result:
    """Call the function on freshly drawn inputs (the same ones for the same `seed`) and say what is wrong, if anything.

    Exceptions in the function become a sentence; KeyboardInterrupt and SystemExit pass.
    """
    if not callable(function):
        return Result(
            exercise.name, "wrong", f"hand over the function itself; this is of type {type(function).__name__}"
        )
    seed = int.from_bytes(os.urandom(4), "big") if seed is None else seed
    trials = []
    for number in range(TRIALS):
        for arguments in exercise.draw(torch.Generator().manual_seed(seed + number)):
            given = copies(arguments)
            try:
                answer = function(*given)
            except Exception as error:
                if isinstance(error, NotImplementedError) and _is_stub(function, error):
                    return Result(exercise.name, "open", "not tried yet")
                return Result(exercise.name, "wrong", _stopped(exercise, function, error, arguments))
            pairs = zip(arguments, given, strict=True)
            changed = [a != b if isinstance(a, list) else a is not b and differs(a, b) for a, b in pairs]
            if any(changed):
                name = list(inspect.signature(exercise.reference).parameters)[changed.index(True)]
                message = f"it changes its input: “{name}” is not the same after the call; work on a new tensor"
                return Result(exercise.name, "wrong", message)
            trials.append((arguments, answer, exercise.reference(*copies(arguments))))
    message = _verdict(exercise, function, trials)
    if message:
        return Result(exercise.name, "wrong", message)
    return Result(exercise.name, "solved", f"right on {len(trials)} freshly drawn inputs")


def _verdict(exercise: Exercise, function: Callable, trials: list[tuple]) -> str:
    """What is wrong over all trials, or an empty string."""
    wanted = exercise.wanted
    values = []
    for arguments, answer, _ in trials:
        value, complaint = read(answer, wanted)
        if complaint:
            return complaint
        values.append((arguments, value))
    references = [read(reference, wanted)[0] for *_, reference in trials]
    if exercise.fault:
        message = _malformed(exercise, trials, values, references) or exercise.fault(function, values)
        return message and (_known(exercise, values) or message)
    wrong = [i for i, (_, value) in enumerate(values) if differs(value, references[i], wanted.tolerance)]
    if wrong and (says := _known(exercise, values)):
        return says
    for i in range(len(trials)) if not wrong else wrong:
        arguments, answer, reference = trials[i]
        message = explain(values[i][1], references[i], answer, reference, arguments, wanted)
        if message and 0 < len(wrong) < len(trials):
            given = inputs_in_words(exercise.reference, arguments)
            return f"it is right for some inputs but not for others, such as {given}: {message}"
        if message:
            return message
    return ""


def _malformed(exercise: Exercise, trials: list[tuple], values: list[tuple], references: list[Parts]) -> str:
    """What is wrong with shape, dtype or range where the values are free, or an empty string."""
    for (arguments, answer, reference), (_, value), right in zip(trials, values, references, strict=True):
        like = value if value.shape == right.shape else right
        message = explain(value, like, answer, reference, arguments, exercise.wanted)
        if message:
            return message
    return ""


def _known(exercise: Exercise, values: list[tuple]) -> str:
    """What to say of the mistake that would have given all these answers, or an empty string."""
    for mistake in exercise.mistakes:
        if all(_gives(mistake, arguments, value, exercise.wanted) for arguments, value in values):
            return mistake.says
    return ""


def _gives(mistake: Mistake, arguments: tuple, value: Parts, wanted: Wanted) -> bool:
    """Whether the mistaken function would have answered `value`."""
    try:
        mistaken, complaint = read(mistake.gives(*copies(arguments)), wanted)
    except (RuntimeError, ValueError, IndexError, ArithmeticError):  # the mistake itself may fail on some shapes
        return False
    return not complaint and not differs(mistaken, value, wanted.tolerance if wanted.alike is None else wanted.alike)
