"""Exercise of lesson 04, failure: what the two eigenvalues of the structure tensor say about a place."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from .draws import film_sizes, integer
from .frame import Exercise, Mistake
from .mismatch import Wanted

Map = Float[Tensor, "h w"]


def why_it_fails(small: Map, large: Map, floor: float) -> Int64[Tensor, "h w"]:
    # Each eigenvalue above the floor settles one direction of motion; `long` first, for True + True is True in torch.
    return (small > floor).long() + (large > floor).long()


def _draw_eigenvalues(generator: torch.Generator) -> list[tuple]:
    """Pairs of two numbers, each below the floor, exactly the floor, or above it; often only a little above."""
    h, w = film_sizes(generator, 2)
    floor = integer(generator, 3, 9) / 16  # the same in any precision
    offset = torch.randint(-2, 4, (2, h, w), generator=generator).clamp(min=-1)
    within = 0.2 + 0.7 * torch.rand(2, h, w, generator=generator, dtype=torch.float64)
    pair = floor * torch.where(offset > 0, 1 + offset * within, 1 + offset.sign() * within)
    return [(pair.amin(0), pair.amax(0), floor)]


EXERCISES = (
    Exercise(
        name="estimation.why_it_fails",
        task="Say why (int64, h w): 0 where neither eigenvalue is above the floor, 1 where one is, 2 where both are.",
        reference=why_it_fails,
        draw=_draw_eigenvalues,
        wanted=Wanted(axes="h w", dtype=torch.int64, low=0, high=2, tolerance=0.0),
        hints=(
            "Count how many of the two eigenvalues are above the floor.",
            "Two comparisons, each made a whole number before they are added.",
        ),
        mistakes=(
            Mistake(
                "corners and flat places are exchanged: it counts the eigenvalues that are not above the floor",
                lambda a, b, k: 2 - why_it_fails(a, b, k),
            ),
            Mistake(
                "corners and edges are exchanged: an edge is 1",
                lambda a, b, k: torch.tensor([0, 2, 1])[why_it_fails(a, b, k)],
            ),
            Mistake(
                "edges and flat places are exchanged: an edge is 1",
                lambda a, b, k: torch.tensor([1, 0, 2])[why_it_fails(a, b, k)],
            ),
            Mistake(
                "corners are called edges: the smaller eigenvalue has no say. (True + True is True in torch)",
                lambda a, b, k: (b > k).long(),
            ),
            Mistake("edges are called corners: the smaller eigenvalue has no say", lambda a, b, k: 2 * (b > k).long()),
            Mistake("edges are called flat: the larger eigenvalue has no say", lambda a, b, k: 2 * (a > k).long()),
            Mistake(
                "edges are called flat, and corners edges: the larger eigenvalue has no say",
                lambda a, b, k: (a > k).long(),
            ),
            Mistake(
                "flat places are called edges: the larger eigenvalue has no say", lambda a, b, k: 1 + (a > k).long()
            ),
            Mistake(
                "what is exactly at the floor counts as above it", lambda a, b, k: (a >= k).long() + (b >= k).long()
            ),
            Mistake("counting starts at 1; nothing known is 0", lambda a, b, k: 1 + why_it_fails(a, b, k)),
            Mistake(
                "corners are called flat: it tells only where exactly one direction is known",
                lambda a, b, k: ((a > k) ^ (b > k)).long(),
            ),
            Mistake(
                "the sum of the eigenvalues is compared with the floor; each counts on its own",
                lambda a, b, k: (a > k).long() + (a + b > k).long(),
            ),
            Mistake(
                "the product of the eigenvalues is compared with the floor; each counts on its own",
                lambda a, b, k: (a * b > k).long() + (b > k).long(),
            ),
            Mistake(
                "the product of the eigenvalues is compared with the square of the floor; each counts on its own",
                lambda a, b, k: (a * b > k * k).long() + (b > k).long(),
            ),
        ),
    ),
)
