"""FlowField: a flow as arrows, as colours, and tried out: the second frame warped back should be the first."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image, ImageDraw

from ..flow import blur, colorize, mean_endpoint_error, resize, warp, wheel_image, window_weights
from ..flow import inside as ends_inside
from .frame import Widget, caption, inside
from .pair import as_sheet, enlarged, full_colour, one_flow, rounded, shrunk, signed, two_frames, unit_of
from .picture import INK, PAPER, SOFT, font
from .sprite import data_url, make_sprite, webp

MOST_PIXELS = 16_000  # each is interpolated from 16 at every step of the slider: so many keep a redraw within 2 ms
FRAME_BYTES = 120_000
GAIN = 2  # as in flow_field.js: the difference is shown so many times as strong, around mid-grey
COUNTS = (0, 6, 8, 12, 16, 24, 32, 48)  # as in flow_field.js: arrows along the longer side
COUNT = 16
STRETCHES = (1, 2, 3, 4, 5, 8, 10, 15, 20, 30, 50, 100)  # as in flow_field.js
WHEEL = 96  # pixels


class FlowField(Widget):
    """The first frame under arrows, the flow in the colours of its wheel, and the second frame warped back by it.

    Warping is Catmull and Rom's interpolation, as in `vidlab.flow.warp`, by a share of the flow: 0 % gives the second
    frame, 100 % with the true flow the first. The difference, warped minus first, is shown around mid-grey.

    Args:
        first, second: the frames, `c h w` or `1 c h w`, float in [0, 1].
        flow: `2 h w` or `1 2 h w`, (u, v) in pixels; NaN where unknown.
        truth: the true flow, to compare with.
        x, y: column and row of the pixel whose flow is read out at first; by default one that moves much.
        title: printed under the figure.

    Raises:
        ShapeError: not two frames of one shape, no flow for them, or a place outside.
    """

    script = "flow_field.js"

    def __init__(self, first, second, flow, *, truth=None, x=None, y=None, title: str = ""):
        first, second = two_frames(first, second)
        flow = one_flow(flow, first, "flow")
        truth = None if truth is None else one_flow(truth, first, "truth")
        self.title, self.source = title, tuple(first.shape[-2:])
        self.error = None if truth is None else float(mean_endpoint_error(flow, truth))
        self.largest = full_colour(flow if truth is None else truth)
        first, second, flow, truth = shrunk(MOST_PIXELS, first, second, flow, truth)
        self.height, self.width = first.shape[-2:]
        self.scale = self.source[1] / self.width
        self.frames = make_sprite(torch.cat([first, second]).clamp(0, 1), budget=FRAME_BYTES)
        self.flow, self.truth = (None if each is None else rounded(each[0].double().numpy()) for each in (flow, truth))
        fields = flow if truth is None else torch.cat([flow, truth])
        self.colours = (colorize(fields, self.largest).clamp(0, 1) * 255).round().byte()
        column, row = self._moving(flow)
        self.x = inside("x", x, self.source[1], round((column + 0.5) * self.scale - 0.5))
        self.y = inside("y", y, self.source[0], round((row + 0.5) * self.scale - 0.5))
        self.alt = self._alt()

    def state(self) -> dict:
        said = [] if self.scale == 1 else [f"{self.width}×{self.height} of {self.source[1]}×{self.source[0]} pixels"]
        said += [] if self.frames.lossless else ["lossy compression of the frames"]
        return {
            "frames": self.frames.state(),
            "flow": as_sheet(self.flow, unit_of(self.flow)),
            "truth": None if self.truth is None else as_sheet(self.truth, unit_of(self.truth)),
            "colours": make_sprite(self.colours, budget=10**9).state(),
            "wheel": data_url(webp(self._wheel(), lossless=True), "webp"),
            "largest": self.largest,
            "error": None if self.error is None or not np.isfinite(self.error) else round(self.error, 6),
            "scale": self.scale,
            "caption": caption(self.title, said),
            "x": self.x,
            "y": self.y,
            "back": 0,
            "arrows": COUNTS.index(COUNT),
            "picture": "first",
            "field": "flow",
        }

    def warped(self, share: float) -> np.ndarray:
        """The second frame of those shown, warped back by a share of the flow: `h w 3`, in [0, 255], not clipped."""
        second = self._shown(1)
        u, v = share * np.nan_to_num(self.flow) / self.scale
        flow = torch.from_numpy(np.stack([u, v]))[None]
        return warp(torch.from_numpy(second).permute(2, 0, 1)[None] / 255, flow)[0].permute(1, 2, 0).numpy() * 255

    def difference(self, share: float) -> tuple[np.ndarray, float]:
        """Warped minus first in grey, `h w`; and the mean of its size in [0, 1] where the whole flow ends inside."""
        apart = (self.warped(share) - self._shown(0)).mean(-1) / 255
        counts = np.isfinite(self.flow).all(0)
        shift = torch.from_numpy(np.nan_to_num(self.flow) / self.scale)[None]
        counts &= ends_inside(shift)[0, 0].numpy()
        return apart, float(np.abs(apart[counts]).mean()) if counts.any() else 0.0

    def _shown(self, k: int) -> np.ndarray:
        """Frame k at the size of the flow, as the page has it: lossy compression may have made it smaller."""
        frame = torch.from_numpy(self.frames.frames[k]).permute(2, 0, 1)[None].double()
        return resize(frame, (self.height, self.width))[0].permute(1, 2, 0).numpy()

    def _place(self) -> tuple[int, int]:
        return int((self.x + 0.5) / self.scale), int((self.y + 0.5) / self.scale)

    def _moving(self, flow: torch.Tensor) -> tuple[int, int]:
        """Column and row around which the motion is longest: a mean over a window, as one pixel may be an outlier."""
        radius = max(1, min(flow.shape[-2:]) // 16)
        length = blur(flow.norm(dim=1, keepdim=True).nan_to_num(), window_weights(radius, "box"))
        row, column = divmod(int(length.argmax()), self.width)
        return column, row

    def _wheel(self) -> np.ndarray:
        """Every motion up to the largest, as bytes r g b a; transparent around."""
        axis = np.abs((np.arange(WHEEL) + 0.5) / WHEEL * 2 - 1)
        disk = 255 * (np.hypot(axis, axis[:, None]) <= 1)[..., None]
        rgb = (wheel_image(WHEEL).clamp(0, 1) * 255).round().permute(1, 2, 0).numpy()
        return np.concatenate([rgb, disk], axis=-1).astype(np.uint8)

    def poster_image(self) -> Image.Image:
        """First frame with arrows, flow as colours with the wheel, difference after warping back."""
        zoom, column, gap, label, foot = 300 / max(self.height, self.width), 300, 12, 24, 30
        wide, high = (max(1, round(zoom * side)) for side in (self.width, self.height))
        apart, mean = self.difference(1.0)
        grey = (255 * (0.5 + GAIN * apart)).clip(0, 255).astype(np.uint8)[..., None].repeat(3, -1)
        colours = self.colours[0].permute(1, 2, 0).numpy()
        tiles = {
            "first frame": self.frames.frames[0],
            f"flow, rim {self.largest:g} px": colours,
            f"difference, warped: {mean:.3f}": grey,
        }
        card = Image.new("RGB", (gap + 3 * (column + gap), 2 * gap + label + high + foot), PAPER)
        draw = ImageDraw.Draw(card)
        for k, (name, pixels) in enumerate(tiles.items()):
            tile = enlarged(pixels, wide, high)
            if k == 0:
                self._draw_arrows(ImageDraw.Draw(tile), wide)
            if k == 1:
                wheel = Image.fromarray(self._wheel()).resize((64, 64))
                tile.paste(wheel, (wide - 68, high - 68), wheel)
            card.paste(tile, (gap + k * (column + gap), gap + label))
            draw.text((gap + k * (column + gap), gap), name, INK, font(15, bold=True))
        words = "Run this cell to warp the second frame back, and to read the flow at any pixel."
        draw.text((gap, gap + label + high + 10), words, SOFT, font(14))
        return card

    def _draw_arrows(self, draw: ImageDraw.ImageDraw, wide: int) -> None:
        zoom = wide / self.width
        for x, y, u, v in self._arrows():
            x, y, u, v = ((value * zoom) for value in (x + 0.5, y + 0.5, u, v))
            head = [(x + u - 0.3 * u + 0.18 * way * v, y + v - 0.3 * v - 0.18 * way * u) for way in (-1, 1)]
            for thick, ink in ((4, "#000000"), (2, "#FFFFFF")):
                draw.line([(x, y), (x + u, y + v)], fill=ink, width=thick)
                draw.line([head[0], (x + u, y + v), head[1]], fill=ink, width=thick)

    def _arrows(self):
        """(x, y, u, v) in shown pixels, on a grid; long enough to see, and hardly longer than the grid is wide."""
        gap = max(self.width, self.height) / COUNT
        rows, columns = (max(1, round(side / gap)) for side in (self.height, self.width))
        longest = self.largest / self.scale
        stretch = max((s for s in STRETCHES if s * longest <= 1.2 * gap), default=1)
        for j in range(rows):
            for i in range(columns):
                x, y = int((i + 0.5) * self.width / columns), int((j + 0.5) * self.height / rows)
                u, v = stretch * self.flow[:, y, x] / self.scale
                if np.isfinite(u + v):
                    yield x, y, u, v

    def _alt(self) -> str:
        """How the frames move, where the readout stands, and how well warping back works."""
        x, y = self._place()
        (h, w), (u, v) = self.source, self.flow[:, y, x]
        length = np.hypot(*self.flow)
        length = length[np.isfinite(length)]
        mean, most = (length.mean(), length.max()) if len(length) else (0.0, 0.0)
        here = f"({signed(u)}, {signed(v)})" if np.isfinite(u + v) else "unknown"
        (_, before), (_, after) = self.difference(0.0), self.difference(1.0)
        said = (
            f"{self.title or 'Optical flow'}: flow of two frames of {w}×{h} pixels, as arrows and as colours. "
            f"Its length is {mean:.2f} pixels in the mean and {most:.2f} at most; at pixel ({self.x}, {self.y}) "
            f"(u, v) is {here}, u to the right and v down. Mean difference from the first frame: "
            f"{before:.4f} of the second as it is, {after:.4f} warped back"
        )
        return said + (f". Mean endpoint error {self.error:.3f} pixels." if self.error is not None else ".")
