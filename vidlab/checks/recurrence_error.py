"""Exercise of lesson 09, how errors grow: how far from the truth is what a network says, one step ahead, two, three?"""

import torch
from einops import reduce
from jaxtyping import Float
from torch import Tensor

from .draws import film_sizes
from .frame import Exercise, Mistake
from .mismatch import Wanted

Clips = Float[Tensor, "b n c h w"]


def rollout_error(said: Clips, truth: Clips) -> Float[Tensor, "n"]:
    return reduce((said - truth) ** 2, "b n c h w -> n", "mean")  # all is averaged but the steps


def _draw_rollouts(generator: torch.Generator) -> list[tuple]:
    """The further ahead, the further from the truth, and in each clip by another measure; colours differ as well."""
    cases = []
    for colours in (3, 4):
        b, n, h, w = film_sizes(generator, 4)
        truth, random = torch.rand(2, b, n, colours, h, w, generator=generator, dtype=torch.float64)
        far = torch.linspace(0.2, 0.8, n, dtype=torch.float64)[:, None, None, None]
        each = torch.linspace(0.4, 1, b, dtype=torch.float64)[:, None, None, None, None]
        cases.append((truth + far * each * (random - truth), truth))
    return cases


def _squares(said: Tensor, truth: Tensor, over: str = "n") -> Tensor:
    """The mean of squares, one for each entry along these axes."""
    return reduce((said - truth) ** 2, f"b n c h w -> {over}", "mean")


def _sums(said: Tensor, truth: Tensor, over: str) -> Tensor:
    """Squares are added up along these axes, and then averaged along all but the steps."""
    summed = reduce((said - truth) ** 2, f"b n c h w -> {over}", "sum")
    return reduce(summed, f"{over} -> n", "mean")


def _other(said: Tensor, truth: Tensor, how: str) -> Tensor:
    return reduce((said - truth) ** 2, "b n c h w -> n", how)


