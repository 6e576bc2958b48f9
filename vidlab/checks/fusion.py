"""Exercises of lesson 12, convolutional fusion: two maps made one, what each way of it costs, and what it cannot do."""

from collections.abc import Callable

import torch
from einops import reduce
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from . import fusion_as_sum, fusion_bilinear, fusion_ceiling, fusion_parameters
from .draws import film_sizes
from .frame import Exercise, Mistake
from .mismatch import Wanted

Maps = Float[Tensor, "b d h w"]


def gated(spatial: Maps, temporal: Maps, gate: Maps) -> Maps:
    share = gate.sigmoid()  # at 1 only the spatial map is seen here, at 0 only the temporal one
    return share * spatial + (1 - share) * temporal


def _draw_maps(generator: torch.Generator) -> list[tuple]:
    """Gates half open; and gates of numbers in the hundreds, of which no float can hold the exponential."""
    cases = []
    for factor in (1.5, 500.0):
        spatial, temporal, gate = torch.randn(3, *film_sizes(generator, 4), generator=generator, dtype=torch.float64)
        cases.append((spatial, temporal, factor * gate))
    return cases


def _opened(s: Tensor, t: Tensor, gate: Tensor, how: Callable = torch.sigmoid) -> Tensor:
    """The gate is opened by another function, or is another one."""
    return how(gate) * s + (1 - how(gate)) * t


def _mixed(s: Tensor, t: Tensor, gate: Tensor, of_s: Callable, of_t: Callable) -> Tensor:
    """The weights of the two maps are other functions of the gate's share."""
    return of_s(gate.sigmoid()) * s + of_t(gate.sigmoid()) * t


def _over(axes: str) -> Callable:
    """The gate is averaged along all axes but these, before it is opened."""
    return lambda gate: reduce(gate, f"b d h w -> {axes}", "mean").sigmoid()


def _same(share: Tensor) -> Tensor:
    return share


def _left(share: Tensor) -> Tensor:
    return 1 - share


