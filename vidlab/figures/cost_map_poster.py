"""The picture of a CostMap before its script runs: its first view, with markers that the page draws too."""

from __future__ import annotations

import io
import math

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.path import Path
from matplotlib.patheffects import withStroke
from PIL import Image

from .cost_map_data import FAMILIES
from .cost_map_names import NO_LINE, place
from .cost_map_scale import domain, ticks
from .picture import INK, PALETTE, PAPER, SOFT

LOWEST, HIGHEST = -0.04, 1.1  # of the axis of accuracy: room for markers below, and for names above
RADIUS = 7  # of a marker, in pixels
TONES = dict(
    zip(
        FAMILIES,
        [PALETTE[k] for k in ("grey", "orange", "sky", "blue", "green", "purple", "red")] + [PAPER],
        strict=True,
    )
)


def _ring(corners: int, turn: float = 0, inner: float | None = None, size: float = 1) -> list[tuple[float, float]]:
    """Corners on a circle, from the top on; with `inner`, those between them lie on a smaller one. y points down."""
    n = corners if inner is None else 2 * corners
    radii = [size if inner is None or k % 2 == 0 else inner * size for k in range(n)]
    angles = [turn + 2 * math.pi * k / n for k in range(n)]
    return [(r * math.sin(a), -r * math.cos(a)) for r, a in zip(radii, angles, strict=True)]


_ARM = 0.36  # half the width of a cross's arms
_CROSS = [
    (_ARM, -_ARM), (1, -_ARM), (1, _ARM), (_ARM, _ARM), (_ARM, 1), (-_ARM, 1),
    (-_ARM, _ARM), (-1, _ARM), (-1, -_ARM), (-_ARM, -_ARM), (-_ARM, -1), (_ARM, -1),
]  # fmt: skip
SHAPES = dict(  # family -> corners in a circle of about radius 1, y down: shapes differ as much as colours do
    zip(
        FAMILIES,
        [
            _ring(24, size=0.88),
            _ring(4, math.pi / 4, size=1.12),
            _ring(4, size=1.15),
            [(x, y + 0.16) for x, y in _ring(3, size=1.2)],
            [(x, -y - 0.16) for x, y in _ring(3, size=1.2)],
            _ring(5, inner=0.48, size=1.25),
            _CROSS,
            _ring(6, size=0.98),
        ],
        strict=True,
    )
)


