"""Exercise of lesson 11, what a stream believes: of the joint class one kind is summed out, and the other is left."""

from collections.abc import Callable

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from .draws import film_sizes
from .frame import Exercise, Mistake
from .mismatch import Wanted

Pair = tuple[Tensor, Tensor]


def kinds(
    probabilities: Float[Tensor, "b classes"], colours: int
) -> tuple[Float[Tensor, "b {colours}"], Float[Tensor, "b motions"]]:
    table = rearrange(probabilities, "b (colour motion) -> b colour motion", colour=colours)
    return table.sum(dim=2), table.sum(dim=1)  # red is red, whichever way it goes; and the other way round


def _draw_tables(generator: torch.Generator) -> list[tuple]:
    """More motions than colours, and fewer; which motion is likely depends on the colour."""
    cases = []
    for more in (True, False):
        few, many = sorted(film_sizes(generator, 2))
        colours, motions = (few, many) if more else (many, few)
        b = next(size for size in film_sizes(generator, 3) if size not in (few, many))
        logits = 2 * torch.randn(b, colours * motions, generator=generator, dtype=torch.float64)
        cases.append((logits.softmax(1), colours))
    return cases


def _table(p: Tensor, colours: int) -> Tensor:
    return p.unflatten(1, (colours, -1))


def _turned(p: Tensor, colours: int) -> Tensor:
    """The classes read as if the colour changed fastest."""
    return p.unflatten(1, (-1, colours)).mT


def _sums(table: Tensor) -> Pair:
    return table.sum(2), table.sum(1)


def _each(p: Tensor, colours: int, what: Callable[[Tensor], Tensor]) -> Pair:
    """Both marginals, and then something more with each."""
    of_colour, of_motion = kinds(p, colours)
    return what(of_colour), what(of_motion)


def _over(p: Tensor, colours: int, how: Callable[[Tensor, int], Tensor]) -> Pair:
    """Something else than the sum, over motions and over colours."""
    table = _table(p, colours)
    return how(table, 2), how(table, 1)


def _to_one(numbers: Tensor) -> Tensor:
    return numbers / numbers.sum(1, keepdim=True)


def _slice(p: Tensor, colours: int, at: int, share: Callable[[Tensor], Tensor] = torch.clone) -> Pair:
    """One column and one row of the table."""
    table = _table(p, colours)
    return share(table[:, :, at]), share(table[:, at])


