"""The motion tensor: all that the optical-flow constraint says about a place, as six products of derivatives.

Squaring the constraint, (I_x u + I_y v + I_t)², gives the products I_x², I_x I_y, I_y², I_x I_t, I_y I_t (and I_t²,
which no choice of u and v changes). Blurred they are Lucas and Kanade's method, joined by smoothness Horn and Schunck's
(A. Bruhn, J. Weickert, C. Schnörr, *Lucas/Kanade meets Horn/Schunck*, IJCV 61, 2005).
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from .derivatives import Image, Map, derivatives, spatial_derivatives
from .warping import inside, warp

Flow = Float[Tensor, "b 2 h w"]


class MotionTensor(NamedTuple):
    """Sums of products of derivatives. The first three alone are the structure tensor."""

    xx: Map
    xy: Map
    yy: Map
    xt: Map
    yt: Map


def motion_tensor(I_x: Image, I_y: Image, I_t: Image) -> MotionTensor:
    """The products of derivatives, summed over the channels: colours, or any other features.

    >>> one = torch.ones(1, 3, 4, 4)
    >>> motion_tensor(one, 2 * one, -one).xy[0, 0, 0, 0]
    tensor(6.)
    """
    pairs = ((I_x, I_x), (I_x, I_y), (I_y, I_y), (I_x, I_t), (I_y, I_t))
    return MotionTensor(*((a * b).sum(1, keepdim=True) for a, b in pairs))


def channels(image: Image) -> list[Map]:
    """One map a colour."""
    return list(image.split(1, dim=1))


def features(image: Image) -> list[Map]:
    """Brightness and its derivatives, colour by colour: the latter do not change when light is added."""
    return [one for part in (image, *spatial_derivatives(image)) for one in channels(part)]


def linearised(
    first: Image,
    second: Image,
    flow: Flow,
    *,
    floor: float,
    split: Callable[[Image], list[Map]] = features,
    tolerance: float | None = None,
) -> MotionTensor:
    """The motion tensor of what is left to do when `flow` is known: it speaks of the *increment* of the flow.

    Each constraint is divided by |∇I|, which makes it the distance of (u, v) from its line, in pixels, so that a faint
    edge counts like a strong one. Points that leave the frame say nothing.

    Args:
        first, second: frames; the second is warped back by `flow`.
        floor: gradients below it are noise and count less.
        split: into the features that each give a constraint.
        tolerance: distance in pixels beyond which a constraint is doubted: it then counts by its distance, no longer
            by the square (Charbonnier's penalty). None: always the square.
    """
    visible = inside(flow).to(flow)
    total = MotionTensor(*(torch.zeros_like(visible) for _ in range(5)))
    for a, b in zip(split(first), split(warp(second, flow)), strict=True):
        I_x, I_y, I_t = derivatives(a, b, checked=True)
        weight = visible / (I_x**2 + I_y**2 + floor**2)
        if tolerance is not None:
            weight = weight * tolerance / torch.sqrt(I_t**2 * weight + tolerance**2)
        X, Y = I_x * weight, I_y * weight
        pairs = ((X, I_x), (X, I_y), (Y, I_y), (X, I_t), (Y, I_t))
        total = MotionTensor(*(torch.addcmul(old, *pair) for old, pair in zip(total, pairs, strict=True)))
    return total
