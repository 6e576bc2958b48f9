"""Exercise of lesson 14, is it really better: the difference of two models on the same clips, and how sure it is."""

import math

import torch
from jaxtyping import Bool
from torch import Tensor

from .draws import chance, integer
from .frame import Exercise, Mistake
from .mismatch import Wanted

Right = Bool[Tensor, "n"]


def difference(right_a: Right, right_b: Right) -> tuple[float, float]:
    d = right_a.double() - right_b.double()  # clip by clip: 1, 0 or −1; what is hard for both cancels here
    half_width = 1.96 * d.std() / math.sqrt(len(d))  # a mean of n is √n times as sure as one of them
    return d.mean().item(), half_width.item()


def _draw_clips(generator: torch.Generator) -> list[tuple]:
    """Two models that find the same clips hard; a is better, then b. So many clips that n or n − 1 is all the same."""
    cases = []
    for good, bad in ((0.25, -0.25), (-0.25, 0.25)):
        n = integer(generator, 3500, 4200)
        ease = 0.5 + chance(generator, 0.5, 0.8) * torch.randn(n, generator=generator, dtype=torch.float64)
        own = 0.5 * torch.randn(2, n, generator=generator, dtype=torch.float64)
        cases.append((ease + own[0] + good > 0, ease + own[1] + bad > 0))
    return cases


def _d(a: Tensor, b: Tensor) -> Tensor:
    return a.double() - b.double()


def _mean(right: Tensor) -> float:
    return right.double().mean().item()


def _error(numbers: Tensor) -> float:
    """The standard error of a mean."""
    return numbers.double().std().item() / math.sqrt(len(numbers))


def _with(a: Tensor, b: Tensor, half: float) -> tuple[float, float]:
    """The right difference, with another half width."""
    return _d(a, b).mean().item(), half


def _times(factor: float, a: Tensor, b: Tensor) -> tuple[float, float]:
    """The right difference, with this many standard errors."""
    return _with(a, b, factor * _error(_d(a, b)))


def _where_they_differ(a: Tensor, b: Tensor) -> tuple[float, float]:
    """The other clips have been left out."""
    return difference(a[a != b], b[a != b])


def _binomial(share: float, n: int) -> float:
    return 1.96 * math.sqrt(abs(share) * (1 - abs(share)) / n)


def _halved(a: Tensor, b: Tensor) -> tuple[float, float]:
    """As if each model had been asked half of the clips."""
    middle = len(a) // 2
    return _mean(a[:middle]) - _mean(b[middle:]), difference(a, b)[1]


def _ends(a: Tensor, b: Tensor) -> tuple[float, float]:
    d, half = difference(a, b)
    return d - half, d + half


