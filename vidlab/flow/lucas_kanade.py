"""Lucas & Kanade: inside of a window everything moves alike, so many constraints share one (u, v).

B. Lucas, T. Kanade, *An iterative image registration technique with an application to stereo vision* (IJCAI 1981).
Least squares over the window gives two equations, solvable where the structure tensor has two large eigenvalues:

    Σ I_x² u + Σ I_x I_y v = −Σ I_x I_t
    Σ I_x I_y u + Σ I_y² v = −Σ I_y I_t
"""

import torch
from jaxtyping import Float
from torch import Tensor

from .derivatives import Image
from .motion_tensor import Flow, MotionTensor, channels, linearised
from .warping import expect_images, pyramid, resize_flow

FLOOR = 0.02  # brightness per pixel: gradients below are taken for noise


def lucas_kanade(
    first: Float[Tensor, "b c h w"],
    second: Float[Tensor, "b c h w"],
    *,
    radius: int = 9,
    window: str = "gaussian",
    warps: int = 3,
    levels: int | None = None,
    damping: float = 0.01,
) -> Flow:
    """Dense flow by least squares in a window around every pixel, iterated, coarse to fine.

    Args:
        radius: the window is 2 · radius + 1 pixels wide.
        window: "gaussian", of standard deviation radius / 2, or "box".
        warps: how often a level warps the second frame back by what is known, and looks for the rest.
        levels: of the pyramid; 1 is the image alone; by default down to a short side of 16 pixels.
        damping: added to both eigenvalues; where the image says nothing, the flow of the coarser level stays.

    Raises:
        ShapeError: not two float images of one shape.
        ValueError: an unknown window, or a number that is not above 0.
    """
    expect_images(first=first, second=second)
    if radius < 1 or warps < 1 or not damping > 0 or window not in ("gaussian", "box"):
        raise ValueError(
            f"radius = {radius}, warps = {warps}, damping = {damping}, window = {window!r}. "
            'Wanted: numbers above 0, and "gaussian" or "box".'
        )
    weights = window_weights(radius, window)
    flow = None
    for one, two in zip(pyramid(first, levels=levels), pyramid(second, levels=levels), strict=True):
        size = one.shape[-2:]
        flow = torch.zeros_like(one[:, :1]).repeat(1, 2, 1, 1) if flow is None else resize_flow(flow, size)
        for _ in range(warps):
            tensor = linearised(one, two, flow, floor=FLOOR, split=channels)
            flow = flow + least_squares(MotionTensor(*(blur(product, weights) for product in tensor)), damping)
    return flow


def least_squares(tensor: MotionTensor, damping: float = 0.0) -> Flow:
    """Solve the two equations at every pixel, with `damping` added to both eigenvalues."""
    xx, yy = tensor.xx + damping, tensor.yy + damping
    determinant = xx * yy - tensor.xy**2
    u = (tensor.xy * tensor.yt - yy * tensor.xt) / determinant
    v = (tensor.xy * tensor.xt - xx * tensor.yt) / determinant
    return torch.cat([u, v], dim=1)


def window_weights(radius: int, window: str = "gaussian") -> list[float]:
    """Weights along one axis, which add up to one."""
    offset = torch.arange(-radius, radius + 1, dtype=torch.float64)
    weights = torch.exp(-2 * (offset / radius) ** 2) if window == "gaussian" else torch.ones_like(offset)
    return (weights / weights.sum()).tolist()


def blur(image: Image, weights: list[float]) -> Image:
    """Weighted sum over a window, first along x and then along y; outside of the image there is nothing.

    Written as shifted sums: on a CPU about ten times as fast as `conv2d`.
    """
    middle = len(weights) // 2
    across = image * weights[middle]
    for k in range(1, middle + 1):  # the window is symmetric
        across[..., k:].add_(image[..., :-k], alpha=weights[middle - k])
        across[..., :-k].add_(image[..., k:], alpha=weights[middle - k])
    down = across * weights[middle]
    for k in range(1, middle + 1):
        down[..., k:, :].add_(across[..., :-k, :], alpha=weights[middle - k])
        down[..., :-k, :].add_(across[..., k:, :], alpha=weights[middle - k])
    return down
