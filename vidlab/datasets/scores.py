"""Scores of one's own videos: accuracy by class and of all, each with an interval that says how far to trust it.

E. Wilson, *Probable inference* (Journal of the American Statistical Association 22, 1927), for a class: it holds for
few videos too. For all videos sources are drawn again and again, never videos: those of one source stand and fall
together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from ..intervals import RESAMPLES, Estimate
from .rows import Rows

FEW = 10  # sources


def wilson(right: float, n: int, level: float = 0.95) -> Estimate:
    """The share of right answers and Wilson's interval, as if the n were independent.

    Raises:
        ValueError: no trial, or more right ones than trials.

    >>> print(wilson(9, 10))
    90.0 % (59.6 to 98.2)
    """
    if n < 1 or not 0 <= right <= n or not 0 < level < 1:
        raise ValueError(f"{right} of {n}, level = {level}. Wanted: 0 ≤ right ≤ n, n above 0, and 0 < level < 1.")
    z, p = NormalDist().inv_cdf((1 + level) / 2), right / n
    middle, spread = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    below, above = ((middle + side * spread) / (1 + z * z / n) for side in (-1, 1))
    return Estimate(p, max(0.0, below), min(1.0, above))


def over_sources(right: Float[Tensor, " v"], sources: list[str], level: float = 0.95, seed: int = 0) -> Estimate:
    """The share of right answers, and the interval in which it lies when whole sources are drawn again.

    Of few sources, and where all answers are right or all wrong, drawing again shows too little spread or none. So with
    fewer than ten sources Wilson's interval for as many trials as there are sources counts, if it reaches further.
    """
    number = {name: i for i, name in enumerate(dict.fromkeys(sources))}
    place = torch.tensor([number[name] for name in sources])
    hits = torch.zeros(len(number)).index_add(0, place, right.float())
    sizes = torch.bincount(place, minlength=len(number)).float()
    value = float(right.float().mean())
    drawn = torch.randint(len(number), (RESAMPLES, len(number)), generator=torch.Generator().manual_seed(seed))
    shares = hits[drawn].sum(1) / sizes[drawn].sum(1)
    low, high = shares.quantile(torch.tensor([(1 - level) / 2, (1 + level) / 2])).tolist()
    if len(number) < FEW or value in (0.0, 1.0):
        middle = wilson(value * len(number), len(number), level)
        low, high = min(low, middle.low), max(high, middle.high)
    return Estimate(value, low, high)


@dataclass(frozen=True)
class Scores:
    """Accuracy of videos. classes: name → (right, of how many, estimate); all: of all videos; chance: of a guesser."""

    classes: dict[str, tuple[int, int, Estimate]]
    all: Estimate
    sources: int
    chance: float

    def as_dict(self) -> dict:
        """For JSON."""
        by_class = {
            name: {"right": right, "videos": n, "accuracy": each.value, "interval": [each.low, each.high]}
            for name, (right, n, each) in self.classes.items()
        }
        whole = {"accuracy": self.all.value, "interval": [self.all.low, self.all.high], "sources": self.sources}
        return {"all": whole, "classes": by_class, "most_frequent_class": self.chance}

    def __repr__(self) -> str:
        wide = max(map(len, [*self.classes, "all"]))
        lines = [f"{'':<{wide}}  right   of  accuracy (95 % interval)"]
        for name, (right, n, each) in self.classes.items():
            lines.append(f"{name:<{wide}}  {right:>5}  {n:>3}  {each}")
        right, n = (sum(row[i] for row in self.classes.values()) for i in (0, 1))
        lines.append(f"{'all':<{wide}}  {right:>5}  {n:>3}  {self.all}")
        n = self.sources
        drawn = f"{n} sources drawn again" if n >= FEW else f"as if {n} trial{'s' * (n > 1)}, one a source"
        lines += ["classes: as if videos were independent (Wilson)", f"all: {drawn}"]
        lines.append(f"always naming the most frequent class: {100 * self.chance:.1f} %")
        return "\n".join(lines)


def scores(probabilities: Float[Tensor, "v classes"], rows: Rows, level: float = 0.95) -> Scores:
    """What `evaluate(model, *test).probabilities` are worth, class by class; classes without a video are left out."""
    truth: Int64[Tensor, " v"] = rows.labels
    right = probabilities.argmax(1) == truth
    table = {}
    for number, name in enumerate(rows.classes):
        mine = right[truth == number]
        if len(mine):
            table[name] = int(mine.sum()), len(mine), wilson(int(mine.sum()), len(mine), level)
    found = over_sources(right.float(), [row.source for row in rows], level)
    return Scores(table, found, len(rows.sources), float(truth.bincount().max()) / len(truth))
