"""Exercise of lesson 07, (2+1)D: how many channels between space and time cost as much as the 3D layer."""

import math

import torch

from .frame import Exercise, Mistake
from .mismatch import Wanted


def middle_channels(channels_in: int, channels_out: int, t: int, d: int) -> int:
    whole = t * d**2 * channels_in * channels_out  # weights of the 3D layer
    for_each = d**2 * channels_in + t * channels_out  # what one channel in the middle costs, before it and after it
    return whole // for_each  # as many as can be paid for


def _draw_layers(generator: torch.Generator) -> list[tuple]:
    """What is left over is less than half a channel, more than half of one, or nothing at all."""
    many = 4000  # of which the first that fit are taken
    t, d = torch.randint(2, 8, (2, many), generator=generator)
    i, o = torch.randint(8, 97, (2, many), generator=generator)
    each = d**2 * i + t * o
    left = t * d**2 * i * o % each / each
    different = (t != d) & ((i < 0.7 * o) | (o < 0.7 * i))
    cases = []
    for low, high in ((0.05, 0.45), (0.55, 0.95), (0.0, 0.0)):
        first = (different & (low <= left) & (left <= high)).nonzero()[0, 0]
        cases.append(tuple(int(size[first]) for size in (i, o, t, d)))
    return cases


def _exact(i: int, o: int, t: int, d: int) -> float:
    """Before it is made a whole number."""
    return t * d**2 * i * o / (d**2 * i + t * o)


EXERCISES = (
    Exercise(
        name="slow.middle_channels",
        task="Give M, the channels between 1 × d × d and t × 1 × 1, for as many weights as t × d × d, or few less.",
        reference=middle_channels,
        draw=_draw_layers,
        wanted=Wanted(kind="int", tolerance=0.0),
        hints=(
            "How many weights has the 3D layer? And the two layers that take its place, if M is known?",
            "Solve for M. It counts channels, and both layers together should not have more weights than the one.",
        ),
        mistakes=(
            Mistake(
                "it is rounded up: then there are more weights than in the 3D layer",
                lambda i, o, t, d: math.ceil(_exact(i, o, t, d)),
            ),
            Mistake(
                "it is rounded to the nearest number: that may be more weights than in the 3D layer",
                lambda i, o, t, d: round(_exact(i, o, t, d)),
            ),
            Mistake("it is not rounded: channels come whole", _exact),
            Mistake("one is added to what is rounded down", lambda i, o, t, d: int(_exact(i, o, t, d)) + 1),
            Mistake("it is one channel too few", lambda i, o, t, d: int(_exact(i, o, t, d)) - 1),
            Mistake("t and d have changed places", lambda i, o, t, d: middle_channels(i, o, d, t)),
            Mistake(
                "t and d have changed places where the cost of one channel is counted",
                lambda i, o, t, d: t * d**2 * i * o // (t**2 * i + d * o),
            ),
            Mistake(
                "d is not squared: a kernel has a height and a width",
                lambda i, o, t, d: t * d * i * o // (d * i + t * o),
            ),
            Mistake(
                "d is not squared where the 3D layer is counted",
                lambda i, o, t, d: t * d * i * o // (d**2 * i + t * o),
            ),
            Mistake(
                "d is not squared where the cost of one channel is counted",
                lambda i, o, t, d: t * d**2 * i * o // (d * i + t * o),
            ),
            Mistake("d is doubled in place of squared", lambda i, o, t, d: 2 * t * d * i * o // (2 * d * i + t * o)),
            Mistake(
                "the 3D layer is counted without its extent in time",
                lambda i, o, t, d: d**2 * i * o // (d**2 * i + t * o),
            ),
            Mistake(
                "the 3D layer is counted without its rows and columns",
                lambda i, o, t, d: t * i * o // (d**2 * i + t * o),
            ),
            Mistake(
                "the 3D layer is taken for a cube of side d", lambda i, o, t, d: d**3 * i * o // (d**2 * i + t * o)
            ),
            Mistake(
                "input and output channels have changed places: which of them does the layer over space see?",
                lambda i, o, t, d: middle_channels(o, i, t, d),
            ),
            Mistake(
                "the layer over time is counted without its extent",
                lambda i, o, t, d: t * d**2 * i * o // (d**2 * i + o),
            ),
            Mistake(
                "the layer over space is counted without its rows and columns",
                lambda i, o, t, d: t * d**2 * i * o // (i + t * o),
            ),
            Mistake(
                "the layer over time is forgotten: all is spent on space",
                lambda i, o, t, d: t * d**2 * i * o // (d**2 * i),
            ),
            Mistake(
                "the layer over space is forgotten: all is spent on time",
                lambda i, o, t, d: t * d**2 * i * o // (t * o),
            ),
            Mistake(
                "both layers are counted with the input channels",
                lambda i, o, t, d: t * d**2 * i * o // ((d**2 + t) * i),
            ),
            Mistake(
                "both layers are counted with the output channels",
                lambda i, o, t, d: t * d**2 * i * o // ((d**2 + t) * o),
            ),
            Mistake(
                "both layers are counted with all channels, those that go in and those that come out",
                lambda i, o, t, d: t * d**2 * i * o // ((d**2 + t) * (i + o)),
            ),
            Mistake(
                "the costs before and after a channel are multiplied: it has these weights and those",
                lambda i, o, t, d: t * d**2 * i * o // (d**2 * i * t * o),
            ),
            Mistake(
                "the layer over time is paid first: it costs M, too",
                lambda i, o, t, d: (t * d**2 * i * o - t * o) // (d**2 * i),
            ),
            Mistake("those are the weights of the 3D layer", lambda i, o, t, d: t * d**2 * i * o),
            Mistake("that is what one channel costs", lambda i, o, t, d: d**2 * i + t * o),
            Mistake(
                "it is rounded down too early, and multiplied afterwards: M becomes smaller",
                lambda i, o, t, d: t * d**2 * (i * o // (d**2 * i + t * o)),
            ),
            Mistake("as many as come out", lambda i, o, t, d: o),
            Mistake("as many as come in", lambda i, o, t, d: i),
            Mistake("the mean of what comes in and goes out", lambda i, o, t, d: (i + o) // 2),
            Mistake(
                "biases are counted, one for each channel in the middle",
                lambda i, o, t, d: t * d**2 * i * o // (d**2 * i + t * o + 1),
            ),
        ),
    ),
)
