"""Exercise of lesson 10, what attention over a clip costs: how many tokens each tubelet is compared with."""

import torch

from .draws import integer
from .frame import Exercise, Mistake
from .mismatch import Wanted


def comparisons(moments: int, places: int) -> tuple[int, int]:
    joint = moments * places + 1  # all tubelets of the clip, and the class token
    divided = (moments + 1) + (places + 1)  # first over time, then over space; the class token is there each time
    return joint, divided


def _draw_grids(generator: torch.Generator) -> list[tuple]:
    """Few moments of many places, and many moments of few places."""
    few, many = integer(generator, 4, 13), integer(generator, 17, 65)
    return [(few, many), (integer(generator, 17, 65), integer(generator, 4, 13))]


EXERCISES = (
    Exercise(
        name="attention.comparisons",
        task="Count the tokens that a tubelet is compared with, itself and class tokens too: (joint, divided).",
        reference=comparisons,
        draw=_draw_grids,
        wanted=Wanted(kind="int", tolerance=0.0, parts=(("joint", ""), ("divided", ""))),
        hints=(
            "Joint: every tubelet sees every other at once. How many are there, and who else stands in the list?",
            "Divided: it sees its own place at all moments, then its own moment at all places. Who is there twice?",
        ),
        mistakes=(
            Mistake(
                "someone is left out both times: the class token is compared with, too, and so is the tubelet itself",
                lambda t, n: (t * n, t + n),
            ),
            Mistake(
                "both times neither the class token nor the tubelet itself is counted",
                lambda t, n: (t * n - 1, t + n - 2),
            ),
            Mistake("joint: the class token, or the tubelet itself, is left out", lambda t, n: (t * n, t + n + 2)),
            Mistake("joint: it sees the class token and itself as well", lambda t, n: (t * n - 1, t + n + 2)),
            Mistake("divided: class tokens are left out", lambda t, n: (t * n + 1, t + n)),
            Mistake(
                "divided: someone who takes part over time and over space is counted only once",
                lambda t, n: (t * n + 1, t + n + 1),
            ),
            Mistake(
                "joint: the class token, or the tubelet itself, is left out; divided: someone who is there over time "
                "and over space is counted only once",
                lambda t, n: (t * n, t + n + 1),
            ),
            Mistake("divided: one token too many is counted", lambda t, n: (t * n + 1, t + n + 3)),
            Mistake("joint: one token too many is counted; all tubelets share it", lambda t, n: (t * n + 2, t + n + 2)),
            Mistake(
                "joint: each moment has a class token of its own; there is one for the clip",
                lambda t, n: (t * (n + 1), t + n + 2),
            ),
            Mistake(
                "joint: each place has a class token of its own; there is one for the clip",
                lambda t, n: ((t + 1) * n, t + n + 2),
            ),
            Mistake(
                "joint: a class token is added to the moments and to the places before they are multiplied",
                lambda t, n: ((t + 1) * (n + 1), t + n + 2),
            ),
            Mistake(
                "divided: the two rounds are multiplied; they come one after the other",
                lambda t, n: (t * n + 1, (t + 1) * (n + 1)),
            ),
            Mistake(
                "divided: moments and places are multiplied: that is no less than joint attention",
                lambda t, n: (t * n + 1, t * n + 2),
            ),
            Mistake("divided counts as many as joint attention", lambda t, n: (t * n + 1, t * n + 1)),
            Mistake(
                "joint: moments and places are added; it sees all places at all moments",
                lambda t, n: (t + n + 1, t + n + 2),
            ),
            Mistake("joint counts as many as divided attention", lambda t, n: (t + n + 2, t + n + 2)),
            Mistake("joint and divided have changed places", lambda t, n: (t + n + 2, t * n + 1)),
            Mistake(
                "joint and divided have changed places, and class tokens are left out", lambda t, n: (t + n, t * n)
            ),
            Mistake("divided: only the round over space is counted", lambda t, n: (t * n + 1, n + 1)),
            Mistake("divided: only the round over time is counted", lambda t, n: (t * n + 1, t + 1)),
            Mistake(
                "divided: only the longer round is counted; they come one after the other",
                lambda t, n: (t * n + 1, max(t, n) + 1),
            ),
            Mistake(
                "those are all pairs: it is one tubelet that is asked about",
                lambda t, n: ((t * n + 1) ** 2, t * n * (t + n + 2)),
            ),
            Mistake(
                "those are the pairs of all tubelets: it is one that is asked about",
                lambda t, n: (t * n * (t * n + 1), t * n * (t + n + 2)),
            ),
            Mistake(
                "those are the pairs of all tubelets, without class tokens: it is one that is asked about",
                lambda t, n: ((t * n) ** 2, t * n * (t + n)),
            ),
            Mistake("joint: those are all pairs", lambda t, n: ((t * n + 1) ** 2, t + n + 2)),
            Mistake(
                "both numbers are squares: those are the sizes of the tables of weights, not of one row in them",
                lambda t, n: ((t * n + 1) ** 2, (t + 1) ** 2 + (n + 1) ** 2),
            ),
            Mistake(
                "both numbers are squares, without class tokens: one row of a table is wanted",
                lambda t, n: ((t * n) ** 2, t**2 + n**2),
            ),
            Mistake(
                "divided: the rounds' tables are counted, all rows of them",
                lambda t, n: (t * n + 1, (t + 1) ** 2 + (n + 1) ** 2),
            ),
            Mistake(
                "divided: a round over space is counted for every moment; a tubelet is in one of them",
                lambda t, n: (t * n + 1, (t + 1) + t * (n + 1)),
            ),
            Mistake(
                "divided: a round over time is counted for every place; a tubelet is in one of them",
                lambda t, n: (t * n + 1, n * (t + 1) + (n + 1)),
            ),
            Mistake(
                "divided: rounds over time and over space are counted for all places and moments",
                lambda t, n: (t * n + 1, n * (t + 1) + t * (n + 1)),
            ),
            Mistake("divided: the two rounds are averaged", lambda t, n: (t * n + 1, (t + n + 2) // 2)),
            Mistake(
                "divided: those are all tubelets and the rounds over them", lambda t, n: (t * n + 1, t * n + t + n + 2)
            ),
        ),
    ),
)
