"""The poster of FusionExplorer: the network of the first choice, what it means, and the accuracy of all."""

from __future__ import annotations

import io
from textwrap import fill

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from ..models.two_stream import SITES
from .fusion_explorer_cases import key_of
from .fusion_explorer_plan import COLUMNS, FUSED, PICTURE, SLOTS, Node, drawing
from .fusion_explorer_words import CURVED, EQUATIONS, percent
from .picture import INK, PAPER, SOFT

LINEAR_INK, CURVED_INK, RED, BLUE = "#9B3F86", "#00704F", "#D1344B", "#3A6FD8"  # as in fusion_explorer.css
GRID = "#CFCFCF"
LEFT = -0.13  # where the lines of the accuracies begin, right of their numbers
MARKS = {
    "what": [(RED, ""), (BLUE, "")],
    "how": [("", "→"), ("", "↓")],
    "paired": [(RED, "→"), (BLUE, "↓")],
    "apart": [(RED, ""), (BLUE, ""), ("", "→"), ("", "↓")],
    "": [],
}
SIDE = 0.46  # of a tile, where 1 is the width of a column


def fusion_explorer_poster(widget) -> Image.Image:
    """A card for `FusionExplorer`, as the page shows it at first."""
    key, charted = key_of(widget.at, widget.how), any(case.accuracy for case in widget.cases.values())
    wide, high = 9.8, 6.9 if charted else 4.6
    figure = Figure(figsize=(wide, high), dpi=100, facecolor=PAPER, layout="none")
    top = 4.0 / high
    axes = figure.add_axes((0.03, 1 - top, 0.95, top))
    nodes, wires = drawing(*key, widget.cases)
    unit = 9.8 * 0.95 / 7
    axes.set(xlim=(-0.5, 6.5), ylim=(4.0 / unit, 0))
    axes.axis("off")
    _network(axes, nodes, wires)
    sign, note = EQUATIONS[key[1]]
    head = f"{key[1]} after {key[0]}:   {_math(sign)}" + (f"      {_math(note)}" if note else "")
    axes.text(-0.45, 0.16, head, fontsize=13, color=INK, va="center")
    if charted:
        _dots(figure.add_axes((0.03, 1.05 / high, 0.95, 1.75 / high)), widget, key)
    said = fill(" ".join(filter(None, widget.said(*key))), 128) + "\nRun this cell to choose another layer or operator."
    figure.text(0.03, 0.1 / high, said, fontsize=9.5, color=INK, linespacing=1.4)
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=100, metadata={"Software": None})
    return Image.open(out).convert("RGB")


def _math(words: str) -> str:
    """The indices of F_s and F_t, set small."""
    return words.replace("_s", r"$_s$").replace("_t", r"$_t$")


def _y(row: int) -> float:
    return 0.86 + 0.66 * row


def _network(axes, nodes: list[Node], wires) -> None:
    for x, row, x2, row2 in wires:
        fused = row == FUSED
        axes.plot([x, x2], [_y(row), _y(row2)], color=INK if fused else SOFT, linewidth=2.2 if fused else 1.3, zorder=1)
    for node in nodes:
        y = _y(node.row)
        if node.kind == "operator":
            style = {"boxstyle": "circle,pad=0.25", "facecolor": INK, "edgecolor": INK}
            size = 14 if len(node.shape) < 3 else 8
            axes.text(node.x, y, node.shape, color=PAPER, fontsize=size, ha="center", va="center", bbox=style, zorder=3)
            continue
        side = (SIDE if node.kind == "map" else 0.15, SIDE)
        left, upper = node.x - side[0] / 2, y - side[1] / 2
        edge = {"facecolor": PAPER, "edgecolor": INK if node.row == FUSED else SOFT, "linewidth": 1.4, "zorder": 2}
        axes.add_patch(Rectangle((left, upper), *side, **edge))
        _marks(axes, node, left, upper, side)
        for k in range(1, node.places if node.x else 0):
            step = k * SIDE / node.places
            axes.plot([left + step] * 2, [upper, upper + SIDE], color=GRID, linewidth=0.5, zorder=2.2)
            axes.plot([left, left + SIDE], [upper + step] * 2, color=GRID, linewidth=0.5, zorder=2.2)
        place, align = (y - SIDE / 2 - 0.03, "bottom") if node.row == PICTURE else (y + SIDE / 2 + 0.03, "top")
        words = f"{node.name}\n{node.shape}"
        axes.text(node.x, place, words, fontsize=8.5, color=INK, ha="center", va=align, linespacing=1.05)


