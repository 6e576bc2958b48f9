"""What `make results` can run: tables of lines, each a model, a task and a budget."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from torch import nn

from .tasks import Name


@dataclass(frozen=True, eq=False)
class Row:
    """One line of a table: a model and what differs from the table's budget and task; or an average of other lines.

    options: for the model, besides its classes. members: names of lines of the same table, trained with the same seed;
    the row is the mean of their probabilities.
    """

    name: str
    model: type[nn.Module] | None = None
    options: dict[str, Any] = field(default_factory=dict)
    steps: int | None = None
    lr: float | None = None
    task: Name | None = None
    members: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Experiment:
    """One table. steps, batch, lr: the budget of each line that names no other. digits: of the shown percents.

    notes: how to read it. tuned: what chose its settings.
    """

    name: str
    title: str
    task: Name
    rows: tuple[Row, ...]
    steps: int
    batch: int = 32
    lr: float = 4e-3
    digits: int = 1
    notes: tuple[str, ...] = ()
    tuned: str = (
        "Nothing was tuned for this table: world and optimiser of lessons 05 and 06, one number of steps for all."
    )
