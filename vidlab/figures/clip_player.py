"""ClipPlayer: several clips side by side, in step."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from PIL import Image, ImageDraw

from ..errors import ShapeError
from .frame import Widget, caption
from .picture import INK, PAPER, SOFT, font
from .sprite import MAX_FRAMES, MAX_PIXELS, make_sprite

BUDGET = 310_000  # bytes of all sheets together, shared by number of frames ...
BASE_FRAMES = 40  # ... of which the temporal median costs about this many


class ClipPlayer(Widget):
    """Clips side by side on one clock, with a shared time slider, frame steps, speed and loop.

    Args:
        clips: title -> `Clip` or tensor `t c h w` (uint8, or float in [0, 1]); lengths and sizes may differ.
        fps: play every clip at this rate; by default each at its own (10 for a bare tensor).
        columns: clips in one row; by default up to four.
        t: frame to begin with, of the fastest clip; by default the middle one.

    Raises:
        ShapeError: no clip, something that is not a clip, or t outside.
    """

    script = "clip_player.js"

    def __init__(self, clips, *, fps: float | None = None, columns: int | None = None, t: int | None = None):
        if not isinstance(clips, Mapping) or not clips:
            raise ShapeError(
                f"{type(clips).__name__}", wanted="a dict of title: clip", mend='ClipPlayer({"title": clip})'
            )
        weights = [BASE_FRAMES + min(MAX_FRAMES, len(getattr(clip, "frames", clip))) for clip in clips.values()]
        self.sprites = {}
        for (title, clip), weight in zip(clips.items(), weights, strict=True):
            share = weight / sum(weights)
            budget, pixels = int(BUDGET * share), int(MAX_PIXELS * share)
            self.sprites[str(title)] = make_sprite(clip, fps=fps, budget=budget, max_pixels=pixels)
        self.columns = columns or math.ceil(len(clips) / math.ceil(len(clips) / 4))
        rates = [sprite.fps / sprite.step for sprite in self.sprites.values()]
        self.rate = max(rates)
        seconds = max(len(s.frames) / rate for s, rate in zip(self.sprites.values(), rates, strict=True))
        ticks = round(seconds * self.rate)
        self.t = ticks // 2 if t is None else t
        if not 0 <= self.t < ticks:
            raise ShapeError(f"t = {t}", wanted=f"0 ≤ t < {ticks}, a frame of the longest clip")
        self.alt = self._alt()

    def state(self) -> dict:
        clips = [{"title": title, "sprite": sprite.state()} for title, sprite in self.sprites.items()]
        return {"clips": clips, "columns": self.columns, "t": self.t, "caption": caption("", self._reductions())}

    def poster_image(self) -> Image.Image:
        """The clips at frame t, each under its title."""
        wide, gap, label = min(300, 860 // self.columns), 12, 24
        tiles = [self._tile(title, wide, label) for title in self.sprites]
        rows = [tiles[i : i + self.columns] for i in range(0, len(tiles), self.columns)]
        high = sum(max(tile.height for tile in row) + gap for row in rows)
        card = Image.new("RGB", (gap + self.columns * (wide + gap), high + gap + 22), PAPER)
        top = gap
        for row in rows:
            for k, tile in enumerate(row):
                card.paste(tile, (gap + k * (wide + gap), top))
            top += max(tile.height for tile in row) + gap
        ImageDraw.Draw(card).text((gap, top - 2), "Run this cell to play.", SOFT, font(14))
        return card

    def _reductions(self) -> list[str]:
        """What all clips lost, then what one of them lost."""
        each = {title: sprite.reductions for title, sprite in self.sprites.items()}
        common = [loss for loss in next(iter(each.values())) if all(loss in losses for losses in each.values())]
        own = [f"“{title}” with {loss}" for title, losses in each.items() for loss in losses if loss not in common]
        return common + own

    def _tile(self, title: str, wide: int, label: int) -> Image.Image:
        frame = Image.fromarray(self._frame(title))
        enlarge = Image.Resampling.NEAREST if frame.width < 150 else Image.Resampling.LANCZOS
        frame = frame.resize((wide, max(1, round(wide * frame.height / frame.width))), enlarge)
        tile = Image.new("RGB", (wide, frame.height + label), PAPER)
        ImageDraw.Draw(tile).text((0, 0), title, INK, font(15, bold=True))
        tile.paste(frame, (0, label))
        return tile

    def _frame(self, title: str) -> np.ndarray:
        sprite = self.sprites[title]
        t = int(self.t / self.rate * sprite.fps / sprite.step + 1e-6)
        return sprite.frames[min(t, len(sprite.frames) - 1)]

    def _alt(self) -> str:
        """Title, length and size of each clip, and how much of it changes from frame to frame."""
        said = []
        for title, sprite in self.sprites.items():
            count, height, width = sprite.source
            grey = sprite.frames.mean(-1)
            moving = float((np.abs(np.diff(grey, axis=0)) > 12).mean()) if len(grey) > 1 else 0.0
            said.append(
                f"“{title}”: {count} frames of {width}×{height} pixels at {sprite.fps:g} per second, "
                f"{moving:.0%} of the pixels change from one frame to the next"
            )
        clips = "One clip" if len(said) == 1 else f"{len(said)} clips side by side, in step"
        return f"{clips}. " + "; ".join(said) + "."
