"""The poster of AttentionMap: the clip, and for each state where the query looks, with the rollout beside it."""

from __future__ import annotations

import io

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from .picture import PAPER, SOFT

COLOURS = (matplotlib.colormaps["inferno"](np.arange(256))[:, :3] * 255).round().astype(np.uint8)  # of 0 … the top
OPACITY = 0.72  # of the heat over the frame, as in attention_map.css
SHOWN = 8  # frames in a row
SIDE = 96  # pixels of an enlarged frame
GAP = 5


def attention_poster(widget) -> Image.Image:
    """A card for `AttentionMap`, as the page shows it at first."""
    kinds = [widget.layers[0], *(["rollout"] if "rollout" in widget.packed else [])]
    count = min(SHOWN, widget.grid[0])
    wide, edge, head, between = 8.6, 0.12, 0.6, 0.5  # inches
    column = (wide - 2 * edge) / len(kinds)
    strip = min(count * 1.2, column - 0.15)
    tall = strip / count * widget.sprite.frames.shape[1] / widget.sprite.frames.shape[2]
    row = tall + between
    high = 0.3 + row + head + len(widget.states) * row + 0.2
    figure = Figure(figsize=(wide, high), dpi=100, facecolor=PAPER, layout="none")
    text = lambda x, y, words, **how: figure.text(x / wide, 1 - y / high, words, **how)  # noqa: E731
    place = lambda x, y: figure.add_axes((x / wide, 1 - (y + tall) / high, strip / wide, tall / high))  # noqa: E731

    _strip(place(edge, 0.3), widget, None, None, f"the clip; the query: {widget.subject(widget.layers[0])}")
    for k, layer in enumerate(kinds):
        x, y = edge + k * column, 0.3 + row + 0.15
        heads = f", mean of {widget.packed[layer].heads} heads" if widget.packed[layer].heads > 1 else ""
        name = "attention rollout, all layers" if layer == "rollout" else f"attention: {layer}{heads}"
        text(x, y, name, fontsize=11, fontweight="bold")
        beyond = " or the query itself" if layer == "rollout" else ""
        text(x, y + 0.2, f"black: 0, yellow: {widget.top(layer):.2g}{beyond}", fontsize=10, color=SOFT)
        for s, state in enumerate(widget.states):
            _strip(place(x, 0.3 + row + head + s * row), widget, layer, state, state)
    words = "Under each frame: its share of the weight. Run this cell to choose another patch, layer or head."
    text(edge, high - 0.12, words, color=SOFT, fontsize=10)
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=100)
    return Image.open(out).convert("RGB")


def _strip(axes, widget, layer: str | None, state: str | None, title: str) -> None:
    """The frames in a row; with a layer, grey under their heat, and the share of each moment."""
    frames = widget.sprite.frames[: widget.grid[0]][:SHOWN]
    count, height, width = frames.shape[:3]
    high = round(SIDE * height / width)
    ys, xs = (np.arange(high) * height) // high, (np.arange(SIDE) * width) // SIDE
    pictures = frames[:, ys][:, :, xs].astype(float)
    labels = [f"t {t}" for t in range(count)]
    t, h, w = widget.grid if layer is None or not widget.moments(layer) else (widget.grid[0], 1, 1)
    cells = (np.arange(high) * h) // high, (np.arange(SIDE) * w) // SIDE
    if layer is not None:
        q = widget.token(layer)
        row = widget.weights(state, layer)[q]
        maps, reach = widget.over_patches(row), widget.over_patches(widget.packed[layer].reach[q])
        codes = np.rint(255 * np.minimum(1, maps / widget.top(layer))).astype(int)
        heat = COLOURS[codes][:count][:, cells[0]][:, :, cells[1]]
        grey = pictures @ [0.299, 0.587, 0.114]
        hidden = ~reach[:count][:, cells[0]][:, :, cells[1]]
        stripes = 236 - 60 * ((np.arange(high)[:, None] + np.arange(SIDE)) % 16 < 2)
        pictures = (1 - OPACITY) * grey[..., None] + OPACITY * heat
        pictures[hidden] = np.broadcast_to(stripes, hidden.shape)[hidden][:, None]
        labels = [f"{k}   {share:.0%}" for k, share in zip(labels, maps.sum((1, 2)), strict=False)]
    sheet = np.full((high, count * (SIDE + GAP) - GAP, 3), 255, np.uint8)
    for k, picture in enumerate(pictures):
        sheet[:, k * (SIDE + GAP) : k * (SIDE + GAP) + SIDE] = picture.round()
    axes.imshow(sheet, interpolation="nearest")
    if widget.query != "class" and widget.query[0] < count:
        k, y, x = widget.query if (h, w) == widget.grid[1:] else (widget.query[0], 0, 0)
        corner = (k * (SIDE + GAP) + x * SIDE / w - 0.5, y * high / h - 0.5)
        for colour, line in (("black", 4), ("white", 2)):
            axes.add_patch(Rectangle(corner, SIDE / w, high / h, fill=False, edgecolor=colour, linewidth=line))
    axes.set_anchor("NW")
    axes.set_title(title, loc="left", fontsize=10, fontweight="normal", pad=3)
    axes.set_xticks((np.arange(count) * (SIDE + GAP) + SIDE / 2).tolist(), labels, fontsize=9)
    axes.tick_params(length=0, pad=2)
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
