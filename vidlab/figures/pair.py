"""Two frames and their flow as a widget carries them: checked, small enough, and numbers as pictures without loss."""

from __future__ import annotations

import math

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..errors import ShapeError
from ..flow import known, resize
from ..flow.warping import expect_flow, expect_images
from .sprite import make_sprite

UNKNOWN = -32768  # as in kit.js: the code of what is no number
MOST = 32767
PARTS_OF_A_PIXEL = 64  # flow travels in multiples of 1/64 pixel


def two_frames(first, second) -> tuple[Tensor, Tensor]:
    """Both frames as floats `1 c h w` on the CPU.

    Raises:
        ShapeError: not two images of one shape, one or three channels each, with values in [0, 1].
    """
    first, second = _single(first, "first"), _single(second, "second")
    expect_images(first=first, second=second)
    if first.shape[1] not in (1, 3):
        raise ShapeError(f"first has shape {tuple(first.shape)}", wanted="c h w with c = 1 or 3")
    return first, second


def one_flow(flow, like: Tensor, name: str) -> Tensor:
    """The flow as floats `1 2 h w` on the CPU, NaN where it is unknown.

    Raises:
        ShapeError: no flow for these frames.
    """
    flow = _single(flow, name)
    expect_flow(flow, like=like, name=name)
    return torch.where(known(flow), flow, torch.nan)


def shrunk(most: int, *pictures: Tensor | None) -> list[Tensor | None]:
    """All of them at one size of at most `most` pixels; the *values* of a flow stay those of the full frames."""
    h, w = pictures[0].shape[-2:]
    zoom = min(1.0, math.sqrt(most / (h * w)))
    size = max(1, int(h * zoom)), max(1, int(w * zoom))
    return [None if each is None else resize(each, size) for each in pictures]


def as_sheet(numbers: np.ndarray, unit: float) -> dict:
    """Numbers `k h w` as 16-bit multiples of `unit`, three maps to a picture: first all high bytes, then all low ones.

    A lossless picture is about half as long as the numbers themselves.
    """
    codes = np.where(np.isfinite(numbers), np.rint(np.nan_to_num(numbers) / unit), UNKNOWN)
    codes = np.pad(codes.astype(np.int64) - UNKNOWN, ((0, -len(codes) % 3), (0, 0), (0, 0)))
    pictures = codes.reshape(-1, 3, *codes.shape[1:])
    both = np.concatenate([pictures >> 8, pictures & 255]).astype(np.uint8)
    return make_sprite(torch.from_numpy(both), budget=10**9).state() | {"unit": unit}


def unit_of(flow: np.ndarray) -> float:
    """1/64 pixel, or more where 16 bits do not reach the longest motion."""
    return max(1 / PARTS_OF_A_PIXEL, float(np.abs(np.nan_to_num(flow)).max()) / MOST)


def rounded(flow: np.ndarray) -> np.ndarray:
    """The flow as the page will have it."""
    return np.rint(flow / unit_of(flow)) * unit_of(flow)


def full_colour(flow: Tensor) -> float:
    """The length with the strongest colour: nearly the longest, so that a stray pixel does not pale the rest."""
    length = flow.norm(dim=1)
    length = length[length.isfinite()].sort().values
    top = float(length[int(0.995 * (len(length) - 1))]) if len(length) else 0.0
    return float(f"{top:.3g}") if top > 1e-6 else 1.0


def enlarged(pixels: np.ndarray, wide: int, high: int) -> Image.Image:
    """For a poster; a small picture is shown as the squares it is made of."""
    way = Image.Resampling.NEAREST if pixels.shape[1] < 150 else Image.Resampling.LANCZOS
    return Image.fromarray(np.ascontiguousarray(pixels)).resize((wide, high), way)


def signed(value: float, digits: int = 2) -> str:
    """With a true minus, and without one before zero."""
    return f"{round(float(value), digits) + 0.0:.{digits}f}".replace("-", "−")


def added(value: float) -> str:
    """As a term that follows another one."""
    return f"{'−' if value < -0.0005 else '+'} {abs(value):.3f}"


def _single(picture, name: str) -> Tensor:
    picture = torch.as_tensor(picture).detach().cpu()
    if picture.ndim not in (3, 4) or (picture.ndim == 4 and len(picture) != 1):
        wanted = "one picture c h w, or 1 c h w"
        raise ShapeError(f"{name} has shape {tuple(picture.shape)}", wanted=wanted, mend=f"{name}[0]")
    picture = picture if picture.ndim == 4 else picture[None]
    return picture / 255 if picture.dtype == torch.uint8 else picture.float()
