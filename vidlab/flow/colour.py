"""Flow as colour: the hue says where to, the strength of the colour how far.

S. Baker, D. Scharstein, J. Lewis, S. Roth, M. Black, R. Szeliski, *A database and evaluation methodology for optical
flow* (IJCV 92, 2011), with the wheel and the rules of their program `colorcode` (D. Scharstein, 2007). Its six
stretches are of different lengths because we tell more shades apart between red and yellow than between green and cyan.
The legend is `wheel_image`. Many colour-blind readers cannot tell all hues apart: show arrows as well.
"""

import math

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor

from ..errors import ShapeError
from .measure import known
from .warping import expect_flow

# from a colour towards the next, in so many steps
STRETCHES = (
    ((255, 0, 0), 15),  # red
    ((255, 255, 0), 6),  # yellow
    ((0, 255, 0), 4),  # green
    ((0, 255, 255), 11),  # cyan
    ((0, 0, 255), 13),  # blue
    ((255, 0, 255), 6),  # magenta
)
DARKER = 0.75  # for what is longer than the scale
ROUNDING = 1e-6  # of the scale: the longest motion itself is not beyond it


def colour_wheel() -> Float[Tensor, "55 3"]:
    """The 55 saturated colours, in [0, 1]: red for motion to the right, then clockwise as one sees it in the picture.

    They are whole numbers of 255, as published: a rising channel is rounded down, a falling one up.
    """
    wheel = []
    for k, (start, steps) in enumerate(STRETCHES):
        end = STRETCHES[(k + 1) % len(STRETCHES)][0]
        for i in range(steps):
            part = 255 * i // steps
            wheel.append([a + (part if b > a else -part if b < a else 0) for a, b in zip(start, end, strict=True)])
    return torch.tensor(wheel) / 255


def colorize(flow: Float[Tensor, "b 2 h w"], largest: float | None = None) -> Float[Tensor, "b 3 h w"]:
    """Middlebury's picture of a flow: no motion is white, `largest` has a full colour, what is longer is darkened.

    Unknown flow (NaN, infinite or above 1e9) is black. The published program cuts to bytes; here the colours stay
    floats. It also takes v = −0.0 for a direction of its own, the last of the 55; here that is v = 0.

    Args:
        flow: in pixels.
        largest: the length, in pixels, of a full colour. By default the longest known one of *each* flow in the batch:
            give a number to compare flows with each other.

    Raises:
        ShapeError: no flow, or a `largest` that is not above 0.

    >>> (colorize(torch.tensor([2.0, 0.0]).reshape(1, 2, 1, 1)) * 255).flatten()  # to the right: red
    tensor([255.,   0.,   0.])
    """
    expect_flow(flow)
    if largest is not None and not 0 < largest < math.inf:
        raise ShapeError(f"largest = {largest}", wanted="a length above 0, in pixels", mend="largest=None: the longest")
    seen = known(flow)
    u, v = torch.where(seen, flow, 0).unbind(1)
    length = torch.hypot(u, v)
    scale = length.amax((1, 2), keepdim=True) if largest is None else torch.full_like(length, largest)
    length = (length / torch.where(scale > 0, scale, 1))[:, None]  # nothing moves: all is white

    wheel = colour_wheel().to(flow)
    turn = (torch.atan2(-(v + 0.0), -u) / math.pi + 1) / 2  # from 0 to 1: right, down, left, up, right
    place = turn.clamp(0, 1) * (len(wheel) - 1)
    before = place.long()
    after = (before + 1) % len(wheel)
    share = (place - before)[..., None]
    hue = rearrange((1 - share) * wheel[before] + share * wheel[after], "b h w c -> b c h w")
    colour = torch.where(length <= 1 + ROUNDING, 1 - length.clamp(max=1) * (1 - hue), DARKER * hue)
    return torch.where(seen, colour, 0)


def wheel_image(size: int = 128) -> Float[Tensor, "3 size size"]:
    """The legend: the colour at a place is that of the motion from the middle to there.

    The circle that touches the four sides is `largest`; the corners beyond it show what is longer.

    Raises:
        ShapeError: no pixels.
    """
    if size < 1:
        raise ShapeError(f"size = {size}", wanted="1 pixel or more", mend="size=128")
    axis = (torch.arange(size) + 0.5) / size * 2 - 1
    v, u = torch.meshgrid(axis, axis, indexing="ij")
    return colorize(torch.stack([u, v])[None], largest=1.0)[0]
