"""The poster of FusionExplorer: the network of the first choice, what it means, and the accuracy of all."""

from __future__ import annotations

import io
from textwrap import fill

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from ..models.two_stream import SITES
from .fusion_explorer_cases import key_of
from .fusion_explorer_plan import COLUMNS, FUSED, PICTURE, SLOTS, Node, beside, drawing
from .fusion_explorer_words import CURVED, EQUATIONS, GROUPS, percent
from .picture import INK, PAPER, SOFT

LINEAR_INK, CURVED_INK, RED, BLUE = "#9B3F86", "#00704F", "#D1344B", "#3A6FD8"  # as in fusion_explorer.css
GRID = "#CFCFCF"
NETWORK, TALL = 3.9, 2.0  # inches, of the network and of the chart
AXIS = 0.5  # column where the lines of the accuracies begin, right of their words
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
    out = io.BytesIO()
    fusion_explorer_figure(widget).savefig(out, format="png", dpi=100, metadata={"Software": None})
    return Image.open(out).convert("RGB")


def fusion_explorer_figure(widget) -> Figure:
    """The same, before it is a picture."""
    key, charted = key_of(widget.at, widget.how), any(case.accuracy for case in widget.cases.values())
    said = fill(" ".join(filter(None, widget.said(*key))), 112) + "\nRun this cell to choose another layer or operator."
    chart = 2.9 if charted else 0.1
    wide, high = 9.8, NETWORK + chart + 1.2
    figure = Figure(figsize=(wide, high), dpi=100, facecolor=PAPER, layout="none")
    FigureCanvasAgg(figure)  # knows how wide words are
    top = NETWORK / high
    axes = figure.add_axes((0.03, 1 - top, 0.95, top))
    nodes, wires = drawing(*key, widget.cases)
    unit = wide * 0.95 / 7
    axes.set(xlim=(-0.5, 6.5), ylim=(NETWORK / unit, 0))
    axes.axis("off")
    _network(axes, nodes, wires)
    sign, note = EQUATIONS[key[1]]
    head = f"{key[1]} after {key[0]}:   {_math(sign)}" + (f"      {_math(note)}" if note else "")
    axes.text(-0.45, 0.16, head, fontsize=13, color=INK, va="center")
    if charted:
        place = (0.03, 1 - (NETWORK + 0.65 + TALL) / high, 0.95, TALL / high)
        _dots(figure, figure.add_axes(place), widget, key)
    figure.text(0.03, 1.15 / high, said, fontsize=10.5, color=INK, va="top", linespacing=1.4)
    return figure


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
            size = 14 if len(node.shape) < 3 else 9.5
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
        between = node.row == FUSED and node.x % 1 and node.name != "fused"  # its neighbours have theirs below
        place, align = (
            (y - SIDE / 2 - 0.03, "bottom") if node.row == PICTURE or between else (y + SIDE / 2 + 0.03, "top")
        )
        words = f"{node.name}\n{node.shape}"
        axes.text(node.x, place, words, fontsize=9.5, color=INK, ha="center", va=align, linespacing=1.05)


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


def _dots(figure: Figure, axes, widget, key) -> None:
    for value in widget.lines.values():
        axes.plot([AXIS, 6.5], [100 * value] * 2, color=SOFT, linestyle="--", linewidth=1.2)
    along = []
    for (at, how), case in widget.cases.items():
        if case.accuracy is None:
            continue
        x, (mean, low, high) = COLUMNS[at] + SLOTS.get(how, 0), (100 * each for each in case.accuracy)
        ink, shape = (CURVED_INK, "D") if how in CURVED else (LINEAR_INK, "o")
        now = (at, how) == key
        edge = INK if now else PAPER
        style = {"marker": shape, "zorder": 4 if now else 3, "clip_on": False, "edgecolors": edge}
        axes.scatter(x, mean, s=90 if now else 30, color=ink, linewidths=2 if now else 0.6, **style)
        if how == key[1]:
            along.append((x, mean, low, high, ink))
        if now:
            spot = (x, low - 7) if mean > 80 else (x - 0.05, high + 6)  # beside a line that comes down from the left
            way = {"va": "top", "ha": "center"} if mean > 80 else {"va": "bottom", "ha": "left"}
            axes.text(*spot, percent(mean / 100), fontsize=12, weight="bold", color=INK, zorder=5, **way)
    for x, _, low, high, ink in along:
        axes.plot([x, x], [low, high], color=ink, linewidth=2)
    if along:
        axes.plot([each[0] for each in along], [each[1] for each in along], color=along[0][-1], linewidth=1.6)
    axes.set(xlim=(-0.5, 6.5), ylim=(0, 102), yticks=[])
    _axis(axes, widget)
    axes.set_xticks(range(1, 7), SITES, fontsize=11)
    axes.xaxis.tick_top()
    axes.tick_params(axis="x", length=0, pad=6)
    axes.spines[:].set_visible(False)
    _order(figure, widget, 1 - (NETWORK + 0.2) / figure.get_figheight())


def _axis(axes, widget) -> None:
    """Left of all lines: numbers, and what the dashed ones are."""
    words = [fill(f"{name} {percent(value)}", 17) for name, value in widget.lines.items()]
    gap = 0.03 + 0.08 * max((each.count("\n") + 1 for each in words), default=1)
    heights, ticks = beside(list(widget.lines.values()), min(gap, 0.45))
    style = {"fontsize": 10, "ha": "right", "va": "center", "linespacing": 1.1}
    for height, each in zip(heights, words, strict=True):
        axes.text(AXIS - 0.06, 100 * height, each, color=INK, **style)
    for tick in (0, 50, 100):
        axes.plot([AXIS, 6.5], [tick] * 2, color=GRID, linewidth=0.7, zorder=0)
        if tick in ticks:
            axes.text(AXIS - 0.06, tick, f"{tick}\u202f%", color=INK, **style)
    axes.annotate(
        "accuracy", (AXIS - 0.06, 102), (0, 7), textcoords="offset points", fontsize=11, weight="bold", ha="right"
    )


def _order(figure: Figure, widget, y: float) -> None:
    """Which operators the dots of a column are, in one line."""
    x, renderer = 0.03, figure.canvas.get_renderer()
    groups = [(name, [how for how in widget.operators if how in those]) for name, those in GROUPS.items()]
    parts = [("Dots of a layer from left to right:", INK)]
    for (name, those), ink, sign in zip(groups, (LINEAR_INK, CURVED_INK), ("●", "◆"), strict=True):
        parts += [(f"  {sign} {name}", ink), (", ".join(those), INK)] if those else []
    for words, ink in parts:
        text = figure.text(x, y, words, fontsize=10, color=ink, weight="bold" if ink != INK else "normal")
        x = text.get_window_extent(renderer).x1 / figure.bbox.width + 0.007
