"""ConstraintLine: what one pixel says about motion, and what a window full of them says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageDraw

from ..errors import ShapeError
from ..flow import blur, cube_derivatives, eigenvalues, window_weights
from .frame import Widget, caption, inside
from .pair import added, as_sheet, enlarged, full_colour, one_flow, rounded, shrunk, signed, two_frames, unit_of
from .picture import INK, PALETTE, PAPER, SOFT, font
from .space_time_cube import OF_T
from .sprite import make_sprite

MOST_PIXELS = 60_000
FRAME_BYTES, NUMBER_LETTERS = 80_000, 240_000
UNITS = [2**k / (64 * 255) for k in range(5)]  # of brightness, in whole multiples of which derivatives travel
WIDEST = 12  # pixels: the largest radius of the aperture
LARGE = 1e-4  # as in constraint_line.js: (brightness per pixel)²; an eigenvalue below it is taken for noise
SOLVABLE = 1e-6  # as in constraint_line.js: below, least squares has no single answer
FLOOR = 1e-3  # as in constraint_line.js and vidlab.flow.normal_flow: a smaller gradient tells nothing
REACHES = (0.25, 0.5, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128)  # pixels: half the width of the (u, v) plane


@dataclass(frozen=True)
class Answer:
    """What the pixels of one aperture say. `motion` is None where they leave it open."""

    small: float
    large: float
    normal: tuple[float, float]
    motion: tuple[float, float] | None
    words: str


class ConstraintLine(Widget):
    """Two frames beside the (u, v) plane with the line I_x u + I_y v + I_t = 0 of every pixel in a square aperture.

    The derivatives are `vidlab.flow.cube_derivatives` of the mean of the channels; the eigenvalues are those of the
    mean of (I_x², I_x I_y; I_x I_y, I_y²) over the aperture, λ₁ the smaller one; least squares weighs its pixels alike.
    On the ellipse the mean of (I_x u + I_y v + I_t)² is 0.01² above its least value; its half axes are 0.01 / √λ.

    Args:
        first, second: the frames, `c h w` or `1 c h w`, float in [0, 1].
        x, y: column and row to begin with; by default a place where much can be seen.
        aperture: radius r of the window of (2r + 1)² pixels, from 0 (one pixel) to 12.
        truth: the true flow, `2 h w` or `1 2 h w`, in pixels; NaN where unknown.
        title: printed under the figure.

    Raises:
        ShapeError: not two frames of one shape, no flow for them, or a place or an aperture outside.
    """

    script = "constraint_line.js"

    def __init__(self, first, second, *, x=None, y=None, aperture: int = 0, truth=None, title: str = ""):
        first, second = two_frames(first, second)
        truth = None if truth is None else one_flow(truth, first, "truth")
        self.title, self.source = title, tuple(first.shape[-2:])
        most = MOST_PIXELS
        while not self._carries(*shrunk(most, first, second, truth)):
            most = most * 4 // 5
        self.reach = self._reach()
        column, row = self._telling()
        self.x = inside("x", x, self.source[1], round((column + 0.5) * self.scale - 0.5))
        self.y = inside("y", y, self.source[0], round((row + 0.5) * self.scale - 0.5))
        if not 0 <= aperture <= WIDEST:
            raise ShapeError(f"aperture = {aperture}", wanted=f"a radius from 0 to {WIDEST} pixels")
        self.aperture = int(aperture)
        self.alt = self._alt()

    def state(self) -> dict:
        said = [] if self.scale == 1 else [f"{self.width}×{self.height} of {self.source[1]}×{self.source[0]} pixels"]
        said += [] if self.frames.lossless else ["lossy compression of the frames"]
        said += [] if self.sheet["unit"] == UNITS[0] else [f"derivatives rounded to 1/{1 / self.sheet['unit']:.0f}"]
        return {
            "frames": self.frames.state(),
            "slopes": self.sheet,
            "truth": self.truth_sheet,
            "scale": self.scale,
            "reach": self.reach,
            "widest": WIDEST,
            "caption": caption(self.title, said),
            "x": self.x,
            "y": self.y,
            "aperture": self.aperture,
        }

    def _carries(self, first, second, truth) -> bool:
        """Take these frames; whether their numbers, rounded as coarsely as it takes, fit on the page."""
        self.height, self.width = first.shape[-2:]
        self.scale = self.source[1] / self.width
        self.frames = make_sprite(torch.cat([first, second]).clamp(0, 1), budget=FRAME_BYTES)
        self.truth = None if truth is None else rounded(truth[0].double().numpy())
        self.truth_sheet = None if truth is None else as_sheet(self.truth, unit_of(self.truth))
        slopes = cube_derivatives(first.mean(1, keepdim=True), second.mean(1, keepdim=True))
        exact = torch.cat(slopes, dim=1)[0].double().numpy() / np.array([self.scale, self.scale, 1])[:, None, None]
        for unit in UNITS:
            self.slopes = np.rint(exact / unit) * unit  # as the page has them
            self.sheet = as_sheet(exact, unit)
            if len(self.sheet["sheet"]) + len(self.truth_sheet["sheet"] if self.truth_sheet else "") <= NUMBER_LETTERS:
                return True
        return self.height * self.width < 100

    def answer(self, x: int, y: int, aperture: int) -> Answer:
        """What the window around a pixel of the shown frames says, from the numbers that the page has."""
        I_x, I_y, I_t = (self._window(each, x, y, aperture) for each in self.slopes)
        one_x, one_y, one_t = self.slopes[:, y, x]
        xx, xy, yy, xt, yt = (np.mean(p) for p in (I_x * I_x, I_x * I_y, I_y * I_y, I_x * I_t, I_y * I_t))
        middle, half = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
        square, determinant = one_x**2 + one_y**2, xx * yy - xy * xy
        share = -one_t / square if square > FLOOR**2 else 0.0
        motion = None
        if aperture and middle - half > SOLVABLE:
            motion = ((xy * yt - yy * xt) / determinant, (xy * xt - xx * yt) / determinant)
        words = self._words(middle - half, middle + half, aperture)
        return Answer(max(0.0, middle - half), middle + half, (share * one_x, share * one_y), motion, words)

    def _words(self, small: float, large: float, aperture: int) -> str:
        """As in constraint_line.js."""
        if large < LARGE:
            return "no large eigenvalue: hardly any gradient, so next to nothing is said about motion"
        if not aperture:
            return "one line: any (u, v) on it fits"
        if small < LARGE:
            return "one large eigenvalue: the lines are nearly parallel, and any motion along them fits"
        return "two large eigenvalues: the lines meet"

    def _window(self, picture: np.ndarray, x: int, y: int, r: int) -> np.ndarray:
        return picture[max(0, y - r) : y + r + 1, max(0, x - r) : x + r + 1]

    def _place(self) -> tuple[int, int]:
        return int((self.x + 0.5) / self.scale), int((self.y + 0.5) / self.scale)

    def _reach(self) -> float:
        """Half the width of the plane: room for all true motions, or else for most of what single pixels say."""
        if self.truth is not None:
            longest = max(full_colour(torch.from_numpy(each)[None, None]) for each in self.truth)
        else:
            I_x, I_y, I_t = self.slopes
            slope = np.hypot(I_x, I_y)
            said = (np.abs(I_t) / np.maximum(slope, FLOOR))[(slope > LARGE**0.5) & (np.abs(I_t) > LARGE**0.5)]
            longest = float(np.quantile(said, 0.9)) if len(said) else 2.0
        return float(next((reach for reach in REACHES if reach >= 1.1 * longest), REACHES[-1]))

    def _telling(self) -> tuple[int, int]:
        """Column and row of a pixel that changes, with a clear gradient, around which the lines of a window meet."""
        I_x, I_y, I_t = (torch.from_numpy(each)[None, None] for each in self.slopes)
        weights = window_weights(min(5, (min(self.height, self.width) + 1) // 2), "box")
        small, _ = eigenvalues(*(blur(product, weights) for product in (I_x**2, I_x * I_y, I_y**2)))
        clear = [(size >= size.quantile(0.8)) & (size > 0) for size in (torch.hypot(I_x, I_y), I_t.abs())]
        best = torch.where(clear[0] & clear[1], small.clamp(min=0) * blur(I_t**2, weights), -1.0)
        row, column = divmod(int(best.argmax()), self.width)
        return column, row

    def poster_image(self) -> Image.Image:
        """The first frame with the aperture, the plane with its lines, and the sentence."""
        x, y = self._place()
        tall, gap, label, foot = 380, 14, 24, 58
        wide = min(640, max(160, round(tall * self.width / self.height)))
        high = round(wide * self.height / self.width)
        card = Image.new("RGB", (wide + tall + 3 * gap, max(high, tall) + 2 * gap + label + foot), PAPER)
        draw = ImageDraw.Draw(card)
        draw.text((gap, gap), "first frame", INK, font(15, bold=True))
        picture = enlarged(self.frames.frames[0], wide, high)
        left, top, side = ((v - self.aperture) * wide / self.width for v in (x, y, 3 * self.aperture + 1))
        for grow, ink in ((2, "#000000"), (0, "#FFB000")):
            box = (left - 3 - grow, top - 3 - grow, left + side + 2 + grow, top + side + 2 + grow)
            ImageDraw.Draw(picture).rectangle(box, outline=ink, width=3 if ink != "#000000" else 7)
        card.paste(picture, (gap, gap + label))
        draw.text((2 * gap + wide, gap), f"(u, v), ±{self.reach:g} px/frame, v down", INK, font(15, bold=True))
        card.paste(self._plane(x, y, tall), (2 * gap + wide, gap + label))
        below = max(high, tall) + gap + label + 8
        draw.text((gap, below), self.answer(x, y, self.aperture).words, INK, font(15))
        draw.text((gap, below + 22), "Run this cell to choose a pixel and to grow the aperture.", SOFT, font(14))
        return card

    def _plane(self, x: int, y: int, side: int) -> Image.Image:
        plane = Image.new("RGBA", (side, side), PAPER)
        spot = lambda u, v: tuple(side / 2 * (1 + np.array([u, v]) / self.reach))  # noqa: E731
        draw = ImageDraw.Draw(plane, "RGBA")
        draw.rectangle((0, 0, side - 1, side - 1), outline=SOFT)
        draw.line((0, side / 2, side, side / 2), fill="#BBBBBB")
        draw.line((side / 2, 0, side / 2, side), fill="#BBBBBB")
        windows = [self._window(each, x, y, self.aperture).ravel() for each in self.slopes]
        strongest = np.hypot(*windows[:2]).max()
        here = tuple(self.slopes[:, y, x])
        for I_x, I_y, I_t in [*zip(*windows, strict=True), here] if self.aperture else [here]:
            slope = np.hypot(I_x, I_y)
            if slope <= FLOOR:
                continue
            ends = (
                (-I_t * np.array([I_x, I_y]) / slope + way * 3 * self.reach * np.array([-I_y, I_x])) / slope
                for way in (-1, 1)
            )
            mine = (I_x, I_y, I_t) == here
            alpha = int(255 * slope / strongest * min(1, 4 / (2 * self.aperture + 1)))
            ink = OF_T if mine else (*(int(INK[k : k + 2], 16) for k in (1, 3, 5)), alpha)
            layer = Image.new("RGBA", plane.size)
            ImageDraw.Draw(layer).line([spot(*end) for end in ends], fill=ink, width=3 if mine else 1)
            plane.alpha_composite(layer)
        answer = self.answer(x, y, self.aperture)
        tip = np.array(answer.normal)
        if (length := np.hypot(*tip)) > 0.01 * self.reach:
            draw.line([spot(0, 0), spot(*tip)], fill=OF_T, width=5)
            du, dv = tip / length * min(0.08 * self.reach, 0.6 * length)
            ends = [tip - (du + way * 0.6 * dv, dv - way * 0.6 * du) for way in (-1, 1)]
            draw.line([spot(*ends[0]), spot(*tip), spot(*ends[1])], fill=OF_T, width=5, joint="curve")
        if answer.motion:
            u, v = spot(*answer.motion)
            draw.ellipse((u - 6, v - 6, u + 6, v + 6), fill=PALETTE["blue"], outline=PAPER)
        if self.truth is not None and np.isfinite(self.truth[:, y, x]).all():
            u, v = spot(*self.truth[:, y, x])
            for grow, ink in ((5, PAPER), (3, INK)):
                draw.line((u - 8, v - 8, u + 8, v + 8), fill=ink, width=grow)
                draw.line((u - 8, v + 8, u + 8, v - 8), fill=ink, width=grow)
        return plane.convert("RGB")

    def _alt(self) -> str:
        """The line of the pixel, what the aperture adds, and how far that is from the truth."""
        x, y = self._place()
        answer = self.answer(x, y, self.aperture)
        I_x, I_y, I_t = self.slopes[:, y, x]
        h, w = self.source
        n = self._window(self.slopes[0], x, y, self.aperture).size
        said = (
            f"{self.title or 'Constraint lines'}: two frames of {w}×{h} pixels and the plane of all motions (u, v), "
            f"v down. Pixel ({self.x}, {self.y}) says {signed(I_x, 3)} u {added(I_y)} v {added(I_t)} = 0, "
            f"at right angles to the normal flow ({signed(answer.normal[0])}, {signed(answer.normal[1])}). "
            f"Aperture of {n} pixel{'s' if n > 1 else ''}: {answer.words}; "
            f"λ₁ = {answer.small:.2g}, λ₂ = {answer.large:.2g}"
        )
        if answer.motion:
            said += f"; least squares gives ({signed(answer.motion[0])}, {signed(answer.motion[1])})"
        if self.truth is not None and np.isfinite(self.truth[:, y, x]).all():
            u, v = self.truth[:, y, x]
            said += f"; the true motion is ({signed(u)}, {signed(v)})"
            if answer.motion:
                said += f", {np.hypot(answer.motion[0] - u, answer.motion[1] - v):.2f} pixels away"
        return said + "."