def _given_best(p: Tensor, colours: int) -> Pair:
    """Row and column of the most probable class."""
    table, best = _table(p, colours), p.argmax(1)
    every, motions = torch.arange(len(p)), table.shape[2]
    return _to_one(table[every, :, best % motions]), _to_one(table[every, best // motions])


def _of_best(p: Tensor, colours: int, turned: bool = False) -> Pair:
    """All the belief goes to colour and motion of the most probable class."""
    hot = functional.one_hot(p.argmax(1), p.shape[1]).to(p.dtype)
    return _sums((_turned if turned else _table)(hot, colours))


def _cut(p: Tensor, colours: int, share: Callable[[Tensor], Tensor] = torch.clone) -> Pair:
    """The first entries are taken for colours, the next for motions."""
    motions = p.shape[1] // colours
    return share(p[:, :colours]), share(p[:, colours : colours + motions])


EXERCISES = (
    Exercise(
        name="two_stream.kinds",
        task="From probabilities of joint classes, b (colour motion), give those of colour alone and of motion alone.",
        reference=kinds,
        draw=_draw_tables,
        wanted=Wanted(dtype="same", low=0.0, high=1.0, parts=(("p_colour", "b colour"), ("p_motion", "b motion"))),
        hints=(
            "Lay out a clip's classes as a table, a row for each colour, a column for each motion. Where is class 1?",
            "How probable is red, whichever way it goes? All of its row counts. And a motion, whatever its colour?",
        ),
        mistakes=(
            Mistake(
                "the table is read the wrong way: with the colour first, it is the motion that changes fastest",
                lambda p, n: _sums(_turned(p, n)),
            ),
            Mistake("the two have changed places: colour comes first", lambda p, n: kinds(p, n)[::-1]),
            Mistake(
                "`colours` is taken for the number of motions",
                lambda p, n: _sums(_table(p, p.shape[1] // n)),
            ),
            Mistake(
                "colour is right, but motion is summed as if it came first",
                lambda p, n: (kinds(p, n)[0], _turned(p, n).sum(1)),
            ),
            Mistake(
                "motion is right, but colour is summed as if it came last",
                lambda p, n: (_turned(p, n).sum(2), kinds(p, n)[1]),
            ),
            Mistake(
                "the entries are averaged: the sum over a row is how probable its colour is",
                lambda p, n: _over(p, n, torch.mean),
            ),
            Mistake(
                "colours are averaged over motions: they should be added up",
                lambda p, n: (_table(p, n).mean(2), kinds(p, n)[1]),
            ),
            Mistake(
                "motions are averaged over colours: they should be added up",
                lambda p, n: (kinds(p, n)[0], _table(p, n).mean(1)),
            ),
            Mistake(
                "only the largest entry counts: what is spread over several is lost",
                lambda p, n: _over(p, n, torch.amax),
            ),
            Mistake(
                "only the largest entry counts, and the result is brought to a sum of 1",
                lambda p, n: _over(p, n, lambda table, axis: _to_one(table.amax(axis))),
            ),
            Mistake("only the smallest entry counts", lambda p, n: _over(p, n, torch.amin)),
            Mistake(
                "that is the median of the entries",
                lambda p, n: _over(p, n, lambda table, axis: table.median(axis).values),
            ),
            Mistake("entries are multiplied: “this one or that one” adds", lambda p, n: _over(p, n, torch.prod)),
            Mistake("entries are squared before they are added", lambda p, n: _sums(_table(p, n).square())),
            Mistake(
                "those are lengths of rows and columns: squares, sum and root are too much",
                lambda p, n: _over(p, n, lambda table, axis: table.norm(dim=axis)),
            ),
            Mistake("roots of entries are added", lambda p, n: _sums(_table(p, n).sqrt())),
            Mistake("those are spreads of rows and columns", lambda p, n: _over(p, n, torch.std)),
            Mistake(
                "a softmax is taken of the sums: they are probabilities already",
                lambda p, n: _each(p, n, lambda a: a.softmax(1)),
            ),
            Mistake("a softmax is taken first: these are probabilities already", lambda p, n: kinds(p.softmax(1), n)),
            Mistake(
                "a softmax is taken of the means",
                lambda p, n: _over(p, n, lambda table, axis: table.mean(axis).softmax(1)),
            ),
            Mistake("logarithms are added", lambda p, n: _sums(_table(p.log(), n))),
            Mistake("those are logarithms of the sums", lambda p, n: _each(p, n, torch.log)),
            Mistake("that is how improbable each is: 1 less the sum", lambda p, n: _each(p, n, lambda a: 1 - a)),
            Mistake(
                "logarithms are averaged and brought to a sum of 1: a geometric mean",
                lambda p, n: _over(p, n, lambda table, axis: table.log().mean(axis).softmax(1)),
            ),
            Mistake(
                "only the first motion, and the first colour, are looked at: all of a row, and of a column, count",
                lambda p, n: _slice(p, n, 0),
            ),
            Mistake("only the last motion, and the last colour, are looked at", lambda p, n: _slice(p, n, -1)),
            Mistake(
                "that is colour, given the first motion, and motion, given the first colour: neither is given",
                lambda p, n: _slice(p, n, 0, _to_one),
            ),
            Mistake(
                "that is colour, given the likeliest motion, and motion, given its colour: neither is given",
                _given_best,
            ),
            Mistake("all goes to the kinds of the best class: the others count as well", _of_best),
            Mistake(
                "all goes to the kinds of the best class, and the table is read the wrong way",
                lambda p, n: _of_best(p, n, turned=True),
            ),
            Mistake(
                "the best of each kind has 1 and all others 0: how probable is each?",
                lambda p, n: _each(p, n, lambda a: functional.one_hot(a.argmax(1), a.shape[1]).to(a.dtype)),
            ),
            Mistake("those are numbers of the best colour and motion", lambda p, n: _each(p, n, lambda a: a.argmax(1))),
            Mistake(
                "the first entries are taken for colours and the next for motions: each class is both at once", _cut
            ),
            Mistake(
                "the first entries are taken for colours and the next for motions, and brought to a sum of 1",
                lambda p, n: _cut(p, n, _to_one),
            ),
            Mistake("the table itself is returned, twice: sum one of its axes out", lambda p, n: 2 * (_table(p, n),)),
            Mistake(
                "the summed axes are still there, one entry long",
                lambda p, n: (_table(p, n).sum(2, keepdim=True), _table(p, n).sum(1, keepdim=True)),
            ),
            Mistake("colour is returned twice", lambda p, n: 2 * kinds(p, n)[:1]),
            Mistake("motion is returned twice", lambda p, n: 2 * kinds(p, n)[1:]),
            Mistake("the clips are summed out as well: each has its own", lambda p, n: _each(p, n, lambda a: a.sum(0))),
            Mistake("the clips are averaged: each has its own", lambda p, n: _each(p, n, lambda a: a.mean(0))),
            Mistake("only the first clip is left", lambda p, n: _each(p, n, lambda a: a[0])),
            Mistake("clips and kinds have changed places", lambda p, n: _each(p, n, lambda a: a.mT)),
            Mistake(
                "each clip is compared with the others: over the batch it sums to 1",
                lambda p, n: _each(p, n, lambda a: a / a.sum(0)),
            ),
            Mistake(
                "the largest is made 1: they should sum to 1",
                lambda p, n: _each(p, n, lambda a: a / a.amax(1, keepdim=True)),
            ),
            Mistake("the sums are halved: each kind sums to 1 for itself", lambda p, n: _each(p, n, lambda a: a / 2)),
            Mistake("the sums are added up from entry to entry", lambda p, n: _each(p, n, lambda a: a.cumsum(1))),
            Mistake("the last colour and the last motion come first", lambda p, n: _each(p, n, lambda a: a.flip(1))),
        ),
    ),
)
