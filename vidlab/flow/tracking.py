"""Tracking: where points go through a whole clip (the KLT tracker).

Flow says of all pixels where they go until the next frame; a track says of one point where it is in every frame. Lucas
and Kanade's equations are solved in one window around each point, from a coarse picture to a fine one (J.-Y. Bouguet,
*Pyramidal implementation of the Lucas Kanade feature tracker*, Intel 2000). When to give up: Z. Kalal, K. Mikolajczyk,
J. Matas, *Forward-backward error: automatic detection of tracking failures* (ICPR 2010).
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from einops import rearrange
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn.functional import grid_sample

from ..errors import ShapeError, expect_clip
from .derivatives import eigenvalues, spatial_derivatives
from .lucas_kanade import least_squares, window_weights
from .motion_tensor import MotionTensor
from .shi_tomasi import FLOOR, Points, corners
from .warping import expect_images, pyramid

STILL = 0.03  # pixels: the iteration ends with a step below it; the next one would be about a tenth of it

Flags = Bool[Tensor, "n"]
Level = Float[Tensor, "1 c _h _w"]


@dataclass(frozen=True, eq=False)
class Tracks:
    """Where points go.

    points: (x, y) in pixels, in every frame; a dead one stays where it was last alive. alive: once False, for good.
    """

    points: Float[Tensor, "t n 2"]
    alive: Bool[Tensor, "t n"]

    @property
    def life(self) -> Int64[Tensor, "n"]:
        """In how many frames each point is alive."""
        return self.alive.sum(0)


@torch.no_grad()
def track(
    clip: Float[Tensor, "t c h w"],
    points: Points | None = None,
    *,
    radius: int = 10,
    levels: int | None = None,
    iterations: int = 10,
    tolerance: float = 0.5,
) -> Tracks:
    """Follow points from frame to frame.

    Each point is tracked forward and, from where it arrives, back again. It dies when it does not come back to where it
    began, when it leaves the frame, or when its window tells nothing. Needs the memory of two frames beside the clip.

    Args:
        clip: floats in [0, 1].
        points: (x, y) in pixels, in frame 0; by default `corners(clip[0])`.
        radius: the window is 2 · radius + 1 pixels wide, Gaussian; what of it lies outside of a frame is left out.
        levels: of the pyramid; 1 is the image alone; by default down to a short side that still holds a window.
        iterations: at most so many steps on each level.
        tolerance: pixels between a point and where it comes back to.

    Raises:
        ShapeError: no float clip of two frames or more, points outside of the frame, or a number out of range.
    """
    _expect_film(clip)
    if min(radius, iterations, 1 if levels is None else levels) < 1 or not tolerance > 0:
        what = f"radius = {radius}, levels = {levels}, iterations = {iterations}, tolerance = {tolerance}"
        raise ShapeError(what, wanted="numbers above 0")
    now = corners(clip[0]) if points is None else _expect_points(points, clip)
    alive = torch.ones(len(now), dtype=torch.bool, device=clip.device)
    path, living = [now], [alive]
    after = _levels(clip[:1], levels, radius)
    marks = _marks(after, now, radius)
    for frame in clip[1:].split(1):
        before, after = after, _levels(frame, levels, radius)
        here = now[alive]
        there, clear = _follow(marks, here, after, iterations)
        marks = _marks(after, there, radius)
        back, clear_back = _follow(marks, there, before, iterations)
        found = clear & clear_back & _visible(frame, there).all((1, 2)) & ((back - here).norm(dim=1) <= tolerance)
        marks = [mark.keep(found) for mark in marks]  # for the next frame
        now = now.masked_scatter(alive[:, None], torch.where(found[:, None], there, here))
        alive = alive.masked_scatter(alive, found)
        path.append(now)
        living.append(alive)
    return Tracks(torch.stack(path), torch.stack(living))


def _levels(image: Float[Tensor, "1 k h w"], levels: int | None, radius: int) -> list[Level]:
    """A pyramid, coarsest first, each level with its derivatives as further channels."""
    return [torch.cat([one, *spatial_derivatives(one)], dim=1) for one in pyramid(image, levels, 2 * radius + 1)]


class Marks(NamedTuple):
    """What points look like on one level: what is to be found in another frame."""

    shown: Float[Tensor, "n c p p"]
    slopes: Float[Tensor, "n 2 c p p"]
    weights: Float[Tensor, "n 2 p"]  # of the columns and of the rows of the window

    def keep(self, which: Flags) -> "Marks":
        """Some of the points."""
        return self if which.all() else Marks(*(part[which] for part in self))


def _marks(image: list[Level], points: Points, radius: int) -> list[Marks]:
    marks, bell = [], points.new_tensor(window_weights(radius))
    for level in image:
        places = _rescale(points, image[-1], level)
        parts = rearrange(_windows(level, places, radius), "n (k c) y x -> n k c y x", k=3)
        marks.append(Marks(parts[:, 0], parts[:, 1:], bell * _visible(level, places, radius)))
    return marks


def _follow(marks: list[Marks], points: Points, image: list[Level], iterations: int) -> tuple[Points, Flags]:
    """Where points are in an image, coarse to fine; and whether their finest window was clear."""
    there, clear = points, torch.zeros_like(points[:, 0], dtype=torch.bool)
    for mark, level in zip(marks, image, strict=True):
        found, clear = _align(mark, level, _rescale(there, image[-1], level), iterations)
        there = _rescale(found, level, image[-1])
    return there, clear


def _align(mark: Marks, level: Level, there: Points, iterations: int) -> tuple[Points, Flags]:
    """Move windows from `there` until they show what the marks show.

    The derivatives are the marks', computed once. Where a window tells too little, the coarser level's answer stays.
    """
    level, radius = level[:, : level.shape[1] // 3], mark.shown.shape[-1] // 2
    there, clear = there.clone(), torch.zeros_like(there[:, 0], dtype=torch.bool)
    moving = torch.arange(len(there), device=there.device)
    for _ in range(iterations):
        if not len(moving):
            break
        place = there[moving]
        columns, rows = (mark.weights * _visible(level, place, radius)).unbind(1)
        weights = rearrange(rows[:, :, None] * columns[:, None, :], "n y x -> n 1 1 y x")
        weighted = (mark.slopes * weights).flatten(2)
        change = (_windows(level, place, radius) - mark.shown).flatten(1)
        xx, xy, _, yy = (weighted @ mark.slopes.flatten(2).mT).reshape(-1, 4, 1, 1, 1).unbind(1)
        xt, yt = (weighted @ change[:, :, None]).reshape(-1, 2, 1, 1, 1).unbind(1)
        clear[moving] = known = eigenvalues(xx, xy, yy)[0].flatten() > FLOOR**2
        step = torch.where(known[:, None], least_squares(MotionTensor(xx, xy, yy, xt, yt)).flatten(1), 0.0)
        there[moving] = place + step
        further = step.norm(dim=1) > STILL
        moving, mark = moving[further], mark.keep(further)
    return there, clear


def _windows(image: Level, centres: Points, radius: int) -> Float[Tensor, "n c p p"]:
    """Windows around places between the pixels; outside of the image its border is repeated."""
    size = centres.new_tensor([image.shape[-1], image.shape[-2]])
    offset = torch.arange(-radius, radius + 1).to(centres)
    offsets = torch.stack(torch.meshgrid(offset, offset, indexing="xy"), dim=-1)
    grid = ((2 * centres + 1) / size - 1)[:, None, None] + 2 * offsets / size  # as in `warp`
    # bilinear, for torch's bicubic kernel (a = −0.75) bends straight slopes, and a tracker takes that for motion
    return grid_sample(image.expand(len(centres), -1, -1, -1), grid, padding_mode="border", align_corners=False)


def _visible(image: Level, centres: Points, radius: int = 0) -> Bool[Tensor, "n 2 p"]:
    """Which columns and which rows of the windows lie inside of the image; none about NaN."""
    last = centres.new_tensor([[image.shape[-1] - 1], [image.shape[-2] - 1]])
    places = centres[:, :, None] + torch.arange(-radius, radius + 1).to(centres)
    return (places >= 0) & (places <= last)


def _rescale(points: Points, image: Level, other: Level) -> Points:
    """Places in an image as places in its copy of another size: both begin at −0.5, the outer edge of pixel 0."""
    (h, w), (new_h, new_w) = image.shape[-2:], other.shape[-2:]
    return (points + 0.5) * points.new_tensor([new_w / w, new_h / h]) - 0.5


def _expect_film(clip: object) -> None:
    expect_clip(clip)
    if clip.ndim != 4:
        raise ShapeError(f"clip has shape {tuple(clip.shape)}", wanted="one clip t c h w", mend="clip[0]")
    expect_images(clip=clip)
    if clip.dtype not in (torch.float32, torch.float64):
        raise ShapeError(f"clip is {clip.dtype}", wanted="float32 or float64", mend="clip.float()")
    if len(clip) < 2:
        raise ShapeError("a clip of one frame", wanted="two or more: a track leads from one to the next")


def _expect_points(points: object, clip: Tensor) -> Points:
    """The points with the dtype, and on the device, of the clip."""
    if not isinstance(points, Tensor) or points.ndim != 2 or points.shape[1] != 2:
        what = f"of shape {tuple(points.shape)}" if isinstance(points, Tensor) else f"in a {type(points).__name__}"
        raise ShapeError(f"points {what}", wanted="a tensor n 2: (x, y) each", mend="torch.tensor([[x, y]])")
    points = points.to(clip)
    lost = points[~_visible(clip[:1], points).all((1, 2))]
    if len(lost):
        raise ShapeError(
            f"{len(lost)} of {len(points)} points outside of the frame, the first at x, y = {lost[0].tolist()}",
            wanted=f"x from 0 to {clip.shape[-1] - 1} and y from 0 to {clip.shape[-2] - 1}",
            mend="points.flip(1), if they were y, x",
        )
    return points
