"""The poster of Filters: all filters on the left; on the right one of them, its frames and its two cuts."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw

from .picture import INK, PAPER, SOFT, font
from .space_time_cube import OF_T

FEW = 4  # frames: so few are shown side by side, as in filters.js
GAP, SIDE, LABEL, BETWEEN = 14, 400, 26, 2  # pixels: around, width of all filters, height of a label, between frames


def filters_poster(widget) -> Image.Image:
    """A card for `Filters`, as the page shows it at first."""
    count, frames, _, h, w = widget.weights.shape[1:]
    few = frames <= FEW
    shown = range(frames) if few else [widget.t]
    columns = columns_for(count, len(shown))
    cell = SIDE // columns
    tile = max(1, (cell - (18 if few else 6) - BETWEEN * (len(shown) - 1)) // len(shown))
    row = max(1, round(tile * h / w)) + 8
    a, b = _cut_sizes((h, w), frames, 280 if few else 360)
    step = min(96 if few else 56, (a + b + GAP) // frames)
    film, high = widget.picture(widget.filter), round(a * h / w)
    top = GAP + LABEL + 18
    below = top + round(step * h / w) + GAP + LABEL
    bottom = max(top + math.ceil(count / columns) * row, below + high + GAP + LABEL + b) + GAP
    card = Image.new("RGB", (3 * GAP + SIDE + max(a + b + GAP, 440), bottom + 44), PAPER)
    draw = ImageDraw.Draw(card)

    def put(pixels: np.ndarray, x: int, y: int, size: tuple[int, int]) -> None:
        card.paste(Image.fromarray(np.ascontiguousarray(pixels)).resize(size, Image.Resampling.NEAREST), (x, y))

    draw.text((GAP, GAP), f"all {count} filters" + ("" if few else f", frame {widget.t}"), INK, font(15, bold=True))
    draw.text((GAP, GAP + 21), scale_words(widget), SOFT, font(12))
    for k in range(count):
        x, y = GAP + k % columns * cell, top + k // columns * row
        pictures = widget.picture(k)
        for i, t in enumerate(shown):
            put(pictures[t], x + i * (tile + BETWEEN), y, (tile, row - 8))
        if k == widget.filter:
            wide = len(shown) * (tile + BETWEEN) - BETWEEN
            draw.rectangle((x - 3, y - 3, x + wide + 2, y + row - 6), outline=OF_T, width=3)
    left, motion = 2 * GAP + SIDE, widget.motions[-1][widget.filter]
    draw.text((left, GAP), f"{widget.names[widget.filter]}: its {frames} frames", INK, font(15, bold=True))
    numbers = f"direction index {motion.index:.2f}, {motion.separable:.0%} separable"
    draw.text((left, GAP + 21), numbers, SOFT, font(13))
    for t in range(frames):
        put(film[t], left + t * step, top, (step - 4, max(1, round((step - 4) * h / w))))
    draw.text((left, below - LABEL + 4), f"frame {widget.t}", INK, font(13))
    draw.text((left + a + GAP, below - LABEL + 4), "y–t cut, t →", INK, font(13))
    put(film[widget.t], left, below, (a, high))
    put(film[:, :, widget.x].transpose(1, 0, 2), left + a + GAP, below, (b, high))
    draw.text((left, below + high + GAP), "x–t cut, t ↓", INK, font(13))
    put(film[:, widget.y], left, below + high + GAP + LABEL, (a, b))
    draw.text((GAP, bottom), motion.words, INK, font(15))
    draw.text((GAP, bottom + 20), "Run this cell to play the films and to choose another one.", SOFT, font(14))
    return card


def scale_words(widget) -> str:
    """What a grey level or a colour stands for, at first."""
    if not widget.grey:
        return "grey is 0, each filter on its own scale"
    most = float(f"{np.abs(widget.shown()).max() or 1:.2g}")
    summed = "red + green + blue: " if widget.weights.shape[3] > 1 else ""
    return f"{summed}white is +{most:g}, grey 0, black −{most:g}"


def columns_for(filters: int, shown: int) -> int:
    """Columns of about a square of filters, of films with no hole at its end where that can be; as in filters.js."""
    if shown > 1:
        return math.ceil(math.sqrt(1.5 * filters / shown))
    least = math.ceil(math.sqrt(filters))
    return next((columns for columns in range(least, int(1.5 * least) + 1) if filters % columns == 0), least)


def _cut_sizes(frame: tuple[int, int], frames: int, room: int) -> tuple[int, int]:
    """Sides on the card of a frame and of its time axis; together `room`."""
    ratio = min(1.6, max(0.6, max(frame) / frames))
    a = round(room * ratio / (1 + ratio))
    return a, room - a
