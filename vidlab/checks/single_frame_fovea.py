"""Exercise of lesson 05, fovea and context: half as many pixels, as two pictures of half the size."""

import torch
from einops import rearrange, reduce
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import avg_pool2d, max_pool2d

from .draws import film_sizes
from .frame import Exercise, Mistake
from .mismatch import Wanted

Half = Float[Tensor, "b c h/2 w/2"]


def fovea_and_context(images: Float[Tensor, "b c h w"]) -> tuple[Half, Half]:
    h, w = images.shape[2:]
    fovea = images[..., h // 4 : h - h // 4, w // 4 : w - w // 4]  # a quarter is cut away on each side
    context = reduce(images, "b c (h i) (w j) -> b c h w", "mean", i=2, j=2)  # one pixel of each square of 2 × 2
    return fovea, context


def _draw_images(generator: torch.Generator) -> list[tuple]:
    """Heights and widths that can be cut into four; nothing else is as long as a half of them."""
    b = film_sizes(generator, 1, odd=True)[0]
    h, w = (8 + 4 * torch.randperm(5, generator=generator)[:2]).tolist()  # 8 to 24
    return [(torch.rand(b, 3, h, w, generator=generator, dtype=torch.float64),)]


def _crop(images: Tensor, down: int = 0, right: int = 0) -> Tensor:
    """The middle, or as many pixels away from it."""
    h, w = images.shape[2:]
    return images[..., h // 4 + down :, w // 4 + right :][..., : h // 2, : w // 2]


def _context(images: Tensor) -> Tensor:
    return avg_pool2d(images, 2)


EXERCISES = (
    Exercise(
        name="frames.fovea_and_context",
        task="Give (fovea, context), each b c h/2 w/2, of images b c h w: the middle, and the means of 2 × 2 pixels.",
        reference=fovea_and_context,
        draw=_draw_images,
        wanted=Wanted(dtype="same", low=0, high=1, parts=(("fovea", "b c h w"), ("context", "b c h w"))),
        hints=(
            "The fovea is a slice. How much must be cut away at the top, and how much at the bottom?",
            "For the context, name the two pixels of a pair: write h as (h i) and w as (w j), and let i and j go.",
        ),
        mistakes=(
            Mistake("fovea and context are exchanged: the fovea comes first", lambda x: (_context(x), _crop(x))),
            Mistake(
                "the fovea is the upper left corner of the image, not its middle",
                lambda x: (x[..., : x.shape[2] // 2, : x.shape[3] // 2], _context(x)),
            ),
            Mistake(
                "the fovea starts in the middle of the image; the middle should be its own middle",
                lambda x: (x[..., x.shape[2] // 2 :, x.shape[3] // 2 :], _context(x)),
            ),
            Mistake("the fovea is one pixel too far down and to the right", lambda x: (_crop(x, 1, 1), _context(x))),
            Mistake("the fovea is one pixel too far up and to the left", lambda x: (_crop(x, -1, -1), _context(x))),
            Mistake("the fovea is one pixel too far down", lambda x: (_crop(x, 1, 0), _context(x))),
            Mistake("the fovea is one pixel too far to the right", lambda x: (_crop(x, 0, 1), _context(x))),
            Mistake(
                "the fovea has no end: at the bottom and on the right nothing is cut away",
                lambda x: (x[..., x.shape[2] // 4 :, x.shape[3] // 4 :], _context(x)),
            ),
            Mistake(
                "the fovea is too small, a quarter of height and width: half of each is wanted",
                lambda x: (_crop(_crop(x)), _context(x)),
            ),
            Mistake(
                "the fovea is made smaller, as the context is; it keeps every pixel of the middle",
                lambda x: (_context(_crop(x)), _context(x)),
            ),
            Mistake(
                "the fovea is as small as the whole image made smaller: both are the context",
                lambda x: (_context(x), _context(x)),
            ),
            Mistake("the context sees only the middle: both are the fovea", lambda x: (_crop(x), _crop(x).clone())),
            Mistake(
                "the context is made of the fovea; it should show the whole image",
                lambda x: (_crop(x), _context(_crop(x))),
            ),
            Mistake("the context is still as large as the image", lambda x: (_crop(x), x.clone())),
            Mistake(
                "the context is too small: means of 4 × 4 pixels",
                lambda x: (_crop(x), _context(_context(x))),
            ),
            Mistake(
                "the context takes every second pixel and drops the others: fine patterns turn into coarse ones",
                lambda x: (_crop(x), x[..., ::2, ::2]),
            ),
            Mistake(
                "the context takes every second pixel, from the second one on, and drops the others",
                lambda x: (_crop(x), x[..., 1::2, 1::2]),
            ),
            Mistake(
                "the context adds four pixels; their mean stays within 0 and 1", lambda x: (_crop(x), 4 * _context(x))
            ),
            Mistake(
                "the context adds four pixels and divides by two; the mean of four is wanted",
                lambda x: (_crop(x), 2 * _context(x)),
            ),
            Mistake("the context takes the largest of four pixels", lambda x: (_crop(x), max_pool2d(x, 2))),
            Mistake("the context takes the smallest of four pixels", lambda x: (_crop(x), -max_pool2d(-x, 2))),
            Mistake(
                "the context lays the four quarters of the image upon each other: which factor comes first in (h i)?",
                lambda x: (_crop(x), reduce(x, "b c (i h) (j w) -> b c h w", "mean", i=2, j=2)),
            ),
            Mistake(
                "the squares of the context overlap: the next one starts two pixels further",
                lambda x: (_crop(x), avg_pool2d(x, 2, stride=1)),
            ),
            Mistake(
                "the context averages pairs above each other, but drops every second column",
                lambda x: (_crop(x), reduce(x[..., ::2], "b c (h i) w -> b c h w", "mean", i=2)),
            ),
            Mistake(
                "the context averages pairs in a row, but drops every second row",
                lambda x: (_crop(x), reduce(x[..., ::2, :], "b c h (w j) -> b c h w", "mean", j=2)),
            ),
            Mistake(
                "the context averages four pixels in a row, by cutting axes anew; a square has two rows",
                lambda x: (_crop(x), x.reshape(*x.shape[:2], x.shape[2] // 2, x.shape[3] // 2, 4).mean(-1)),
            ),
            Mistake(
                "the context is grey: its colours are averaged as well",
                lambda x: (_crop(x), reduce(_context(x), "b c h w -> b 1 h w", "mean")),
            ),
            Mistake(
                "both lie on their side: height and width have changed places", lambda x: (_crop(x).mT, _context(x).mT)
            ),
            Mistake("the fovea lies on its side", lambda x: (_crop(x).mT, _context(x))),
            Mistake("the context lies on its side", lambda x: (_crop(x), _context(x).mT)),
            Mistake(
                "colours come last in both: a network for images wants them before height and width",
                lambda x: tuple(rearrange(one, "b c h w -> b h w c") for one in (_crop(x), _context(x))),
            ),
        ),
    ),
)