EXERCISES = (
    Exercise(
        name="capstone.difference",
        task="Two models, the same clips (n): give the accuracy of a less that of b, and half its 95 % interval.",
        reference=difference,
        draw=_draw_clips,
        wanted=Wanted(kind="float", tolerance=2e-5, alike=1e-4, parts=(("difference", ""), ("half width", ""))),
        hints=(
            "Clip by clip, a less b is 1, 0 or −1. What is the mean of these n numbers, and how much do they vary?",
            "The standard error of a mean is the standard deviation by the root of n; 95 % lie within 1.96 of them.",
        ),
        mistakes=(
            Mistake(
                "both variances are added, as if the models had been asked about different clips: pair clip by clip",
                lambda a, b: _with(a, b, 1.96 * math.hypot(_error(a), _error(b))),
            ),
            Mistake(
                "both half widths are added: errors do not add up like that, and the clips are the same",
                lambda a, b: _with(a, b, 1.96 * (_error(a) + _error(b))),
            ),
            Mistake(
                "one half width is subtracted from the other: take the spread of the differences",
                lambda a, b: _with(a, b, 1.96 * (_error(a) - _error(b))),
            ),
            Mistake(
                "the spread of all answers of both is taken: pair clip by clip",
                lambda a, b: _with(a, b, 1.96 * _error(torch.cat((a, b)))),
            ),
            Mistake("the half width is that of a alone", lambda a, b: _with(a, b, 1.96 * _error(a))),
            Mistake("the half width is that of b alone", lambda a, b: _with(a, b, 1.96 * _error(b))),
            Mistake(
                "the half width is that of a share: a difference can be negative, and has another spread",
                lambda a, b: _with(a, b, _binomial(_d(a, b).mean().item(), len(a))),
            ),
            Mistake(
                "the half width is that of how often they differ: keep the sign of each difference",
                lambda a, b: _with(a, b, 1.96 * _error(a ^ b)),
            ),
            Mistake(
                "it is not divided by the root of n: so much do single clips differ, and not their mean",
                lambda a, b: _with(a, b, 1.96 * _d(a, b).std().item()),
            ),
            Mistake(
                "that is the standard deviation of single clips; the interval of their mean is wanted",
                lambda a, b: _with(a, b, _d(a, b).std().item()),
            ),
            Mistake(
                "it is divided by n: its root is missing",
                lambda a, b: _times(1.96 / math.sqrt(len(a)), a, b),
            ),
            Mistake(
                "that is the square of a standard error: the root is missing",
                lambda a, b: _with(a, b, 1.96 * _d(a, b).var().item() / len(a)),
            ),
            Mistake("that is one standard error: 68 %, not 95 %", lambda a, b: _times(1, a, b)),
            Mistake("2 standard errors are a little more than 95 %: take 1.96", lambda a, b: _times(2, a, b)),
            Mistake("1.645 standard errors make 90 %, not 95 %", lambda a, b: _times(1.645, a, b)),
            Mistake("2.576 standard errors make 99 %, not 95 %", lambda a, b: _times(2.576, a, b)),
            Mistake("3 standard errors make 99.7 %, not 95 %", lambda a, b: _times(3, a, b)),
            Mistake("that is the whole width: half of it is wanted", lambda a, b: _times(2 * 1.96, a, b)),
            Mistake(
                "the variance stands where its root should stand",
                lambda a, b: _with(a, b, 1.96 * _d(a, b).var().item() / math.sqrt(len(a))),
            ),
            Mistake(
                "the sign is lost: it should be negative where b is better",
                lambda a, b: (abs(difference(a, b)[0]), difference(a, b)[1]),
            ),
            Mistake("it is the other way round: b should be taken from a", lambda a, b: difference(b, a)),
            Mistake(
                "that is how often they differ: where only b is right, it should count against a",
                lambda a, b: (_mean(a ^ b), difference(a, b)[1]),
            ),
            Mistake(
                "that is how often they differ, and how sure that is: where only b is right, it should count against a",
                lambda a, b: (_mean(a ^ b), 1.96 * _error(a ^ b)),
            ),
            Mistake(
                "only clips where just a is right are counted",
                lambda a, b: (_mean(a & ~b), 1.96 * _error(a & ~b)),
            ),
            Mistake(
                "both numbers are in percent: accuracies run from 0 to 1",
                lambda a, b: tuple(100 * x for x in difference(a, b)),
            ),
            Mistake(
                "the difference is in percent: accuracies run from 0 to 1",
                lambda a, b: (100 * difference(a, b)[0], difference(a, b)[1]),
            ),
            Mistake("the half width is in percent", lambda a, b: _with(a, b, 100 * difference(a, b)[1])),
            Mistake(
                "clips are counted: divide by how many there are",
                lambda a, b: (_d(a, b).sum().item(), difference(a, b)[1]),
            ),
            Mistake(
                "both numbers are of counts: divide them by the number of clips",
                lambda a, b: tuple(len(a) * x for x in difference(a, b)),
            ),
            Mistake(
                "clips are left out where both are right or both wrong: they belong to the accuracies",
                _where_they_differ,
            ),
            Mistake("half of the clips are asked of one model, half of the other: all are asked of both", _halved),
            Mistake("those are the ends of the interval: the difference and half the width are wanted", _ends),
            Mistake("the two numbers have changed places", lambda a, b: difference(a, b)[::-1]),
            Mistake("those are the two accuracies", lambda a, b: (_mean(a), _mean(b))),
            Mistake(
                "the difference is divided by the accuracy of b: a plain difference is wanted",
                lambda a, b: (difference(a, b)[0] / _mean(b), difference(a, b)[1]),
            ),
            Mistake(
                "that is how many standard errors the difference is: half the width is wanted",
                lambda a, b: _with(a, b, difference(a, b)[0] / _error(_d(a, b))),
            ),
        ),
    ),
)