def _marks(axes, node: Node, left: float, upper: float, side: tuple[float, float]) -> None:
    marks = MARKS[node.marks]
    for k, (colour, arrow) in enumerate(marks):
        if node.kind == "map":
            size = SIDE / 4
            x, y = left + (0, 0.75)[k] * SIDE, upper + (0.25, 0.5)[k] * SIDE
        else:
            size = 0.09
            x, y = left + (side[0] - size) / 2, upper + side[1] * (k + 0.5) / len(marks) - size / 2
        if colour:
            axes.add_patch(Rectangle((x, y), size, size, facecolor=colour, linewidth=0, zorder=2.4))
        middle = (x + size / 2, y + size / 2)
        style = {"fontsize": 9 if node.kind == "map" else 8, "weight": "bold", "ha": "center", "va": "center"}
        axes.text(*middle, arrow, color=PAPER if colour else INK, zorder=2.6, **style)


def _dots(axes, widget, key) -> None:
    for name, value in widget.lines.items():
        axes.plot([LEFT, 6.5], [100 * value] * 2, color=SOFT, linestyle="--", linewidth=1.2)
        axes.text(LEFT, 100 * value + 2, f"{fill(name, 22)} {percent(value)}", fontsize=9, color=SOFT, va="bottom")
    named = set()
    along = []
    for (at, how), case in widget.cases.items():
        if case.accuracy is None:
            continue
        x, (mean, low, high) = COLUMNS[at] + SLOTS.get(how, 0), (100 * each for each in case.accuracy)
        ink, shape = (CURVED_INK, "D") if how in CURVED else (LINEAR_INK, "o")
        if how not in named and at != SITES[-1]:  # its name, once, below the first of its dots
            named.add(how)
            paper = {"boxstyle": "square,pad=0.05", "facecolor": PAPER, "edgecolor": "none"}
            where = {"rotation": 90, "ha": "center", "va": "top", "bbox": paper, "zorder": 2.5}
            axes.text(x, mean - 6, how, fontsize=8.5, color=ink, **where)
        now = (at, how) == key
        edge = INK if now else PAPER
        style = {"marker": shape, "zorder": 4 if now else 3, "clip_on": False, "edgecolors": edge}
        axes.scatter(x, mean, s=90 if now else 26, color=ink, linewidths=2 if now else 0.6, **style)
        if how == key[1]:
            along.append((x, mean, low, high, ink))
        if now:
            spot = (x, mean - 9) if mean > 80 else (x, high + 6)
            way = {"va": "top" if mean > 80 else "bottom", "ha": "center", "zorder": 5}
            axes.text(*spot, percent(mean / 100), fontsize=12, weight="bold", color=INK, **way)
    for x, _, low, high, ink in along:
        axes.plot([x, x], [low, high], color=ink, linewidth=2)
    if along:
        axes.plot([each[0] for each in along], [each[1] for each in along], color=along[0][-1], linewidth=1.6)
    axes.set(xlim=(-0.5, 6.5), ylim=(0, 102), yticks=[])
    for value, words in ((0, "0"), (50, "50"), (100, "100 %")):
        axes.text(LEFT - 0.06, value, words, fontsize=9, ha="right", va="center")
        axes.plot([LEFT, 6.5], [value] * 2, color=GRID, linewidth=0.7, zorder=0)
    axes.text(-0.5, 112, "accuracy", fontsize=10, weight="bold", va="bottom")
    axes.set_xticks(range(1, 7), SITES, fontsize=10)
    axes.xaxis.tick_top()
    axes.tick_params(axis="x", length=0, pad=3)
    axes.spines[:].set_visible(False)
    axes.set_axisbelow(True)
    for x, word, ink, shape in ((4.6, "linear", LINEAR_INK, "o"), (5.5, "not linear", CURVED_INK, "D")):
        axes.scatter(x, 9, s=26, color=ink, marker=shape)
        axes.text(x + 0.08, 9, word, fontsize=9, color=INK, va="center")
