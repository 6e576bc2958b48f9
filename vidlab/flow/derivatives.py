"""Derivatives of brightness, and what they say about motion: I_x u + I_y v + I_t = 0.

Horn & Schunck (1981), *Determining optical flow*, Artificial Intelligence 17, 185–203. Along an axis without a
neighbour the border is repeated.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from .warping import expect_flow, expect_images

Image = Float[Tensor, "b c h w"]
Map = Float[Tensor, "b 1 h w"]


def cube_derivatives(first: Image, second: Image) -> tuple[Image, Image, Image]:
    """I_x, I_y, I_t of Horn and Schunck: each the mean of four differences along the edges of a 2×2×2 cube.

    All three belong to the same point, the middle of the cube between the pixels (x, y) and (x + 1, y + 1) and between
    the two frames (section 7 of the paper).

    Raises:
        ShapeError: not two float images of one shape.
    """
    expect_images(first=first, second=second)
    a, b = (pad(image, (0, 1, 0, 1), mode="replicate") for image in (first, second))
    both, change = a + b, b - a
    I_x = (both[..., 1:] - both[..., :-1]).unfold(-2, 2, 1).mean(-1) / 2
    I_y = (both[..., 1:, :] - both[..., :-1, :]).unfold(-1, 2, 1).mean(-1) / 2
    I_t = (change[..., 1:, 1:] + change[..., 1:, :-1] + change[..., :-1, 1:] + change[..., :-1, :-1]) / 4
    return I_x, I_y, I_t


def spatial_derivatives(image: Image) -> tuple[Image, Image]:
    """I_x and I_y by the five-point stencil (1, −8, 0, 8, −1) / 12, exact for polynomials up to degree four.

    >>> x = torch.arange(8.0).expand(1, 1, 8, 8)
    >>> spatial_derivatives(x**3)[0][0, 0, 4, 2:6]
    tensor([12., 27., 48., 75.])
    """
    wide, tall = (pad(image, sides, mode="replicate") for sides in ((2, 2, 0, 0), (0, 0, 2, 2)))
    I_x = (8 * (wide[..., 3:-1] - wide[..., 1:-3]) - (wide[..., 4:] - wide[..., :-4])) / 12
    I_y = (8 * (tall[..., 3:-1, :] - tall[..., 1:-3, :]) - (tall[..., 4:, :] - tall[..., :-4, :])) / 12
    return I_x, I_y


def derivatives(first: Image, second: Image, checked: bool = False) -> tuple[Image, Image, Image]:
    """I_x and I_y of the mean of two frames by a smooth stencil, and their difference I_t: all centred between them.

    Raises:
        ShapeError: not two float images of one shape, unless somebody has `checked` that.
    """
    if not checked:
        expect_images(first=first, second=second)
    return *spatial_derivatives((first + second) / 2), second - first


def constraint_residual(I_x: Image, I_y: Image, I_t: Image, flow: Float[Tensor, "b 2 h w"]) -> Image:
    """How far a flow misses the optical-flow constraint: I_x u + I_y v + I_t, in brightness per frame."""
    expect_flow(flow, like=I_x)
    return I_x * flow[:, :1] + I_y * flow[:, 1:] + I_t


def normal_flow(I_x: Map, I_y: Map, I_t: Map, floor: float = 1e-3) -> Float[Tensor, "b 2 h w"]:
    """The one part of motion that a single pixel tells: along the gradient, −I_t ∇I / |∇I|².

    Zero where |∇I| ≤ `floor`, for there a pixel tells nothing.
    """
    square = I_x**2 + I_y**2
    share = torch.where(square > floor**2, -I_t / square.clamp(min=floor**2), 0.0)
    return torch.cat([share * I_x, share * I_y], dim=1)


def eigenvalues(xx: Map, xy: Map, yy: Map) -> tuple[Map, Map]:
    """The smaller and the larger eigenvalue of the symmetric 2×2 matrix (xx, xy; xy, yy) at every pixel.

    Both large: a corner, motion is known. One large: an edge, only its normal part is. None: nothing is.
    """
    middle, half = (xx + yy) / 2, torch.hypot((xx - yy) / 2, xy)
    return middle - half, middle + half
