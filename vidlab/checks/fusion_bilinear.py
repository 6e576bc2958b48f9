"""Exercise of lesson 12, bilinear fusion: every map of one stream times every map of the other, all places together."""

import torch
from einops import einsum, rearrange, reduce
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from .draws import film_sizes
from .frame import Exercise, Mistake
from .mismatch import Wanted


def bilinear(spatial: Float[Tensor, "b d h w"], temporal: Float[Tensor, "b e h w"]) -> Float[Tensor, "b d*e"]:
    pairs = einsum(spatial, temporal, "b d h w, b e h w -> b d e")  # what is on at the same place is multiplied
    return rearrange(pairs, "b d e -> b (d e)")


def _draw_streams(generator: torch.Generator) -> list[tuple]:
    """More maps in the spatial stream, and fewer."""
    cases = []
    for more in (True, False):
        b, h, w, *maps = film_sizes(generator, 5)
        d, e = sorted(maps, reverse=more)
        cases.append(tuple(torch.randn(b, n, h, w, generator=generator, dtype=torch.float64) for n in (d, e)))
    return cases


def _vectors(maps: Tensor) -> Tensor:
    """A feature vector for each place."""
    return rearrange(maps, "b d h w -> b (h w) d")


def _misread(maps: Tensor) -> Tensor:
    """The same shape by a reshape, which moves no axis."""
    return maps.reshape(len(maps), -1, maps.shape[1])


def _times(one: Tensor, other: Tensor) -> Tensor:
    """Σ over places of the outer product, from vectors b n d and b n e."""
    return (one.mT @ other).flatten(1)


def _everywhere(s: Tensor, t: Tensor) -> Tensor:
    """The outer product at every place."""
    return einsum(s, t, "b d h w, b e h w -> b d e h w")


def _pooled(s: Tensor, t: Tensor, how: str, left: str = "") -> Tensor:
    """Pooled first, apart from these axes, and then multiplied."""
    one, other = (rearrange(reduce(x, f"b d h w -> b d {left}", how), f"b d {left} -> b d ({left})") for x in (s, t))
    return (one @ other.mT).flatten(1)


def _centred(maps: Tensor) -> Tensor:
    return maps - maps.mean((2, 3), keepdim=True)


def _root(x: Tensor) -> Tensor:
    return x.sign() * x.abs().sqrt()


def _unit(x: Tensor, axis: int | tuple[int, ...] = 1) -> Tensor:
    return x / torch.linalg.vector_norm(x, dim=axis, keepdim=True)


