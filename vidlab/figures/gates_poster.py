"""The poster of Gates: the frame and the maps of one moment; below them the course over time at one place."""

from __future__ import annotations

import io

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from .pair import signed
from .picture import INK, PAPER, SOFT

LINES = {  # as in gates.css, in the light theme
    "i": "#0072B2",
    "f": "#B84A00",
    "o": "#00704F",
    "z": "#0072B2",
    "r": "#B84A00",
    "candidate": "#7A6000",
    "c": INK,
    "h": "#9B3F86",
}
APART = 0.11  # of a panel's height: the least distance of two labels


def gates_poster(widget) -> Image.Image:
    """A card for `Gates`, as the page shows it at first."""
    figure = Figure(figsize=(9, 7.4), dpi=100, facecolor=PAPER, layout="none")
    gates = 3 if "c" in widget.names else 2
    rows = [widget.names[:gates], widget.names[gates:]]
    many = max(map(len, rows))
    h, w = widget.maps.codes.shape[3:]
    frame = figure.add_axes((0.025, 0.5, 0.4, 0.44))
    frame.imshow(widget.sprite.frames[widget.t // widget.sprite.step], interpolation="nearest", extent=(0, w, h, 0))
    frame.set_aspect(widget.sprite.source[1] * w / (widget.sprite.source[2] * h))
    frame.set_title(f"frame {widget.t}", fontsize=12, pad=4)
    mark(frame, widget.place)
    wide = 0.515 / many
    for row, names in enumerate(rows):
        for column, name in enumerate(names):
            axes = figure.add_axes((0.44 + column * wide, 0.735 - 0.235 * row, wide - 0.012, 0.205))
            axes.imshow(widget.picture(name, widget.channel)[widget.t], interpolation="nearest", extent=(0, w, h, 0))
            axes.set_aspect(widget.sprite.source[1] * w / (widget.sprite.source[2] * h))
            sign, words = widget.words[name]
            scale = "0 to 1" if row == 0 else f"±{reach_of(widget, [name]):.2g}"
            axes.set_title(f"{sign} {words}  {scale}", fontsize=9, pad=3, color=LINES[name])
            mark(axes, widget.place)
        bar = figure.add_axes((0.957, 0.735 - 0.235 * row, 0.012, 0.205))
        bar.imshow(widget.colours["signed" if row else "gate"][::-1, None], aspect="auto")
        bar.set(xticks=[])
        bar.yaxis.tick_right()
        bar.set_yticks([0, 127, 254] if row else [0, 254], ["+", "0", "−"] if row else ["1", "0"], fontsize=10)
        bar.tick_params(length=0)
    at_row, at_column = widget.place
    times = np.arange(widget.maps.codes.shape[1])
    for row, names in enumerate(rows):
        axes = figure.add_axes((0.07, 0.285 - 0.21 * row, 0.78, 0.165))
        reach = reach_of(widget, names) if row else 1.0
        axes.set(xlim=(-0.02 * len(times), 1.01 * len(times) - 1), ylim=(-1.05 * reach if row else -0.03, 1.05 * reach))
        axes.set_yticks([-reach, 0, reach] if row else [0, 0.5, 1])
        axes.set_yticklabels([f"−{reach:.2g}", "0", f"{reach:.2g}"] if row else ["0", "0.5", "1"], fontsize=10)
        axes.set_xticks(times.tolist(), times.tolist() if row else [], fontsize=10)
        axes.axvline(widget.t, color="#DC267F", linewidth=2)
        axes.grid(axis="y", color="#DDDDDD", linewidth=0.8)
        ends = []
        for name in names:
            line = widget.values(name, widget.channel)[:, at_row, at_column]
            dashes = (4, 2) if name == "candidate" else (None, None)
            axes.plot(times, line, color=LINES[name], dashes=dashes, linewidth=2, clip_on=False)
            ends.append(0.5 + line[-1] / reach / 2 if row else line[-1])
        for name, at in zip(names, spread(ends), strict=True):
            sign, words = widget.words[name]
            words = f"{sign} {words.removesuffix(' gate')}"
            axes.text(1.01, at, words, color=LINES[name], transform=axes.transAxes, va="center", fontsize=11)
    now = {name: widget.values(name, widget.channel)[widget.t, at_row, at_column] for name in widget.names}
    values = ", ".join(f"{widget.words[name][1]} {signed(value)}" for name, value in now.items())
    said = f"Place row {at_row} column {at_column}, channel {widget.channel}, frame {widget.t}: {values}."
    figure.text(0.025, 0.012, said, color=SOFT, fontsize=8.6)
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=100)
    return Image.open(out).convert("RGB")


def mark(axes, place: tuple[int, int]) -> None:
    """The outline of a place, readable on every colour."""
    axes.set(xticks=[], yticks=[])
    row, column = place
    for width, colour in ((3.4, "#000000"), (1.6, "#FFB000")):
        axes.add_patch(Rectangle((column, row), 1, 1, fill=False, linewidth=width, edgecolor=colour, clip_on=False))


def reach_of(widget, names: list[str]) -> float:
    """The largest value of these quantities without its sign, in the first channel."""
    found = max(float(widget.maps.ends[widget.names.index(name), 0, 1]) for name in names)
    return found or 1.0


def spread(heights: list[float]) -> list[float]:
    """The heights, or near them, so that labels do not cover each other. As in gates.js."""
    order = sorted(range(len(heights)), key=heights.__getitem__)
    placed = [heights[k] for k in order]
    for _ in range(40):
        for below in range(len(placed) - 1):
            close = APART - (placed[below + 1] - placed[below])
            if close > 1e-9:
                placed[below] -= close / 2
                placed[below + 1] += close / 2
        placed = [min(max(each, 0.0), 1.0) for each in placed]
    found = dict(zip(order, placed, strict=True))
    return [found[k] for k in range(len(heights))]
