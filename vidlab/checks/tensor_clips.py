"""Exercises of lesson 01, clips: spread them evenly over a film, average what they say."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from .draws import film_sizes, integer
from .frame import Exercise, Mistake
from .mismatch import Wanted


def even_starts(total: int, length: int, stride: int, n: int) -> Int64[Tensor, " n"]:
    span = (length - 1) * stride + 1  # from a clip's first frame to its last; the gaps are one fewer than the frames
    last = total - span  # a clip that starts here ends on the film's last frame
    return torch.linspace(0, last, n, dtype=torch.float64).round().long()


def _draw_spread(generator: torch.Generator) -> list[tuple]:
    cases = []
    while len(cases) < 5:
        length, stride, n = integer(generator, 4, 17), integer(generator, 2, 6), integer(generator, 3, 11)
        last = integer(generator, 20, 200)
        ties = any((2 * i * last) % (2 * (n - 1)) == n - 1 for i in range(n))  # a half may be rounded either way
        if not ties:
            cases.append((last + (length - 1) * stride + 1, length, stride, n))
    cases.append((cases[0][0], cases[0][1], 1, 2))  # every frame, two clips: the two ends
    return cases


def average_clips(logits: Float[Tensor, "n k"]) -> Float[Tensor, " k"]:
    probabilities = logits.softmax(dim=1)  # each clip votes for itself: over its classes
    return probabilities.mean(dim=0)  # then the mean over the clips


def _draw_logits(generator: torch.Generator) -> list[tuple]:
    n, k = film_sizes(generator, 2)
    logits = 3 * torch.randn(n, k, generator=generator, dtype=torch.float64)
    return [(logits,), (logits[1:] + 1000.0,)]  # what is added to all scores of a clip must not matter


def _spread(start: float, last: float, n: int) -> Tensor:
    return torch.linspace(start, last, n, dtype=torch.float64)


EXERCISES = (
    Exercise(
        name="tensor.even_starts",
        task="Give the first frames of n clips spread evenly: the first starts at 0, the last ends on the last frame.",
        reference=even_starts,
        draw=_draw_spread,
        wanted=Wanted(kind="ints", axes="n", tolerance=1e-6),
        hints=(
            "How many frames lie between a clip's first frame and its last, both counted? Draw four dots, two apart.",
            "You know the first start and the last possible one: spread n numbers evenly between them, both ends "
            "included, and round.",
        ),
        mistakes=(
            Mistake(
                "the last clip ends too early: a clip spans less than length · stride, with fewer gaps than frames",
                lambda total, length, stride, n: _spread(0, total - length * stride, n).round().long(),
            ),
            Mistake(
                "the stride is forgotten in the span of a clip, so the last clips run past the end of the film",
                lambda total, length, stride, n: _spread(0, total - length, n).round().long(),
            ),
            Mistake(
                "the distances are rounded down: round each start to the nearest frame",
                lambda total, length, stride, n: _spread(0, total - (length - 1) * stride - 1, n).floor().long(),
            ),
            Mistake(
                "two slips: a clip's last frame is (length − 1) · stride after its first; round to the nearest",
                lambda total, length, stride, n: _spread(0, total - length * stride, n).floor().long(),
            ),
            Mistake(
                "the stride is forgotten in the span of a clip, and rounding should go to the nearest frame",
                lambda total, length, stride, n: _spread(0, total - length, n).floor().long(),
            ),
            Mistake(
                "the starts are spread over the whole film: a clip that starts on the last frame runs past the end",
                lambda total, length, stride, n: _spread(0, total - 1, n).round().long(),
            ),
            Mistake(
                "the last start is `total`, a frame that does not exist",
                lambda total, length, stride, n: _spread(0, total, n).round().long(),
            ),
            Mistake(
                "the last clip runs one frame past the end: counting starts at 0",
                lambda total, length, stride, n: _spread(0, total - (length - 1) * stride, n).round().long(),
            ),
            Mistake(
                "the last possible start is left out: n starts have n − 1 distances between them, not n",
                lambda total, length, stride, n: (
                    (torch.arange(n, dtype=torch.float64) * (total - (length - 1) * stride - 1) / n).round().long()
                ),
            ),
            Mistake(
                "the film is cut into n pieces and a clip put into the middle of each; here the first starts at 0",
                lambda total, length, stride, n: (
                    ((torch.arange(n, dtype=torch.float64) + 0.5) * (total - (length - 1) * stride - 1) / n)
                    .round()
                    .long()
                ),
            ),
            Mistake(
                "the clips follow one another without a gap, from the start; spread them over the whole film",
                lambda total, length, stride, n: torch.arange(n) * ((length - 1) * stride + 1),
            ),
            Mistake(
                "the starts are fractions of a frame: make them whole",
                lambda total, length, stride, n: _spread(0, total - (length - 1) * stride - 1, n),
            ),
            Mistake(
                "the starts come last first",
                lambda total, length, stride, n: even_starts(total, length, stride, n).flip(0),
            ),
        ),
    ),
    Exercise(
        name="tensor.average_clips",
        task="From the scores (logits, n k) of n clips make the probabilities (k) of their video.",
        reference=average_clips,
        draw=_draw_logits,
        wanted=Wanted(axes="k", low=0, high=1, tolerance=1e-4),  # as exact as float32 is at 1000
        hints=(
            "Each clip first makes up its mind alone; only then is anything averaged.",
            "Two steps, each along one axis: probabilities over the classes, then a mean over the clips.",
        ),
        mistakes=(
            Mistake(
                "it averages the scores and then takes the softmax; average the probabilities of the clips",
                lambda logits: logits.mean(0).softmax(0),
            ),
            Mistake(
                "the softmax runs over the clips, so that they compete; each clip's classes should",
                lambda logits: logits.softmax(0).mean(0),
            ),
            Mistake(
                "the mean runs over the classes: there is one number per clip left, and all are equal",
                lambda logits: logits.softmax(1).mean(1),
            ),
            Mistake(
                "the probabilities are added and do not sum to 1",
                lambda logits: logits.softmax(1).sum(0),
            ),
            Mistake("those are mean scores, not probabilities: the softmax is missing", lambda logits: logits.mean(0)),
            Mistake(
                "the most convinced clip wins each class: that is a maximum, not a mean",
                lambda logits: logits.softmax(1).amax(0),
            ),
            Mistake(
                "each clip casts one whole vote; let it split its vote as its probabilities say",
                lambda logits: torch.nn.functional.one_hot(logits.argmax(1), logits.shape[1]).double().mean(0),
            ),
            Mistake(
                "it takes a sigmoid for each class; the classes exclude each other",
                lambda logits: logits.sigmoid().mean(0),
            ),
            Mistake(
                "those are mean log-probabilities: probabilities are wanted",
                lambda logits: logits.log_softmax(1).mean(0),
            ),
            Mistake(
                "the probabilities of each clip are right, but the clips are not averaged yet",
                lambda logits: logits.softmax(1),
            ),
            Mistake(
                "one softmax runs over all clips and classes together: a loud clip drowns the others",
                lambda logits: logits.flatten().softmax(0).reshape(logits.shape).sum(0),
            ),
        ),
    ),
)
