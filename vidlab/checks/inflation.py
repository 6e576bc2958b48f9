"""Exercises of lesson 08, inflation: a filter for stills becomes one for clips, which answers to a still as before."""

import torch
from einops import rearrange, repeat
from jaxtyping import Float
from torch import Tensor

from . import inflation_boring, inflation_centre, inflation_layer, inflation_parameters
from .draws import integer
from .frame import Exercise, Mistake
from .mismatch import Wanted


def inflate_mean(weight: Float[Tensor, "o c h w"], k_t: int) -> Float[Tensor, "o c {k_t} h w"]:
    share = weight / k_t  # of a still every copy sees the same, and all that they say is added up
    return repeat(share, "o c h w -> o c t h w", t=k_t)  # time stands before rows and columns, as in torch


def _draw_filters(generator: torch.Generator) -> list[tuple]:
    """Filters whose axes all differ, to be inflated to an even and to an odd number of frames, other than them all."""
    cases = []
    for extents in ((4, 6), (3, 5, 7)):
        k_t = extents[integer(generator, 0, len(extents))]
        others = [n for n in range(2, 10) if n != k_t]
        shape = [others[i] for i in torch.randperm(len(others), generator=generator)[:4]]
        cases.append((torch.randn(shape, generator=generator, dtype=torch.float64), k_t))
    return cases


def _copies(weight: Tensor, k_t: int, axes: str = "o c t h w") -> Tensor:
    """The filters k_t times, as they are."""
    return repeat(weight, f"o c h w -> {axes}", t=k_t)


def _shares(weight: Tensor, k_t: int, share: Tensor) -> Tensor:
    """The filters times one number for each frame."""
    return _copies(weight, k_t) * share.to(weight.dtype)[:, None, None]


def _only(weight: Tensor, k_t: int, frame: int) -> Tensor:
    """The whole filter in one frame, zeros in all others."""
    return _shares(weight, k_t, torch.arange(k_t) == frame)


def _triangle(k_t: int) -> Tensor:
    """More in the middle than at the ends; together 1."""
    share = 1 + torch.minimum(torch.arange(k_t), torch.arange(k_t).flip(0))
    return share / share.sum()


def _signs(k_t: int) -> Tensor:
    return 1 - 2 * (torch.arange(k_t) % 2)


def _torn(weight: Tensor, k_t: int) -> Tensor:
    """Copies are laid out as (t c) and read as (c t)."""
    return rearrange(_copies(weight, k_t, "o (t c) h w"), "o (c t) h w -> o c t h w", t=k_t)