EXERCISES = (
    Exercise(
        name="fusion.bilinear",
        task="Sum the outer products of two vectors, spatial (b d h w), temporal (b e h w), over places: b (d e).",
        reference=bilinear,
        draw=_draw_streams,
        wanted=Wanted(axes="b (d·e)", dtype="same"),
        hints=(
            "At one place: a vector of d numbers and one of e. How many products of one of each are there?",
            "Both maps have b, h and w. Which of them is still there in the answer? `einsum` sums over the others.",
        ),
        mistakes=(
            Mistake(
                "places are averaged: their sum is wanted", lambda s, t: bilinear(s, t) / (s.shape[2] * s.shape[3])
            ),
            Mistake("it is divided by the number of rows: a sum is wanted", lambda s, t: bilinear(s, t) / s.shape[2]),
            Mistake(
                "it is divided by the number of columns: a sum is wanted", lambda s, t: bilinear(s, t) / s.shape[3]
            ),
            Mistake(
                "it is divided by the root of the number of places: a sum is wanted",
                lambda s, t: bilinear(s, t) / (s.shape[2] * s.shape[3]) ** 0.5,
            ),
            Mistake(
                "the two streams have changed places in the pairs: the spatial map's number comes first",
                lambda s, t: bilinear(t, s),
            ),
            Mistake(
                "each map is summed over the places before the two are multiplied: what was at one place is forgotten",
                lambda s, t: _pooled(s, t, "sum"),
            ),
            Mistake(
                "each map is averaged over the places before the two are multiplied: what was at one place is "
                "forgotten",
                lambda s, t: _pooled(s, t, "mean"),
            ),
            Mistake(
                "of each map the largest number is taken before the two are multiplied, wherever it was",
                lambda s, t: _pooled(s, t, "max"),
            ),
            Mistake(
                "each row is summed before the maps are multiplied: places of one row are mixed",
                lambda s, t: _pooled(s, t, "sum", "h"),
            ),
            Mistake(
                "each column is summed before the maps are multiplied: places of one column are mixed",
                lambda s, t: _pooled(s, t, "sum", "w"),
            ),
            Mistake(
                "of all places the largest product is taken: their sum is wanted",
                lambda s, t: _everywhere(s, t).amax((3, 4)).flatten(1),
            ),
            Mistake(
                "both maps are reshaped, not transposed: a reshape does not move axes",
                lambda s, t: _times(_misread(s), _misread(t)),
            ),
            Mistake(
                "the spatial map is reshaped, not transposed: a reshape does not move axes",
                lambda s, t: _times(_misread(s), _vectors(t)),
            ),
            Mistake(
                "the temporal map is reshaped, not transposed: a reshape does not move axes",
                lambda s, t: _times(_vectors(s), _misread(t)),
            ),
            Mistake(
                "the places of the two do not match: rows of one are taken for columns of the other",
                lambda s, t: _times(_vectors(s), _vectors(t.mT)),
            ),
            Mistake(
                "the places of the two do not match: one is read from its end",
                lambda s, t: _times(_vectors(s), _vectors(t).flip(1)),
            ),
            Mistake(
                "the pairs are not flattened: d and e are still two axes", lambda s, t: _everywhere(s, t).sum((3, 4))
            ),
            Mistake("the batch is flattened, too: each clip has a row", lambda s, t: bilinear(s, t).flatten()),
            Mistake(
                "clips are added up as well: each has a row of its own",
                lambda s, t: bilinear(s, t).sum(0, keepdim=True),
            ),
            Mistake("the batch is gone: clips are added up as well as places", lambda s, t: bilinear(s, t).sum(0)),
            Mistake("the batch is gone: clips are averaged", lambda s, t: bilinear(s, t).mean(0)),
            Mistake(
                "the places are still there: the products are to be summed over them",
                lambda s, t: _everywhere(s, t).flatten(1, 2),
            ),
            Mistake(
                "the places are still there, in one axis: the products are to be summed over them",
                lambda s, t: _everywhere(s, t).flatten(3).flatten(1, 2),
            ),
            Mistake(
                "nothing is summed: that is every product of every place", lambda s, t: _everywhere(s, t).flatten(1)
            ),
            Mistake(
                "rows are summed over, columns are still there", lambda s, t: _everywhere(s, t).sum(3).flatten(1, 2)
            ),
            Mistake(
                "columns are summed over, rows are still there", lambda s, t: _everywhere(s, t).sum(4).flatten(1, 2)
            ),
            Mistake("the summed axes are still there, one entry long", lambda s, t: bilinear(s, t)[..., None, None]),
            Mistake(
                "the spatial map is multiplied with itself: the temporal one has no part", lambda s, t: bilinear(s, s)
            ),
            Mistake(
                "the temporal map is multiplied with itself: the spatial one has no part", lambda s, t: bilinear(t, t)
            ),
            Mistake(
                "the maps are put one after the other, and multiplied with themselves: only pairs across are wanted",
                lambda s, t: bilinear(torch.cat([s, t], 1), torch.cat([s, t], 1)),
            ),
            Mistake(
                "the two are added, each with each: products are wanted",
                lambda s, t: (s[:, :, None] + t[:, None]).sum((3, 4)).flatten(1),
            ),
            Mistake(
                "of the two the larger is taken, each with each: products are wanted",
                lambda s, t: torch.maximum(s[:, :, None], t[:, None]).sum((3, 4)).flatten(1),
            ),
            Mistake(
                "the two sums stand one after the other: nothing is multiplied",
                lambda s, t: torch.cat([s, t], 1).sum((2, 3)),
            ),
            Mistake(
                "the two means stand one after the other: nothing is multiplied",
                lambda s, t: torch.cat([s, t], 1).mean((2, 3)),
            ),
            Mistake(
                "the means are taken away first: that is covariance times the number of places",
                lambda s, t: bilinear(_centred(s), _centred(t)),
            ),
            Mistake(
                "the means are taken away first, and places are averaged: that is covariance",
                lambda s, t: bilinear(_centred(s), _centred(t)) / (s.shape[2] * s.shape[3]),
            ),
            Mistake(
                "the vectors of each place are brought to length 1: their lengths should count",
                lambda s, t: bilinear(_unit(s), _unit(t)),
            ),
            Mistake(
                "each map is brought to length 1: how strong it is should count",
                lambda s, t: bilinear(_unit(s, (2, 3)), _unit(t, (2, 3))),
            ),
            Mistake(
                "signed roots are drawn, as bilinear networks often do next: the sums themselves are wanted",
                lambda s, t: _root(bilinear(s, t)),
            ),
            Mistake(
                "each clip's row is brought to length 1, as bilinear networks often do next: the sums are wanted",
                lambda s, t: _unit(bilinear(s, t)),
            ),
            Mistake(
                "signed roots are drawn, and rows brought to length 1, as many networks do next: the sums are wanted",
                lambda s, t: _unit(_root(bilinear(s, t))),
            ),
            Mistake(
                "both maps are rectified first: they should come in as they are",
                lambda s, t: bilinear(s.relu(), t.relu()),
            ),
            Mistake("the sums are rectified: they should come back as they are", lambda s, t: bilinear(s, t).relu()),
            Mistake("the sums have lost their signs", lambda s, t: bilinear(s, t).abs()),
            Mistake("a softmax is taken of each row", lambda s, t: functional.softmax(bilinear(s, t), -1)),
            Mistake("only the first place is looked at", lambda s, t: _everywhere(s, t)[..., 0, 0].flatten(1)),
            Mistake("only the last place is looked at", lambda s, t: _everywhere(s, t)[..., -1, -1].flatten(1)),
            Mistake(
                "only the place in the middle is looked at",
                lambda s, t: _everywhere(s, t)[..., s.shape[2] // 2, s.shape[3] // 2].flatten(1),
            ),
            Mistake("only the first clip is left", lambda s, t: bilinear(s[:1], t[:1])),
            Mistake(
                "all clips are multiplied with the temporal map of the first one",
                lambda s, t: bilinear(s, t[:1].expand_as(t)),
            ),
        ),
    ),
)
