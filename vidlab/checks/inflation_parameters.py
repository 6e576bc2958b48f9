"""Exercise of lesson 08, what inflation costs: how many parameters the inflated network has."""

import math
from collections.abc import Callable

import torch

from .draws import integer
from .frame import Exercise, Mistake
from .mismatch import Wanted

Shape = tuple[int, ...]


def inflated_size(shapes: list[tuple], k_t: int) -> int:
    total = 0
    for shape in shapes:
        is_filter = len(shape) == 4  # o c h w; biases, norms and linear layers look at one moment at a time
        copies = k_t if is_filter and max(shape[2:]) > 1 else 1  # a 1 × 1 filter has no extent to pass on
        total += copies * math.prod(shape)
    return total


def _draw_networks(generator: torch.Generator) -> list[tuple]:
    """A network of three filters, one of them 1 × 1; and one with a wide, a tall and a depthwise filter.

    Each has biases or norms, and a linear layer. In the first no filter has as many rows as it shall have frames.
    """
    k_t = (2, 4, 6)[integer(generator, 0, 3)]
    a, b, c = (torch.randperm(8, generator=generator)[:3] * 5 + 9).tolist()  # 9 to 44 channels
    classes = integer(generator, 51, 90)
    side = (3, 5)[integer(generator, 0, 2)]
    plain = [(a, 3, side, side), (a,), (b, a, 1, 1), (b,), (c, b, side, side), (classes, c), (classes,)]
    fancy = [(a, 3, 7, 7), (a,), (a,), (b, a, 1, 1), (b, 1, 3, 3), (c, b, 1, 7), (c, c, 5, 1), (c,), (classes, c)]
    return [(plain, k_t), (fancy, (3, 5)[integer(generator, 0, 2)])]


def _size(shapes: list[Shape], copies: Callable[[Shape], float]) -> int:
    """Each of the shapes so many times."""
    return sum(copies(shape) * math.prod(shape) for shape in shapes)


def _grows(shape: Shape) -> bool:
    return len(shape) == 4 and max(shape[2:]) > 1


def _if(shapes: list[Shape], k_t: int, grows: Callable[[Shape], bool]) -> int:
    """Those that grow k_t times, all others once."""
    return _size(shapes, lambda s: k_t if grows(s) else 1)


def _filters(shapes: list[Shape]) -> list[Shape]:
    return [s for s in shapes if _grows(s)]


def _is(size: int) -> Callable[[Shape], bool]:
    """Filters of so many rows and columns."""
    return lambda s: len(s) == 4 and s[2] == s[3] == size


