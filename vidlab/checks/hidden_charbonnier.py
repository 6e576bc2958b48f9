"""Exercise of lesson 13, Charbonnier's penalty: a large error counts less than its square, and at 0 all is smooth."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from .draws import chance, film_sizes
from .frame import Exercise, Mistake
from .mismatch import Wanted


def charbonnier(x: Float[Tensor, "*n"], alpha: float, epsilon: float) -> Float[Tensor, "*n"]:
    inside = x**2 + epsilon**2  # never 0, so that there is a slope everywhere
    return inside**alpha  # with α = 0.5 about |x|; less than that still grows, but ever more slowly


def _draw_errors(generator: torch.Generator) -> list[tuple]:
    """Errors far smaller and far larger than ε, of either sign, and some of 0; α below and above 0.5."""
    cases = []
    for low, high, least, most in ((0.25, 0.4, 0.5, 0.8), (0.6, 0.9, 0.1, 0.3)):
        shape = film_sizes(generator, 4)
        size = 10 ** (2.5 * torch.rand(shape, generator=generator, dtype=torch.float64) - 2)
        x = size * torch.randn(shape, generator=generator, dtype=torch.float64)
        right = torch.rand(shape, generator=generator) < 0.1
        cases.append((x.masked_fill(right, 0), chance(generator, low, high), chance(generator, least, most)))
    return cases


def _inside(x: Tensor, e: float) -> Tensor:
    return x.square() + e * e


def _huber(x: Tensor, e: float) -> Tensor:
    return functional.huber_loss(x, torch.zeros_like(x), reduction="none", delta=e)


EXERCISES = (
    Exercise(
        name="hidden.charbonnier",
        task="Charbonnier's penalty for each number of x, of any shape: the square, plus that of ε, to the power α.",
        reference=charbonnier,
        draw=_draw_errors,
        wanted=Wanted(axes="b c h w", dtype="same"),
        hints=(
            "Two squares are added, and then, once, a power is taken of their sum: where do brackets belong?",
            "In Python `**` binds more tightly than `+`. The answer has the shape of x: nothing is averaged yet.",
        ),
        mistakes=(
            Mistake("ε is not squared: both are, before they are added", lambda x, a, e: (x**2 + e) ** a),
            Mistake("x is not squared: both are, before they are added", lambda x, a, e: (x.abs() + e**2) ** a),
            Mistake("neither x nor ε is squared", lambda x, a, e: (x.abs() + e) ** a),
            Mistake(
                "ε is added before the square: then a negative error costs less than a positive one",
                lambda x, a, e: ((x + e) ** 2) ** a,
            ),
            Mistake("ε has no part in it: at 0 there would be no slope to follow", lambda x, a, e: (x**2) ** a),
            Mistake("ε² is added after the power: at 0 it is too late", lambda x, a, e: (x**2) ** a + e**2),
            Mistake("ε is added after the power: at 0 it is too late", lambda x, a, e: (x**2) ** a + e),
            Mistake(
                "each square is raised to α for itself: first the sum, then the power",
                lambda x, a, e: (x**2) ** a + (e**2) ** a,
            ),
            Mistake("the power is taken of ε² only: where are the brackets?", lambda x, a, e: x**2 + (e**2) ** a),
            Mistake("the power is missing: a large error counts in full", lambda x, a, e: _inside(x, e)),
            Mistake("it is multiplied by α: a power is wanted", lambda x, a, e: a * _inside(x, e)),
            Mistake(
                "the power is 1 / α: large errors would count more, not less", lambda x, a, e: _inside(x, e) ** (1 / a)
            ),
            Mistake("the power is 2 α: it is taken of squares as they are", lambda x, a, e: _inside(x, e) ** (2 * a)),
            Mistake("the power is half of α: no root is taken first", lambda x, a, e: _inside(x, e) ** (a / 2)),
            Mistake("the power is −α: the larger the error, the less it costs", lambda x, a, e: _inside(x, e) ** -a),
            Mistake("the power is 1 − α", lambda x, a, e: _inside(x, e) ** (1 - a)),
            Mistake("a root is drawn, whatever α is", lambda x, a, e: _inside(x, e).sqrt()),
            Mistake("the power is 0.45, whatever α is", lambda x, a, e: _inside(x, e) ** 0.45),
            Mistake("ε is 0.001, whatever is said", lambda x, a, e: _inside(x, 1e-3) ** a),
            Mistake("α and ε have the paper's values, whatever is said", lambda x, a, e: _inside(x, 1e-3) ** 0.45),
            Mistake("α and ε have changed places", lambda x, a, e: _inside(x, a) ** e),
            Mistake("α is raised to the sum: it is the other way round", lambda x, a, e: a ** _inside(x, e)),
            Mistake(
                "it is moved down so that no error costs nothing: leave it where it is",
                lambda x, a, e: _inside(x, e) ** a - e ** (2 * a),
            ),
            Mistake(
                "errors are measured in units of ε: then α = 0.5 is not |x|", lambda x, a, e: _inside(x / e, 1) ** a
            ),
            Mistake(
                "errors are measured in units of ε, and the whole in its square",
                lambda x, a, e: e**2 * _inside(x / e, 1) ** a,
            ),
            Mistake("it is divided by α", lambda x, a, e: _inside(x, e) ** a / a),
            Mistake(
                "the larger of the two squares is taken: their sum is smooth, this has a corner",
                lambda x, a, e: (x**2).clamp_min(e**2) ** a,
            ),
            Mistake("errors below ε are taken for 0, and cost nothing", lambda x, a, e: ((x**2 - e**2).relu()) ** a),
            Mistake("ε² is taken away: it is added", lambda x, a, e: (x**2 - e**2).abs() ** a),
            Mistake("the two squares are multiplied: they are added", lambda x, a, e: (x**2 * e**2) ** a),
            Mistake("x is squared twice", lambda x, a, e: (x**4 + e**2) ** a),
            Mistake("ε is squared twice", lambda x, a, e: (x**2 + e**4) ** a),
            Mistake(
                "it has the sign of the error: too high and too low would cancel",
                lambda x, a, e: x.sign() * _inside(x, e) ** a,
            ),
            Mistake(
                "every penalty is negative: then the worst flow is the best", lambda x, a, e: -(_inside(x, e) ** a)
            ),
            Mistake(
                "that is the slope of the penalty, not the penalty",
                lambda x, a, e: 2 * a * x * _inside(x, e) ** (a - 1),
            ),
            Mistake("negative errors cost no more than none", lambda x, a, e: _inside(x.relu(), e) ** a),
            Mistake("it is averaged: give a penalty for each number", lambda x, a, e: (_inside(x, e) ** a).mean()),
            Mistake("it is added up: give a penalty for each number", lambda x, a, e: (_inside(x, e) ** a).sum()),
            Mistake(
                "it is averaged for each entry of the first axis: give a penalty for each number",
                lambda x, a, e: (_inside(x, e) ** a).flatten(1).mean(1),
            ),
            Mistake(
                "the second axis is averaged: give a penalty for each number",
                lambda x, a, e: (_inside(x, e) ** a).mean(1),
            ),
            Mistake(
                "squares are added up along the second axis, as for a length: each number has its own penalty",
                lambda x, a, e: _inside(x.norm(dim=1), e) ** a,
            ),
            Mistake(
                "squares are averaged before the power: each number has its own penalty",
                lambda x, a, e: _inside(x, e).mean() ** a,
            ),
            Mistake("the shape is lost: it should be that of x", lambda x, a, e: (_inside(x, e) ** a).flatten()),
            Mistake("a logarithm is taken, times α: a power is wanted", lambda x, a, e: a * _inside(x, e).log()),
            Mistake("that is Lorentz's penalty, with a logarithm", lambda x, a, e: (x / e).square().log1p()),
            Mistake("that is Huber's penalty: a parabola, and then straight lines", lambda x, a, e: _huber(x, e)),
            Mistake("that is Geman and McClure's penalty, which never exceeds 1", lambda x, a, e: x**2 / _inside(x, e)),
            Mistake("those are absolute values: neither α nor ε has a part in it", lambda x, a, e: x.abs()),
            Mistake("those are squares: neither α nor ε has a part in it", lambda x, a, e: x**2),
        ),
    ),
)
