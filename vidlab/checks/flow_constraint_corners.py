"""Exercises of lesson 03, before the constraint: what can be followed at all, and warping back by whole pixels."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from .draws import film_sizes
from .frame import Exercise, Mistake
from .mismatch import Wanted

Map = Float[Tensor, "h w"]


def smaller_eigenvalue(xx: Map, xy: Map, yy: Map) -> Map:
    middle = (xx + yy) / 2  # half of the trace: the mean of the two eigenvalues
    distance = torch.hypot((xx - yy) / 2, xy)  # both lie this far from it; no root of a negative number can occur
    return middle - distance


def _draw_structure(generator: torch.Generator) -> list[tuple]:
    """Sums over windows of three pixels: flat ones, edges whose gradients are parallel, and any others."""
    h, w = film_sizes(generator, 2)
    I_x, I_y = torch.randn(2, 3, h, w, generator=generator, dtype=torch.float64)
    kind = torch.randint(0, 4, (h, w), generator=generator)
    edge, flat = kind == 0, kind == 1
    I_y = torch.where(edge, I_x * I_y[:1], I_y)
    return [tuple(torch.where(flat, 0.0, (a * b).sum(0)) for a, b in ((I_x, I_x), (I_x, I_y), (I_y, I_y)))]


def _larger(xx: Tensor, xy: Tensor, yy: Tensor) -> Tensor:
    return xx + yy - smaller_eigenvalue(xx, xy, yy)


def _middle(xx: Tensor, yy: Tensor) -> Tensor:
    return (xx + yy) / 2


def warp_back(second: Map, flow: Int64[Tensor, "2 h w"]) -> Map:
    h, w = second.shape
    x = torch.arange(w) + flow[0]  # h w: the column from which each pixel fetches …
    y = torch.arange(h)[:, None] + flow[1]  # … and the row
    return second[y.clamp(0, h - 1), x.clamp(0, w - 1)]  # rows first; who leaves the frame gets its border


def _draw_jump(generator: torch.Generator) -> list[tuple]:
    """Every pixel has an arrow of its own, and many leave the frame, at all four sides."""
    h, w = film_sizes(generator, 2)
    second = torch.rand(h, w, generator=generator, dtype=torch.float64)
    return [(second, torch.randint(-4, 5, (2, h, w), generator=generator))]  # 4: less than any size


def _ends(second: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
    """Rows and columns where the arrows end, inside of the frame or not."""
    h, w = second.shape
    return torch.arange(h)[:, None] + flow[1], torch.arange(w) + flow[0]


def _fetch(second: Tensor, y: Tensor, x: Tensor) -> Tensor:
    h, w = second.shape
    return second[y.clamp(0, h - 1), x.clamp(0, w - 1)]


def _outside(second: Tensor, flow: Tensor) -> Tensor:
    (h, w), (y, x) = second.shape, _ends(second, flow)
    return (y < 0) | (y >= h) | (x < 0) | (x >= w)


def _only_from_above(second: Tensor, flow: Tensor) -> Tensor:
    (h, w), (y, x) = second.shape, _ends(second, flow)
    return second[y.clamp(max=h - 1), x.clamp(max=w - 1)]


def _around(second: Tensor, flow: Tensor) -> Tensor:
    (h, w), (y, x) = second.shape, _ends(second, flow)
    return second[y % h, x % w]


def _mirrored(second: Tensor, flow: Tensor) -> Tensor:
    (h, w), (y, x) = second.shape, _ends(second, flow)
    return second[h - 1 - (h - 1 - y.abs()).abs(), w - 1 - (w - 1 - x.abs()).abs()]


def _pushed(second: Tensor, flow: Tensor, start: Tensor) -> Tensor:
    (h, w), (y, x), result = second.shape, _ends(second, flow), start.clone()
    for row in range(h):  # in the order of reading: where two arrows meet, the last one stays
        for column in range(w):
            result[y[row, column].clamp(0, h - 1), x[row, column].clamp(0, w - 1)] = second[row, column]
    return result


def _rows_for_columns(second: Tensor, flow: Tensor) -> Tensor:
    (h, w), (y, x) = second.shape, _ends(second, flow)
    return second[x.clamp(0, h - 1), y.clamp(0, w - 1)]


EXERCISES = (
    Exercise(
        name="constraint.smaller_eigenvalue",
        task="Give the smaller eigenvalue (h w) of the symmetric matrix (xx, xy; xy, yy) at every pixel.",
        reference=smaller_eigenvalue,
        draw=_draw_structure,
        wanted=Wanted(axes="h w", dtype="same"),
        hints=(
            "The two eigenvalues lie at equal distances from half of the trace.",
            "That distance is a hypotenuse; one leg is half of the difference of the diagonal, the other is xy.",
        ),
        mistakes=(
            Mistake("that is the larger eigenvalue: an edge has a large one too", _larger),
            Mistake("that is the determinant, the product of both eigenvalues", lambda a, b, c: a * c - b * b),
            Mistake("that is the trace, the sum of both eigenvalues", lambda a, b, c: a + c),
            Mistake(
                "that is half of the trace, the mean of both: the distance is missing", lambda a, b, c: _middle(a, c)
            ),
            *(
                Mistake(
                    f"that is the corner response of Harris and Stephens (k = {k}), which avoids eigenvalues",
                    lambda a, b, c, k=k: a * c - b * b - k * (a + c) ** 2,
                )
                for k in (0.04, 0.05, 0.06)
            ),
            Mistake(
                "that is the determinant by the trace, which lies near the smaller eigenvalue but is not it",
                lambda a, b, c: (a * c - b * b) / (a + c).clamp(min=1e-9),
            ),
            Mistake(
                "it is the smaller entry of the diagonal: xy has no effect, as if edges ran along the axes only",
                lambda a, b, c: torch.minimum(a, c),
            ),
            Mistake("it is twice as large as it should be", lambda a, b, c: 2 * smaller_eigenvalue(a, b, c)),
            Mistake("it is half as large as it should be", lambda a, b, c: smaller_eigenvalue(a, b, c) / 2),
            Mistake(
                "one leg of the hypotenuse is too long: only half of the difference of the diagonal counts",
                lambda a, b, c: _middle(a, c) - torch.hypot(a - c, b),
            ),
            Mistake(
                "one leg of the hypotenuse is too short: xy counts in full. Under a common half it is doubled",
                lambda a, b, c: _middle(a, c) - torch.hypot(a - c, b) / 2,
            ),
            Mistake(
                "the root is missing: a square is subtracted from a length",
                lambda a, b, c: _middle(a, c) - ((a - c) ** 2 / 4 + b * b),
            ),
            Mistake(
                "the root holds the sum of the diagonal; it should hold the difference",
                lambda a, b, c: _middle(a, c) - torch.hypot(_middle(a, c), b),
            ),
            Mistake(
                "half of the trace is taken for the trace: the sum of the diagonal is not halved",
                lambda a, b, c: a + c - torch.hypot((a - c) / 2, b),
            ),
            Mistake(
                "both eigenvalues come back; only the smaller is wanted",
                lambda a, b, c: torch.stack([smaller_eigenvalue(a, b, c), _larger(a, b, c)]),
            ),
            Mistake(
                "both eigenvalues come back, in the last axis; only the smaller is wanted",
                lambda a, b, c: torch.stack([smaller_eigenvalue(a, b, c), _larger(a, b, c)], dim=-1),
            ),
            Mistake("that is the difference of the two eigenvalues", lambda a, b, c: 2 * torch.hypot((a - c) / 2, b)),
            Mistake(
                "that is the smaller eigenvalue by the larger",
                lambda a, b, c: smaller_eigenvalue(a, b, c) / _larger(a, b, c).clamp(min=1e-9),
            ),
            Mistake(
                "it is the root of the eigenvalue", lambda a, b, c: smaller_eigenvalue(a, b, c).clamp(min=0).sqrt()
            ),
        ),
    ),
    Exercise(
        name="constraint.warp_back",
        task="Warp a second frame (h w) back by a flow (2 h w) of whole pixels; who leaves the frame gets its border.",
        reference=warp_back,
        draw=_draw_jump,
        wanted=Wanted(axes="h w", dtype="same", tolerance=1e-6),
        hints=(
            "Build two maps of whole numbers: the column and the row from which each pixel fetches its value.",
            "Keep both maps inside of the frame, then index the second frame with them: which comes first?",
        ),
        mistakes=(
            Mistake(
                "the direction is reversed: a pixel fetches from where its arrow ends",
                lambda s, f: _fetch(s, *_ends(s, -f)),
            ),
            Mistake(
                "u and v are exchanged: u moves across columns, v across rows",
                lambda s, f: _fetch(s, *_ends(s, f.flip(0))),
            ),
            Mistake(
                "u and v are exchanged, and the direction is reversed", lambda s, f: _fetch(s, *_ends(s, -f.flip(0)))
            ),
            Mistake("who leaves at one side comes back at the other; keep it at the border", _around),
            Mistake(
                "at the left and at the top it wraps around: negative indices count from the end",
                _only_from_above,
            ),
            Mistake(
                "who leaves the frame gets zero; the border is wanted",
                lambda s, f: torch.where(_outside(s, f), 0.0, warp_back(s, f)),
            ),
            Mistake(
                "who leaves the frame stays where it was; the border is wanted",
                lambda s, f: torch.where(_outside(s, f), s, warp_back(s, f)),
            ),
            Mistake("who leaves the frame is mirrored back into it; the border is wanted", _mirrored),
            Mistake("rows and columns are exchanged in the index: a tensor's row comes first", _rows_for_columns),
            Mistake(
                "v has no effect: pixels move along their rows only",
                lambda s, f: _fetch(s, *_ends(s, f * torch.tensor([1, 0])[:, None, None])),
            ),
            Mistake(
                "u has no effect: pixels move along their columns only",
                lambda s, f: _fetch(s, *_ends(s, f * torch.tensor([0, 1])[:, None, None])),
            ),
            Mistake(
                "the sign of v is wrong: it counts down, as rows do",
                lambda s, f: _fetch(s, *_ends(s, f * torch.tensor([1, -1])[:, None, None])),
            ),
            Mistake(
                "the sign of u is wrong: it counts to the right, as columns do",
                lambda s, f: _fetch(s, *_ends(s, f * torch.tensor([-1, 1])[:, None, None])),
            ),
            Mistake("the second frame comes back as it went in", lambda s, f: s.clone()),
            Mistake(
                "one arrow is used for all; every pixel has its own",
                lambda s, f: _fetch(s, *_ends(s, f[:, :1, :1].expand_as(f))),
            ),
            Mistake(
                "it pushes each pixel along its arrow, which leaves holes; fetch from the end of the arrow",
                lambda s, f: _pushed(s, f, torch.zeros_like(s)),
            ),
            Mistake(
                "it pushes each pixel along its arrow, over a copy of the frame; fetch from the end of the arrow",
                lambda s, f: _pushed(s, f, s),
            ),
        ),
    ),
)
