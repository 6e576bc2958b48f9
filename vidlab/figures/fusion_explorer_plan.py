"""Where FusionExplorer draws what: the nodes of both towers, the operator and what comes after it, and their wires.

A column is a layer: 0 the inputs, 1 "block1", … 6 "scores". Three rows: the picture's tower, what is fused, the flow's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..models.two_stream import SITES
from .fusion_explorer_cases import INPUTS, Case, Key, Shape
from .fusion_explorer_words import CURVED, LINEAR, SIGNS, dims, pairs

COLUMNS = {name: k for k, name in enumerate(("", *SITES))} | dict.fromkeys(INPUTS, 0)
PICTURE, FUSED, FLOW = range(3)
SLOTS = {how: 0.09 * (k - 3.5) for k, how in enumerate((*LINEAR, *CURVED))}  # of the dots of a layer, in columns


@dataclass(frozen=True)
class Node:
    """x: its column. kind: "map", "vector" or "operator". places: to a side of a map.

    marks: what is known there of the two objects: "what", "how", both "paired" or "apart", or "".
    """

    kind: str
    x: float
    row: int
    name: str
    shape: str = ""
    places: int = 1
    marks: str = ""


GAP = 0.25  # of the height of the chart: what the words at a line need


def beside(values: list[float], gap: float = GAP) -> tuple[list[float], list[int]]:
    """Left of the accuracies' axis: heights of the words at lines, from low to high, and the numbers that are left.

    Words stand at their lines, or as near as others let them; of 0, 50 and 100 % those are written that have room.
    """
    placed = list(values)
    for k in range(1, len(placed)):
        placed[k] = max(placed[k], placed[k - 1] + gap)
    for k in reversed(range(len(placed))):
        placed[k] = min(placed[k], 1 if k == len(placed) - 1 else placed[k + 1] - gap)
    return placed, [tick for tick in (0, 50, 100) if all(abs(100 * each - tick) > 60 * gap for each in placed)]


Wire = tuple[float, int, float, int]  # from column and row to column and row


def drawing(at: str, how: str, cases: Mapping[Key, Case]) -> tuple[list[Node], list[Wire]]:
    """What to draw for a layer and an operator; where no case is, the towers up to a fusion that cannot be."""
    case = cases.get((at, how))
    towers = case or next(case for key, case in cases.items() if key[0] == at)
    nodes = [
        _node(COLUMNS[name], row, name, shape, marks)
        for row, layers, marks in ((PICTURE, towers.spatial, "what"), (FLOW, towers.temporal, "how"))
        for name, shape in layers
    ]
    x = COLUMNS[at]
    fused = [Node("operator", x, FUSED, how if case else f"no {how}", SIGNS[how] if case else "✗")]
    if case:
        whole = len(case.fused) == 3 and case.fused[1] > 1
        end = "paired" if pairs(at, how) else "apart"
        step = {"vector": 0.36, "scores": 0.32}.get(at, 0.5)
        fused.append(_node(x + step, FUSED, "fused", case.fused, "paired" if whole else end))
        for name, shape in case.above:
            column = x + 0.7 if at == "vector" and name == "mix" else COLUMNS[name]
            whole = len(shape) == 3 and shape[1] > 1
            fused.append(_node(column, FUSED, name, shape, "paired" if whole else end))
    rows = [[node for node in nodes if node.row == row] for row in (PICTURE, FLOW)] + [fused]
    wires = [(one.x, one.row, two.x, two.row) for row in rows for one, two in zip(row, row[1:])]  # noqa: B905
    wires += [(x, row, x, FUSED) for row in (PICTURE, FLOW)]
    return nodes + fused, wires


def _node(x: float, row: int, name: str, shape: Shape, marks: str) -> Node:
    map_like = len(shape) == 3 and shape[1] > 1
    known = "" if name == "scores" or x > COLUMNS["scores"] else marks
    return Node("map" if map_like else "vector", x, row, name, dims(shape), shape[1] if map_like else 1, known)


def in_words(at: str, how: str, case: Case) -> str:
    """The drawing for who does not see it."""
    towers = [
        f"{word.capitalize()} tower: {_chain(layers)}"
        for word, layers in zip(INPUTS, (case.spatial, case.temporal), strict=True)
    ]
    then = f", then {_chain(case.above)}" if case.above else ""
    return f"{'. '.join(towers)}. {how.capitalize()} after {at} gives {dims(case.fused)}{then}."


def _chain(layers) -> str:
    return ", ".join(f"{name} {dims(shape)}" for name, shape in layers)
