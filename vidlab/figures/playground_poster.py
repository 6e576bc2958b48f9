"""The poster of `Playground`: the first view, drawn by matplotlib."""

from __future__ import annotations

import io

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from .picture import INK, PAPER, SOFT

WIDE, STAGE, ACROSS, ROW = 9.4, 2.5, 3, 0.2  # inches; panels in a row
BAR, PALE = "#0072B2", "#9CC3DE"


def playground_poster(widget) -> Image.Image:
    """Stage, window and the bars of all networks."""
    frames = widget.clip[1].permute(0, 2, 3, 1).numpy()
    newest = widget.clip[0, widget.task.shown - 1].permute(1, 2, 0).numpy()
    classes, many = widget.task.names, len(widget.names)
    panel = ROW * len(classes) + 0.62
    left, strip = STAGE + 0.5, WIDE - STAGE - 0.65
    step = strip / len(frames)
    high = 0.4 + max(STAGE, step + 0.42 + -(-many // ACROSS) * panel - 0.4) + 0.4
    figure = Figure(figsize=(WIDE, high), dpi=100, facecolor=PAPER, layout="none")

    def place(x: float, y: float, w: float, h: float):
        return figure.add_axes((x / WIDE, 1 - (y + h) / high, w / WIDE, h / high))

    _image(place(0.15, 0.4, STAGE, STAGE), newest, "The stage")
    for t, frame in enumerate(frames):
        _image(place(left + t * step, 0.4, step - 0.06, step - 0.06), frame, "")
    figure.text(
        left / WIDE, 1 - 0.3 / high, f"What the networks see, {widget.trial}", fontsize=12, weight="bold", color=INK
    )
    names = 0.8
    for m, name in enumerate(widget.names):
        x = left + names + m % ACROSS * (strip - names) / ACROSS
        y = 0.4 + step + 0.42 + m // ACROSS * panel
        axes = place(x, y, (strip - names) / ACROSS - 0.28, ROW * len(classes))
        _bars(axes, name, classes if m % ACROSS == 0 else None, widget.p[m])
    said = "Bar: the probability; outline: of the same frames, as they were. ▶ the answer. Run this cell to play."
    figure.text(0.15 / WIDE, 0.1 / high, said, color=SOFT, fontsize=10)
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=100)
    return Image.open(out).convert("RGB")


def _image(axes, frame: np.ndarray, title: str) -> None:
    axes.imshow(frame, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    axes.set_title(title, loc="left", fontsize=12, pad=4)


def _bars(axes, name: str, classes: tuple[str, ...] | None, p: np.ndarray) -> None:
    """p: before and now, `2 classes`."""
    before, now = p
    y, top = np.arange(len(now)), int(now.argmax())
    axes.barh(y, now, height=0.62, color=[BAR if k == top else PALE for k in y])
    axes.barh(y, before, height=0.85, facecolor="none", edgecolor=INK, linewidth=0.8)
    axes.text(-0.02, top, "▶", fontsize=8, color=INK, ha="right", va="center")
    wide = now[top] > 0.7
    style = {"ha": "right", "color": PAPER} if wide else {"ha": "left", "color": INK}
    axes.text(
        now[top] + (-0.03 if wide else 0.03), top, f"{now[top]:.2f}", fontsize=9, va="center", weight="bold", **style
    )
    axes.set_yticks(y, classes or [""] * len(y), fontsize=10)
    axes.tick_params(length=0, pad=10)
    axes.set(xlim=(0, 1.02), ylim=(len(y) - 0.4, -0.6), xticks=[])
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.set_title(name, loc="left", fontsize=11, pad=4)
