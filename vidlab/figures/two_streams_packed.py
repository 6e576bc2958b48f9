"""The clips and the flow of TwoStreams as its page has them: all of them on two sheets, small enough."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

import numpy as np
import torch
from einops import rearrange, reduce
from PIL import Image

from ..errors import ShapeError
from .pair import full_colour
from .sprite import CELL, WEBP_LIMIT, Sprite, webp
from .two_streams_data import Levels

PAGE, FILM = 395_000, 0.58  # letters of all that a view needs; the part of the clips in what words and numbers leave
QUALITIES = (92, 85, 75, 60, 45, 30, 15, 5)  # of WebP, where the clips do not fit without loss
FINENESS = ((1, 64), (1, 32), (1, 16), (2, 32), (2, 16), (4, 16))  # pixels a side taken as one; steps to full colour
BEYOND = 1.25  # of that length: what is longer still is drawn as long as this, in its own direction, and darkened


@dataclass(frozen=True)
class Fields:
    """Flow in whole steps of a length: codes `pictures h w 2` from −half to half; the colour of each `v u 3` bytes."""

    sheet: Sprite
    codes: np.ndarray
    step: float
    half: int


def reach_of(levels: list[Levels], reach: float | None) -> float:
    """The length of full colour: nearly the longest of all, but at most twice that at the first levels.

    Raises:
        ShapeError: one that is not above 0.
    """
    if reach is not None:
        if not 0 < reach < math.inf:
            raise ShapeError(f"reach = {reach}", wanted="pixels per frame, above 0", mend="reach=None: from the flow")
        return float(reach)
    longest = lambda flows: max(full_colour(torch.from_numpy(f).reshape(-1, 2)) for f in flows)  # noqa: E731
    return float(f"{min(longest(one.flow for one in levels), 2 * longest(one.flow[:1] for one in levels)):.2g}")


def films(levels: list[Levels], fps: float, words: int) -> Sprite:
    """Every frame of every clip at every level, in that order; a row of the sheet is a clip.

    words: letters that the page needs for something else.

    Raises:
        ShapeError: more than fits a page.
    """
    rows = np.concatenate([rearrange(one.clips, "v n t h w c -> (v n) t h w c") for one in levels])
    image, budget = _sheet(rows), int(FILM * (PAGE - words) * 3 / 4)
    data, lossless = webp(image, lossless=True, quality=60), True
    qualities = iter(QUALITIES)
    while len(data) > budget:
        quality = next(qualities, None)
        if quality is None:
            raise ShapeError(f"clips of {len(data)} bytes", wanted=f"{budget}", mend="fewer or smaller clips")
        data, lossless = webp(image, quality=quality), False
    return _sprite(rows.shape, data, lossless, fps)


def fields(levels: list[Levels], reach: float, words: int) -> Fields:
    """Every field likewise, in steps as fine as the page has room for; if need be, means over a few pixels.

    Raises:
        ShapeError: more than fits a page.
    """
    budget = int((1 - FILM) * (PAGE - words) * 3 / 4)
    full = np.concatenate([rearrange(one.flow, "v n l h w d -> (v n) l h w d") for one in levels])
    for pixels, parts in FINENESS:
        if full.shape[2] % pixels or full.shape[3] % pixels:
            continue
        rows = reduce(full, "k l (h y) (w x) d -> k l h w d", "mean", y=pixels, x=pixels)
        length = np.hypot(rows[..., 0], rows[..., 1])[..., None]
        rows = rows * np.minimum(1, BEYOND * reach / np.maximum(length, 1e-12))
        half, codes = round(BEYOND * parts), np.rint(rows * (parts / reach)).astype(np.int64)
        picture = np.concatenate([codes + half, np.zeros_like(codes[..., :1])], axis=-1).astype(np.uint8)
        data = webp(_sheet(picture), lossless=True, quality=60)
        if len(data) <= budget:
            sprite = _sprite(picture.shape, data, True, 1.0)
            return Fields(sprite, rearrange(codes, "k l h w d -> (k l) h w d"), reach / parts, half)
    raise ShapeError(f"flow of {len(data)} bytes", wanted=f"{budget}", mend="fewer levels, or smaller clips")


def _sheet(rows: np.ndarray) -> np.ndarray:
    """Pictures `k t h w 3` as one, k down and t across, each padded to whole blocks of the compression."""
    down, across = (-side % CELL for side in rows.shape[2:4])
    full = np.pad(rows, ((0, 0), (0, 0), (0, down), (0, across), (0, 0)), mode="edge")
    image = rearrange(full, "k t h w c -> (k h) (t w) c")
    if max(image.shape) > WEBP_LIMIT:
        came = f"{rows.shape[0]} clips of {rows.shape[1]} frames of {rows.shape[3]}×{rows.shape[2]} pixels"
        raise ShapeError(came, wanted=f"a sheet of at most {WEBP_LIMIT} pixels a side", mend="smaller or fewer clips")
    return image


def _sprite(shape: tuple[int, ...], data: bytes, lossless: bool, fps: float) -> Sprite:
    """The sheet of pictures of this shape `k t h w c`, with the frames as a reader of it will see them."""
    k, t, h, w, _ = shape
    image = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    frames = rearrange(image, "(k h) (t w) c -> (k t) h w c", k=k, t=t)[:, :h, :w]
    return Sprite(np.ascontiguousarray(frames), data, None, t, lossless, 1, (k * t, h, w), fps)
