"""The logarithmic scale of a cost: where it begins and ends, where its ticks are, and how its numbers are written."""

from __future__ import annotations

import math
from collections.abc import Iterable

MARGIN = 0.06  # of the length of the scale, left and right
LEAST = 0.5  # decades: so that two models of nearly one cost do not seem to be worlds apart


def domain(costs: Iterable[float]) -> tuple[float, float]:
    """The common logarithms of the first and the last cost on the axis, with a margin."""
    logs = [math.log10(cost) for cost in costs]
    low, high = min(logs), max(logs)
    spare = max(0.0, LEAST - (high - low)) / 2
    margin = MARGIN * (high - low + 2 * spare)
    return low - spare - margin, high + spare + margin


def ticks(low: float, high: float) -> list[tuple[float, str]]:
    """(cost, words) of 1, 10, 100 …, and on a short scale of 2, 5, 20, 50 … too. low, high: common logarithms."""
    steps = (1,) if high - low >= 2.5 else (1, 2, 5)
    powers = range(math.floor(low), math.ceil(high) + 1)
    found = [step * 10.0**power for power in powers for step in steps]
    return [(cost, tick_words(cost)) for cost in found if low <= math.log10(cost) <= high]


def tick_words(cost: float) -> str:
    """1000000 -> "1 M", 20000 -> "20,000", 0.5 -> "0.5"."""
    for unit, letter in ((1e9, "G"), (1e6, "M")):
        if cost >= unit:
            return f"{cost / unit:g} {letter}"
    return f"{cost:,.0f}" if cost >= 1 else f"{cost:g}"


def cost_words(cost: float) -> str:
    """1622016 -> "1.62 M", 268556 -> "268,556", 5.34 -> "5.34", nan -> "not known"."""
    if math.isnan(cost):
        return "not known"
    for unit, letter in ((1e9, "G"), (1e6, "M")):
        if cost >= unit:
            return f"{cost / unit:.2f} {letter}"
    return f"{cost:,.0f}" if cost >= 100 else f"{cost:.3g}"


def percent(share: float) -> str:
    """A share in per cent, without its sign."""
    return f"{100 * share:.1f}"
