"""The space–time volume: cuts through it. Filters along time and the background are re-exported from their own files.

A clip is a block of pixels with the axes x, y and t. A frame is the cut at one t; the cuts at one y (x–t slice) and at
one x (y–t slice) show motion as slope. Adelson & Bergen (1985), *Spatiotemporal energy models for the perception of
motion*, J. Opt. Soc. Am. A 2, 284–299, figures 1 to 4.
"""

import torch
from einops import rearrange
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.nn.functional import grid_sample

from .background import foreground, robust_sigma, temporal_median
from .errors import ShapeError, expect_clip
from .temporal import (
    box,
    derivative,
    gabor_pair,
    gaussian,
    motion_energy,
    opponent_energy,
    spacetime_gabor,
    temporal_filter,
    velocity_gabor,
)

__all__ = [
    "box", "derivative", "foreground", "gabor_pair", "gaussian", "motion_energy", "oblique_slice", "opponent_energy",
    "robust_sigma", "spacetime_gabor", "temporal_filter", "temporal_median", "velocity_gabor", "xt_slice", "yt_slice",
]  # fmt: skip


def xt_slice(clip: Shaped[Tensor, "*b t c h w"], y: int) -> Shaped[Tensor, "*b c t w"]:
    """One image row over time, as a picture whose time runs down. A view: no pixel is copied.

    Args:
        clip: `*b t c h w`, any dtype.
        y: row, in pixels from the top.

    Raises:
        ShapeError: no clip, or a row outside of the frame.

    >>> xt_slice(torch.zeros(16, 3, 48, 64), y=20).shape
    torch.Size([3, 16, 64])
    """
    expect_clip(clip)
    _expect_inside("row y", y, clip.shape[-2])
    return rearrange(clip[..., y, :], "... t c w -> ... c t w")


def yt_slice(clip: Shaped[Tensor, "*b t c h w"], x: int) -> Shaped[Tensor, "*b c h t"]:
    """One image column over time, as a picture whose time runs to the right. A view: no pixel is copied.

    Args:
        clip: `*b t c h w`, any dtype.
        x: column, in pixels from the left.

    Raises:
        ShapeError: no clip, or a column outside of the frame.
    """
    expect_clip(clip)
    _expect_inside("column x", x, clip.shape[-1])
    return rearrange(clip[..., x], "... t c h -> ... c h t")


def oblique_slice(
    clip: Shaped[Tensor, "*b t c h w"],
    start: tuple[float, float],
    end: tuple[float, float],
    samples: int | None = None,
) -> Float[Tensor, "*b c t n"]:
    """The clip along any straight line of the frame, over time; between pixels it is interpolated bilinearly.

    Args:
        clip: `*b t c h w`, float.
        start, end: (x, y) in pixels, inside the frame.
        samples: points along the line, both ends included; by default about one a pixel.

    Raises:
        ShapeError: no float clip, an end outside of the frame, or no samples.
    """
    expect_clip(clip)
    if not clip.is_floating_point():
        raise ShapeError(f"clip is {clip.dtype}", wanted="floats, to interpolate between pixels", mend="clip.float()")
    *batch, t, c, h, w = clip.shape
    for x, y in (start, end):
        _expect_inside("x", x, w)
        _expect_inside("y", y, h)
    if samples is not None and samples < 1:
        raise ShapeError(f"samples = {samples}", wanted="at least one point", mend="samples=None: about one a pixel")
    length = ((end[0] - start[0]) ** 2 + (end[1] - start[1]) ** 2) ** 0.5
    along = torch.linspace(0, 1, samples or round(length) + 1, dtype=clip.dtype, device=clip.device)
    x, y = (start[i] + along * (end[i] - start[i]) for i in (0, 1))
    # grid_sample counts from -1 (centre of the first pixel) to 1 (centre of the last)
    grid = torch.stack([2 * x / max(w - 1, 1) - 1, 2 * y / max(h - 1, 1) - 1], dim=-1)
    frames = clip.reshape(-1, c, h, w)
    line = grid_sample(frames, grid.expand(len(frames), 1, -1, 2), padding_mode="border", align_corners=True)
    return rearrange(line.reshape(*batch, t, c, -1), "... t c n -> ... c t n")


def _expect_inside(what: str, value: float, size: int) -> None:
    if not 0 <= value <= size - 1:
        raise ShapeError(
            f"{what} = {value}", wanted=f"0 to {size - 1}, inside the frame", mend=f"{what[-1]}={size // 2}, the middle"
        )
