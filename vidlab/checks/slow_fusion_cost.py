"""Exercise of lesson 07, what a 3D convolution costs: multiply–adds."""

import math

import torch

from .draws import film_sizes, integer
from .frame import Exercise, Mistake
from .mismatch import Wanted

Size = tuple[int, int, int]  # time, height, width


def multiply_adds(channels_in: int, channels_out: int, kernel: Size, size: Size) -> int:
    places = math.prod(n - k + 1 for n, k in zip(size, kernel, strict=True))  # where the kernel fits into the clip
    each = channels_in * math.prod(kernel)  # at each place, each weight of an output channel is multiplied once
    return places * each * channels_out


def _draw_layers(generator: torch.Generator) -> list[tuple]:
    """Colour and other channels; kernels with three different extents, and clips with three different sizes."""
    cases = []
    for channels_in in (3, integer(generator, 14, 30)):
        kernel = (torch.randperm(4, generator=generator)[:3] + 2).tolist()
        size = [n + 2 for n in film_sizes(generator)]  # two more than the largest kernel, at least
        cases.append((channels_in, integer(generator, 32, 97), tuple(kernel), tuple(size)))
    return cases


def _left(size: Size, kernel: Size) -> list[int]:
    return [n - k + 1 for n, k in zip(size, kernel, strict=True)]


def _places(size: Size, kernel: Size, more: int) -> int:
    """Places, had the clip `more` rows, columns and frames."""
    return math.prod(n + more for n in _left(size, kernel))


EXERCISES = (
    Exercise(
        name="slow.multiply_adds",
        task="Count the multiply–adds of a 3D convolution: no padding, stride 1, no bias; sizes are t, h, w.",
        reference=multiply_adds,
        draw=_draw_layers,
        wanted=Wanted(kind="int", tolerance=0.0),
        hints=(
            "At how many moments, rows and columns does the kernel fit into the clip?",
            "How many products are added up for one number of the answer? And how many numbers has the answer?",
        ),
        mistakes=(
            Mistake(
                "multiplications and additions are counted apart: a multiply–add is one",
                lambda i, o, k, n: 2 * multiply_adds(i, o, k, n),
            ),
            Mistake(
                "multiplications and additions are counted apart, and one addition less: a multiply–add is one",
                lambda i, o, k, n: math.prod(_left(n, k)) * o * (2 * i * math.prod(k) - 1),
            ),
            Mistake(
                "of each sum the first product is not counted: additions are one less, but multiply–adds are not",
                lambda i, o, k, n: math.prod(_left(n, k)) * o * (i * math.prod(k) - 1),
            ),
            Mistake(
                "the kernel is counted at every frame, row and column: without padding it fits fewer times",
                lambda i, o, k, n: i * o * math.prod(k) * math.prod(n),
            ),
            Mistake(
                "each axis of the answer is one too short", lambda i, o, k, n: i * o * math.prod(k) * _places(n, k, -1)
            ),
            Mistake(
                "each axis of the answer is one too long", lambda i, o, k, n: i * o * math.prod(k) * _places(n, k, 1)
            ),
            Mistake(
                "each axis of the answer is longer than the clip, as if the kernel could stick out of it",
                lambda i, o, k, n: i * o * math.prod(k) * math.prod(a + b - 1 for a, b in zip(n, k, strict=True)),
            ),
            Mistake(
                "the answer has as many frames as the clip: without padding, time becomes shorter as well",
                lambda i, o, k, n: i * o * math.prod(k) * n[0] * math.prod(_left(n, k)[1:]),
            ),
            Mistake(
                "the answer's pictures are as large as the clip's: without padding they become smaller",
                lambda i, o, k, n: i * o * math.prod(k) * _left(n, k)[0] * n[1] * n[2],
            ),
            Mistake(
                "the windows lie end to end: with a stride of 1 they overlap",
                lambda i, o, k, n: i * o * math.prod(k) * math.prod(a // b for a, b in zip(n, k, strict=True)),
            ),
            Mistake(
                "in time the windows lie end to end: with a stride of 1 they overlap",
                lambda i, o, k, n: i * o * math.prod(k) * (n[0] // k[0]) * math.prod(_left(n, k)[1:]),
            ),
            Mistake(
                "the answer has a single moment: the kernel slides along time, too",
                lambda i, o, k, n: i * o * math.prod(k) * math.prod(_left(n, k)[1:]),
            ),
            Mistake("the kernel's extent in time is forgotten", lambda i, o, k, n: multiply_adds(i, o, k, n) // k[0]),
            Mistake(
                "only the kernel's extent in time is counted: it has rows and columns",
                lambda i, o, k, n: multiply_adds(i, o, k, n) // (k[1] * k[2]),
            ),
            Mistake(
                "one of the kernel's sides is forgotten: height and width are two numbers",
                lambda i, o, k, n: multiply_adds(i, o, k, n) // k[2],
            ),
            Mistake(
                "the kernel is taken for a cube, all sides as long as its time",
                lambda i, o, k, n: i * o * k[0] ** 3 * math.prod(_left(n, k)),
            ),
            Mistake(
                "the kernel's extents are added: it is a block",
                lambda i, o, k, n: i * o * sum(k) * math.prod(_left(n, k)),
            ),
            Mistake(
                "the kernel's extents are read as height, width, time",
                lambda i, o, k, n: multiply_adds(i, o, (k[2], k[0], k[1]), n),
            ),
            Mistake("the kernel's extents are read last one first", lambda i, o, k, n: multiply_adds(i, o, k[::-1], n)),
            Mistake(
                "the input channels are forgotten: each output channel looks at all of them",
                lambda i, o, k, n: multiply_adds(1, o, k, n),
            ),
            Mistake(
                "the output channels are forgotten: that is one of them", lambda i, o, k, n: multiply_adds(i, 1, k, n)
            ),
            Mistake("both numbers of channels are forgotten", lambda i, o, k, n: multiply_adds(1, 1, k, n)),
            Mistake(
                "the channels are added: every output channel looks at every input channel",
                lambda i, o, k, n: multiply_adds(1, i + o, k, n),
            ),
            Mistake(
                "input channels are taken to be three; `channels_in` says how many there are",
                lambda i, o, k, n: multiply_adds(3, o, k, n),
            ),
            Mistake(
                "a bias is counted at each place",
                lambda i, o, k, n: math.prod(_left(n, k)) * o * (i * math.prod(k) + 1),
            ),
            Mistake("a bias is counted for each output channel", lambda i, o, k, n: multiply_adds(i, o, k, n) + o),
            Mistake("those are the weights: each of them is used many times", lambda i, o, k, n: i * o * math.prod(k)),
            Mistake(
                "those are the numbers of the answer: each of them is a sum of products",
                lambda i, o, k, n: o * math.prod(_left(n, k)),
            ),
            Mistake(
                "products for one number and numbers of the answer are added; each number takes all these products",
                lambda i, o, k, n: i * math.prod(k) + o * math.prod(_left(n, k)),
            ),
            Mistake(
                "the sizes of the answer are added: how many places has a block?",
                lambda i, o, k, n: i * o * math.prod(k) * sum(_left(n, k)),
            ),
            Mistake(
                "that is a kernel of one frame, which slides over all frames",
                lambda i, o, k, n: multiply_adds(i, o, (1, *k[1:]), n),
            ),
            Mistake(
                "that is taken apart: a convolution over space and one over time",
                lambda i, o, k, n: math.prod(_left(n, k)) * i * o * (k[0] + k[1] * k[2]),
            ),
        ),
    ),
)