EXERCISES = (
    Exercise(
        name="inflate.parameters",
        task="Count the parameters of an inflated network from the shapes of those of the 2D one; 1 × 1 stays 1 × 1.",
        reference=inflated_size,
        draw=_draw_networks,
        wanted=Wanted(kind="int", tolerance=0.0),
        hints=(
            "Which of the shapes get a new axis? What do the others have in common, those that stay as they are?",
            "`len(shape)` tells filters from all else, `shape[2:]` is their extent; `math.prod(shape)` counts numbers.",
        ),
        mistakes=(
            Mistake(
                "everything has become k_t times as large: what looks at one moment at a time does not grow",
                lambda s, k: _size(s, lambda _: k),
            ),
            Mistake(
                "the 1 × 1 filters have grown: by this course's convention they do not",
                lambda s, k: _if(s, k, lambda x: len(x) == 4),
            ),
            Mistake(
                "biases and norms have grown: a bias is added once",
                lambda s, k: _if(s, k, lambda x: _grows(x) or len(x) == 1),
            ),
            Mistake(
                "the linear layers have grown: they look at one moment at a time",
                lambda s, k: _if(s, k, lambda x: _grows(x) or len(x) == 2),
            ),
            Mistake(
                "linear layers and 1 × 1 filters have grown: neither has an extent to pass on",
                lambda s, k: _if(s, k, lambda x: len(x) > 1),
            ),
            Mistake(
                "1 × 1 filters and biases have grown: neither should",
                lambda s, k: _if(s, k, lambda x: len(x) != 2),
            ),
            Mistake(
                "linear layers and biases have grown: neither should",
                lambda s, k: _if(s, k, lambda x: _grows(x) or len(x) < 3),
            ),
            Mistake(
                "it is all the other way round: what should grow stays, and what should stay grows",
                lambda s, k: _if(s, k, lambda x: not _grows(x)),
            ),
            Mistake("the 1 × 1 filters have grown, and the others have not", lambda s, k: _if(s, k, _is(1))),
            Mistake("nothing has grown: that is the 2D network", lambda s, k: _if(s, k, lambda x: False)),
            Mistake("filters have become k_t³ times as large: only one axis is new", lambda s, k: _if(s, k**3, _grows)),
            Mistake("filters have become k_t² times as large: only one axis is new", lambda s, k: _if(s, k**2, _grows)),
            Mistake("filters have become 2^k_t times as large", lambda s, k: _if(s, 2**k, _grows)),
            Mistake("filters have become three times as large, whatever k_t is", lambda s, k: _if(s, 3, _grows)),
            Mistake(
                "filters have become as long as they are high: k_t is their extent in time",
                lambda s, k: _size(s, lambda x: x[2] if _grows(x) else 1),
            ),
            Mistake("filters have one frame too few: the first copy counts, too", lambda s, k: _if(s, k - 1, _grows)),
            Mistake(
                "filters have one frame too many: the filter itself is one of the copies",
                lambda s, k: _if(s, k + 1, _grows),
            ),
            Mistake(
                "k_t is added to each filter: it is that many filters",
                lambda s, k: _if(s, 1, _grows) + k * len(_filters(s)),
            ),
            Mistake(
                "k_t numbers are added for each kernel: each of them is repeated, pixel by pixel",
                lambda s, k: _if(s, 1, _grows) + k * sum(x[0] for x in _filters(s)),
            ),
            Mistake("that is only what inflation adds", lambda s, k: _size(_filters(s), lambda _: k - 1)),
            Mistake(
                "only what has grown is counted: all that stays counts, too",
                lambda s, k: _size(_filters(s), lambda _: k),
            ),
            Mistake("only what stays as it was is counted", lambda s, k: _size(s, lambda x: not _grows(x))),
            Mistake("biases and norms are left out", lambda s, k: _if([x for x in s if len(x) > 1], k, _grows)),
            Mistake("linear layers are left out", lambda s, k: _if([x for x in s if len(x) != 2], k, _grows)),
            Mistake(
                "linear layers, biases and norms are left out",
                lambda s, k: _if([x for x in s if len(x) == 4], k, _grows),
            ),
            Mistake(
                "1 × 1 filters are left out: they do not grow, but they are there",
                lambda s, k: _if([x for x in s if not _is(1)(x)], k, _grows),
            ),
            Mistake(
                "a filter of one row or of one column is taken for 1 × 1: it has an extent",
                lambda s, k: _if(s, k, lambda x: len(x) == 4 and min(x[2:]) > 1),
            ),
            Mistake(
                "a filter one pixel wide is taken for 1 × 1: what of its height?",
                lambda s, k: _if(s, k, lambda x: len(x) == 4 and x[3] > 1),
            ),
            Mistake(
                "a filter one pixel high is taken for 1 × 1: what of its width?",
                lambda s, k: _if(s, k, lambda x: len(x) == 4 and x[2] > 1),
            ),
            Mistake(
                "a filter of one channel is taken for 1 × 1: it is the last two numbers that tell",
                lambda s, k: _if(s, k, lambda x: _grows(x) and x[1] > 1),
            ),
            Mistake(
                "wherever a 1 stands in the shape, the filter is taken for 1 × 1",
                lambda s, k: _if(s, k, lambda x: len(x) == 4 and 1 not in x),
            ),
            Mistake("only the first filter has grown", lambda s, k: _if(s, k, lambda x: x is s[0])),
            Mistake(
                "the numbers of each shape are added: how many numbers has a block of that shape?",
                lambda s, k: sum((k if _grows(x) else 1) * sum(x) for x in s),
            ),
            Mistake(
                "the numbers of a shape and k_t are added up",
                lambda s, k: sum(math.prod(x) + (k * x[0] * x[1] if _grows(x) else 0) for x in s),
            ),
            Mistake("the shapes are counted, not the numbers in them", lambda s, k: len(s)),
            Mistake(
                "the axes of the inflated shapes are counted, not the numbers in them",
                lambda s, k: sum(len(x) + _grows(x) for x in s),
            ),
        ),
    ),
)
