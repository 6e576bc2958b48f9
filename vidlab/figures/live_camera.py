"""LiveCamera: the reader's own camera, cut and compared while it runs; and a clip where there is no camera."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image, ImageDraw

from .. import data
from ..errors import ShapeError
from ..flow import colorize
from .frame import Widget, inside
from .live_views import HISTORY, LiveViews, live_views
from .pair import enlarged
from .picture import INK, PAPER, SOFT, font
from .space_time_cube import OF_Y
from .sprite import MAX_FRAMES, make_sprite

CLIP_HEIGHT = 90  # pixels of the default clip: as many as a row of pictures needs
MOST_PIXELS = 20_000  # of a frame: so many keep all views of a frame within a few milliseconds
BUDGET = 220_000  # bytes of the clip
WINDOWS = (15, 30, 60, 120)  # frames of the median
FLOORS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1)  # brightness per pixel, from black 0 to white 1
MOST_K = 20  # as in live_camera.js
LARGEST = 2.0  # pixels per frame that have a full colour
GAIN = 2  # as in live_views.js: the difference is shown so many times as strong, around mid-grey
DIM = 0.25  # as in live_views.js: what is no foreground
PATIENCE = 30  # seconds out of sight after which the camera is switched off,
SILENCE = 10  # and seconds without a picture


class LiveCamera(Widget):
    """A camera's picture beside five views of it: x–t slice, difference, median background, foreground, normal flow.

    All is computed in the page: nothing leaves it, and nothing is recorded. The camera starts when the reader presses
    its button, and stops with it, with the page, or when the figure is out of sight for half a minute. Before that,
    and where there is no camera, a clip goes through the same views.

    The background is the median of the last frames, as `vidlab.background.temporal_median` computes it of a whole
    clip: what covers a pixel for less than half of them leaves no trace. (Where memory is short one moves an estimate
    by one grey level towards each frame instead: McFarlane & Schofield 1995, *Segmentation and tracking of piglets in
    images*, Machine Vision and Applications 8. It ends near the median, but later.)

    Args:
        clip: a `vidlab.clips.Clip`, or a tensor `t c h w` (uint8, or float in [0, 1]); by default the walker. It
            decides how many pixels the camera's picture is reduced to, and which part of it is seen.
        y: row of the slice to begin with, in pixels of what is shown; by default where most changes.
        t: frame of the clip to begin with, of those that are shown; by default the middle one.
        k: foreground is what differs by more than k sigma; a whole number from 1 to 20.
        floor: the normal flow is shown where the gradient is larger; one of `FLOORS`.
        window: the background is the median of so many frames; one of `WINDOWS`.
        title: printed under the figure.

    Raises:
        ShapeError: not a clip, or a number that the controls do not have.
        DataError: no clip was given, and the walker is neither here nor to be had.
    """

    script = "live_camera.js"

    def __init__(self, clip=None, *, y=None, t=None, k: int = 6, floor: float = 0.02, window: int = HISTORY, title=""):
        self.name = "the walker clip" if clip is None else f"the clip “{title}”" if title else "a clip"
        clip = data.walker(size=CLIP_HEIGHT) if clip is None else clip
        _among("k", k, range(1, MOST_K + 1))
        _among("floor", floor, FLOORS)
        _among("window", window, WINDOWS)
        self.k, self.floor, self.window, self.title = k, floor, window, title
        frames = min(MAX_FRAMES, len(getattr(clip, "frames", clip)))
        self.sprite = make_sprite(clip, budget=BUDGET, max_pixels=MOST_PIXELS * frames)
        count, self.height, self.width, _ = self.sprite.frames.shape
        self.t = inside("t", t, count, count // 2)
        self.y = inside("y", y, self.height, _busiest_row(self.sprite.frames))
        self.views = self.views_at(self.t)
        self.alt = self._alt()

    def state(self) -> dict:
        lost = ", ".join(self.sprite.reductions)
        return {
            "sprite": self.sprite.state(),
            "name": self.name,
            "caption": ". ".join(part for part in (self.title, lost and f"The clip is shown with {lost}.") if part),
            "history": HISTORY,
            "windows": list(WINDOWS),
            "floors": list(FLOORS),
            "largest": LARGEST,
            "patience": PATIENCE,
            "silence": SILENCE,
            "t": self.t,
            "y": self.y,
            "k": self.k,
            "floor": FLOORS.index(self.floor),
            "window": self.window,
        }

    def views_at(self, t: int) -> LiveViews:
        """The views when the clip has been played from its beginning to frame t."""
        clip = torch.from_numpy(self.sprite.frames[max(0, t + 1 - HISTORY) : t + 1]).permute(0, 3, 1, 2)
        return live_views(clip, y=self.y, k=self.k, floor=self.floor, window=self.window)

    def pictures(self) -> dict[str, np.ndarray]:
        """The views at frame t as one sees them, bytes `h w 3`."""
        views, frame = self.views, self.sprite.frames[self.t]
        pictures = {
            "picture": frame,
            f"x–t slice of row {self.y}": views.slice.permute(1, 2, 0).numpy(),
            "difference": 127.5 + GAIN / 3 * views.difference.numpy()[..., None].repeat(3, -1),
            "background": views.background.permute(1, 2, 0).numpy(),
            "foreground": np.where(views.foreground.numpy()[..., None], frame, DIM * frame.mean(-1, keepdims=True)),
            f"normal flow, rim {LARGEST:g} px": 255 * colorize(views.flow[None], LARGEST)[0].permute(1, 2, 0).numpy(),
        }
        return {name: np.rint(pixels).clip(0, 255).astype(np.uint8) for name, pixels in pictures.items()}

    def poster_image(self) -> Image.Image:
        """The picture and its five views at frame t, in two rows."""
        wide, gap, label, foot = 284, 12, 24, 24
        high = round(wide * self.height / self.width)
        card = Image.new("RGB", (gap + 3 * (wide + gap), 2 * (gap + label + high) + gap + foot), PAPER)
        draw = ImageDraw.Draw(card)
        for k, (name, pixels) in enumerate(self.pictures().items()):
            left, top = gap + k % 3 * (wide + gap), gap + k // 3 * (gap + label + high)
            draw.text((left, top), name, INK, font(15, bold=True))
            draw.rectangle((left - 1, top + label - 1, left + wide, top + label + high), outline=SOFT)
            card.paste(enlarged(pixels, wide, high), (left, top + label))
        line = gap + label + (self.y + 0.5) / self.height * high
        for thick, ink in ((4, "#000000"), (2, OF_Y)):
            draw.line((gap, line, gap + wide - 1, line), fill=ink, width=thick)
        draw.text((gap, card.height - foot - 2), "Run this cell to see the same of your own camera.", SOFT, font(14))
        return card

    def _alt(self) -> str:
        """How large the clip is, and what each view shows in numbers."""
        views, rows = self.views, self.views.slice.float() / 255
        still = ((rows - rows.median(1, keepdim=True).values).abs() < 0.05).all(0).float().mean()
        changes = (views.difference.abs() > 3 * 12).float().mean()
        length = views.flow.norm(dim=0)
        moving = length > 0
        middle = f", {length[moving].median():.2f} pixels per frame in the median" if moving.any() else ""
        return (
            f"{self.title or 'Live views'}: what a camera sees, or until it is started a clip of "
            f"{len(self.sprite.frames)} frames of {self.width}×{self.height} pixels, beside five views of it. At frame "
            f"{self.t} of the clip: in the x–t slice of row {self.y}, {still:.0%} of the pixels stay as they are over "
            f"{rows.shape[1]} frames; {changes:.0%} of the pixels differ from the frame before by more than 12 grey "
            f"levels; {views.foreground.float().mean():.0%} differ from the background, the median of the last "
            f"{min(self.window, self.t + 1)} frames, by more than {self.k} robust standard deviations; "
            f"{moving.float().mean():.0%} have a normal flow{middle}."
        )


def _among(name: str, value: float, values: range | tuple) -> None:
    if value not in values:
        some = f"one of {', '.join(map(str, values))}"
        whole = f"a whole number from {values[0]} to {values[-1]}"
        raise ShapeError(f"{name} = {value}", wanted=whole if isinstance(values, range) else some)


def _busiest_row(frames: np.ndarray) -> int:
    """The row in which most changes from frame to frame."""
    return int(np.abs(np.diff(frames[..., 1].astype(np.int16), axis=0)).sum((0, 2), dtype=np.int64).argmax())
