"""The poster of TwoStreams: frame, flow and accuracy to the left; to the right the scores, and what they say."""

from __future__ import annotations

import io
from textwrap import fill

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from PIL import Image

from .picture import INK, PAPER, SOFT
from .two_streams_words import curve_head, percent, table

TONES = ("#0072B2", "#B84A00", INK, "#9B3F86", "#00704F")  # as in two_streams.css, in the light theme
ARROWS, LONGEST, STILL = 8, 1.3, 0.12  # as in two_streams.js
WIDE, HIGH, LEFT = 9.8, 5.8, 4.15  # inches: of all, and of what stands to the left
LINE, LEAST = 0.19, 7.5  # inches between lines of words; points of the smallest letters


def two_streams_poster(widget) -> Image.Image:
    """A card for `TwoStreams`, as the page shows it at first."""
    out = io.BytesIO()
    two_streams_figure(widget).savefig(out, format="png", dpi=100)
    return Image.open(out).convert("RGB")


def two_streams_figure(widget) -> Figure:
    """The same, before it is a picture."""
    figure = Figure(figsize=(WIDE, HIGH), dpi=100, facecolor=PAPER, layout="none")
    FigureCanvasAgg(figure)  # knows how wide words are
    one = widget.levels[widget.disturbance]
    below = _pictures(widget, figure, one.gate is not None)
    if one.accuracy:
        _curve(widget, figure, below)
    bottom = HIGH - 0.22 if one.accuracy else below + 0.2
    _fit(_write(figure, 0.2, bottom, f"{one.name}: {one.values[widget.level]:g}", fontsize=12, weight="bold"), LEFT)
    words = fill(widget.told(widget.disturbance, widget.level, widget.clip), 76)
    words += "\nRun this cell to move the slider."
    start = HIGH - 0.1 - LINE * (words.count("\n") + 1)
    _write(figure, LEFT + 0.15, start, words, va="top", color=SOFT, fontsize=9.5, linespacing=1.3)
    _scores(widget, figure, start - 0.2)
    return figure


def _place(figure: Figure, x: float, y: float, w: float, h: float):
    """Axes so many inches from the left and from the top."""
    return figure.add_axes((x / WIDE, 1 - (y + h) / HIGH, w / WIDE, h / HIGH))


def _write(figure: Figure, x: float, y: float, words: str, **style) -> Text:
    """Words so many inches from the left, and their base line from the top."""
    return figure.text(x / WIDE, 1 - y / HIGH, words, **{"color": INK, "va": "baseline"} | style)


def _width(text: Text) -> float:
    return text.get_window_extent().width / 100


def _fit(text: Text, wide: float) -> Text:
    """Smaller letters, and then fewer, for words that are wider than that."""
    while _width(text) > wide and text.get_fontsize() > LEAST:
        text.set_fontsize(text.get_fontsize() - 0.5)
    while _width(text) > wide:
        text.set_text(text.get_text().removesuffix("…")[:-1].rstrip() + "…")
    return text


