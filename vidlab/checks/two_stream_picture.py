"""Exercise of lesson 11, flow that is stored as a picture: bytes, of which the middle one means no motion."""

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from .draws import integer
from .frame import Exercise, Mistake
from .mismatch import Wanted


def as_picture(flow: Float[Tensor, "b l 2 h w"], reach: float) -> UInt8[Tensor, "b l 2 h w"]:
    grey = (0.5 + flow / (2 * reach)).clamp(0, 1)  # no motion is the middle; whatever is faster is cut off
    return (255 * grey + 0.5).floor().to(torch.uint8)  # a half more before the fraction goes: that rounds


# With these reaches rest is 127.5 in whatever order it is calculated, and no whole number of pixels is near a half.
REACHES = ((1.6, 2.0, 3.2, 3.3), (6.4, 6.6, 7.1, 8.0, 9.5))


def _draw_flow(generator: torch.Generator) -> list[tuple]:
    """Slower and faster than the reach, and some at rest; else never near a half, where floats decide how to round."""
    cases = []
    for reaches in REACHES:
        reach = reaches[integer(generator, 0, len(reaches))]
        b, moments, h, w = (3 + torch.randperm(6, generator=generator)[:4]).tolist()  # never 2
        level = torch.randint(-90, 346, (b, moments, 2, h, w), generator=generator)
        rest = torch.rand(level.shape, generator=generator) < 0.1
        fraction = 0.8 * torch.rand(level.shape, generator=generator, dtype=torch.float64) - 0.4
        cases.append((((level + fraction) / 127.5 - 1).mul(reach).masked_fill(rest, 0), reach))
    return cases


def _grey(flow: Tensor, reach: float) -> Tensor:
    """From 0 to 1 within the reach, and not yet cut off."""
    return 0.5 + flow / (2 * reach)


def _bytes(grey: Tensor, most: float = 255) -> Tensor:
    """All is right from here on."""
    return (most * grey.clamp(0, 1) + 0.5).floor().to(torch.uint8)


def _wrapped(whole: Tensor) -> Tensor:
    """What bytes make of other whole numbers: they begin anew at 256."""
    return whole.long().to(torch.uint8)


def _stretched(flow: Tensor, axes: tuple[int, ...]) -> Tensor:
    """From the smallest to the largest value along these axes."""
    low, high = flow.amin(axes, keepdim=True), flow.amax(axes, keepdim=True)
    return (flow - low) / (high - low)


def _without(flow: Tensor, reach: float, value: int) -> Tensor:
    """What is faster than the reach gets this byte."""
    return _bytes(_grey(flow, reach)).masked_fill(flow.abs() > reach, value)