EXERCISES = (
    Exercise(
        name="inflate.mean",
        task="Inflate filters (o c h w) to k_t frames (o c k_t h w), so that to a still they answer as before.",
        reference=inflate_mean,
        draw=_draw_filters,
        wanted=Wanted(axes="o c t h w", dtype="same"),
        hints=(
            "Show the inflated filter k_t times the same picture. What does each of its frames answer, and their sum?",
            "einops `repeat` makes a new axis; torch wants the filters of a Conv3d as o c t h w.",
        ),
        mistakes=(
            Mistake(
                "all copies are as large as the filter: to a still they answer k_t times as much as it did",
                _copies,
            ),
            Mistake(
                "divided by the square root of k_t: that keeps the variance of noise, not the answer to a still",
                lambda w, k: _copies(w, k) / k**0.5,
            ),
            Mistake("divided by k_t twice: to a still it answers too little", lambda w, k: _copies(w, k) / k**2),
            Mistake(
                "divided by k_t three times, once for each axis: only time is new",
                lambda w, k: _copies(w, k) / k**3,
            ),
            Mistake("every copy is k_t times as large: it should become smaller", lambda w, k: _copies(w, k) * k),
            Mistake("divided by one too few", lambda w, k: _copies(w, k) / (k - 1)),
            Mistake("divided by one too many", lambda w, k: _copies(w, k) / (k + 1)),
            Mistake("divided by 3, whatever k_t is", lambda w, k: _copies(w, k) / 3),
            Mistake("divided by 2, whatever k_t is", lambda w, k: _copies(w, k) / 2),
            Mistake(
                "divided by the number of input channels: those were added up before, too",
                lambda w, k: _copies(w, k) / w.shape[1],
            ),
            Mistake(
                "divided by the filter's pixels: those were added up before, too",
                lambda w, k: _copies(w, k) / w[0, 0].numel(),
            ),
            Mistake(
                "divided by pixels and frames: only the frames are new",
                lambda w, k: _copies(w, k) / (k * w[0, 0].numel()),
            ),
            Mistake("divided with //, which drops the fraction", lambda w, k: _copies(w // k, k)),
            Mistake("time comes before the input channels", lambda w, k: _copies(w / k, k, "o t c h w")),
            Mistake("time comes first; the first axis counts filters", lambda w, k: _copies(w / k, k, "t o c h w")),
            Mistake("time comes last; rows and columns do", lambda w, k: _copies(w / k, k, "o c h w t")),
            Mistake("time has come between rows and columns", lambda w, k: _copies(w / k, k, "o c h t w")),
            Mistake(
                "the copies are stacked as channels, frame by frame: time should be an axis of its own",
                lambda w, k: _copies(w / k, k, "o (t c) h w"),
            ),
            Mistake(
                "the copies are stacked as channels, channel by channel: time should be an axis of its own",
                lambda w, k: _copies(w / k, k, "o (c t) h w"),
            ),
            Mistake(
                "the copies become more filters: there are as many as before",
                lambda w, k: _copies(w / k, k, "(t o) c h w"),
            ),
            Mistake(
                "copies and channels are mixed up: the axis was cut in the wrong order", lambda w, k: _torn(w / k, k)
            ),
            Mistake(
                "the filter stands in the middle, zeros around it: here all frames should share it",
                lambda w, k: _only(w, k, k // 2),
            ),
            Mistake(
                "only the first frame has weights: all frames should have their share", lambda w, k: _only(w, k, 0)
            ),
            Mistake(
                "only the last frame has weights: all frames should have their share", lambda w, k: _only(w, k, k - 1)
            ),
            Mistake(
                "only the middle frame has weights, and these are divided by k_t", lambda w, k: _only(w / k, k, k // 2)
            ),
            Mistake("there is an axis for time, but one frame long", lambda w, k: w[:, :, None].clone()),
            Mistake(
                "there is an axis for time, but one frame long, and the filter is divided",
                lambda w, k: w[:, :, None] / k,
            ),
            Mistake(
                "the middle counts more than the ends: to a still that is right, but all shares should be equal",
                lambda w, k: _shares(w, k, _triangle(k)),
            ),
            Mistake(
                "the signs change from frame to frame: that is a filter for change",
                lambda w, k: _shares(w, k, _signs(k)) / k,
            ),
            Mistake(
                "each frame has its own number, from 1 to k_t, as its factor",
                lambda w, k: _shares(w, k, torch.arange(k) + 1),
            ),
            Mistake(
                "the filters are made to add up to 1: they should add up to what they were",
                lambda w, k: _copies(w / w.sum((1, 2, 3), keepdim=True), k) / k,
            ),
            Mistake("the filters stand on their head", lambda w, k: _copies(w.flip(2), k) / k),
            Mistake("rows and columns have changed places", lambda w, k: _copies(w.mT, k) / k),
            Mistake("input and output channels have changed places", lambda w, k: _copies(w, k, "c o t h w") / k),
            Mistake(
                "the filters have become grey: each channel keeps its own",
                lambda w, k: _copies(w.mean(1, keepdim=True).expand_as(w), k) / k,
            ),
            Mistake(
                "the filters have become flat: each pixel keeps its own weight",
                lambda w, k: _copies(w.mean((2, 3), keepdim=True).expand_as(w), k) / k,
            ),
            Mistake("only the first filter is left", lambda w, k: _copies(w[:1], k) / k),
        ),
    ),
    *inflation_centre.EXERCISES,
    *inflation_boring.EXERCISES,
    *inflation_parameters.EXERCISES,
    *inflation_layer.EXERCISES,
)