def _pictures(widget, figure: Figure, gated: bool) -> float:
    """The frame, the flow in colour and as arrows, and the gate; how far down the figure they reach."""
    many, top = (3, 0.5) if gated else (2, 0.35)
    side = (LEFT - 0.35) / many - 0.1
    panes = [_place(figure, 0.2 + k * (side + 0.1), top, side, side) for k in range(many)]
    view = widget.disturbance, widget.level, widget.clip
    moment = min(widget.frame, widget.moments - 1)
    flow = widget.flow(*view)[moment]
    h, w = flow.shape[:2]
    panes[0].imshow(widget.film(*view)[widget.frame], interpolation="nearest")
    panes[1].imshow(widget.coloured(*view)[moment], interpolation="nearest")
    gap = max(h, w) / ARROWS
    for y in np.arange(gap / 2, h, gap).astype(int):
        for x in np.arange(gap / 2, w, gap).astype(int):
            u, v = flow[y, x] * LONGEST * gap / widget.reach
            if np.hypot(u, v) < STILL * LONGEST * gap:
                continue
            sides = [(x + u - 0.35 * u - way * 0.22 * v, y + v - 0.35 * v + way * 0.22 * u) for way in (-1, 1)]
            line = np.array([(x, y), (x + u, y + v), sides[0], (x + u, y + v), sides[1]])
            panes[1].plot(line[:, 0], line[:, 1], color="#000000", linewidth=0.9)
    panes[1].set(xlim=(-0.5, w - 0.5), ylim=(h - 0.5, -0.5))
    names = [f"frame {widget.frame}", f"flow {moment} → {moment + 1}", "gate G"][:many]
    for k, (pane, name) in enumerate(zip(panes, names, strict=True)):
        x = 0.2 + k * (side + 0.1)
        _write(figure, x, top - (0.25 if k == 2 else 0.07), name, fontsize=11, weight="bold")
        pane.set(xticks=[], yticks=[])
        pane.spines[:].set_visible(False)
    if not gated:
        return top + side + 0.15
    gate = widget.levels[widget.disturbance].gate[widget.level, widget.clip]
    panes[2].imshow(widget.gate_tones[np.rint(255 * gate).astype(int)], interpolation="nearest")
    _fit(_write(figure, x, top - 0.07, "mean over features", fontsize=9), side + 0.1)
    key = _place(figure, x, top + side + 0.06, side, 0.08)
    key.imshow(widget.gate_tones[None], aspect="auto", interpolation="nearest")
    key.axis("off")
    _write(figure, x, top + side + 0.3, "0 motion", fontsize=8.5)
    _write(figure, x + side, top + side + 0.3, "1 picture", fontsize=8.5, ha="right")
    _write(figure, x + side, top + side + 0.47, f"all places: {gate.mean():.2f}", fontsize=8.5, ha="right")
    return top + side + 0.5


def _curve(widget, figure: Figure, below: float) -> None:
    """The accuracy of each of the scores over the levels, beside that of a guess."""
    one, chance = widget.levels[widget.disturbance], 100 / len(widget.classes)
    top, start, wide = below + 0.42, 0.68, 2.4
    high = HIGH - 0.75 - top
    axes = _place(figure, start, top, wide, high)
    axes.axhline(chance, color=SOFT, linewidth=1.4, linestyle=":")
    axes.axvline(widget.level, color="#648FFF", linewidth=2)
    labels = [(chance, f"chance {percent(chance / 100)}", {"color": SOFT})]
    for name, line in one.accuracy.items():
        tone = TONES[widget.names.index(name)]
        axes.plot(100 * np.array(line), color=tone, marker="o", markersize=4, clip_on=False)
        labels.append((100 * line[-1], name, {"color": tone, "weight": "bold"}))
    labels.sort(key=lambda label: label[0])
    heights = _apart([end for end, *_ in labels], 103 * LINE / high)
    for at, (_, words, style) in zip(heights, labels, strict=True):
        y = top + (1 - at / 103) * high
        _fit(_write(figure, start + wide + 0.12, y, words, va="center", fontsize=10, **style), LEFT - start - wide)
    axes.set_xticks(range(len(one.values)), [f"{value:g}" for value in one.values], fontsize=9)
    axes.set_yticks([0, 50, 100], ["0", "50", "100 %"], fontsize=9)
    axes.set(ylim=(0, 103))
    head = curve_head(one.tests, len(widget.classes))
    _fit(_write(figure, 0.2, top - 0.14, head, fontsize=11, weight="bold"), LEFT - 0.2)


def _apart(heights: list[float], gap: float) -> list[float]:
    """Heights from 0 to 100, in this order, or near them, so that words do not cover each other."""
    placed = list(heights)
    for k in range(1, len(placed)):
        placed[k] = max(placed[k], placed[k - 1] + gap)
    for k in reversed(range(len(placed))):
        placed[k] = min(placed[k], 100 if k == len(placed) - 1 else placed[k + 1] - gap)
    return placed


