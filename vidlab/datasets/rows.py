"""Rows: one a video, with its label and its source; and what was found amiss when they were listed.

A *source* is what several clips have in common: a film, a person, a camera, an afternoon. Two clips of one source
resemble each other for reasons that have nothing to do with the class.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import DataError

SHOWN = 3  # examples of each trouble


@dataclass(frozen=True)
class Row:
    """One video, or the part of it from `start` to `stop`, in seconds.

    label: the name of its class. source: clips of one source never stand on both sides of an honest split. split: what
    the makers of the data say, as "train" and "test"; empty if they say nothing.
    """

    path: Path
    label: str
    source: str
    split: str = ""
    start: float | None = None
    stop: float | None = None


class Rows(Sequence[Row]):
    """Rows in their order, their classes in the order of the class numbers, and troubles: kind → what was left out.

    A part of the rows keeps the classes of the whole, so that a number means the same class on both sides of a split.
    """

    def __init__(
        self, rows: Iterable[Row], classes: Sequence[str] = (), troubles: dict[str, list[str]] | None = None
    ) -> None:
        self.rows = tuple(rows)
        self.classes = tuple(classes) or tuple(sorted({row.label for row in self.rows}))
        self.troubles = {kind: list(found) for kind, found in (troubles or {}).items() if found}
        unknown = {row.label for row in self.rows} - set(self.classes)
        if unknown:
            raise DataError(f"labels {sorted(unknown)[:SHOWN]} are none of the classes", wanted=", ".join(self.classes))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, which):
        return Rows(self.rows[which], self.classes) if isinstance(which, slice) else self.rows[which]

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def where(self, wanted: Callable[[Row], bool]) -> Rows:
        """The rows that are wanted, with the same classes."""
        return Rows((row for row in self.rows if wanted(row)), self.classes)

    @property
    def labels(self) -> Any:
        """The class numbers, from 0: a tensor, int64 `v`."""
        import torch  # a second and 200 MB, which the worker processes do without

        number = {name: i for i, name in enumerate(self.classes)}
        return torch.tensor([number[row.label] for row in self.rows], dtype=torch.int64)

    @property
    def sources(self) -> tuple[str, ...]:
        """Each source once, in the order of first appearance."""
        return tuple(dict.fromkeys(row.source for row in self.rows))

    def __repr__(self) -> str:
        splits = Counter(row.split for row in self.rows if row.split)
        parts = "".join(f", {name} {count}" for name, count in splits.items())
        count = lambda n, what: f"{n} {what}" if n == 1 else f"{n} {what}{'es' if what[-1] == 's' else 's'}"  # noqa: E731
        told = count(len(self), "video"), count(len(self.classes), "class"), count(len(self.sources), "source")
        lines = [", ".join(told) + parts]
        for kind, found in self.troubles.items():
            some = ", ".join(found[:SHOWN]) + (", …" if len(found) > SHOWN else "")
            lines.append(f"{len(found)} {kind}: {some}")
        return "\n".join(lines)


def finished(rows: Iterable[Row], where: object, troubles: dict[str, list[str]], classes: Sequence[str] = ()) -> Rows:
    """The rows of a listing without those that come twice; classes without any video are told, and keep their number.

    Raises:
        DataError: nothing is left.
    """
    first: dict[tuple, Row] = {}
    for row in rows:
        place = (os.path.realpath(row.path), row.start, row.stop)
        before = first.setdefault(place, row)
        if before is not row:
            kind = "rows twice" if before.label == row.label else "rows twice, with another label"
            troubles.setdefault(kind, []).append(row.path.name)
    if not first:
        found = "; ".join(f"{len(names)} {kind}: {', '.join(names[:SHOWN])}" for kind, names in troubles.items())
        raise DataError(f"{where} lists no video that is here{f' ({found})' if found else ''}", mend="check the folder")
    used = {row.label for row in first.values()}
    empty = [name for name in classes if name not in used]
    return Rows(first.values(), classes, troubles | {"classes without a video": empty})
