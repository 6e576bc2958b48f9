"""TemporalFilter: bend a kernel over time and see what it does to a clip."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from PIL import Image, ImageDraw

from .. import spacetime
from ..errors import ShapeError
from .frame import Widget, caption, inside
from .picture import INK, PALETTE, PAPER, SOFT, font
from .sprite import make_sprite

FRAME_PIXELS = 30_000  # every tap touches every pixel: this many keep a redraw within 2 ms
ZERO_SUM = 0.1  # as in temporal_filter.js
MIN_TAPS, MAX_TAPS = 9, 31


class TemporalFilter(Widget):
    """A clip beside the same clip filtered along t, under a kernel that can be bent.

    The output at t is the sum over k of kernel[k] · clip[t + k − centre], where frames outside the clip repeat its
    ends, as in `vidlab.spacetime.temporal_filter`. What a kernel with taps that cancel gives is shown around mid-grey.

    Args:
        clip: a `vidlab.clips.Clip`, or a tensor `t c h w` (uint8, or float in [0, 1]).
        kernel: taps "k" (odd length, at most 31), or a dict of name -> taps, of which the first is shown at the start;
            by default a Gaussian. Gaussian, box, derivative and identity can always be chosen.
        x, y: the pixel whose brightness is drawn over time; by default one that changes much.
        t: frame to begin with; by default the middle one.
        fps: frames per second; by default the clip's own, and 10 for a bare tensor.
        title: printed under the figure.

    Raises:
        ShapeError: not a clip, not a kernel, or x, y, t outside the clip.
    """

    script = "temporal_filter.js"

    def __init__(self, clip, *, kernel=None, x=None, y=None, t=None, fps=None, title: str = ""):
        total = len(getattr(clip, "frames", clip))
        self.sprite, self.title = make_sprite(clip, fps=fps, max_pixels=FRAME_PIXELS * min(total, 240)), title
        given = {} if kernel is None else dict(kernel) if isinstance(kernel, Mapping) else {"yours": kernel}
        standard = {
            "gaussian": spacetime.gaussian(1.5),
            "box": spacetime.box(5),
            "derivative": spacetime.derivative(1.0),
            "identity": torch.ones(1),
        }
        standard = {name: taps for name, taps in standard.items() if name not in given}
        presets = {str(name): _taps(name, taps) for name, taps in (given | standard).items()}
        longest = max(MIN_TAPS, *map(len, presets.values()))
        self.presets = {name: np.pad(taps, (longest - len(taps)) // 2) for name, taps in presets.items()}
        self.kernel = next(iter(self.presets.values()))
        count, height, width = self.sprite.source
        busy_y, busy_x = _most_varying_pixel(self.sprite.frames)
        self.x = inside("x", x, width, int((busy_x + 0.5) * self.sprite.scale))
        self.y = inside("y", y, height, int((busy_y + 0.5) * self.sprite.scale))
        self.t = inside("t", t, count, count // 2 // self.sprite.step * self.sprite.step)
        self.alt = self._alt()

    def state(self) -> dict:
        presets = {name: _numbers(taps) for name, taps in self.presets.items()}
        return {
            "sprite": self.sprite.state(),
            "caption": caption(self.title, self.sprite.reductions),
            "kernel": _numbers(self.kernel),
            "presets": presets,
            "t": self.t,
            "x": self.x,
            "y": self.y,
        }

    def _filter(self, frames: np.ndarray) -> np.ndarray:
        """uint8 `t h w 3` -> float32 `t h w 3`, in units of the range [0, 1], with negative values."""
        clip = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255
        kernel = torch.tensor(self.kernel, dtype=torch.float32)
        return spacetime.temporal_filter(clip, kernel).permute(0, 2, 3, 1).numpy()

    def poster_image(self) -> Image.Image:
        """The clip beside the filtered clip at frame t, and the kernel below."""
        t, reach = self.t // self.sprite.step, len(self.kernel) // 2
        frame = self.sprite.frames[t]
        around = np.arange(t - reach, t + reach + 1).clip(0, len(self.sprite.frames) - 1)
        values = self._filter(self.sprite.frames[around])[reach]
        if self._sees_change():
            grey = values @ np.float32([0.299, 0.587, 0.114])
            values = np.repeat(0.5 + 2 / np.abs(self.kernel).sum() * grey[..., None], 3, axis=-1)
        shown = (255 * values).clip(0, 255).astype(np.uint8)
        wide, gap, label = 400, 12, 24
        high = round(wide * frame.shape[0] / frame.shape[1])
        card = Image.new("RGB", (2 * wide + 3 * gap, gap + 2 * label + high + 130), PAPER)
        draw = ImageDraw.Draw(card)
        for k, (name, pixels) in enumerate({"the clip": frame, "the clip, filtered along t": shown}.items()):
            left = gap + k * (wide + gap)
            draw.text((left, gap), name, INK, font(15, bold=True))
            card.paste(Image.fromarray(pixels).resize((wide, high), Image.Resampling.LANCZOS), (left, gap + label))
        below = gap + label + high + gap
        draw.text((gap, below), "kernel", INK, font(15, bold=True))
        draw.text((2 * gap + wide, below), "Run this cell to bend the kernel and to play.", SOFT, font(14))
        self._draw_kernel(draw, gap, below + label, wide, 100)
        return card

    def _draw_kernel(self, draw: ImageDraw.ImageDraw, left: int, top: int, wide: int, high: int) -> None:
        lowest, highest = min(0, self.kernel.min()), max(0, self.kernel.max())
        unit = (high - 12) / (highest - lowest or 1)
        zero = top + 6 + unit * highest
        draw.line((left, zero, left + wide, zero), fill=SOFT)
        for k, tap in enumerate(self.kernel):
            x, y = left + (k + 0.5) * wide / len(self.kernel), zero - unit * tap
            draw.line((x, zero, x, y), fill=PALETTE["blue"], width=3)
            draw.ellipse((x - 5, y - 5, x + 5, y + 5), fill=PALETTE["blue"])

    def _sees_change(self) -> bool:
        return bool(abs(self.kernel.sum()) < ZERO_SUM * np.abs(self.kernel).sum())

    def _alt(self) -> str:
        """Clip, kernel, and how much brightness over time is left at each pixel after filtering."""
        count, height, width = self.sprite.source
        some = self.sprite.frames[:, ::4, ::4]
        before, after = (some / 255).std(0).mean(), self._filter(some).std(0).mean()
        kind = (
            "which cancel: only change is left" if self._sees_change() else f"which add up to {self.kernel.sum():.2f}"
        )
        return (
            f"{self.title or 'A clip'} ({count} frames of {width}×{height} pixels) beside itself, filtered along time "
            f"by {np.count_nonzero(self.kernel)} taps, {kind}. Standard deviation over time, averaged over the pixels: "
            f"{before:.3f} before, {after:.3f} after."
        )


def _taps(name: str, kernel) -> np.ndarray:
    taps = torch.as_tensor(kernel).detach().cpu().double().numpy()
    if taps.ndim != 1 or len(taps) % 2 == 0 or len(taps) > MAX_TAPS or not np.isfinite(taps).all():
        wanted = f"1-D, an odd number of taps up to {MAX_TAPS}, all finite"
        raise ShapeError(
            f"kernel {name!r} of shape {taps.shape}", wanted=wanted, mend="pad an even kernel with one zero"
        )
    return taps


def _numbers(taps: np.ndarray) -> list[float]:
    return [round(float(tap), 7) for tap in taps]


def _most_varying_pixel(frames: np.ndarray) -> tuple[int, int]:
    """Row and column."""
    spread = frames[..., 1].std(0)
    row, column = divmod(int(spread.argmax()), spread.shape[1])
    return row, column