EXERCISES = (
    Exercise(
        name="fusion.gated",
        task="Mix two maps by a gate (all b d h w; its numbers are before the sigmoid): open lets the spatial one in.",
        reference=gated,
        draw=_draw_maps,
        wanted=Wanted(axes="b d h w", dtype="same"),
        hints=(
            "`gate` holds numbers of either sign and any size: what makes shares between 0 and 1 of them?",
            "Each number is a mean of the two maps, with weights that sum to 1. Which map has what the gate leaves?",
        ),
        mistakes=(
            Mistake(
                "the maps have changed places: an open gate should let the spatial one in",
                lambda s, t, g: _opened(t, s, g),
            ),
            Mistake(
                "the gate is taken as it is: its numbers may be negative, or in the hundreds; shares are wanted",
                lambda s, t, g: _opened(s, t, g, torch.clone),
            ),
            Mistake(
                "the gate goes through tanh: a share below 0 would turn signs",
                lambda s, t, g: _opened(s, t, g, torch.tanh),
            ),
            Mistake(
                "the gate is rectified: it may still be larger than 1", lambda s, t, g: _opened(s, t, g, torch.relu)
            ),
            Mistake(
                "the gate is cut off at 0 and 1: one that is shut so can learn nothing",
                lambda s, t, g: _opened(s, t, g, lambda a: a.clamp(0, 1)),
            ),
            Mistake(
                "the gate is a hard sigmoid, of straight pieces",
                lambda s, t, g: _opened(s, t, g, functional.hardsigmoid),
            ),
            Mistake(
                "the gate is either open or shut: it should be able to stand between, and to learn",
                lambda s, t, g: _opened(s, t, g, lambda a: (a > 0).to(a.dtype)),
            ),
            Mistake(
                "the sigmoid is taken twice: then no gate is ever shut",
                lambda s, t, g: _opened(s, t, g.sigmoid()),
            ),
            Mistake(
                "a softmax over the maps: they compete with each other; each has a gate of its own",
                lambda s, t, g: _opened(s, t, g, lambda a: a.softmax(1)),
            ),
            Mistake(
                "a softmax over the batch: clips compete that have nothing to do with each other",
                lambda s, t, g: _opened(s, t, g, lambda a: a.softmax(0)),
            ),
            Mistake(
                "a softmax over all places: they compete with each other; each has a gate of its own",
                lambda s, t, g: _opened(s, t, g, lambda a: a.flatten(2).softmax(2).reshape(a.shape)),
            ),
            Mistake(
                "what is left for the temporal map is reckoned before the sigmoid: it is known only after it",
                lambda s, t, g: g.sigmoid() * s + (1 - g).sigmoid() * t,
            ),
            Mistake(
                "what is left for the temporal map is reckoned from the raw number, not from the share",
                lambda s, t, g: g.sigmoid() * s + (1 - g) * t,
            ),
            Mistake(
                "the spatial map is weighted by the raw number, not by the share",
                lambda s, t, g: g * s + (1 - g.sigmoid()) * t,
            ),
            Mistake(
                "the temporal map is not gated: where the gate is open, both are seen",
                lambda s, t, g: _mixed(s, t, g, _same, torch.ones_like),
            ),
            Mistake(
                "the spatial map is not gated: where the gate is shut, both are seen",
                lambda s, t, g: _mixed(s, t, g, torch.ones_like, _left),
            ),
            Mistake(
                "the spatial map is not gated, and the temporal one comes in where the gate is open",
                lambda s, t, g: _mixed(s, t, g, torch.ones_like, _same),
            ),
            Mistake(
                "both maps come in where the gate is open: where it is shut, nothing is left",
                lambda s, t, g: _mixed(s, t, g, _same, _same),
            ),
            Mistake(
                "both maps come in where the gate is shut: where it is open, nothing is left",
                lambda s, t, g: _mixed(s, t, g, _left, _left),
            ),
            Mistake(
                "the temporal map has no part: that is the gated spatial one",
                lambda s, t, g: _mixed(s, t, g, _same, torch.zeros_like),
            ),
            Mistake(
                "the spatial map has no part: that is the gated temporal one",
                lambda s, t, g: _mixed(s, t, g, torch.zeros_like, _left),
            ),
            Mistake(
                "the temporal map is taken away, not added", lambda s, t, g: _mixed(s, t, g, _same, lambda a: a - 1)
            ),
            Mistake(
                "the gated maps are multiplied: one that is shut out would take the other with it",
                lambda s, t, g: g.sigmoid() * s * (1 - g.sigmoid()) * t,
            ),
            Mistake(
                "of the two gated maps the larger number is taken: they should be added",
                lambda s, t, g: torch.maximum(g.sigmoid() * s, (1 - g.sigmoid()) * t),
            ),
            Mistake(
                "the gated maps stand one after the other: twice as many come out as should",
                lambda s, t, g: torch.cat([g.sigmoid() * s, (1 - g.sigmoid()) * t], 1),
            ),
            Mistake(
                "the weights are squared: they no longer sum to 1",
                lambda s, t, g: _mixed(s, t, g, torch.square, lambda a: (1 - a) ** 2),
            ),
            Mistake(
                "it is halved: the weights sum to 1 already",
                lambda s, t, g: gated(s, t, g) / 2,
            ),
            Mistake(
                "the result goes through a sigmoid: it is the gate that should",
                lambda s, t, g: _opened(s, t, g, torch.clone).sigmoid(),
            ),
            Mistake("the mixture goes through a sigmoid as well", lambda s, t, g: gated(s, t, g).sigmoid()),
            Mistake("the mixture is rectified: it should come back as it is", lambda s, t, g: gated(s, t, g).relu()),
            Mistake(
                "the maps go through tanh first: they should come in as they are",
                lambda s, t, g: gated(s.tanh(), t.tanh(), g),
            ),
            Mistake(
                "the gate is made of the spatial map itself: `gate` has no say",
                lambda s, t, g: gated(s, t, s),
            ),
            Mistake("the gate is made of the temporal map: `gate` has no say", lambda s, t, g: gated(s, t, t)),
            Mistake(
                "the spatial map is added once more: that is the mixture and a way round it",
                lambda s, t, g: gated(s, t, g) + s,
            ),
            Mistake("the gate has no part: that is the sum", lambda s, t, g: s + t),
            Mistake("the gate has no part: that is the mean", lambda s, t, g: (s + t) / 2),
            Mistake("the gate has no part: that is the larger of the two", lambda s, t, g: torch.maximum(s, t)),
            Mistake("the gate has no part: that is the product", lambda s, t, g: s * t),
            Mistake("the spatial map comes back as it went in", lambda s, t, g: s.clone()),
            Mistake("the temporal map comes back as it went in", lambda s, t, g: t.clone()),
            Mistake("that is the gate: what does it let in?", lambda s, t, g: g.sigmoid()),
            Mistake(
                "each map has one gate for all places: it should open here and be shut there",
                lambda s, t, g: _opened(s, t, g, _over("b d 1 1")),
            ),
            Mistake(
                "each place has one gate for all maps: each of them has its own",
                lambda s, t, g: _opened(s, t, g, _over("b 1 h w")),
            ),
            Mistake(
                "each clip has one gate: every map has its own, at every place",
                lambda s, t, g: _opened(s, t, g, _over("b 1 1 1")),
            ),
            Mistake(
                "the gates of all clips are averaged: each has its own",
                lambda s, t, g: _opened(s, t, g, _over("1 d h w")),
            ),
            Mistake("the first map's gate is taken for all maps", lambda s, t, g: _opened(s, t, g[:, :1].expand_as(g))),
            Mistake("the first clip's gates are taken for all clips", lambda s, t, g: _opened(s, t, g[:1])),
            Mistake("the mixture is averaged over the places", lambda s, t, g: gated(s, t, g).mean((2, 3))),
            Mistake("the maps of the mixture are added up into one", lambda s, t, g: gated(s, t, g).sum(1)),
        ),
    ),
    *fusion_bilinear.EXERCISES,
    *fusion_as_sum.EXERCISES,
    *fusion_ceiling.EXERCISES,
    *fusion_parameters.EXERCISES,
)
