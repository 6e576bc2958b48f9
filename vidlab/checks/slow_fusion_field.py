"""Exercise of lesson 07, the temporal receptive field: how many frames one output of a stack of layers sees."""

import math

import torch

from .draws import integer
from .frame import Exercise, Mistake
from .mismatch import Wanted


def sees(extents: list[int], strides: list[int]) -> int:
    frames, apart = 1, 1  # one frame sees itself; neighbours of the clip are one frame apart
    for extent, stride in zip(extents, strides, strict=True):
        frames += (extent - 1) * apart  # each further neighbour adds as many frames as lie between two of them
        apart *= stride  # that changes for later layers only
    return frames


def _draw_stacks(generator: torch.Generator) -> list[tuple]:
    """Three layers, each with extent and stride of its own; more of them, one of a single frame; and one layer alone.

    No stride is larger than its extent: no frame is left out, and to count frames or to measure a span is the same.
    """
    extents = (torch.randperm(5, generator=generator)[:3] + 3).tolist()
    strides = (torch.randperm(3, generator=generator) + 1).tolist()
    if strides[0] == 1:
        strides.reverse()  # let the first one matter
    several = [integer(generator, 2, 6) for _ in range(integer(generator, 4, 6))]
    several[integer(generator, 0, len(several))] = 1
    any_strides = [integer(generator, 1, min(extent, 3) + 1) for extent in several]
    alone = [integer(generator, 3, 8)], [integer(generator, 2, 4)]
    return [(extents, strides), (several, any_strides), alone]


def _sum(extents: list[int], steps: list[int], less: int = 1) -> int:
    """Σ (k − less) · step, layer by layer."""
    return sum((extent - less) * step for extent, step in zip(extents, steps, strict=True))


def _before(strides: list[int]) -> list[int]:
    """Π of the strides before each layer."""
    return [math.prod(strides[:i]) for i in range(len(strides))]


def _after(strides: list[int]) -> list[int]:
    """Π of the strides after each layer."""
    return [math.prod(strides[i + 1 :]) for i in range(len(strides))]


def _upto(strides: list[int]) -> list[int]:
    """Π of the strides before each layer and its own."""
    return [math.prod(strides[: i + 1]) for i in range(len(strides))]


def _back(extents: list[int], strides: list[int], overlap: int) -> int:
    """From one output back to the clip, last layer first: n neighbours are seen through (n − 1) · stride + extent."""
    frames = 1
    for extent, stride in zip(reversed(extents), reversed(strides), strict=True):
        frames = (frames - overlap) * stride + extent
    return frames


EXERCISES = (
    Exercise(
        name="slow.sees",
        task="Count the frames that one output of the last layer sees, from each layer's extent and stride in time.",
        reference=sees,
        draw=_draw_stacks,
        wanted=Wanted(kind="int", tolerance=0.0),
        hints=(
            "One layer sees as many frames as its extent. How many more does the second one add to them?",
            "Keep a second number: how many frames of the clip lie between two neighbours that a layer looks at.",
        ),
        mistakes=(
            Mistake(
                "the strides have no part in it: after a stride of 2, neighbours are two frames apart",
                lambda k, s: 1 + _sum(k, [1] * len(k)),
            ),
            Mistake("the extents are added up: neighbours see frames in common", lambda k, s: sum(k)),
            Mistake("the extents are multiplied: windows overlap", lambda k, s: math.prod(k)),
            Mistake("only the largest extent counts: each layer sees more than the one before", lambda k, s: max(k)),
            Mistake("only the first layer is counted", lambda k, s: k[0]),
            Mistake("only the last layer is counted: it does not look at frames of the clip", lambda k, s: k[-1]),
            Mistake(
                "a layer's own stride counts for it already; it moves apart what the layers after it look at",
                lambda k, s: 1 + _sum(k, _upto(s)),
            ),
            Mistake(
                "the strides after a layer count for it, as if the last layer came first",
                lambda k, s: 1 + _sum(k, _after(s)),
            ),
            Mistake(
                "a layer's own stride counts for it, and no other: it is those before it that matter",
                lambda k, s: 1 + _sum(k, s),
            ),
            Mistake(
                "only the stride right before each layer counts: those further ahead moved the frames apart, too",
                lambda k, s: 1 + _sum(k, [1, *s[:-1]]),
            ),
            Mistake("all strides count for every layer", lambda k, s: 1 + _sum(k, [math.prod(s)] * len(k))),
            Mistake(
                "the strides before a layer are added up, where steps within steps multiply",
                lambda k, s: 1 + _sum(k, [sum(s[:i]) or 1 for i in range(len(s))]),
            ),
            Mistake("it is one frame too few: what does a stack of no layers see?", lambda k, s: sees(k, s) - 1),
            Mistake("it is one frame too many", lambda k, s: sees(k, s) + 1),
            Mistake(
                "each layer adds its whole extent: one of its places is counted already",
                lambda k, s: _sum(k, _before(s), less=0),
            ),
            Mistake(
                "each layer adds its whole extent, and one frame more is counted at the start",
                lambda k, s: 1 + _sum(k, _before(s), less=0),
            ),
            Mistake("the extents come in the reverse order", lambda k, s: sees(k[::-1], s)),
            Mistake(
                "going back layer by layer, a stride takes all frames apart, not the steps between them",
                lambda k, s: _back(k, s, 0),
            ),
            Mistake("the strides come in the reverse order", lambda k, s: sees(k, s[::-1])),
            Mistake(
                "all strides are taken for 2: each layer has its own",
                lambda k, s: 1 + _sum(k, [2**i for i in range(len(k))]),
            ),
            Mistake(
                "that is how far apart neighbours of the last layer's output are, not what one of them sees",
                lambda k, s: math.prod(s),
            ),
            Mistake(
                "the last extent is multiplied by all strides before it: windows of earlier layers reach further",
                lambda k, s: k[-1] * math.prod(s[:-1]),
            ),
            Mistake("extents and strides are multiplied, all of them", lambda k, s: math.prod(k) * math.prod(s)),
            Mistake("the last layer is left out", lambda k, s: sees(k[:-1], s[:-1])),
            Mistake("the first layer is left out", lambda k, s: sees(k[1:], s[1:])),
            Mistake("that is half of it: what lies before and after the middle counts", lambda k, s: sees(k, s) // 2),
            Mistake(
                "those are the frames that two neighbouring outputs see together",
                lambda k, s: sees(k, s) + math.prod(s),
            ),
        ),
    ),
)
