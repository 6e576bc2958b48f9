"""Exercises of lesson 13, hidden two-stream networks: motion that is made inside of a network, from frames alone."""

import torch
from einops import rearrange, reduce
from jaxtyping import Float
from torch import Tensor

from . import hidden_charbonnier, hidden_smoothness, hidden_ssim
from .draws import film_sizes
from .frame import Exercise, Mistake
from .mismatch import Wanted


def difference(features: Float[Tensor, "b t d h w"]) -> Float[Tensor, "b (t-1)*d h w"]:
    change = features[:, 1:] - features[:, :-1]  # later minus earlier: there is one pair fewer than frames
    return rearrange(change, "b t d h w -> b (t d) h w")  # all features of the first change, then of the second


def _draw_features(generator: torch.Generator) -> list[tuple]:
    """More frames than features, and fewer; features of either sign."""
    cases = []
    for more in (True, False):
        b, h, w, *others = film_sizes(generator, 5)
        t, d = sorted(others, reverse=more)
        cases.append((torch.randn(b, t, d, h, w, generator=generator, dtype=torch.float64),))
    return cases


def _stack(change: Tensor, to: str = "b (t d) h w") -> Tensor:
    return rearrange(change, f"b t d h w -> {to}")


def _with_itself(x: Tensor, how: str) -> Tensor:
    """The changes, reduced over some axes, and stacked where time and feature are left."""
    return reduce(x.diff(dim=1), f"b t d h w -> {how}", "mean")


def _pairs(x: Tensor) -> Tensor:
    """Frames 0 and 1, 2 and 3, and so on: each has a part in one change only."""
    count = x.shape[1] // 2
    return _stack(x[:, 1 : 2 * count : 2] - x[:, : 2 * count : 2])


def _extended(x: Tensor, front: bool) -> Tensor:
    """With a change of 0 at one end, so that there are as many as frames."""
    nothing = torch.zeros_like(x[:, :1])
    return _stack(torch.cat([nothing, x.diff(dim=1)] if front else [x.diff(dim=1), nothing], dim=1))