def _scores(widget, figure: Figure, end: float) -> None:
    """A panel for each of the scores: its name, its answer, and its bars; names of the rows once. end: in inches."""
    rows, columns = table(widget.classes) or (widget.classes, [""])
    size = 10 if len(rows) < 12 else 8.5
    names = [_fit(_write(figure, 0, 0, row, fontsize=size, ha="right", va="center"), 1.2) for row in rows]
    start = LEFT + 0.25 + max(map(_width, names))
    step = (WIDE - start - 0.02) / len(widget.names)
    cell = (step - 0.13) / len(columns)
    heads = [_write(figure, 0, 0, column, fontsize=9, ha="center", va="bottom") for column in columns]
    upright = max(map(_width, heads)) > cell - 0.04
    for head in heads:
        head.set_rotation(90 if upright else 0)
    top = 0.9 + max(head.get_window_extent().height for head in heads) / 100
    for row, text in enumerate(names):
        text.set_position(((start - 0.08) / WIDE, 1 - (top + (row + 0.5) * (end - top) / len(rows)) / HIGH))
    for head in heads:
        head.remove()
    for k in range(len(widget.names)):
        x = start + k * step
        _panel(widget, _place(figure, x, top, step - 0.13, end - top), k, rows, columns)
        for c, column in enumerate(columns):
            style = {"fontsize": 9, "ha": "center", "va": "bottom", "rotation": 90 if upright else 0}
            _write(figure, x + (c + 0.5) * cell, top - 0.03, column, **style)
        _answer(widget, figure, k, x, step - 0.1)


def _answer(widget, figure: Figure, k: int, x: float, wide: float) -> None:
    """The name of a panel, and below it what it answers, and how sure it is."""
    p = widget.levels[widget.disturbance].p[widget.level, widget.clip, k]
    truth, answer = widget.truth[widget.clip], int(p.argmax())
    _fit(_write(figure, x, 0.3, _head(widget, k), color=TONES[k], weight="bold", fontsize=12), wide)
    _fit(_write(figure, x, 0.54, f"{'✓' if answer == truth else '✗'} {widget.classes[answer]}", fontsize=10), wide)
    _write(figure, x, 0.74, percent(p[answer]), fontsize=10)


def _panel(widget, axes, k: int, rows: list[str], columns: list[str]) -> None:
    """The bars of one of the scores: in a table upright, in a list lying."""
    p = widget.levels[widget.disturbance].p[widget.level, widget.clip]
    truth, answer, upright = widget.truth[widget.clip], int(p[k].argmax()), len(columns) > 1
    for c, name in enumerate(widget.classes):
        row, column = (
            (rows.index(name.split()[0]), columns.index(name.split()[1])) if upright else (rows.index(name), 0)
        )
        axes.add_patch(Rectangle((column + 0.04, row + 0.04), 0.92, 0.92, color="#F0F0F0", linewidth=0))
        start, of = 0.04, widget.means.get(k, (k,))
        room = 0.68 if upright else 0.7
        for i in of:
            length = room * p[i, c] / len(of) / widget.end
            spot = (column + 0.15, row + 0.96 - start - length) if upright else (column + start, row + 0.14)
            size = (0.7, length) if upright else (length, 0.72)
            axes.add_patch(Rectangle(spot, *size, color=TONES[i], linewidth=0))
            start += length
        spot = (column + 0.5, row + 0.95 - start) if upright else (column + start + 0.02, row + 0.5)
        way = dict(ha="center", va="bottom") if upright else dict(ha="left", va="center")
        weight, tone = ("bold", INK) if c == answer else ("normal", SOFT)
        if p[k, c] >= 0.005:
            axes.text(*spot, f"{100 * p[k, c]:.0f}", fontsize=8.5, weight=weight, color=tone, **way)
        if c == truth:
            axes.add_patch(
                Rectangle((column, row), 1, 1, fill=False, edgecolor=INK, linewidth=1.8, clip_on=False, zorder=3)
            )
    axes.set(xlim=(0, len(columns)), ylim=(len(rows), 0), xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def _head(widget, k: int) -> str:
    """The name of a panel, and how it is made of others. As in two_streams_scores.js."""
    of, name = widget.means.get(k), widget.names[k]
    if of:
        return f"= {name}" if of == (k - 2, k - 1) else f"{name} = ½ {widget.names[of[0]]} + ½ {widget.names[of[1]]}"
    before = {k + 2: "½ · ", k + 1: "+ ½ · "}
    return next((words + name for j, words in before.items() if widget.means.get(j) == (j - 2, j - 1)), name)
