"""Exercise of lesson 06, a temporal filter by hand: weights of a first layer that sees change and nothing else."""

import torch
from einops import reduce
from jaxtyping import Float
from torch import Tensor

from .draws import film_sizes, integer
from .frame import Exercise, Mistake
from .mismatch import Wanted


def difference_filter(frames: int, k: int) -> Float[Tensor, "1 t k k"]:
    weight = torch.zeros(1, frames, k, k)  # what is zero has no say: other frames, other pixels
    middle = k // 2  # k is odd, so there is a pixel in the middle
    weight[0, -1, middle, middle] = 1  # the last frame …
    weight[0, 0, middle, middle] = -1  # … minus the first; together 0, so that nothing is said of what stands still
    return weight


def _draw_extents(generator: torch.Generator) -> list[tuple]:
    """Five or more frames, so that first, second, middle and last are not the same; another odd number of pixels.

    What a filter answers to every clip leaves no choice of its weights: to compare them is to compare behaviour.
    """
    cases = []
    for _ in range(2):
        frames, k = film_sizes(generator, 2, odd=True)
        cases.append((frames + integer(generator, 0, 2), k))
    return cases


def _dots(t: int, k: int, *dots: tuple[float, int, int, int]) -> Tensor:
    """Weights that are 0 but for some: value, frame, and how far below and to the right of the middle."""
    weight = torch.zeros(1, t, k, k)
    for value, frame, down, right in dots:
        weight[0, frame, k // 2 + down, k // 2 + right] += value
    return weight


def _profile(values: Tensor, k: int) -> Tensor:
    """One value for each frame, at the middle pixel."""
    return _dots(len(values), k, *((value, frame, 0, 0) for frame, value in enumerate(values.tolist())))


def _everywhere(t: int, k: int, value: float) -> Tensor:
    """The value at every pixel of the last frame, and its opposite at every pixel of the first."""
    return reduce(difference_filter(t, k), "o t h w -> o t 1 1", "sum").expand(1, t, k, k) * value


EXERCISES = (
    Exercise(
        name="early.difference_filter",
        task="Make the weights (1 T k k, grey frames) of a filter: last minus first frame, at its middle pixel.",
        reference=difference_filter,
        draw=_draw_extents,
        wanted=Wanted(axes="o t y x"),
        hints=(
            "A convolution multiplies each pixel it sees by its weight and adds. Which pixels must be seen, which not?",
            "Most weights are 0, and all together sum to 0. How many are left?",
        ),
        mistakes=(
            Mistake(
                "the sign is turned: to a pixel that becomes brighter the answer should be positive",
                lambda t, k: -difference_filter(t, k),
            ),
            Mistake(
                "the two frames are added: the filter has an answer to a clip that stands still",
                lambda t, k: difference_filter(t, k).abs(),
            ),
            Mistake(
                "it looks at the upper left pixel of its window, not at the middle one",
                lambda t, k: _dots(t, k, (1, t - 1, -(k // 2), -(k // 2)), (-1, 0, -(k // 2), -(k // 2))),
            ),
            Mistake(
                "it looks one pixel below and to the right of the middle: the first pixel has the number 0",
                lambda t, k: difference_filter(t, k).roll((1, 1), (2, 3)),
            ),
            Mistake(
                "it looks one pixel above and to the left of the middle",
                lambda t, k: difference_filter(t, k).roll((-1, -1), (2, 3)),
            ),
            Mistake(
                "it compares two different pixels, so it answers to a clip that stands still, too",
                lambda t, k: _dots(t, k, (1, t - 1, k // 2, k // 2), (-1, 0, -(k // 2), -(k // 2))),
            ),
            Mistake(
                "only the first two frames are compared: what comes after goes unnoticed",
                lambda t, k: _dots(t, k, (1, 1, 0, 0), (-1, 0, 0, 0)),
            ),
            Mistake(
                "only the last two frames are compared: what came before goes unnoticed",
                lambda t, k: _dots(t, k, (1, t - 1, 0, 0), (-1, t - 2, 0, 0)),
            ),
            Mistake(
                "the frame in the middle of the clip is compared with the first: it should be the last one",
                lambda t, k: _dots(t, k, (1, t // 2, 0, 0), (-1, 0, 0, 0)),
            ),
            Mistake(
                "it averages over its whole window; only the pixel in the middle should have a say",
                lambda t, k: _everywhere(t, k, 1 / k**2),
            ),
            Mistake(
                "it adds up its whole window; only the pixel in the middle should have a say",
                lambda t, k: _everywhere(t, k, 1),
            ),
            Mistake(
                "a whole row has a say; only the pixel in the middle of it should",
                lambda t, k: _everywhere(t, k, 1) * (torch.arange(k) == k // 2)[:, None],
            ),
            Mistake(
                "a whole column has a say; only the pixel in the middle of it should",
                lambda t, k: _everywhere(t, k, 1) * (torch.arange(k) == k // 2),
            ),
            Mistake(
                "the last frame is compared with the mean of all frames; those in between should have no say",
                lambda t, k: _profile(1.0 * (torch.arange(t) == t - 1) - torch.full((t,), 1 / t), k),
            ),
            Mistake(
                "the last frame is compared with the mean of all earlier ones; those in between should have no say",
                lambda t, k: _profile((torch.arange(t) == t - 1) * t / (t - 1) - torch.full((t,), 1 / (t - 1)), k),
            ),
            Mistake(
                "all earlier frames are subtracted from the last one: a clip that stands still gets an answer",
                lambda t, k: _profile(2.0 * (torch.arange(t) == t - 1) - 1, k),
            ),
            Mistake(
                "the weights rise from frame to frame: a slope, in which the frames in between have a say",
                lambda t, k: _profile(torch.linspace(-1, 1, t), k),
            ),
            Mistake(
                "the second half of the clip is compared with the first half; two single frames are wanted",
                lambda t, k: _profile(1.0 * (torch.arange(t) >= t / 2) - 1.0 * (torch.arange(t) < t // 2), k),
            ),
            Mistake(
                "the frame in between has a say: that is a change of the change",
                lambda t, k: _dots(t, k, (1, t - 1, 0, 0), (-2, t // 2, 0, 0), (1, 0, 0, 0)),
            ),
            Mistake(
                "only the last frame is seen; nothing is subtracted from it", lambda t, k: _dots(t, k, (1, t - 1, 0, 0))
            ),
            Mistake(
                "only the first frame is seen, with −; the last one is missing", lambda t, k: _dots(t, k, (-1, 0, 0, 0))
            ),
            Mistake(
                "it compares neighbours in space, left and right, in the last frame: that is no change in time",
                lambda t, k: _dots(t, k, (1, t - 1, 0, 1), (-1, t - 1, 0, -1)),
            ),
            Mistake(
                "it compares neighbours in space, left and right, in all frames: an edge that stands still is seen",
                lambda t, k: _dots(t, k, *((s, i, 0, s) for i in range(t) for s in (1, -1))),
            ),
            Mistake(
                "it compares the lower right with the upper left pixel of the last frame: that is space, not time",
                lambda t, k: _dots(t, k, (1, t - 1, k // 2, k // 2), (-1, t - 1, -(k // 2), -(k // 2))),
            ),
            Mistake("the difference is divided by two: it is no mean", lambda t, k: difference_filter(t, k) / 2),
            Mistake(
                "the difference is divided by the number of steps in time: that is the change for each frame",
                lambda t, k: difference_filter(t, k) / (t - 1),
            ),
            Mistake("all weights are 0: it has no answer to anything", lambda t, k: torch.zeros(1, t, k, k)),
            Mistake("all weights are 1: it adds up all it sees", lambda t, k: torch.ones(1, t, k, k)),
            Mistake(
                "the first two axes are exchanged: one output channel comes first, then T input channels",
                lambda t, k: difference_filter(t, k).transpose(0, 1),
            ),
            Mistake(
                "time comes last; a convolution wants the channels it reads right after the one it writes",
                lambda t, k: difference_filter(t, k).movedim(1, -1),
            ),
        ),
    ),
)
