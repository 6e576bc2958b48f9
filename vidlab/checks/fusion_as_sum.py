"""Exercise of lesson 12, fusion by a convolution: the kernel with which it begins as a sum, and can become more."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from .draws import integer
from .frame import Exercise, Mistake
from .mismatch import Wanted


def as_sum(d: int) -> Float[Tensor, "d 2*d 1 1"]:
    same = torch.eye(d)  # a map that comes in is passed on to the map of the same number, and to no other
    return torch.cat([same, same], dim=1)[:, :, None, None]  # the spatial maps come in first, then the temporal ones


def _draw_numbers(generator: torch.Generator) -> list[tuple]:
    """An even number of maps, and an odd one."""
    return [(2 * integer(generator, 3, 13),), (2 * integer(generator, 2, 13) + 1,)]


def _kernel(matrix: Tensor) -> Tensor:
    """A matrix, out in, as the kernel of a 1 × 1 convolution."""
    return matrix[:, :, None, None]


def _beside(spatial: Tensor, temporal: Tensor) -> Tensor:
    return _kernel(torch.cat([spatial, temporal], 1))


def _filled(d: int, places: Callable[[int], list[tuple]]) -> Tensor:
    """Ones at these places of each row, written by a loop."""
    matrix = torch.zeros(d, 2 * d)
    for i in range(d):
        for row, column in places(i):
            matrix[row, column] = 1
    return _kernel(matrix)


def _wide(d: int, at: tuple[int, int] = (1, 1)) -> Tensor:
    """3 × 3, with its weights at one place."""
    wide = torch.zeros(d, 2 * d, 3, 3)
    wide[:, :, at[0], at[1]] = as_sum(d)[:, :, 0, 0]
    return wide


EXERCISES = (
    Exercise(
        name="fusion.as_sum",
        task="Give the 1 × 1 kernel, d 2d 1 1, which makes of [spatial, temporal] (d maps each) exactly their sum.",
        reference=as_sum,
        draw=_draw_numbers,
        wanted=Wanted(axes="out in y x"),
        hints=(
            "A kernel is a matrix here, a row for each map that goes out, a column for each that comes in. Which "
            "columns should the first row look at?",
            "Row i looks at two columns: map i of the spatial stream, and map i of the temporal one. Where is the "
            "second? `torch.eye` helps.",
        ),
        mistakes=(
            Mistake("that is the mean of the two streams, half their sum", lambda d: as_sum(d) / 2),
            Mistake(
                "that is the sum divided by √2, which keeps its spread: the sum itself is wanted",
                lambda d: as_sum(d) / 2**0.5,
            ),
            Mistake("that is twice the sum", lambda d: 2 * as_sum(d)),
            Mistake("that is the sum divided by the number of maps", lambda d: as_sum(d) / d),
            Mistake(
                "the temporal stream has no part: only the spatial maps are passed on",
                lambda d: _kernel(torch.eye(d, 2 * d)),
            ),
            Mistake(
                "the spatial stream has no part: only the temporal maps are passed on",
                lambda d: _beside(torch.zeros(d, d), torch.eye(d)),
            ),
            Mistake(
                "the temporal maps are taken away: that is the difference",
                lambda d: _beside(torch.eye(d), -torch.eye(d)),
            ),
            Mistake(
                "the spatial maps are taken away: that is the difference",
                lambda d: _beside(-torch.eye(d), torch.eye(d)),
            ),
            Mistake(
                "every map that comes out is the sum of all that come in: each should stay apart from the others",
                lambda d: torch.ones(d, 2 * d, 1, 1),
            ),
            Mistake(
                "every map that comes out is the mean of all that come in: each should stay apart from the others",
                lambda d: torch.ones(d, 2 * d, 1, 1) / (2 * d),
            ),
            Mistake(
                "every map that comes out is the mean of each stream's maps, added: each should stay apart",
                lambda d: torch.ones(d, 2 * d, 1, 1) / d,
            ),
            Mistake("all is zero: nothing would pass", lambda d: torch.zeros(d, 2 * d, 1, 1)),
            Mistake(
                "it fits streams that alternate, map by map: here all the spatial ones come first",
                lambda d: _kernel(torch.eye(d).repeat_interleave(2, 1)),
            ),
            Mistake(
                "the two blocks stand one above the other, and are then reshaped: a reshape does not move axes",
                lambda d: _kernel(torch.cat([torch.eye(d)] * 2).reshape(d, 2 * d)),
            ),
            Mistake(
                "in and out have changed places: a kernel of torch has the maps that go out on its first axis",
                lambda d: as_sum(d).transpose(0, 1),
            ),
            Mistake(
                "it has no rows and columns: a 1 × 1 kernel has two axes more, one entry long each",
                lambda d: as_sum(d)[..., 0, 0],
            ),
            Mistake(
                "rows and columns of the kernel come first; in torch they come last",
                lambda d: as_sum(d).permute(2, 3, 0, 1),
            ),
            Mistake(
                "rows and columns come first, and in and out have changed places: that is another library's order",
                lambda d: as_sum(d).permute(2, 3, 1, 0),
            ),
            Mistake(
                "rows and columns stand between out and in; in torch they come last",
                lambda d: as_sum(d).permute(0, 2, 3, 1),
            ),
            Mistake("that is a kernel of one axis, for sequences: pictures have two", lambda d: as_sum(d)[..., 0]),
            Mistake("that is a kernel of three axes, for clips: pictures have two", lambda d: as_sum(d)[..., None]),
            Mistake(
                "as many maps go out as come in, and all as they are: nothing is added",
                lambda d: _kernel(torch.eye(2 * d)),
            ),
            Mistake("the sum comes out twice: d maps are wanted", lambda d: _kernel(torch.eye(d).repeat(2, 2))),
            Mistake(
                "only d maps come in: it has to look at both streams",
                lambda d: _kernel(torch.eye(d)),
            ),
            Mistake(
                "each map looks at two that come in: that would need groups, and streams that alternate",
                lambda d: torch.ones(d, 2, 1, 1),
            ),
            Mistake("a single map goes out, the sum of all: d are wanted", lambda d: torch.ones(1, 2 * d, 1, 1)),
            Mistake(
                "it is made for one map in each stream, and one that goes out: there are d",
                lambda d: torch.ones(1, 2, 1, 1),
            ),
            Mistake("the kernel is 3 × 3: it does what it should, with nine times the weights", _wide),
            Mistake(
                "the kernel is 3 × 3, with its weights in a corner: the picture would be moved",
                lambda d: _wide(d, (0, 0)),
            ),
            Mistake(
                "the kernel is 3 × 3, and adds up all neighbours: places should stay apart",
                lambda d: as_sum(d).repeat(1, 1, 3, 3),
            ),
            Mistake(
                "the kernel is 3 × 3, and averages all neighbours: places should stay apart",
                lambda d: as_sum(d).repeat(1, 1, 3, 3) / 9,
            ),
            Mistake(
                "the temporal maps come in last one first: map i should meet map i",
                lambda d: _beside(torch.eye(d), torch.eye(d).flip(1)),
            ),
            Mistake(
                "the spatial maps come in last one first: map i should meet map i",
                lambda d: _beside(torch.eye(d).flip(1), torch.eye(d)),
            ),
            Mistake("the sum comes out last map first", lambda d: as_sum(d).flip(0)),
            Mistake(
                "map i meets the temporal map after it: map i should meet map i",
                lambda d: _beside(torch.eye(d), torch.eye(d).roll(1, 1)),
            ),
            Mistake(
                "map i meets the temporal map before it: map i should meet map i",
                lambda d: _beside(torch.eye(d), torch.eye(d).roll(-1, 1)),
            ),
            Mistake(
                "map i meets the one that comes in next to it: the temporal maps begin after all the spatial ones",
                lambda d: _filled(d, lambda i: [(i, i), (i, i + 1)]),
            ),
            Mistake(
                "both streams are read one map too late: each map goes to that of its own number",
                lambda d: as_sum(d).roll(1, 0),
            ),
            Mistake(
                "both streams are read one map too early: each map goes to that of its own number",
                lambda d: as_sum(d).roll(-1, 0),
            ),
            Mistake(
                "the first temporal map is added to all: each spatial map has one of its own number",
                lambda d: _filled(d, lambda i: [(i, i), (i, d)]),
            ),
            Mistake(
                "all maps that go out are the sum of the two first ones",
                lambda d: _filled(d, lambda i: [(i, 0), (i, d)]),
            ),
            Mistake("only the first map goes out", lambda d: _filled(d, lambda i: [(0, 0), (0, d)])),
            Mistake(
                "everything goes out into the first map, and nothing into the others",
                lambda d: _filled(d, lambda i: [(0, i), (0, d + i)]),
            ),
            Mistake(
                "the last map is left out",
                lambda d: _filled(d, lambda i: [(i, i), (i, d + i)] if i < d - 1 else []),
            ),
            Mistake("the first map is left out", lambda d: _filled(d, lambda i: [(i, i), (i, d + i)] if i else [])),
            Mistake(
                "a softmax is taken of each row: a kernel may hold any numbers",
                lambda d: functional.softmax(as_sum(d), 1),
            ),
        ),
    ),
)
