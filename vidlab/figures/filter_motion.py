"""What a space–time filter looks for, told from its weights alone: a direction and a speed, or neither.

A filter of t frames is a little film. If it is separable, one picture times one course over time, it answers alike to
motion one way and the other. If its pattern drifts, it prefers what drifts along with it (Adelson & Bergen 1985).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..errors import ShapeError

CLEAR = 0.2  # direction index from which a filter counts as moving ...
CHANCE = 3.5  # ... and this many times 1 / √(t h w), which 998 of 1000 filters of random weights do not reach
SURE = 0.6  # direction index from which a speed is named: on drifting Gabors it is then right within a quarter
MOSTLY = 0.9  # share of the energy from which a filter is called static, or separable
ABOUT = ("to the right", "right and down", "down", "left and down", "to the left", "left and up", "up", "right and up")


@dataclass(frozen=True)
class FilterMotion:
    """What a space–time filter looks for.

    Attributes:
        separable: share of the squared weights in the best product of one course over time and one picture (rank 1).
        static: share of the squared weights in the mean over time, which stands still.
        index: direction index from 0 (no direction is preferred) to 1 (all energy drifts one way).
        direction: (u, v) of length 1, u right and v down: where to, if `kind` is "moving"; else None.
        speed: pixels per frame in that direction, or None where it cannot be told well.
        kind: "moving", "static", "flicker" (separable, not static), "mixed" or "empty".
        words: all this in a sentence.
    """

    separable: float
    static: float
    index: float
    direction: tuple[float, float] | None
    speed: float | None
    kind: str
    words: str


def filter_motion(weight: Float[Tensor, "t c h w"]) -> FilterMotion:
    """Whether a filter prefers a direction of motion, and which, from its weights alone.

    A separable filter a(t) s(x, y) answers alike to motion one way and the other (Adelson & Bergen 1985, section 3):
    its energy |F(fx, fy, ft)|² is even in ft. A wave of frequency f = (fx, fy), ft drifts by -ft f / |f|² px/frame.
    The direction index is the length of the energy-weighted mean of the unit vectors -sign(ft) f / |f|; the speed
    is the mean |ft| over the mean |f · direction|, over the waves that drift that way. Of a straight edge only the
    motion across it can be told. Networks do not flip filters: a film that drifts right detects motion to the right.

    Args:
        weight: one filter `t c h w`; of a layer with weight `o (t c) h w`,
            `rearrange(weight, "o (t c) h w -> o t c h w", t=t)[k]`.

    Raises:
        ShapeError: not one filter of two frames or more, or weights that are not finite.

    >>> filter_motion(torch.ones(4, 1, 3, 3)).kind
    'static'
    """
    if weight.ndim != 4 or weight.shape[0] < 2 or 0 in weight.shape or not weight.is_floating_point():
        came = f"a filter of shape {tuple(weight.shape)}, {weight.dtype}"
        raise ShapeError(came, wanted="floats t c h w with t ≥ 2", mend="one filter of the layer: weights[k]")
    film = weight.detach().cpu().double()
    if not film.isfinite().all():
        raise ShapeError("weights that are not finite", wanted="numbers", mend="a smaller learning rate")
    t, _, h, w = film.shape
    if not film.any():
        return FilterMotion(0.0, 0.0, 0.0, None, None, "empty", "empty: all its weights are 0")
    film = film / film.abs().max()
    energy = film.square().sum()
    separable = float(torch.linalg.svdvals(film.reshape(t, -1))[0] ** 2 / energy)
    static = float(t * film.mean(0).square().sum() / energy)

    sizes = [2 * n + 1 for n in (t, h, w)]  # padded with zeros: the spectrum between the waves that fit, too
    power = torch.fft.fftn(film, s=sizes, dim=(0, 2, 3)).abs().square().sum(1)
    ft, fy, fx = torch.meshgrid(*(torch.fft.fftfreq(n, dtype=torch.double) for n in sizes), indexing="ij")
    drift = -power * ft.sign() / torch.hypot(fx, fy).clamp(min=1e-9) / power.sum()
    u, v = float((drift * fx).sum()), float((drift * fy).sum())
    index = math.hypot(u, v)
    if index >= max(CLEAR, CHANCE / math.sqrt(t * h * w)):
        u, v = u / index, v / index
        along = fx * u + fy * v
        with_it = power * (along * ft < 0)
        speed = float((with_it * ft.abs()).sum() / (with_it * along.abs()).sum()) if index >= SURE else None
        where = ABOUT[round(math.atan2(v, u) / (math.pi / 4)) % 8]
        fast = f"about {speed:.1f} px/frame" if speed is not None else "speed unclear"
        words = f"moving: prefers motion {where}, {fast}"
        return FilterMotion(separable, static, index, (u, v), speed, "moving", words)
    if static >= MOSTLY:
        kind, words = "static", "static: nearly the same picture in every frame, so no preferred direction"
    elif separable >= MOSTLY:
        kind, words = "flicker", "flicker: one picture times one course over time, so no preferred direction"
    else:
        kind, words = "mixed", "no clear direction: neither one picture that comes and goes, nor a drift one way"
    return FilterMotion(separable, static, index, None, None, kind, words)
