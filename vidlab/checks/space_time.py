"""Exercises of lesson 02, slices: the y–t slice, and the velocity that an x–t slice shows."""

import math

import torch
from einops import rearrange
from jaxtyping import Float, Shaped
from torch import Tensor

from . import space_time_change
from .draws import chance, film_sizes, integer
from .frame import Exercise, Mistake
from .mismatch import Wanted


def yt_slice(clip: Shaped[Tensor, "t c h w"], x: int) -> Shaped[Tensor, "c h t"]:
    column = clip[:, :, :, x]  # t c h: one column of every frame
    return rearrange(column, "t c h -> c h t")  # rows stay rows, time runs to the right


def _draw_column(generator: torch.Generator) -> list[tuple]:
    t, h, w = film_sizes(generator)
    clip = torch.rand(t, 3, h, w, generator=generator, dtype=torch.float64)
    inside = integer(generator, 1, min(t, h, w) - 1)  # exists on every axis, so that a mix-up does not crash
    return [(clip, inside if 2 * inside != w - 1 else inside - 1)]  # not the middle: left and right must differ


def velocity(cut: Float[Tensor, "t w"]) -> float:
    # Brightness constancy in a slice: I_x u + I_t = 0. Both differences live at the centre of 2 × 2 cells:
    # across one axis a difference, along the other a mean.
    i_x = (cut[1:, 1:] - cut[1:, :-1] + cut[:-1, 1:] - cut[:-1, :-1]) / 2
    i_t = (cut[1:, 1:] - cut[:-1, 1:] + cut[1:, :-1] - cut[:-1, :-1]) / 2
    # Least squares over all cells: minimise Σ (I_x u + I_t)², set the derivative by u to zero.
    return float(-(i_x * i_t).sum() / (i_x * i_x).sum())


def _draw_slices(generator: torch.Generator) -> list[tuple]:
    """Sums of three waves 14 to 34 pixels long that move with one velocity, also before a wall lit from one side."""
    cases = []
    for low, high, slope in ((0.7, 0.9, 0), (-0.9, -0.7, 0), (0.4, 0.6, 0), (0.7, 0.9, 0.03), (-0.9, -0.7, -0.03)):
        t, w = integer(generator, 25, 32), integer(generator, 50, 64)
        time = torch.arange(t, dtype=torch.float64)[:, None]
        x = torch.arange(w, dtype=torch.float64) - chance(generator, low, high) * time
        cut = 0.5 + slope * torch.arange(w, dtype=torch.float64).expand(t, w)
        for wavelength in (14.0, 20.0, 34.0):
            phase = chance(generator, 0, 2 * math.pi)
            cut = cut + chance(generator, 0.08, 0.15) * torch.sin(2 * math.pi * x / wavelength + phase)
        cases.append((cut,))
    return cases


def _forward(cut: Tensor) -> tuple[Tensor, Tensor]:
    """Differences that are not centred on the same point: I_x half a pixel to the right, I_t half a frame later."""
    return cut[:-1, 1:] - cut[:-1, :-1], cut[1:, :-1] - cut[:-1, :-1]


def _cells(cut: Tensor) -> tuple[Tensor, Tensor]:
    """Differences at the centres of 2 × 2 cells, I_x and I_t."""
    return (cut[:, 1:] - cut[:, :-1]).unfold(0, 2, 1).mean(-1), (cut[1:] - cut[:-1]).unfold(1, 2, 1).mean(-1)


