"""Tracks: a film with its tracked points drawn over it, each with a tail of where it was."""

from __future__ import annotations

import base64
import math

import matplotlib
import numpy as np
import torch
from PIL import Image, ImageDraw

from ..errors import ShapeError
from ..flow import colorize
from .frame import Widget, caption, inside
from .pair import enlarged, signed
from .picture import INK, PAPER, SOFT, font
from .sprite import make_sprite

FILM_BYTES, POINT_BYTES = 210_000, 75_000
FINEST = 1 / 16  # pixels: points travel in whole multiples of a unit, never finer than this
SPAN = 4  # as in tracks.js: frames over which a point's velocity is taken
STILL = 0.05  # as in tracks.js: pixels a frame, below which a direction means nothing
DIRECTIONS, SPEEDS = 24, 12  # as many colours
GREY = "#c8c8c8"


class Tracks(Widget):
    """The film with its points: coloured by direction or speed, with tails, and fading once they are dead.

    Args:
        clip: a `vidlab.clips.Clip`, or a tensor `t c h w` (uint8, or float in [0, 1]).
        tracks: anything with `points` `t n 2` ((x, y) in pixels of the clip) and `alive` `t n` (bool), as
            `vidlab.flow.track` gives it.
        tail: frames of the past that a tail shows, at the start.
        t: frame to begin with; by default the middle one.
        fps: frames per second; by default the clip's own, and 10 for a bare tensor.
        title: printed under the figure.

    Raises:
        ShapeError: not a clip, not tracks, or not as many frames; tail below 0, or t outside the clip.
    """

    script = "tracks.js"

    def __init__(self, clip, tracks, *, tail: int = 15, t: int | None = None, fps=None, title: str = ""):
        self.sprite = make_sprite(clip, fps=fps, budget=FILM_BYTES)
        total, step = self.sprite.source[0], self.sprite.step
        points, alive = _checked(tracks, total)
        if tail < 0:
            raise ShapeError(f"tail = {tail}", wanted="a number of frames, at least 0")
        self.title, self.tail = title, int(tail)
        self.found = points.shape[1]
        self.living = alive.sum(1)
        self.speeds = _mean_speeds(points, alive)

        room = POINT_BYTES // (2 * len(self.sprite.frames))
        kept = np.round(np.linspace(0, self.found - 1, min(room, self.found))).astype(int)
        self.alive = alive[::step][:, kept]
        self.start, self.moves, self.unit = _in_units(_held(points[::step][:, kept], self.alive))
        self.points = self.unit * (self.start + np.cumsum(np.pad(self.moves, ((1, 0), (0, 0), (0, 0))), axis=0))
        self.t = inside("t", t, total, total // 2 // step * step)
        self.directions = _direction_colours()
        self.ramp = [matplotlib.colors.to_hex(c) for c in matplotlib.colormaps["viridis"](np.linspace(0.2, 1, SPEEDS))]
        self.top = self._top_speed()
        self.alt = self._alt(points, alive)

    def state(self) -> dict:
        return {
            "sprite": self.sprite.state(),
            "points": self.points.shape[1],
            "start": self.start.ravel().tolist(),
            "moves": base64.b64encode(self.moves.astype(np.int8).tobytes()).decode(),
            "alive": base64.b64encode(np.packbits(self.alive, bitorder="little").tobytes()).decode(),
            "unit": self.unit,
            "living": self.living[:: self.sprite.step].tolist(),
            "speeds": self.speeds[:: self.sprite.step],
            "found": self.found,
            "directions": self.directions,
            "ramp": self.ramp,
            "top": self.top,
            "caption": caption(self.title, self._reductions()),
            "t": self.t,
            "tail": self.tail,
            "colour": "direction",
        }

    def poster_image(self) -> Image.Image:
        """The film at frame t with points and tails."""
        t = self.t // self.sprite.step
        _, height, width = self.sprite.source
        wide, gap, label = 640, 12, 24
        high = max(1, round(wide * height / width))
        film = enlarged(self.sprite.frames[t], wide, high)
        self._draw_points(ImageDraw.Draw(film), t, wide / width)
        card = Image.new("RGB", (wide + 2 * gap, high + 2 * gap + 2 * label), PAPER)
        card.paste(film, (gap, gap + label))
        draw = ImageDraw.Draw(card)
        draw.text((gap, gap), f"frame {self.t}: {self._told(self.t)}", INK, font(15, bold=True))
        draw.text((gap, gap + label + high + 6), "Run this cell to play.", SOFT, font(14))
        return card

    def _draw_points(self, draw: ImageDraw.ImageDraw, t: int, zoom: float) -> None:
        velocity = self._velocity(t)
        for i in np.flatnonzero(self.alive[t]).tolist():
            run = self.points[self._began(t, i, self.tail) : t + 1, i]
            path = [tuple((zoom * (p + 0.5)).tolist()) for p in run]
            colour = self._colour(velocity[i])
            if len(path) > 1:
                draw.line(path, fill="#000000", width=4)
                draw.line(path, fill=colour, width=2)
            x, y = path[-1]
            draw.ellipse((x - 4, y - 4, x + 4, y + 4), fill=colour, outline="#000000")

    def _began(self, t: int, i: int, most: int) -> int:
        """The first of the frames up to t, at most `most` earlier, through which point i was alive."""
        s = t
        while s > max(0, t - most) and self.alive[s - 1, i]:
            s -= 1
        return s

    def _velocity(self, t: int) -> np.ndarray:
        """`n 2` in pixels per frame of the clip, over the last SPAN frames; at its first frame, over the next one."""
        velocity = np.zeros_like(self.points[t])
        for i in np.flatnonzero(self.alive[t]).tolist():
            s, e = self._began(t, i, SPAN), t
            if s == e and t + 1 < len(self.points) and self.alive[t + 1, i]:
                e = t + 1
            if e > s:
                velocity[i] = (self.points[e, i] - self.points[s, i]) / ((e - s) * self.sprite.step)
        return velocity

    def _colour(self, velocity: np.ndarray) -> str:
        if np.hypot(*velocity) < STILL:
            return GREY
        turn = math.atan2(velocity[1], velocity[0]) / (2 * math.pi)
        return self.directions[math.floor(turn * DIRECTIONS + 0.5) % DIRECTIONS]

    def _top_speed(self) -> float:
        """The speed with the last colour: nearly the largest one, so that a stray point does not hide the others."""
        moving = np.hypot(*np.moveaxis(np.diff(self.points, axis=0), -1, 0))[self.alive[1:] & self.alive[:-1]]
        top = np.quantile(moving, 0.98) / self.sprite.step if moving.size else 0.0
        return float(f"{max(top, 2 * STILL):.2g}")

    def _told(self, t: int) -> str:
        speed = self.speeds[t]
        return f"{self.living[t]} of {self.found} alive" + (
            "" if speed is None else f", mean speed {speed:.2f} px/frame"
        )

    def _reductions(self) -> list[str]:
        kept = self.points.shape[1]
        return self.sprite.reductions + ([] if kept == self.found else [f"{kept} of {self.found} points"])

    def _alt(self, points: np.ndarray, alive: np.ndarray) -> str:
        """How many points live how long, how fast they are and where they go."""
        count, height, width = self.sprite.source
        both = alive[1:] & alive[:-1]
        moves = np.diff(points, axis=0)[both]
        said = (
            f"{self.title or 'Tracks'}: {self.found} points tracked through {count} frames of {width}×{height} pixels; "
            f"{self.living[0]} are alive in the first frame, {self.living[self.t]} in frame {self.t}, which is shown, "
            f"and {self.living[-1]} in the last"
        )
        if len(moves):
            u, v = moves.mean(0)
            said += (
                f". Their mean speed is {np.hypot(*moves.T).mean():.2f} pixels per frame, "
                f"their mean velocity {signed(u)} to the right and {signed(v)} down"
            )
        return said + "."


def _checked(tracks, total: int) -> tuple[np.ndarray, np.ndarray]:
    """Points as float64 `t n 2` and alive as bool `t n`."""
    if not hasattr(tracks, "points") or not hasattr(tracks, "alive"):
        raise ShapeError(
            f"tracks is a {type(tracks).__name__}", wanted="points t n 2 and alive t n", mend="vidlab.flow.track(clip)"
        )
    points = torch.as_tensor(tracks.points).detach().cpu().double().numpy()
    alive = torch.as_tensor(tracks.alive).detach().cpu().numpy()
    if points.ndim != 3 or points.shape[2] != 2 or alive.shape != points.shape[:2] or alive.dtype != bool:
        came = f"points of shape {points.shape} and alive of shape {alive.shape}, {alive.dtype}"
        raise ShapeError(came, wanted="points t n 2, (x, y) each, and alive t n, bool")
    if len(points) != total:
        raise ShapeError(
            f"tracks over {len(points)} frames", wanted=f"{total}, as the clip has", mend="clip[:t] or points[:t]"
        )
    if not np.isfinite(points[alive]).all():
        raise ShapeError("a point that is alive but nowhere", wanted="finite (x, y) wherever alive")
    return points, alive


def _mean_speeds(points: np.ndarray, alive: np.ndarray) -> list[float | None]:
    """For each frame, over the points alive in it and in the frame before: how far they came; None where none is."""
    speeds: list[float | None] = [None]
    for t in range(1, len(points)):
        both = alive[t] & alive[t - 1]
        step = np.hypot(*(points[t, both] - points[t - 1, both]).T)
        speeds.append(round(float(step.mean()), 4) if both.any() else None)
    return speeds[: len(points)]


def _held(points: np.ndarray, alive: np.ndarray) -> np.ndarray:
    """Points that stay where they were last alive, and before that where they will be first."""
    frames, count = alive.shape
    last = np.maximum.accumulate(np.where(alive, np.arange(frames)[:, None], -1), axis=0)
    place = np.where(last < 0, alive.argmax(0), last)
    held = points[place, np.arange(count)]
    return np.where(alive.any(0)[:, None], held, 0.0)


def _in_units(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """(start `n 2`, moves `t-1 n 2` within a byte, unit): rounded places, so that rounding does not add up."""
    farthest = float(np.abs(np.diff(points, axis=0)).max(initial=0.0))
    unit = max(FINEST, farthest / 126)
    places = np.rint(points / unit).astype(np.int64)
    return places[0], np.diff(places, axis=0), unit


def _direction_colours() -> list[str]:
    """Of motion to the right, then clockwise as the screen shows it: the colours of a flow field."""
    angle = torch.arange(DIRECTIONS) * (2 * math.pi / DIRECTIONS)
    circle = torch.stack([angle.cos(), angle.sin()])[None, :, None]
    levels = (colorize(circle, 1.0).clamp(0, 1)[0, :, 0] * 255).round().int().T.tolist()
    return ["#" + "".join(f"{level:02x}" for level in rgb) for rgb in levels]