EXERCISES = (
    Exercise(
        name="hidden.difference",
        task="Stack the changes x_{t+1} − x_t of features (b t d h w) as channels, time in front: b ((t−1) d) h w.",
        reference=difference,
        draw=_draw_features,
        wanted=Wanted(axes="b (t−1)·d h w", dtype="same"),
        hints=(
            "First all frames but the first, and all but the last: which of the two is taken away from the other?",
            "`rearrange` joins two axes in brackets; the one that stands in front changes most slowly.",
        ),
        mistakes=(
            Mistake("the sign is turned: what grows should be positive", lambda x: -difference(x)),
            Mistake("signs are lost: growing and shrinking would look alike", lambda x: difference(x).abs()),
            Mistake(
                "the changes are squared: growing and shrinking would look alike", lambda x: difference(x).square()
            ),
            Mistake("only what grows is left: what shrinks has changed, too", lambda x: difference(x).relu()),
            Mistake("only the sign is left: how large is the change?", lambda x: difference(x).sign()),
            Mistake(
                "the feature stands in front of time: all changes of one feature, then all of the next",
                lambda x: _stack(x.diff(dim=1), "b (d t) h w"),
            ),
            Mistake("time and feature are still two axes: a 2D network wants one", lambda x: x.diff(dim=1)),
            Mistake(
                "time and feature are still two axes, and have changed places",
                lambda x: _stack(x.diff(dim=1), "b d t h w"),
            ),
            Mistake(
                "time has gone into the batch: then no layer could compare two moments",
                lambda x: _stack(x.diff(dim=1), "(b t) d h w"),
            ),
            Mistake(
                "the changes stand one below the other, as one tall map", lambda x: _stack(x.diff(dim=1), "b d (t h) w")
            ),
            Mistake("the changes stand side by side, as one wide map", lambda x: _stack(x.diff(dim=1), "b d h (t w)")),
            Mistake(
                "the channels come last: right after the batch, please", lambda x: _stack(x.diff(dim=1), "b h w (t d)")
            ),
            Mistake("places are flattened as well: keep the map", lambda x: difference(x).flatten(1)),
            Mistake(
                "each frame is compared with the first: how it has changed since the one before is wanted",
                lambda x: _stack(x[:, 1:] - x[:, :1]),
            ),
            Mistake(
                "each frame is compared with the last: its own neighbour is wanted",
                lambda x: _stack(x[:, -1:] - x[:, :-1]),
            ),
            Mistake("each frame is compared with the mean of all", lambda x: _stack(x - x.mean(1, keepdim=True))),
            Mistake(
                "only the last frame minus the first is left: what happened in between?",
                lambda x: x[:, -1] - x[:, 0],
            ),
            Mistake("only the first change is left", lambda x: x[:, 1] - x[:, 0]),
            Mistake("only the last change is left", lambda x: x[:, -1] - x[:, -2]),
            Mistake("the frames are two apart: neighbours are wanted", lambda x: _stack(x[:, 2:] - x[:, :-2])),
            Mistake(
                "each frame has a part in one change only: pairs should overlap, 0 and 1, 1 and 2, and so on", _pairs
            ),
            Mistake(
                "the film runs in a loop: after the last frame comes the first again",
                lambda x: _stack(x.roll(-1, 1) - x),
            ),
            Mistake(
                "the film runs in a loop: before the first frame comes the last", lambda x: _stack(x - x.roll(1, 1))
            ),
            Mistake("a change of 0 is invented at the front", lambda x: _extended(x, front=True)),
            Mistake("a change of 0 is invented at the end", lambda x: _extended(x, front=False)),
            Mistake(
                "the first frame itself stands in front, as if nothing had been there before it",
                lambda x: _stack(x.diff(dim=1, prepend=torch.zeros_like(x[:, :1]))),
            ),
            Mistake(
                "those are the features: nothing is subtracted",
                _stack,
            ),
            Mistake("those are the features without the first frame: what is subtracted?", lambda x: _stack(x[:, 1:])),
            Mistake("those are the features without the last frame: where do they go to?", lambda x: _stack(x[:, :-1])),
            Mistake(
                "the features are there, too, in front: the changes alone are wanted",
                lambda x: torch.cat([_stack(x), difference(x)], dim=1),
            ),
            Mistake(
                "the features are there, too, at the end: the changes alone are wanted",
                lambda x: torch.cat([difference(x), _stack(x)], dim=1),
            ),
            Mistake(
                "the two frames of each pair are put one after the other: subtract one from the other",
                lambda x: _stack(torch.cat([x[:, :-1], x[:, 1:]], dim=2)),
            ),
            Mistake("two neighbours are added: that hides the change", lambda x: _stack(x[:, 1:] + x[:, :-1])),
            Mistake("two neighbours are averaged: that hides the change", lambda x: _stack(x[:, 1:] + x[:, :-1]) / 2),
            Mistake("the difference is halved: it is no mean", lambda x: difference(x) / 2),
            Mistake(
                "the difference is divided by the number of changes: they are not averaged",
                lambda x: difference(x) / (x.shape[1] - 1),
            ),
            Mistake(
                "the change is divided by what was there before: a feature near 0 would grow beyond measure",
                lambda x: _stack(x.diff(dim=1) / x[:, :-1]),
            ),
            Mistake(
                "that is half the difference of the frames before and after, as `torch.gradient` has it",
                lambda x: _stack(torch.gradient(x, dim=1)[0]),
            ),
            Mistake("that is the change of the change: one difference is enough", lambda x: _stack(x.diff(2, dim=1))),
            Mistake("it compares features with each other, not moments", lambda x: _stack(x.diff(dim=2))),
            Mistake("it compares rows of a map, not moments", lambda x: _stack(x.diff(dim=3))),
            Mistake("it compares columns of a map, not moments", lambda x: _stack(x.diff(dim=4))),
            Mistake(
                "it stacks first and then compares neighbouring channels: most of these are of one and the same frame",
                lambda x: _stack(x).diff(dim=1),
            ),
            Mistake("the changes are averaged over time: keep each", lambda x: _with_itself(x, "b d h w")),
            Mistake("the changes are averaged over features: keep each", lambda x: _with_itself(x, "b t h w")),
            Mistake("the changes are averaged over places: keep the map", lambda x: _with_itself(x, "b (t d)")),
            Mistake("the changes are averaged over clips: each has its own", lambda x: difference(x).mean(0)),
            Mistake("of all changes the largest is taken, wherever in time it was", lambda x: x.diff(dim=1).amax(1)),
            Mistake("the last change comes first", lambda x: _stack(x.diff(dim=1).flip(1))),
            Mistake("only the first clip is left", lambda x: difference(x[:1])),
        ),
    ),
    *hidden_charbonnier.EXERCISES,
    *hidden_smoothness.EXERCISES,
    *hidden_ssim.EXERCISES,
)
