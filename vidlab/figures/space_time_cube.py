"""SpaceTimeCube: cut a clip along x, y and t, and see the cuts move."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from .frame import Widget, caption, inside
from .picture import INK, PAPER, SOFT, font
from .sprite import make_sprite

OF_T, OF_X, OF_Y = "#DC267F", "#FFB000", "#648FFF"  # as in kit.css
TIME_LENGTH = 0.45  # as in space_time_cube.js
POSTER = 400  # longer side of the frame on the poster, pixels


class SpaceTimeCube(Widget):
    """The clip as a block of pixels I(x, y, t): the frame at t, the x–t slice of row y, the y–t slice of column x.

    Args:
        clip: a `vidlab.clips.Clip`, or a tensor `t c h w` (uint8, or float in [0, 1]).
        x, y: column and row to begin with, in pixels of the clip; by default where most changes over time.
        t: frame to begin with; by default the middle one.
        fps: frames per second; by default the clip's own, and 10 for a bare tensor.
        title: printed under the figure.

    Raises:
        ShapeError: not a clip, or x, y, t outside it.
    """

    script = "space_time_cube.js"

    def __init__(self, clip, *, x: int | None = None, y: int | None = None, t: int | None = None, fps=None, title=""):
        self.sprite, self.title = make_sprite(clip, fps=fps), title
        count, height, width = self.sprite.source
        busy_y, busy_x = _busiest(self.sprite.frames)
        self.x = inside("x", x, width, round((busy_x + 0.5) * self.sprite.scale - 0.5))
        self.y = inside("y", y, height, round((busy_y + 0.5) * self.sprite.scale - 0.5))
        self.t = inside("t", t, count, count // 2 // self.sprite.step * self.sprite.step)
        self.alt = self._alt()

    def state(self) -> dict:
        return {
            "sprite": self.sprite.state(),
            "caption": caption(self.title, self.sprite.reductions),
            "x": self.x,
            "y": self.y,
            "t": self.t,
        }

    def poster_image(self) -> Image.Image:
        """Frame, y–t slice at its right and x–t slice below, with the lines where the cuts are."""
        frames = self.sprite.frames
        count, height, width, _ = frames.shape
        x, y = (int((v + 0.5) / self.sprite.scale) for v in (self.x, self.y))
        t = self.t // self.sprite.step
        zoom = POSTER / max(width, height)
        depth = round(TIME_LENGTH * POSTER)
        wide, high = round(width * zoom), round(height * zoom)
        edge, label, gap = 12, 22, 14
        card = Image.new("RGB", (2 * edge + wide + gap + depth, 2 * edge + 2 * label + high + gap + depth), PAPER)
        draw = ImageDraw.Draw(card)
        fx, ft = (x + 0.5) / width, (t + 0.5) / count
        fy = (y + 0.5) / height
        left, top = edge, edge + label
        right, below = left + wide + gap, top + high + gap + label
        _plane(card, frames[t], (left, top, wide, high), OF_T, [(fx, None, OF_X), (None, fy, OF_Y)])
        _plane(card, frames[:, :, x].swapaxes(0, 1), (right, top, depth, high), OF_X, [(ft, None, OF_T)])
        _plane(card, frames[:, y], (left, below, wide, depth), OF_Y, [(None, ft, OF_T)])
        seconds = self.t / self.sprite.fps
        draw.text((left, edge), f"frame t = {self.t}  ({seconds:.2f} s)", INK, font(14))
        draw.text((right, edge), f"column x = {self.x},  t →", INK, font(14))
        draw.text((left, below - label), f"row y = {self.y},  t ↓", INK, font(14))
        draw.multiline_text((right, below + 4), "Run this cell\nto move the cuts\nand to play.", SOFT, font(14))
        return card

    def _alt(self) -> str:
        """How long and large the clip is, where the cuts are, and what the two slices show in numbers."""
        sprite = self.sprite
        count, height, width = sprite.source
        frames = sprite.frames.astype(np.float32) / 255
        x, y = (int((v + 0.5) / sprite.scale) for v in (self.x, self.y))
        still_x, still_y = (f"{_still(cut):.0%}" for cut in (frames[:, y], frames[:, :, x]))
        name = f"Space–time cube of {self.title}" if self.title else "Space–time cube"
        return (
            f"{name}: {count} frames of {width}×{height} pixels, {count / sprite.fps:.2f} s. "
            f"Frame {self.t} at {self.t / sprite.fps:.2f} s; "
            f"x–t slice of row {self.y}, where {still_x} of the pixels stay as they are over time; "
            f"y–t slice of column {self.x}, where {still_y} do."
        )


def _plane(card: Image.Image, pixels: np.ndarray, place, colour: str, lines) -> None:
    """Paste one plane of the cube with its coloured border, and draw the other planes as lines on it."""
    left, top, wide, high = place
    draw = ImageDraw.Draw(card)
    draw.rectangle((left - 3, top - 3, left + wide + 2, top + high + 2), fill=colour)
    card.paste(
        Image.fromarray(np.ascontiguousarray(pixels)).resize((wide, high), Image.Resampling.LANCZOS), (left, top)
    )
    for fx, fy, line in lines:
        at = left + fx * wide if fy is None else top + fy * high
        for thick, ink in ((4, "#000000"), (2, line)):
            ends = (at, top, at, top + high - 1) if fy is None else (left, at, left + wide - 1, at)
            draw.line(ends, fill=ink, width=thick)


def _busiest(frames: np.ndarray) -> tuple[int, int]:
    """The row and the column in which most changes from frame to frame."""
    change = np.abs(np.diff(frames[..., 1].astype(np.int16), axis=0)).sum(0, dtype=np.int64)
    return int(change.sum(1).argmax()), int(change.sum(0).argmax())


def _still(cut: np.ndarray) -> float:
    """Share of a slice's pixels (time first) within 0.05 of their median over time, in every channel."""
    return float((np.abs(cut - np.median(cut, axis=0)) < 0.05).all(-1).mean())