EXERCISES = (
    Exercise(
        name="two_stream.as_picture",
        task="Store flow in bytes: −reach is 0, reach 255, even steps, faster cut off, halves rounded up: rest is 128.",
        reference=as_picture,
        draw=_draw_flow,
        wanted=Wanted(axes="b l d h w", dtype=torch.uint8, tolerance=0.0),
        hints=(
            "First a grey: −reach is black (0), reach is white (1), rest halfway. What do you divide by, and add?",
            "Cut off before you go to bytes, and round: a cast to uint8 drops the fraction, and rest would not be 128.",
        ),
        mistakes=(
            Mistake(
                "the fraction is dropped: bytes do that when they are cast, so that rest becomes 127",
                lambda x, r: (255 * _grey(x, r).clamp(0, 1)).to(torch.uint8),
            ),
            Mistake(
                "it is rounded up, whatever the fraction", lambda x, r: (255 * _grey(x, r).clamp(0, 1)).ceil().byte()
            ),
            Mistake(
                "a half is rounded down: rest, which lies between two bytes, becomes 127",
                lambda x, r: (255 * _grey(x, r).clamp(0, 1) - 0.5).ceil().byte(),
            ),
            Mistake(
                "nothing is cut off: what is faster than the reach begins anew at the other end",
                lambda x, r: _wrapped((255 * _grey(x, r) + 0.5).floor()),
            ),
            Mistake(
                "nothing is cut off, and fractions are dropped: what is faster than the reach begins anew",
                lambda x, r: _wrapped((255 * _grey(x, r)).trunc()),
            ),
            Mistake(
                "only the fast ones below are cut off; above, bytes begin anew",
                lambda x, r: _wrapped((255 * _grey(x, r).clamp(min=0) + 0.5).floor()),
            ),
            Mistake(
                "only the fast ones above are cut off; below 0, bytes begin anew",
                lambda x, r: _wrapped((255 * _grey(x, r).clamp(max=1) + 0.5).floor()),
            ),
            Mistake(
                "it is cut off at 0 and 1 when it is bytes already: these go to 255",
                lambda x, r: (255 * _grey(x, r)).clamp(0, 1).round().byte(),
            ),
            Mistake(
                "the flow itself is cut off at 0 and 1: what is fast is more than that, and half goes the other way",
                lambda x, r: _bytes(_grey(x.clamp(0, 1), r)),
            ),
            Mistake(
                "the flow itself is cut off at −1 and 1 px: it may go as far as the reach",
                lambda x, r: _bytes(_grey(x.clamp(-1, 1), r)),
            ),
            Mistake("what is faster than the reach is stored as rest", lambda x, r: _without(x, r, 128)),
            Mistake(
                "what is faster than the reach is stored as 0, whichever way it goes", lambda x, r: _without(x, r, 0)
            ),
            Mistake(
                "what is faster than the reach is stored as 255, whichever way it goes",
                lambda x, r: _without(x, r, 255),
            ),
            Mistake(
                "rest is 0, and half of the motion is lost: the middle should be rest", lambda x, r: _bytes(x / (2 * r))
            ),
            Mistake(
                "rest is 0, and all that goes left or up is lost: the middle should be rest", lambda x, r: _bytes(x / r)
            ),
            Mistake(
                "the bytes are spread over half the reach: from −reach to reach it is twice as far",
                lambda x, r: _bytes(0.5 + x / r),
            ),
            Mistake("the bytes are spread over twice the reach", lambda x, r: _bytes(0.5 + x / (4 * r))),
            Mistake("the reach has no part in it: it divides the flow", lambda x, r: _bytes(0.5 + x / 2)),
            Mistake(
                "the reach has no part in it, and flow is taken as it is: nearly all is cut off",
                lambda x, r: _bytes(0.5 + x),
            ),
            Mistake("the reach is 4 px, whatever is said", lambda x, r: _bytes(_grey(x, 4))),
            Mistake("flow is multiplied by the reach", lambda x, r: _bytes(0.5 + x * 2 * r)),
            Mistake(
                "flow is divided by 2 and multiplied by the reach: without brackets `/ 2 * reach` is read so",
                lambda x, r: _bytes(0.5 + x / 2 * r),
            ),
            Mistake("the half is divided as well: where are the brackets?", lambda x, r: _bytes((0.5 + x) / (2 * r))),
            Mistake("1 px is added where the whole reach should be", lambda x, r: _bytes((x + 1) / (2 * r))),
            Mistake("rest is white: the middle should be rest", lambda x, r: _bytes(1 + x / (2 * r))),
            Mistake("the reach is squared", lambda x, r: _bytes(0.5 + x / (2 * r**2))),
            Mistake("left and right, up and down have changed places", lambda x, r: _bytes(0.5 - x / (2 * r))),
            Mistake("u and v have changed places", lambda x, r: _bytes(_grey(x.flip(2), r))),
            Mistake(
                "v points upwards: it should stay as it is",
                lambda x, r: _bytes(_grey(torch.stack((x[:, :, 0], -x[:, :, 1]), 2), r)),
            ),
            Mistake("signs are lost: left and right look the same", lambda x, r: _bytes(_grey(x.abs(), r))),
            Mistake("signs are lost, and rest is 0", lambda x, r: _bytes(x.abs() / r)),
            Mistake("speeds are stored, with the signs lost", lambda x, r: _bytes(x.norm(dim=2) / r)),
            Mistake(
                "multiplied by 256: that is one more than the largest byte",
                lambda x, r: (256 * _grey(x, r).clamp(0, 1) + 0.5).floor().clamp(max=255),
            ),
            Mistake(
                "multiplied by 256, and fractions are dropped: steps of equal width are another rule",
                lambda x, r: (256 * _grey(x, r).clamp(0, 1)).floor().clamp(max=255),
            ),
            Mistake(
                "multiplied by 256: the largest value becomes 256, and so the byte 0",
                lambda x, r: _wrapped((256 * _grey(x, r).clamp(0, 1) + 0.5).floor()),
            ),
            Mistake(
                "127 steps on either side of 127: the brightest byte is 255", lambda x, r: _bytes(_grey(x, r), 254)
            ),
            Mistake(
                "127 steps on either side of 128: the lowest byte is 0",
                lambda x, r: (128.5 + 127 * (x / r).clamp(-1, 1)).floor(),
            ),
            Mistake(
                "bytes would have a sign: they run from −128 to 127 around 0",
                lambda x, r: (127.5 * (x / r).clamp(-1, 1)).round(),
            ),
            Mistake("those are 0 and 1 only: bytes go to 255", lambda x, r: _grey(x, r).clamp(0, 1).round().byte()),
            Mistake(
                "greys from 0 to 1 are cast to bytes as they are: nearly all become 0",
                lambda x, r: _grey(x, r).clamp(0, 1).byte(),
            ),
            Mistake(
                "it is rounded before it is multiplied: only black and white are left",
                lambda x, r: 255 * _grey(x, r).clamp(0, 1).round(),
            ),
            Mistake("those are greys from 0 to 1: bytes go to 255", lambda x, r: _grey(x, r).clamp(0, 1)),
            Mistake(
                "flow is rounded to whole pixels first: fractions of a pixel count",
                lambda x, r: _bytes(_grey(x.round(), r)),
            ),
            Mistake(
                "each field is stretched from its smallest to its largest value: rest is no longer 128",
                lambda x, r: _bytes(_stretched(x, (2, 3, 4))),
            ),
            Mistake(
                "u and v of each field are stretched from smallest to largest: rest is no longer 128",
                lambda x, r: _bytes(_stretched(x, (3, 4))),
            ),
            Mistake(
                "all is stretched from its smallest to its largest value: the reach has no part in it",
                lambda x, r: _bytes(_stretched(x, (0, 1, 2, 3, 4))),
            ),
            Mistake(
                "divided by the largest speed of all: the reach has no part in it",
                lambda x, r: _bytes(0.5 + x / (2 * x.abs().max())),
            ),
            Mistake("a sigmoid bends the scale: bytes should be evenly spread", lambda x, r: _bytes((x / r).sigmoid())),
            Mistake(
                "a tanh bends the scale: bytes should be evenly spread", lambda x, r: _bytes(0.5 + (x / r).tanh() / 2)
            ),
        ),
    ),
)
