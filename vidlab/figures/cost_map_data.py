"""What CostMap shows: models with their shares and costs, checked; who is beaten by whom; what is said of it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np

from ..errors import ShapeError

FAMILIES = (  # in the order of the course
    "appearance only", "order-blind pooling", "fused frames", "convolution over time", "recurrence", "attention",
    "two streams", "average of models",
)  # fmt: skip
COSTS = {  # cost -> what the axis says of it
    "multiply–adds": "multiply–adds for one clip; computing flow is not counted",
    "weights": "weights, biases among them",
    "milliseconds": "milliseconds for one clip, on the machine of this notebook",
    "CPU-seconds": "CPU-seconds of training",
}
MOST_MODELS, MOST_QUESTIONS, MOST_COSTS = 24, 12, 6


@dataclass(frozen=True)
class ModelRow:
    """One model on the map.

    name: as it stands beside its point. family: one of `FAMILIES`; it gives shape and colour.
    values: question -> one share a seed, from 0 to 1. costs: cost -> a number above 0, or where it depends on the
    question, question -> number. A question or cost that is missing is not known: no point is drawn for it.
    says: one sentence on what it can and cannot see. link: where that is proved, relative to the notebook.
    """

    name: str
    family: str
    values: Mapping[str, Sequence[float]]
    costs: Mapping[str, float | Mapping[str, float]] = field(default_factory=dict)
    says: str = ""
    link: str = ""


@dataclass(frozen=True)
class Numbers:
    """Shares `questions models` (mean, lowest, highest seed) and cost `questions costs models`; NaN: not known."""

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    seeds: np.ndarray
    cost: np.ndarray

    def drawn(self, q: int, c: int) -> list[int]:
        """The models whose share and cost are known, from cheap to dear."""
        known = np.flatnonzero(np.isfinite(self.mean[q]) & np.isfinite(self.cost[q, c])).tolist()
        return sorted(known, key=lambda k: (self.cost[q, c, k], self.mean[q, k]))

    def front(self, q: int, c: int) -> list[int]:
        """The Pareto front, from cheap to dear: nobody is as good as these for less, or better for as little."""
        share, cost, drawn = self.mean[q], self.cost[q, c], self.drawn(q, c)

        def beaten(k: int) -> bool:
            at_least = [j for j in drawn if share[j] >= share[k] and cost[j] <= cost[k]]
            return any(share[j] > share[k] or cost[j] < cost[k] for j in at_least)

        return [k for k in drawn if not beaten(k)]


def checked_rows(rows) -> list[ModelRow]:
    """The rows as ModelRow, with names of their own.

    Raises:
        ShapeError: no rows, too many, a dict with other keys, or values of other kinds.
    """
    if isinstance(rows, (str, Mapping)) or not isinstance(rows, Sequence) or not 1 <= len(rows) <= MOST_MODELS:
        many = f" of {len(rows)}" if hasattr(rows, "__len__") else ""
        raise ShapeError(f"rows is a {type(rows).__name__}{many}", wanted=f"a list of 1 to {MOST_MODELS} ModelRow")
    found = [_row(row) for row in rows]
    names = [row.name for row in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ShapeError(f"two models called {twice!r}", wanted="a name of its own for each")
    return found


def checked_questions(questions, rows: list[ModelRow]) -> dict[str, float]:
    """Question -> the share of who guesses.

    Raises:
        ShapeError: no such dict, a chance that is no share, or a question that nobody answered.
    """
    if not isinstance(questions, Mapping) or not 1 <= len(questions) <= MOST_QUESTIONS:
        came = f"questions is a {type(questions).__name__}"
        came += f" of {len(questions)}" if isinstance(questions, Mapping) else ""
        raise ShapeError(
            came, wanted=f'a dict of 1 to {MOST_QUESTIONS}: question -> chance, such as {{"colour": 0.25}}'
        )
    for name, chance in questions.items():
        if not _is_number(chance) or not 0 <= chance < 1:
            mend = f"{chance / 100:g}" if _is_number(chance) and 1 <= chance < 100 else ""
            raise ShapeError(f"the chance of {name!r} is {chance!r}", wanted="a share from 0 to 1", mend=mend)
        if not any(name in row.values for row in rows):
            known = " or ".join(repr(each) for each in dict.fromkeys(q for row in rows for q in row.values))
            raise ShapeError(f"no model has values for {name!r}", wanted=known or "some values")
    return {str(name): float(chance) for name, chance in questions.items()}


def checked_costs(costs, rows: list[ModelRow]) -> dict[str, str]:
    """Cost -> the words of its axis; by default all that the rows have.

    Raises:
        ShapeError: a cost that no model has, or none at all.
    """
    had = list(dict.fromkeys(name for row in rows for name in row.costs))
    if costs is None:
        costs = [*(name for name in COSTS if name in had), *(name for name in had if name not in COSTS)]
    if isinstance(costs, str) or not isinstance(costs, (Mapping, Sequence)) or not 1 <= len(costs) <= MOST_COSTS:
        raise ShapeError(f"costs = {costs!r}", wanted=f"1 to {MOST_COSTS} of {', '.join(map(repr, had))}")
    for name in costs:
        if name not in had:
            wanted = " or ".join(map(repr, had)) or "rows with costs"
            raise ShapeError(f"no model has the cost {name!r}", wanted=wanted)
    words = costs if isinstance(costs, Mapping) else {name: COSTS.get(name, name) for name in costs}
    return {str(name): str(said) for name, said in words.items()}


def numbers(rows: list[ModelRow], questions: Sequence[str], costs: Sequence[str]) -> Numbers:
    """All shares and costs as arrays."""
    shares = [[row.values.get(q, ()) for row in rows] for q in questions]

    def over(function) -> np.ndarray:
        return np.array([[function(each) if len(each) else math.nan for each in line] for line in shares], float)

    def cost(row: ModelRow, name: str, question: str) -> float:
        given = row.costs.get(name, math.nan)
        return given.get(question, math.nan) if isinstance(given, Mapping) else given

    seeds = np.array([[len(each) for each in line] for line in shares])
    all_costs = np.array([[[cost(row, c, q) for row in rows] for c in costs] for q in questions], float)
    return Numbers(over(lambda each: sum(each) / len(each)), over(min), over(max), seeds, all_costs)


def _row(given) -> ModelRow:
    names = [each.name for each in fields(ModelRow)]
    if isinstance(given, Mapping):
        odd, missing = [key for key in given if key not in names], [key for key in names[:3] if key not in given]
        if odd or missing:
            came = f"a row with {odd[0]!r}" if odd else f"a row without {missing[0]!r}"
            raise ShapeError(came, wanted=f"{', '.join(names)}; the first three at least")
        given = ModelRow(**given)
    if not isinstance(given, ModelRow):
        raise ShapeError(f"a row is a {type(given).__name__}", wanted="a ModelRow, or a dict of what it has")
    of = f"of {given.name!r}"
    if given.family not in FAMILIES:
        raise ShapeError(f"the family {of} is {given.family!r}", wanted=" or ".join(map(repr, FAMILIES)))
    for what in ("values", "costs"):
        if not isinstance(getattr(given, what), Mapping):
            raise ShapeError(f"the {what} {of} are a {type(getattr(given, what)).__name__}", wanted="a dict")
    values = {str(q): _shares(q, of, seeds) for q, seeds in given.values.items()}
    costs = {}
    for name, cost in given.costs.items():
        each = cost if isinstance(cost, Mapping) else {"": cost}
        for number in each.values():
            if not _is_number(number) or not 0 < number < math.inf:
                wanted = "a number above 0, for the scale is logarithmic"
                raise ShapeError(f"{name} {of}: {number!r}", wanted=wanted, mend="leave out what is not known")
        costs[str(name)] = {str(q): float(number) for q, number in cost.items()} if each is cost else float(cost)
    if re.match(r"\s*([a-z][a-z0-9+.-]*:|//)", given.link, re.IGNORECASE):
        raise ShapeError(f"the link {of} is {given.link!r}", wanted="a file beside the notebook: 06_early_fusion.ipynb")
    return ModelRow(str(given.name), given.family, values, costs, given.says, given.link)


def _shares(question: str, of: str, seeds) -> list[float]:
    if isinstance(seeds, str) or not isinstance(seeds, (Sequence, np.ndarray)) or not len(seeds):
        raise ShapeError(f"values[{question!r}] {of} = {seeds!r}", wanted="a list of shares, one a seed")
    if not all(_is_number(each) and 0 <= each <= 1 for each in seeds):
        mend = "divide by 100" if all(_is_number(each) and 0 <= each <= 100 for each in seeds) else ""
        raise ShapeError(f"values[{question!r}] {of} = {list(seeds)}", wanted="shares from 0 to 1", mend=mend)
    return [float(each) for each in seeds]


def _is_number(value) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