def cost_map_poster(widget) -> Image.Image:
    """The first view of a CostMap."""
    q, c = widget.first
    found, drawn, front = widget.numbers, widget.numbers.drawn(q, c), widget.numbers.front(q, c)
    wide, high, left, top, below = 1100, 620, 62, 66, 96  # pixels; to the right of the plot: what the markers mean
    area = np.array([wide - left - 215, high - top - below], float)
    figure = Figure(figsize=(wide / 100, high / 100), dpi=100, facecolor=PAPER, layout="none")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((left / wide, below / high, area[0] / wide, area[1] / high))
    known = found.cost[:, c][np.isfinite(found.cost[:, c])]
    low, right = domain(known.tolist())
    axes.set(xlim=(0, area[0]), ylim=(area[1], 0))  # its units are pixels, as those of the page
    across = lambda cost: (np.log10(cost) - low) / (right - low) * area[0]  # noqa: E731
    down = lambda share: (HIGHEST - share) / (HIGHEST - LOWEST) * area[1]  # noqa: E731
    points = np.array([[across(found.cost[q, c, k]), down(found.mean[q, k])] for k in drawn]).reshape(-1, 2)
    chance = widget.questions[widget.question]
    axes.plot([0, area[0]], [down(chance)] * 2, "--", color=SOFT, linewidth=1.4)
    if widget.front and front:
        x, y = zip(*(points[drawn.index(k)] for k in front), strict=True)
        axes.step([*x, area[0]], [*y, y[-1]], where="post", color=PALETTE["blue"], linewidth=2, alpha=0.65, zorder=1.5)
    bars = [(x, down(found.high[q, k]), x, down(found.low[q, k])) for (x, _), k in zip(points, drawn, strict=True)]
    for x, first, _, last in bars:
        axes.plot([x, x], [first, last], color=SOFT, linewidth=2, solid_capstyle="butt")
    for (x, y), k in zip(points, drawn, strict=True):
        marker(axes, x, y, widget.rows[k].family)
    halo = [withStroke(linewidth=2.5, foreground=PAPER)]
    texts = [
        axes.text(0, 0, widget.names[k], fontsize=10, path_effects=halo, ha="center", va="center", color=INK)
        for k in drawn
    ]
    sizes = [(box.width, box.height) for box in (text.get_window_extent(canvas.get_renderer()) for text in texts)]
    guess = axes.text(4, down(chance) + 3, f"chance {100 * chance:g} %", va="top", fontsize=9.5, color=SOFT)
    box = guess.get_window_extent(canvas.get_renderer())
    spot = chance_spot(points, (box.width + 8, box.height + 6), area[0], down(chance))
    guess.set_x(spot[0] + 4)
    lines = [*bars, (0, down(chance), area[0], down(chance)), *steps(points, [drawn.index(k) for k in front], area[0])]
    centres, ends = place(points, sizes, [spot], lines, area, RADIUS)
    for text, point, centre, end in zip(texts, points, centres, ends, strict=True):
        text.set_position(centre)
        if np.hypot(*(end - point)) > NO_LINE + RADIUS:
            axes.plot(*zip(point, end, strict=True), color=SOFT, linewidth=0.8, zorder=1)
    marks = ticks(low, right)
    axes.set_xticks([across(cost) for cost, _ in marks], [words for _, words in marks], fontsize=10)
    axes.set_yticks([down(k / 4) for k in range(5)], ["0", "25", "50", "75", "100 %"], fontsize=10)
    axes.set_xlabel(f"{widget.costs[widget.cost]} (logarithmic)", fontsize=11)
    figure.text(0.015, 1 - 24 / high, widget.question, fontsize=15, weight="bold", color=INK, va="center")
    seeds = "accuracy: mean of the seeds; bar: from the lowest to the highest seed"
    figure.text(0.015, 1 - 48 / high, seeds, fontsize=10.5, color=SOFT, va="center")
    legend(axes, [family for family in FAMILIES if any(row.family == family for row in widget.rows)], widget.front)
    left_out = widget.told(q, c)[1]
    if left_out:
        figure.text(0.015, 18 / high, left_out, fontsize=9.5, color=SOFT, va="center")
    out = io.BytesIO()
    figure.savefig(out, format="png", metadata={"Software": None})
    return Image.open(out).convert("RGB")


def chance_spot(points, size, right: float, level: float) -> tuple[float, float, float, float]:
    """Where the word on chance stands, below its line: at the left, or at the right where a marker is in its way."""
    wide, tall = size

    def hit(left: float) -> bool:
        return any(
            left - RADIUS < x < left + wide + RADIUS and level - RADIUS < y < level + tall + RADIUS for x, y in points
        )

    left = right - wide if hit(0) and not hit(right - wide) else 0
    return left, level, left + wide, level + tall


def steps(points, front: list[int], right: float) -> list[tuple[float, float, float, float]]:
    """The level and upright parts of the front, (left, top, right, bottom)."""
    found = []
    for k, i in enumerate(front):
        (x, y), after = points[i], points[front[k + 1]] if k + 1 < len(front) else (right, None)
        found.append((x, y, after[0], y))
        if after[1] is not None:
            found.append((after[0], after[1], after[0], y))
    return found


def marker(axes, x: float, y: float, family: str) -> None:
    """The shape of a family; matplotlib's y points up."""
    axes.plot(x, y, zorder=3, clip_on=False, **_look(family))


def legend(axes, families: list[str], front: bool) -> None:
    """What the markers mean, to the right of the plot."""
    handles = [Line2D([], [], linestyle="none", label=family, **_look(family)) for family in families]
    if front:
        handles.append(Line2D([], [], color=PALETTE["blue"], alpha=0.65, label="Pareto front"))
    axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.01, 1), fontsize=10, frameon=False)


def _look(family: str) -> dict:
    corners = [(x, -y) for x, y in SHAPES[family]]
    size = 2 * RADIUS * 0.72 * max(max(abs(x), abs(y)) for x, y in corners)  # points; matplotlib scales to the largest
    path = Path([*corners, corners[0]], closed=True)
    return {"marker": path, "markersize": size, "color": TONES[family], "markeredgecolor": INK, "markeredgewidth": 1.2}
