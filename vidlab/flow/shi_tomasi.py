"""Corners: points that can be followed (J. Shi, C. Tomasi, *Good features to track*, CVPR 1994)."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import max_pool2d

from ..errors import ShapeError
from .derivatives import eigenvalues, spatial_derivatives
from .lucas_kanade import blur, window_weights
from .motion_tensor import motion_tensor
from .warping import expect_images

FLOOR = 0.002  # brightness per pixel: a window whose slopes are below it in some direction tells nothing about that
Points = Float[Tensor, "n 2"]  # (x, y)


@torch.no_grad()
def corners(
    image: Float[Tensor, "c h w"], count: int = 200, *, radius: int = 5, apart: int = 8, quality: float = 0.01
) -> Points:
    """Points worth following, best first: peaks of the smaller eigenvalue of the structure tensor (Shi and Tomasi).

    Where it is large, Lucas and Kanade's equations can be solved. A parabola through a peak and its neighbours places
    it between the pixels.

    Args:
        image: floats in [0, 1].
        count: at most so many; where nothing can be followed there are none.
        radius: the window is 2 · radius + 1 pixels wide, Gaussian, and lies inside of the image.
        apart: pixels between any two of them, along x or along y, at least.
        quality: the smallest eigenvalue that counts, as a part of the largest.

    Raises:
        ShapeError: no float image, or a number out of range.
    """
    if getattr(image, "ndim", 3) != 3:
        raise ShapeError(f"image has shape {tuple(image.shape)}", wanted="one image c h w", mend="clip[0]")
    expect_images(image=image[None] if isinstance(image, Tensor) else image)
    if min(count, radius, apart) < 1 or not 0 <= quality < 1:
        what = f"count = {count}, radius = {radius}, apart = {apart}, quality = {quality}"
        raise ShapeError(what, wanted="whole numbers above 0, and a quality in [0, 1)")
    I_x, I_y = spatial_derivatives(image[None])
    products = motion_tensor(I_x, I_y, torch.zeros_like(I_x))[:3]
    score = eigenvalues(*(blur(product, window_weights(radius)) for product in products))[0]
    h, w = score.shape[-2:]
    where = max_pool2d(score, 2 * apart + 1, stride=1, padding=apart, return_indices=True)[1].flatten()
    place = torch.arange(h * w, device=image.device)
    x, y, score = place % w, place // w, score.flatten()
    inner = (x > radius) & (x < w - 1 - radius) & (y > radius) & (y < h - 1 - radius)
    peaks = place[(where == place) & inner & (score > FLOOR**2)]  # of two equal neighbours, one is named in `where`
    heights, order = score[peaks].sort(descending=True, stable=True)
    best = peaks[order][heights >= quality * heights[:1]][:count]
    beside = [_vertex(score[best - step], score[best], score[best + step]) for step in (1, w)]
    return torch.stack([x[best] + beside[0], y[best] + beside[1]], dim=1)


def _vertex(before: Tensor, middle: Tensor, after: Tensor) -> Tensor:
    """Where the parabola through three values at −1, 0 and 1, the middle one the highest, has its top."""
    bend = (2 * middle - before - after).clamp(min=torch.finfo(middle.dtype).tiny)
    return ((after - before) / (2 * bend)).clamp(-0.5, 0.5)
