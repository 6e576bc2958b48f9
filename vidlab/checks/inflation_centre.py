"""Exercise of lesson 08, inflation by the centre: the inflated filter looks at one frame, as it always did."""

import torch
from einops import rearrange, repeat
from jaxtyping import Float
from torch import Tensor

from .frame import Exercise, Mistake
from .mismatch import Wanted


def inflate_centre(weight: Float[Tensor, "o c h w"], k_t: int) -> Float[Tensor, "o c {k_t} h w"]:
    o, c, h, w = weight.shape
    film = weight.new_zeros(o, c, k_t, h, w)  # what is zero does not listen: the frames before and after
    film[:, :, k_t // 2] = weight  # counted from 0, as many frames stand before the middle as after it
    return film


def _draw_filters(generator: torch.Generator) -> list[tuple]:
    """Filters whose axes all differ, to be inflated to five and more frames, and to three; both odd."""
    cases = []
    for k_t in (5 + 2 * int(torch.randint(2, (), generator=generator)), 3):
        others = [n for n in range(2, 10) if n != k_t]
        shape = [others[i] for i in torch.randperm(len(others), generator=generator)[:4]]
        cases.append((torch.randn(shape, generator=generator, dtype=torch.float64), k_t))
    return cases


def _shares(weight: Tensor, share: Tensor) -> Tensor:
    """The filters times one number for each frame."""
    return weight[:, :, None] * share.to(weight.dtype)[:, None, None]


def _at(weight: Tensor, k_t: int, frame: int) -> Tensor:
    return _shares(weight, torch.arange(k_t) == frame)


def _middle(weight: Tensor, k_t: int) -> Tensor:
    return _at(weight, k_t, k_t // 2)


def _near(k_t: int, reach: int) -> Tensor:
    """1 in the frames that are no further from the middle than `reach`."""
    return (torch.arange(k_t) - k_t // 2).abs() <= reach


def _as(weight: Tensor, k_t: int, axes: str) -> Tensor:
    return rearrange(_middle(weight, k_t), f"o c t h w -> {axes}")


def _middle_pixel(weight: Tensor) -> Tensor:
    """Only the pixel in the middle of each picture keeps its weight."""
    h, w = weight.shape[2:]
    kept = torch.zeros(h, w, dtype=weight.dtype)
    kept[h // 2, w // 2] = 1
    return weight * kept


def _middle_channel(weight: Tensor, k_t: int) -> Tensor:
    """The axis is mistaken: the channel in the middle is filled at all times."""
    film = repeat(torch.zeros_like(weight), "o c h w -> o c t h w", t=k_t).clone()
    film[:, weight.shape[1] // 2] = weight[:, weight.shape[1] // 2, None]
    return film


EXERCISES = (
    Exercise(
        name="inflate.centre",
        task="Inflate filters (o c h w) to k_t frames (o c k_t h w; k_t is odd): the filter in the middle, else zeros.",
        reference=inflate_centre,
        draw=_draw_filters,
        wanted=Wanted(axes="o c t h w", dtype="same"),
        hints=(
            "Begin with zeros of the shape that is wanted, and of the filter's dtype: `weight.new_zeros(…)`.",
            "Which is the middle of 3 frames, of 5, of 7, if the first is number 0?",
        ),
        mistakes=(
            Mistake("the filter stands in the first frame", lambda w, k: _at(w, k, 0)),
            Mistake("the filter stands in the last frame", lambda w, k: _at(w, k, k - 1)),
            Mistake(
                "the filter stands one frame after the middle: frames are counted from 0",
                lambda w, k: _at(w, k, k // 2 + 1),
            ),
            Mistake("the filter stands one frame before the middle", lambda w, k: _at(w, k, k // 2 - 1)),
            Mistake("the filter always stands in frame 1: that is the middle of three", lambda w, k: _at(w, k, 1)),
            Mistake("the filter always stands in frame 2: that is the middle of five", lambda w, k: _at(w, k, 2)),
            Mistake(
                "the filter stands in the last frame but one: that is the middle of three",
                lambda w, k: _at(w, k, k - 2),
            ),
            Mistake(
                "the filter is divided by k_t: only one frame has weights, and no sum grows",
                lambda w, k: _middle(w / k, k),
            ),
            Mistake("the filter is multiplied by k_t: it should stay as it is", lambda w, k: _middle(w * k, k)),
            Mistake(
                "the filter is divided by the square root of k_t: it should stay as it is",
                lambda w, k: _middle(w / k**0.5, k),
            ),
            Mistake("every frame has the filter: only the middle one should", lambda w, k: _shares(w, torch.ones(k))),
            Mistake(
                "every frame has its share of the filter: that is the mean, and here one frame has it all",
                lambda w, k: _shares(w, torch.ones(k)) / k,
            ),
            Mistake("the middle is zero, and all others have the filter", lambda w, k: _shares(w, ~_near(k, 0))),
            Mistake(
                "three frames have the filter: the middle and its neighbours", lambda w, k: _shares(w, _near(k, 1))
            ),
            Mistake(
                "three frames share the filter: the middle and its neighbours", lambda w, k: _shares(w, _near(k, 1)) / 3
            ),
            Mistake(
                "all frames up to the middle have the filter",
                lambda w, k: _shares(w, torch.arange(k) <= k // 2),
            ),
            Mistake(
                "all frames from the middle on have the filter",
                lambda w, k: _shares(w, torch.arange(k) >= k // 2),
            ),
            Mistake(
                "the first and the last frame have the filter",
                lambda w, k: _shares(w, ~_near(k, k // 2 - 1)),
            ),
            Mistake(
                "the frames around the middle have the opposite sign: then a still is not answered as before",
                lambda w, k: _shares(w, _near(k, 0) * 2.0 - 1),
            ),
            Mistake(
                "from the middle its neighbours' mean is taken away: that is a filter for change",
                lambda w, k: _shares(w, _near(k, 0) * 1.5 - _near(k, 1) * 0.5),
            ),
            Mistake("all is zero: the filter has not been put in", lambda w, k: 0 * _middle(w, k)),
            Mistake(
                "the middle frame holds ones; the filter's own weights belong there",
                lambda w, k: _middle(torch.ones_like(w), k),
            ),
            Mistake("around the filter stand ones, not zeros", lambda w, k: _middle(w - 1, k) + 1),
            Mistake("it is one frame long: the zeros before and after are missing", lambda w, k: w[:, :, None].clone()),
            Mistake("it is three frames long, whatever k_t is", lambda w, k: _middle(w, 3)),
            Mistake(
                "k_t zeros stand before the filter and k_t after it: together there should be k_t frames",
                lambda w, k: _middle(w, 2 * k + 1),
            ),
            Mistake("time comes before the input channels", lambda w, k: _as(w, k, "o t c h w")),
            Mistake("time comes first; the first axis counts filters", lambda w, k: _as(w, k, "t o c h w")),
            Mistake("time comes last; rows and columns do", lambda w, k: _as(w, k, "o c h w t")),
            Mistake("time has come between rows and columns", lambda w, k: _as(w, k, "o c h t w")),
            Mistake(
                "the frames are stacked as channels: time is an axis of its own", lambda w, k: _as(w, k, "o (t c) h w")
            ),
            Mistake("input and output channels have changed places", lambda w, k: _as(w, k, "c o t h w")),
            Mistake("rows and columns of the filter have changed places", lambda w, k: _middle(w.mT, k)),
            Mistake("the filter stands on its head", lambda w, k: _middle(w.flip(2), k)),
            Mistake(
                "only the pixel in the middle is left: the centre is meant in time, not in space",
                lambda w, k: _middle(_middle_pixel(w), k),
            ),
            Mistake("the channel in the middle is filled, at all times: which axis is time?", _middle_channel),
            Mistake("only the first filter is left", lambda w, k: _middle(w[:1], k)),
        ),
    ),
)
