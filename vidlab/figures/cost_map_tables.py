"""The rows of a CostMap from tables of results, with what the course knows of its models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..errors import ShapeError
from .cost_map_data import COSTS, ModelRow
from .cost_map_models import MODELS, Known


def rows_of(tables, ms: Mapping, models, about: Mapping) -> list[ModelRow]:
    """A row for each model of the tables; arguments and errors as of `CostMap.of`."""
    _check(tables)
    lines = list(dict.fromkeys(name for table, _, _ in tables.values() for name in table.rows))
    wanted, known = list(lines if models is None else models), {**MODELS, **about}
    for name in [*wanted, *ms]:
        if name not in lines:
            raise ShapeError(f"no table has a line {name!r}", wanted=" or ".join(map(repr, lines)))
    for name in wanted:
        if name not in known:
            mend = f"about={{{name!r}: (family, sentence, link)}}, or models=[…] without it"
            raise ShapeError(f"nothing is known about the model {name!r}", wanted="its family", mend=mend)
    rows = []
    for name in wanted:
        of = {q: (table.rows[name], column) for q, (table, column, _) in tables.items() if name in table.rows}
        values = {q: row.values[column] for q, (row, column) in of.items()}
        costs: dict[str, dict[str, float]] = {cost: {} for cost in COSTS}
        for q, (row, _) in of.items():
            for cost, number in _costs(row).items():
                costs[cost][q] = number
        took = ms.get(name, {})
        costs["milliseconds"] = dict(took) if isinstance(took, Mapping) else dict.fromkeys(of, took)
        family, says, link = Known(*known[name])
        found = {cost: numbers for cost, numbers in costs.items() if numbers}
        rows.append(ModelRow(name, family, values, found, says, link))
    return rows


def _costs(row) -> dict[str, float]:
    """What a line of a table tells of costs. An average of models trained already has no steps and no CPU-seconds."""
    seconds = sum(row.cpu_seconds) / len(row.cpu_seconds) if row.steps and row.cpu_seconds else 0
    told = {"multiply–adds": row.multiply_adds, "weights": row.parameters, "CPU-seconds": seconds}
    return {cost: float(number) for cost, number in told.items() if number > 0}


def _check(tables) -> None:
    wanted = "a dict question -> (table, column, chance)"
    if not isinstance(tables, Mapping) or not tables:
        raise ShapeError(f"tables is a {type(tables).__name__}", wanted=wanted)
    for question, given in tables.items():
        if not isinstance(given, Sequence) or len(given) != 3 or not hasattr(given[0], "rows"):
            raise ShapeError(f"tables[{question!r}] = {given!r:.80}", wanted=wanted, mend='results.table("direction")')
        table, column, _ = given
        if column not in table.columns:
            came = f"the table {table.name!r} has no column {column!r}"
            raise ShapeError(came, wanted=" or ".join(map(repr, table.columns)))