EXERCISES = (
    Exercise(
        name="recurrence.error",
        task="Give the mean squared error of each step (n) of what was said, against the truth, both b n c h w.",
        reference=rollout_error,
        draw=_draw_rollouts,
        wanted=Wanted(axes="n", dtype="same"),
        hints=(
            "Square the differences first. Which one of the five axes should be left?",
            "`mean` takes several axes at once: `.mean((…))`; einops `reduce` takes their names.",
        ),
        mistakes=(
            Mistake(
                "that is one number for all steps: how the error grows cannot be seen",
                lambda a, y: _squares(a, y, ""),
            ),
            Mistake(
                "squares are added up: a larger picture would have a larger error", lambda a, y: _other(a, y, "sum")
            ),
            Mistake(
                "rows and columns are added up, and then averaged over colours and clips",
                lambda a, y: _sums(a, y, "b n c"),
            ),
            Mistake(
                "rows, columns and colours are added up, and then averaged over clips: so some papers have it",
                lambda a, y: _sums(a, y, "b n"),
            ),
            Mistake("clips are added up; they should be averaged as well", lambda a, y: _sums(a, y, "n c h w")),
            Mistake("colours are added up; they should be averaged as well", lambda a, y: _sums(a, y, "b n h w")),
            Mistake("the root is taken: squares are wanted", lambda a, y: _squares(a, y).sqrt()),
            Mistake(
                "the root is taken of each clip, and then averaged: squares are wanted",
                lambda a, y: _squares(a, y, "b n").sqrt().mean(0),
            ),
            Mistake("that is the length of the difference as one long vector", lambda a, y: _other(a, y, "sum").sqrt()),
            Mistake(
                "absolute values are averaged: squares are wanted, so that large errors count more",
                lambda a, y: reduce((a - y).abs(), "b n c h w -> n", "mean"),
            ),
            Mistake(
                "differences are averaged with their signs, and cancel",
                lambda a, y: reduce(a - y, "b n c h w -> n", "mean"),
            ),
            Mistake(
                "differences are averaged before they are squared, and cancel",
                lambda a, y: reduce(a - y, "b n c h w -> n", "mean") ** 2,
            ),
            Mistake(
                "differences are averaged over each picture before they are squared, and cancel",
                lambda a, y: reduce(reduce(a - y, "b n c h w -> b n", "mean") ** 2, "b n -> n", "mean"),
            ),
            Mistake(
                "differences are averaged over clips before they are squared, and cancel",
                lambda a, y: _squares(a.mean(0, keepdim=True), y.mean(0, keepdim=True)),
            ),
            Mistake(
                "colours are averaged before they are squared: an error in colour goes unnoticed",
                lambda a, y: _squares(a.mean(2, keepdim=True), y.mean(2, keepdim=True)),
            ),
            Mistake(
                "the squares of both are compared, not the difference squared",
                lambda a, y: reduce((a**2 - y**2).abs(), "b n c h w -> n", "mean"),
            ),
            Mistake("clips are kept apart: that is one row for each of them", lambda a, y: _squares(a, y, "b n")),
            Mistake(
                "steps are averaged, and clips are left: it should be the other way", lambda a, y: _squares(a, y, "b")
            ),
            Mistake("colours are kept apart", lambda a, y: _squares(a, y, "n c")),
            Mistake("steps are averaged, and colours are left", lambda a, y: _squares(a, y, "c")),
            Mistake(
                "steps are averaged, and the picture is left: a map of the error", lambda a, y: _squares(a, y, "h w")
            ),
            Mistake(
                "the picture is kept: that is a map of the error for each step", lambda a, y: _squares(a, y, "n h w")
            ),
            Mistake(
                "the averaged axes are still there, one entry long",
                lambda a, y: ((a - y) ** 2).mean((0, 2, 3, 4), keepdim=True),
            ),
            Mistake("that is the largest square of each step", lambda a, y: _other(a, y, "max")),
            Mistake("that is the smallest square of each step", lambda a, y: _other(a, y, "min")),
            Mistake(
                "that is the median of the squares of each step",
                lambda a, y: ((a - y) ** 2).transpose(0, 1).flatten(1).median(1).values,
            ),
            Mistake(
                "that is the variance of the differences: their mean is taken away first",
                lambda a, y: (a - y).transpose(0, 1).flatten(1).var(1, correction=0),
            ),
            Mistake("half of the square is taken", lambda a, y: _squares(a, y) / 2),
            Mistake(
                "errors are added up from step to step: each stands for itself", lambda a, y: _squares(a, y).cumsum(0)
            ),
            Mistake(
                "each step has the mean of all up to it: each stands for itself",
                lambda a, y: _squares(a, y).cumsum(0) / (torch.arange(a.shape[1]) + 1),
            ),
            Mistake(
                "the errors are divided by that of the first step", lambda a, y: _squares(a, y) / _squares(a, y)[0]
            ),
            Mistake(
                "the errors are divided by the truth's own mean square",
                lambda a, y: _squares(a, y) / _squares(0 * y, y),
            ),
            Mistake(
                "the errors are divided by the truth's variance",
                lambda a, y: _squares(a, y) / y.var(correction=0),
            ),
            Mistake("the errors are in decibels (PSNR): squares are wanted", lambda a, y: -10 * _squares(a, y).log10()),
            Mistake("values were taken to 0 … 255 first", lambda a, y: _squares(255 * a, 255 * y)),
            Mistake("the last step comes first", lambda a, y: _squares(a, y).flip(0)),
            Mistake(
                "the answers are one step late: each is compared with the truth before it",
                lambda a, y: _squares(a[:, 1:], y[:, :-1]),
            ),
            Mistake(
                "the answers are one step early: each is compared with the truth after it",
                lambda a, y: _squares(a[:, :-1], y[:, 1:]),
            ),
            Mistake("only the first clip counts", lambda a, y: _squares(a[:1], y[:1])),
            Mistake("only the first colour counts", lambda a, y: _squares(a[:, :, :1], y[:, :, :1])),
            Mistake(
                "each step is compared with the first true frame",
                lambda a, y: _squares(a, y[:, :1]),
            ),
            Mistake("only the error of the last step is left", lambda a, y: _squares(a, y)[-1]),
        ),
    ),
)
