"""The tables of experiments that the repository keeps: several seeds, made by `make results`, shown in one line.

A lesson trains one seed live. What other seeds give stands here, so that nobody takes one seed for the truth:

    results.table("direction")
    results.table("direction", live={"early": 0.981})
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .catalogue import REGISTRY
from .errors import DataError
from .intervals import Estimate
from .page import Page

__all__ = ["FILE", "Row", "Table", "names", "table"]
FILE = REGISTRY.with_name("results.json")


@dataclass(frozen=True)
class Row:
    """One model. estimates: column → one share a seed, from 0 to 1, each with the 95 % interval of its test clips.

    steps: of training. clips: it learned from. cpu_seconds: of training, one a seed. parameters, multiply_adds: of the
    model, the latter for one clip.
    """

    name: str
    estimates: dict[str, list[Estimate]]
    steps: int
    clips: int
    parameters: int
    multiply_adds: int
    cpu_seconds: list[float]

    @property
    def values(self) -> dict[str, list[float]]:
        """Column → one share a seed."""
        return {column: [each.value for each in row] for column, row in self.estimates.items()}

    @property
    def mean(self) -> dict[str, float]:
        return {column: sum(row) / len(row) for column, row in self.values.items()}

    @property
    def spread(self) -> dict[str, tuple[float, float]]:
        """Column → the lowest and the highest of the seeds."""
        return {column: (min(row), max(row)) for column, row in self.values.items()}


@dataclass(frozen=True, repr=False)
class Table(Page):
    """One kept table: `table["early"].mean["direction"]`; prints as text, and as html in a notebook."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: dict[str, Row]
    about: dict[str, Any]
    live: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, kept: Mapping[str, Any], live: Mapping[str, Any] | None = None) -> Table:
        """A table from what the file holds of it.

        Raises:
            DataError: `live` names a row that it does not have.
        """
        alike = "steps", "clips", "parameters", "multiply_adds", "cpu_seconds"
        rows = {}
        for row, held in kept["rows"].items():
            estimates = {column: [Estimate(*each) for each in seeds] for column, seeds in held["values"].items()}
            rows[row] = Row(row, estimates, *(held[each] for each in alike))
        for row in live or {}:
            if row not in rows:
                raise DataError(f"{name} has no row {row!r}", wanted=_listed(rows), mend=_nearest(row, rows))
        shares = {row: float(getattr(share, "value", share)) for row, share in (live or {}).items()}
        about = {key: value for key, value in kept.items() if key not in ("title", "columns", "rows")}
        return cls(name, kept["title"], tuple(kept["columns"]), rows, about, shares)

    @property
    def seeds(self) -> list[int]:
        return self.about["seeds"]

    def __getitem__(self, name: str) -> Row:
        if name not in self.rows:
            raise DataError(
                f"{self.name} has no row {name!r}", wanted=_listed(self.rows), mend=_nearest(name, self.rows)
            )
        return self.rows[name]

    def _page(self) -> tuple[str, list[str], list[list[str]], list[str]]:
        digits, rows = self.about["digits"], []
        percent = lambda share: f"{100 * share:.{digits}f}"  # noqa: E731
        for row in self.rows.values():
            here = [percent(self.live[row.name]) if row.name in self.live else "–"] if self.live else []
            cells = [self._cell(row, column, percent) for column in self.columns]
            seconds = sum(row.cpu_seconds) / len(row.cpu_seconds)
            cost = (str(row.steps), f"{seconds:.0f}") if row.steps else ("–", "–")  # an average costs nothing more
            rows.append([row.name, *here, *cells, f"{row.parameters:,}", f"{row.multiply_adds / 1e6:.2f} M", *cost])
        head = ["model", *([f"{self.columns[0]}, your run"] if self.live else []), *self.columns]
        return self.title, [*head, "weights", "multiply–adds", "steps", "CPU s"], rows, self._notes()

    def _cell(self, row: Row, column: str, percent: Any) -> str:
        low, high = map(percent, row.spread[column])
        return percent(row.mean[column]) if low == high else f"{percent(row.mean[column])} ({low}–{high})"

    def _notes(self) -> list[str]:
        about, every = self.about, [row.estimates[column] for row in self.rows.values() for column in self.columns]
        widest = max((each.high - each.low) / 2 for seeds in every for each in seeds)
        several = f"the mean over seeds {', '.join(map(str, self.seeds))} (lowest–highest)"
        asked = f"{about['tests']} {about['split']} clips"
        return [
            f"Percent, {several if len(self.seeds) > 1 else f'of seed {self.seeds[0]} only'}. "
            "Each seed draws weights, batches and clips of its own.",
            f"The 95 % interval of one seed, asked about {asked}, reaches at most {100 * widest:.1f} to either side.",
            *about["notes"],
            f"{about['tuned_on']} Made on {about['made']} by make results: {'; '.join(about['versions'])}.",
        ]


def read(path: Path = FILE) -> dict[str, dict[str, Any]]:
    """What the file of the tables holds.

    Raises:
        DataError: it is not there, or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(f"there is no {path.name}", wanted="the one in data/", mend="make results") from error
    except ValueError as error:
        raise DataError(f"{path.name} is damaged ({error})", mend="delete it; make results writes it anew") from error


def names(path: Path = FILE) -> list[str]:
    """The tables that are kept."""
    return list(read(path))


def table(name: str, *rows: str, live: Mapping[str, float | Estimate] | None = None, path: Path = FILE) -> Table:
    """The kept table `name`.

    Args:
        rows: only these lines, in this order; by default all.
        live: row → the share that your own run reached in the first column; shown beside the table's.

    Raises:
        DataError: no such table, or no such row.
    """
    tables = read(path)
    if name not in tables:
        raise DataError(f"no table of results is called {name!r}", wanted=_listed(tables), mend=_nearest(name, tables))
    kept = tables[name]
    for row in rows:
        if row not in kept["rows"]:
            raise DataError(
                f"{name} has no row {row!r}", wanted=_listed(kept["rows"]), mend=_nearest(row, kept["rows"])
            )
    if rows:
        kept = {**kept, "rows": {row: kept["rows"][row] for row in rows}}
    return Table.of(name, kept, live)


def _listed(known: Mapping[str, Any]) -> str:
    return " or ".join(map(repr, known))


def _nearest(name: str, known: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return repr(near[0]) if near else ""
