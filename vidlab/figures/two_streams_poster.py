"""The poster of TwoStreams: frame, flow and accuracy to the left; to the right the scores, and what they say."""

from __future__ import annotations

import io
from textwrap import fill

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from .picture import INK, PAPER, SOFT
from .two_streams_words import percent, table

TONES = ("#0072B2", "#B84A00", INK, "#9B3F86", "#00704F")  # as in two_streams.css, in the light theme
ARROWS, LONGEST, STILL = 8, 1.3, 0.12  # as in two_streams.js
WIDE, HIGH = 9.8, 5.2  # inches


def two_streams_poster(widget) -> Image.Image:
    """A card for `TwoStreams`, as the page shows it at first."""
    figure = Figure(figsize=(WIDE, HIGH), dpi=100, facecolor=PAPER, layout="none")
    one = widget.levels[widget.disturbance]
    gated, left = one.gate is not None, 4.1
    side = (left - 0.3) / (3 if gated else 2) - 0.1
    place = lambda x, y, w, h: figure.add_axes((x / WIDE, 1 - (y + h) / HIGH, w / WIDE, h / HIGH))  # noqa: E731
    panes = [place(0.2 + k * (side + 0.1), 0.35, side, side) for k in range(3 if gated else 2)]
    _pictures(widget, panes)
    y = 0.35 + side + 0.5
    if one.accuracy:
        _curve(widget, place(0.6, y, left - 1.35, HIGH - y - 0.65))
    bottom = 0.12 if one.accuracy else HIGH - y
    figure.text(0.2 / WIDE, bottom / HIGH, f"{one.name}: {one.values[widget.level]:g}", fontsize=12, weight="bold")
    rows, columns = table(widget.classes) or (widget.classes, [""])
    start = left + 0.2 + 0.09 * max(map(len, rows))
    wide, tall = (WIDE - start - 0.15) / len(widget.names), HIGH - 2.2
    for k in range(len(widget.names)):
        axes = place(start + k * wide, 0.85, wide - 0.15, tall)
        _panel(widget, axes, k, rows, columns)
    words = widget.told(widget.disturbance, widget.level, widget.clip)
    said = fill(words, 82) + "\nRun this cell to move the slider."
    figure.text((left + 0.15) / WIDE, 0.12 / HIGH, said, color=SOFT, fontsize=8.8, linespacing=1.35)
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=100)
    return Image.open(out).convert("RGB")


def _pictures(widget, panes: list) -> None:
    """The frame, the flow in colour and as arrows, and the gate."""
    view = widget.disturbance, widget.level, widget.clip
    moment = min(widget.frame, widget.moments - 1)
    flow = widget.flow(*view)[moment]
    h, w = flow.shape[:2]
    panes[0].imshow(widget.film(*view)[widget.frame], interpolation="nearest")
    panes[0].set_title(f"frame {widget.frame}", fontsize=11, pad=3)
    panes[1].imshow(widget.coloured(*view)[moment], interpolation="nearest")
    panes[1].set_title(f"flow {moment} → {moment + 1}", fontsize=11, pad=3)
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
    if len(panes) > 2:
        gate = widget.levels[widget.disturbance].gate[widget.level, widget.clip]
        panes[2].imshow(widget.gate_tones[np.rint(255 * gate).astype(int)], interpolation="nearest")
        panes[2].set_title(f"gate, {gate.mean():.2f}", fontsize=11, pad=3)
        panes[2].set_xlabel("mean over features\nbrown 0: motion, blue 1: picture", fontsize=7.5, labelpad=3)
    for pane in panes:
        pane.set(xticks=[], yticks=[])
        pane.spines[:].set_visible(False)


def _curve(widget, axes) -> None:
    """The accuracy of each of the scores over the levels."""
    one = widget.levels[widget.disturbance]
    chance = 100 / len(widget.classes)
    axes.axhline(chance, color=SOFT, linewidth=1.2, linestyle=":")
    axes.text(0, chance + 1, f" chance {chance:.0f} %", color=SOFT, fontsize=9, va="bottom")
    axes.axvline(widget.level, color="#648FFF", linewidth=2)
    ends = sorted((line[-1], name) for name, line in one.accuracy.items())
    at = -100.0
    for end, name in ends:
        k = widget.names.index(name)
        axes.plot(100 * np.array(one.accuracy[name]), color=TONES[k], marker="o", markersize=4, clip_on=False)
        at = max(100 * end, at + 13)
        words = dict(xycoords=("axes fraction", "data"), va="center", fontsize=10, annotation_clip=False)
        axes.annotate(name, (1.04, at), color=TONES[k], weight="bold", **words)
    axes.set_xticks(range(len(one.values)), [f"{value:g}" for value in one.values], fontsize=9)
    axes.set_yticks([0, 50, 100], ["0", "50", "100 %"], fontsize=9)
    axes.set(ylim=(0, 103))
    axes.set_title(f"accuracy on test clips, {len(widget.classes)} classes", fontsize=11, pad=4)


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
        room = 0.68 if upright else 0.76
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
            axes.text(*spot, f"{100 * p[k, c]:.0f}", fontsize=8, weight=weight, color=tone, **way)
        if c == truth:
            axes.add_patch(
                Rectangle((column, row), 1, 1, fill=False, edgecolor=INK, linewidth=1.8, clip_on=False, zorder=3)
            )
    axes.set(xlim=(0, len(columns)), ylim=(len(rows), 0))
    axes.set_yticks([r + 0.5 for r in range(len(rows))], rows if k == 0 else [""] * len(rows), fontsize=10)
    axes.set_xticks([c + 0.5 for c in range(len(columns))], columns, fontsize=9 if len(widget.names) < 4 else 7)
    axes.xaxis.tick_top()
    axes.tick_params(length=0, pad=2)
    axes.spines[:].set_visible(False)
    at = (0, 1 + 0.24 / (HIGH - 2.2)) if upright else (0, 1.02)
    sign = "✓" if answer == truth else "✗"
    words = (
        f"{sign} {widget.classes[answer]}\n{percent(p[k, answer])}" if upright else f"{sign} {widget.classes[answer]}"
    )
    line = dict(xycoords="axes fraction", va="bottom", annotation_clip=False)
    axes.annotate(words, at, fontsize=9, linespacing=1.1, **line)
    axes.annotate(
        _head(widget, k), (0, at[1] + (0.115 if upright else 0.06)), color=TONES[k], weight="bold", fontsize=12, **line
    )


def _head(widget, k: int) -> str:
    """The name of a panel, and how it is made of others. As in two_streams_scores.js."""
    of, name = widget.means.get(k), widget.names[k]
    if of:
        return f"= {name}" if of == (k - 2, k - 1) else f"{name} = ½ {widget.names[of[0]]} + ½ {widget.names[of[1]]}"
    before = {k + 2: "½ · ", k + 1: "+ ½ · "}
    return next((words + name for j, words in before.items() if widget.means.get(j) == (j - 2, j - 1)), name)
