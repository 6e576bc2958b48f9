"""Exercise of lesson 12, where to fuse: how many parameters are left when one tower ends in the other."""

import torch

from .draws import integer
from .frame import Exercise, Mistake
from .mismatch import Wanted


def parameters(spatial: list[int], temporal: list[int], layer: int) -> int:
    until_fused = sum(temporal[:layer])  # the tower that ends there, the layer itself included
    return sum(spatial) + until_fused  # the sum of two maps has none of its own


def _draw_towers(generator: torch.Generator) -> list[tuple]:
    """Fused in the middle, before it, after the first layer and after the last; no two layers cost the same."""
    cases = []
    for where in ("middle", "early", "first", "last"):
        layers = integer(generator, 6, 10)
        costs = (torch.randperm(900, generator=generator)[: 2 * layers] + 100).tolist()
        layer = {"middle": layers // 2 + 1, "early": 2, "first": 1, "last": layers}[where]
        cases.append((costs[:layers], costs[layers:], layer))
    return cases


def _parts(s: list[int], t: list[int], n: int) -> tuple[int, int, int, int]:
    """Before and after: of the spatial tower, of the temporal one."""
    return sum(s[:n]), sum(s[n:]), sum(t[:n]), sum(t[n:])


def _counted(s: list[int], t: list[int], n: int, *times: float) -> int:
    """Each of the four parts so many times."""
    return int(sum(a * b for a, b in zip(times, _parts(s, t, n), strict=True)))


EXERCISES = (
    Exercise(
        name="fusion.parameters",
        task="Count all parameters of two towers whose maps are summed after `layer` (counted from 1); from there on "
        "only the spatial tower goes on.",
        reference=parameters,
        draw=_draw_towers,
        wanted=Wanted(kind="int", tolerance=0.0),
        hints=(
            "Which of the layers are there twice, and which once? Has the sum of two maps anything to learn?",
            "A list's first n numbers are `numbers[:n]`, the others `numbers[n:]`. Which tower do the layers after "
            "the sum belong to?",
        ),
        mistakes=(
            Mistake(
                "both towers are counted to their end: after the sum only one goes on",
                lambda s, t, n: _counted(s, t, n, 1, 1, 1, 1),
            ),
            Mistake(
                "the spatial tower only: up to the sum there is another", lambda s, t, n: _counted(s, t, n, 1, 1, 0, 0)
            ),
            Mistake(
                "the temporal tower only: it is the one that ends at the sum",
                lambda s, t, n: _counted(s, t, n, 0, 0, 1, 1),
            ),
            Mistake(
                "after the sum the temporal tower goes on: it should be the spatial one",
                lambda s, t, n: _counted(s, t, n, 1, 0, 1, 1),
            ),
            Mistake(
                "the temporal tower ends one layer too early: layers are counted from 1, and the last one before the "
                "sum is there",
                lambda s, t, n: sum(s) + sum(t[: n - 1]),
            ),
            Mistake(
                "the temporal tower goes on one layer too far: layers are counted from 1",
                lambda s, t, n: sum(s) + sum(t[: n + 1]),
            ),
            Mistake("nothing is counted after the sum", lambda s, t, n: _counted(s, t, n, 1, 0, 1, 0)),
            Mistake(
                "the temporal tower is counted after the sum, where it has ended, and not before it",
                lambda s, t, n: _counted(s, t, n, 1, 1, 0, 1),
            ),
            Mistake(
                "first the spatial tower, then the temporal one: up to the sum there are both",
                lambda s, t, n: _counted(s, t, n, 1, 0, 0, 1),
            ),
            Mistake(
                "the temporal tower, then the spatial one: up to the sum there are both",
                lambda s, t, n: _counted(s, t, n, 0, 1, 1, 0),
            ),
            Mistake(
                "both towers are counted after the sum, and none before it",
                lambda s, t, n: _counted(s, t, n, 0, 1, 0, 1),
            ),
            Mistake("that is the spatial tower before the sum", lambda s, t, n: _counted(s, t, n, 1, 0, 0, 0)),
            Mistake("that is the spatial tower after the sum", lambda s, t, n: _counted(s, t, n, 0, 1, 0, 0)),
            Mistake(
                "that is the temporal tower before the sum: what it adds", lambda s, t, n: _counted(s, t, n, 0, 0, 1, 0)
            ),
            Mistake(
                "that is what fusing saves: how many are left?",
                lambda s, t, n: _counted(s, t, n, 0, 0, 0, 1),
            ),
            Mistake(
                "the spatial tower before the sum is left out",
                lambda s, t, n: _counted(s, t, n, 0, 1, 1, 1),
            ),
            Mistake(
                "up to the sum the spatial tower's numbers are taken for both: the temporal one has its own",
                lambda s, t, n: _counted(s, t, n, 2, 1, 0, 0),
            ),
            Mistake("the temporal tower's numbers are taken everywhere", lambda s, t, n: _counted(s, t, n, 0, 0, 2, 1)),
            Mistake(
                "up to the sum the temporal tower's numbers are taken for both: the spatial one has its own",
                lambda s, t, n: _counted(s, t, n, 0, 1, 2, 0),
            ),
            Mistake("that is the spatial tower twice", lambda s, t, n: _counted(s, t, n, 2, 2, 0, 0)),
            Mistake(
                "the layers after the sum count twice: that would be after concatenation, or with both towers",
                lambda s, t, n: _counted(s, t, n, 1, 2, 1, 0),
            ),
            Mistake(
                "the first layer after the sum counts twice, as if it saw both maps, one after the other: a sum has "
                "as many channels as each of them",
                lambda s, t, n: parameters(s, t, n) + sum(s[n : n + 1]),
            ),
            Mistake(
                "the spatial tower up to the sum is counted twice, once more as part of the whole tower",
                lambda s, t, n: _counted(s, t, n, 2, 1, 1, 0),
            ),
            Mistake(
                "the temporal tower up to the sum is counted twice",
                lambda s, t, n: _counted(s, t, n, 1, 1, 2, 0),
            ),
            Mistake(
                "the two towers share their layers up to the sum, half of each: each has its own",
                lambda s, t, n: _counted(s, t, n, 0.5, 1, 0.5, 0),
            ),
            Mistake(
                "up to the sum only the larger of each two layers is counted: both are there",
                lambda s, t, n: sum(map(max, s[:n], t[:n])) + sum(s[n:]),
            ),
            Mistake(
                "up to the sum the numbers of each two layers are multiplied: both are there, side by side",
                lambda s, t, n: sum(a * b for a, b in zip(s[:n], t[:n], strict=True)) + sum(s[n:]),
            ),
            Mistake("that is half of both towers", lambda s, t, n: (sum(s) + sum(t)) // 2),
            Mistake(
                "the layer before the sum is left out of both towers",
                lambda s, t, n: parameters(s, t, n) - s[n - 1] - t[n - 1],
            ),
            Mistake(
                "the layer before the sum is left out of the spatial tower",
                lambda s, t, n: parameters(s, t, n) - s[n - 1],
            ),
            Mistake(
                "the layer before the sum is counted twice in the spatial tower",
                lambda s, t, n: parameters(s, t, n) + s[n - 1],
            ),
            Mistake(
                "the first layer after the sum is left out",
                lambda s, t, n: parameters(s, t, n) - sum(s[n : n + 1]),
            ),
            Mistake(
                "of the temporal tower only the layer before the sum is counted: those before it are there, too",
                lambda s, t, n: sum(s) + t[n - 1],
            ),
            Mistake(
                "only the layers right before the sum are counted, one of each tower",
                lambda s, t, n: s[n - 1] + t[n - 1],
            ),
            Mistake(
                "the temporal tower begins where it should end",
                lambda s, t, n: sum(s) + sum(t[n - 1 :]),
            ),
            Mistake(
                "the temporal tower's layers are counted from its end",
                lambda s, t, n: sum(s) + sum(t[-n:]),
            ),
            Mistake("the temporal tower's first layer is left out", lambda s, t, n: sum(s) + sum(t[1:n])),
            Mistake("the spatial tower's first layer is left out", lambda s, t, n: sum(s[1:]) + sum(t[:n])),
            Mistake("the spatial tower's last layer is left out", lambda s, t, n: sum(s[:-1]) + sum(t[:n])),
            Mistake("the first layers of both towers are left out", lambda s, t, n: sum(s[1:]) + sum(t[1:n])),
            Mistake("1 is added for the sum: it has nothing to learn", lambda s, t, n: parameters(s, t, n) + 1),
            Mistake(
                "2 are added for the sum, as for a weighted one: it has nothing to learn",
                lambda s, t, n: parameters(s, t, n) + 2,
            ),
            Mistake("the number of the layer is added: it costs nothing", lambda s, t, n: parameters(s, t, n) + n),
            Mistake("layers are counted, not parameters", lambda s, t, n: len(s) + n),
            Mistake("the temporal tower is taken away, not added", lambda s, t, n: sum(s) - sum(t[:n])),
        ),
    ),
)