EXERCISES = (
    Exercise(
        name="space_time.yt_slice",
        task="Give the y–t slice (c h t) of a clip (t c h w) at column x.",
        reference=yt_slice,
        draw=_draw_column,
        wanted=Wanted(axes="c h t", dtype="same", tolerance=0.0),
        hints=(
            "Take one column out of every frame: fix the last axis, and three axes are left.",
            "The three come in the order t c h. A picture wants channels first, rows next, and here time last.",
        ),
        mistakes=(
            Mistake(
                "that is the x–t slice of a row: x chooses a column, and the rows stay",
                lambda clip, x: clip[:, :, x].permute(1, 2, 0),
            ),
            Mistake(
                "that is the x–t slice of a row, with time running down: x chooses a column",
                lambda clip, x: clip[:, :, x].permute(1, 0, 2),
            ),
            Mistake("time runs down (c t h); it should run to the right", lambda clip, x: clip[..., x].transpose(0, 1)),
            Mistake("the column is right, the axes are still t c h: a picture is c h t", lambda clip, x: clip[..., x]),
            Mistake(
                "rows and channels have changed places (h c t)",
                lambda clip, x: clip[..., x].permute(2, 1, 0),
            ),
            Mistake(
                "the column is one too far to the right: counting starts at 0",
                lambda clip, x: clip[..., x + 1].permute(1, 2, 0),
            ),
            Mistake(
                "the column is one too far to the left: counting starts at 0",
                lambda clip, x: clip[..., x - 1].permute(1, 2, 0),
            ),
            Mistake("time runs to the left", lambda clip, x: clip[..., x].permute(1, 2, 0).flip(2)),
            Mistake("the rows stand on their head", lambda clip, x: clip[..., x].permute(1, 2, 0).flip(1)),
            Mistake(
                "the column is counted from the right edge",
                lambda clip, x: clip[..., -1 - x].permute(1, 2, 0),
            ),
            Mistake(
                "the shape is right, the values are scrambled: reshape and view do not move axes",
                lambda clip, x: clip[..., x].reshape(3, clip.shape[2], len(clip)),
            ),
            Mistake("that is frame number x, a picture at one time", lambda clip, x: clip[x]),
        ),
    ),
    Exercise(
        name="space_time.velocity",
        task="Estimate the velocity (pixels per frame, right is positive) of a grey x–t slice (t w) by least squares.",
        reference=velocity,
        draw=_draw_slices,
        # Over 300 draws, central differences over two pixels are off by up to 0.012 · (1 + |u|), and pass; differences
        # that are not centred are off by 0.015 and more in the first case, and do not.
        wanted=Wanted(kind="float", tolerance=0.0135, alike=0.05),
        hints=(
            "What moves keeps its brightness: I_x u + I_t = 0 at every point. Take both differences on the 2 × 2 cells "
            "between pixels, averaging along the other axis.",
            "Minimise the sum of (I_x u + I_t)² over u: set its derivative to zero and solve. Mind the sign.",
        ),
        mistakes=(
            Mistake(
                "the direction is wrong: what moves to the right must get a positive velocity",
                lambda cut: -velocity(cut),
            ),
            Mistake(
                "that is frames per pixel: I_x and I_t, or t and x, are exchanged somewhere",
                lambda cut: velocity(cut.T),
            ),
            Mistake(
                "that is frames per pixel, with the wrong sign",
                lambda cut: -velocity(cut.T),
            ),
            Mistake(
                "the two differences are not centred on the same place and time: average each along the other axis",
                lambda cut: -(_forward(cut)[0] * _forward(cut)[1]).sum() / _forward(cut)[0].square().sum(),
            ),
            Mistake(
                "it gives the speed without the direction: absolute values lose the sign",
                lambda cut: abs(velocity(cut)),
            ),
            Mistake(
                "it divides the sums of I_t and I_x, in which plus and minus cancel; multiply by I_x before you sum",
                lambda cut: -_cells(cut)[1].sum() / _cells(cut)[0].sum(),
            ),
            Mistake(
                "it averages the quotients −I_t/I_x, which explode where I_x is near zero; divide the sums",
                lambda cut: (-_cells(cut)[1] / _cells(cut)[0]).mean(),
            ),
            Mistake(
                "the sum of products is not divided: the answer depends on the contrast of the picture",
                lambda cut: -(_cells(cut)[0] * _cells(cut)[1]).sum(),
            ),
            Mistake(
                "the mean of products is not divided: the answer depends on the contrast of the picture",
                lambda cut: -(_cells(cut)[0] * _cells(cut)[1]).mean(),
            ),
            Mistake(
                "it is half of the velocity: the two differences have different lengths", lambda c: velocity(c) / 2
            ),
            Mistake("it is twice the velocity: the two differences have different lengths", lambda c: velocity(c) * 2),
        ),
    ),
    *space_time_change.EXERCISES,
)
