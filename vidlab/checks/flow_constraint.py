"""Exercises of lesson 03, the constraint: the derivative in time, the residual, and the normal flow of one pixel."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from . import flow_constraint_corners
from .draws import chance, film_sizes
from .frame import Exercise, Mistake
from .mismatch import Wanted

Map = Float[Tensor, "h w"]


def temporal_derivative(first: Map, second: Map) -> Float[Tensor, "h-1 w-1"]:
    change = second - first  # later minus earlier, along each edge of the cubes that points through time
    beside = (change[:, 1:] + change[:, :-1]) / 2  # the mean of two neighbours in a row …
    return (beside[1:] + beside[:-1]) / 2  # … and of two rows: four differences, one middle


def _draw_frames(generator: torch.Generator) -> list[tuple]:
    h, w = film_sizes(generator, 2)
    return [tuple(torch.rand(2, h, w, generator=generator, dtype=torch.float64))]


def _middles(image: Tensor) -> Tensor:
    """The mean of each square of 2 × 2 pixels."""
    return image.unfold(0, 2, 1).unfold(1, 2, 1).mean((-2, -1))


def residual(I_x: Map, I_y: Map, I_t: Map, flow: Float[Tensor, "2 h w"]) -> Map:
    u, v = flow  # right, down
    # What the motion explains of the change, plus the change: nothing is left where the flow is right.
    return I_x * u + I_y * v + I_t


def _draw_derivatives(generator: torch.Generator) -> list[tuple]:
    h, w = film_sizes(generator, 2)
    I_x, I_y, I_t, u, v = torch.randn(5, h, w, generator=generator, dtype=torch.float64)
    return [(I_x, I_y, I_t, torch.stack([u, v]))]


def normal_flow(I_x: Map, I_y: Map, I_t: Map, floor: float) -> Float[Tensor, "2 h w"]:
    square = I_x**2 + I_y**2
    # ∇I is |∇I| long, and so is what I_t is divided by: hence the square. Clamped, it never divides by zero.
    share = -I_t / square.clamp(min=floor**2)
    share = torch.where(square > floor**2, share, 0.0)  # where the gradient is noise, a pixel says nothing
    return torch.stack([share * I_x, share * I_y])


def _draw_gradients(generator: torch.Generator) -> list[tuple]:
    """Gradients of four strengths: none, below the floor, above it but with a square below it, and strong."""
    h, w = film_sizes(generator, 2)
    floor = chance(generator, 0.2, 0.4)  # 1.5 · floor is still less than √floor
    angle, within, I_t = torch.rand(3, h, w, generator=generator, dtype=torch.float64)
    kind = torch.randint(0, 4, (h, w), generator=generator)
    low, high = torch.tensor([[0.0, 0.3, 1.2, 2.5], [0.0, 0.8, 1.5, 5.0]], dtype=torch.float64)[:, kind]
    gradient = torch.polar(floor * (low + (high - low) * within), 2 * torch.pi * angle)
    return [(gradient.real.clone(), gradient.imag.clone(), 2 * I_t - 1, floor)]


def _where_steep(I_x: Tensor, I_y: Tensor, floor: float, u: Tensor, v: Tensor) -> Tensor:
    return torch.where(torch.hypot(I_x, I_y) > floor, torch.stack([u, v]), 0.0)


def _square(I_x: Tensor, I_y: Tensor) -> Tensor:
    return (I_x**2 + I_y**2).clamp(min=1e-30)


EXERCISES = (
    *flow_constraint_corners.EXERCISES,
    Exercise(
        name="constraint.temporal_derivative",
        task="Give I_t in the middle of each cube (h−1 w−1): the mean of the four differences of two frames (h w).",
        reference=temporal_derivative,
        draw=_draw_frames,
        wanted=Wanted(axes="h w", dtype="same"),
        hints=(
            "Subtract the frames first; what is left is a mean over squares of 2 × 2 pixels.",
            "A square has four corners: cut four maps, each without one border row and without one border column.",
        ),
        mistakes=(
            Mistake(
                "the sign is the other way round: what becomes brighter should be positive",
                lambda a, b: _middles(a - b),
            ),
            Mistake("the four differences are added; their mean is wanted", lambda a, b: 4 * _middles(b - a)),
            Mistake("the sum is halved; a mean of four is a quarter of it", lambda a, b: 2 * _middles(b - a)),
            Mistake("the sum is divided by eight pixels; there are four differences", lambda a, b: _middles(b - a) / 2),
            Mistake("that is one difference a pixel; the middle of a cube lies between four", lambda a, b: b - a),
            Mistake(
                "the size is right, but each entry is the difference at one corner of its cube, not the mean of four",
                lambda a, b: (b - a)[:-1, :-1],
            ),
            Mistake(
                "it averages neighbours in a row, but not those above each other",
                lambda a, b: (b - a).unfold(1, 2, 1).mean(-1),
            ),
            Mistake(
                "it averages neighbours above each other, but not those in a row",
                lambda a, b: (b - a).unfold(0, 2, 1).mean(-1),
            ),
            Mistake(
                "the two frames are taken at different pixels: only time may differ in a difference",
                lambda a, b: b[1:, 1:] - a[:-1, :-1],
            ),
            Mistake("the frames are added: that is their mean, no change", lambda a, b: _middles(a + b) / 2),
            Mistake("the sign is lost: brighter and darker look alike", lambda a, b: _middles(b - a).abs()),
            Mistake(
                "absolute values are averaged: a change up and a change down cancel in I_t",
                lambda a, b: _middles((b - a).abs()),
            ),
            Mistake(
                "that is I_x of the cube, the change to the right; the change in time is wanted",
                lambda a, b: (a + b).diff(dim=1).unfold(0, 2, 1).mean(-1) / 2,
            ),
            Mistake(
                "that is I_y of the cube, the change downwards; the change in time is wanted",
                lambda a, b: (a + b).diff(dim=0).unfold(1, 2, 1).mean(-1) / 2,
            ),
            Mistake(
                "cubes are invented at the border by repeating it: h pixels have h − 1 gaps",
                lambda a, b: _middles(pad((b - a)[None], (0, 1, 0, 1), mode="replicate")[0]),
            ),
        ),
    ),
    Exercise(
        name="constraint.residual",
        task="Give the residual of the constraint (h w), with its sign, from I_x, I_y, I_t (h w) and a flow (2 h w).",
        reference=residual,
        draw=_draw_derivatives,
        wanted=Wanted(axes="h w", dtype="same"),
        hints=(
            "It is the left side of the optical-flow constraint, which is zero for the true flow.",
            "A flow has u, to the right, before v, down: which derivative belongs to which?",
        ),
        mistakes=(
            Mistake(
                "u and v are exchanged: u comes first and runs along x", lambda x, y, t, f: x * f[1] + y * f[0] + t
            ),
            Mistake("the sign of I_t is wrong: it is added", lambda x, y, t, f: x * f[0] + y * f[1] - t),
            Mistake("I_t is forgotten: that is what the motion predicts", lambda x, y, t, f: x * f[0] + y * f[1]),
            Mistake("the motion is subtracted from I_t", lambda x, y, t, f: t - x * f[0] - y * f[1]),
            Mistake(
                "the sign of v is wrong: rows count down, and so does v", lambda x, y, t, f: x * f[0] - y * f[1] + t
            ),
            Mistake(
                "the sign of u is wrong: x and u both count to the right", lambda x, y, t, f: y * f[1] - x * f[0] + t
            ),
            Mistake("the whole residual has the opposite sign", lambda x, y, t, f: -residual(x, y, t, f)),
            Mistake("the vertical part is missing", lambda x, y, t, f: x * f[0] + t),
            Mistake("the horizontal part is missing", lambda x, y, t, f: y * f[1] + t),
            Mistake("the sign is lost: no absolute value here", lambda x, y, t, f: residual(x, y, t, f).abs()),
            Mistake("it is squared: that belongs to least squares", lambda x, y, t, f: residual(x, y, t, f) ** 2),
            Mistake(
                "it is divided by |∇I|: that is the distance from the constraint line, in pixels",
                lambda x, y, t, f: residual(x, y, t, f) / torch.hypot(x, y),
            ),
            Mistake(
                "there is one map for u and one for v; they belong into one sum",
                lambda x, y, t, f: torch.stack([x, y]) * f + t,
            ),
            Mistake("there is an axis of length 1 in front", lambda x, y, t, f: residual(x, y, t, f)[None]),
            Mistake(
                "it is one number, the mean; every pixel has its own", lambda x, y, t, f: residual(x, y, t, f).mean()
            ),
        ),
    ),
    Exercise(
        name="constraint.normal_flow",
        task="Give the normal flow (2 h w) from I_x, I_y, I_t (h w); zero where |∇I| is not above the floor.",
        reference=normal_flow,
        draw=_draw_gradients,
        wanted=Wanted(axes="uv h w", dtype="same"),
        hints=(
            "It points along (I_x, I_y) or against it, and its length is |I_t| / |∇I|. Which of the two is it?",
            "The gradient is |∇I| long itself: by which power must it be divided? Keep zero out of the denominator.",
        ),
        mistakes=(
            Mistake(
                "the direction is reversed: a pixel that gets darker sees the pattern move towards its bright side",
                lambda x, y, t, k: -normal_flow(x, y, t, k),
            ),
            Mistake(
                "the square is forgotten: divided by |∇I| once, it is |I_t| long however steep the edge",
                lambda x, y, t, k: _where_steep(x, y, k, -t * x / torch.hypot(x, y), -t * y / torch.hypot(x, y)),
            ),
            Mistake(
                "the square is forgotten, and so is the minus",
                lambda x, y, t, k: _where_steep(x, y, k, t * x / torch.hypot(x, y), t * y / torch.hypot(x, y)),
            ),
            Mistake(
                "nothing is divided: a steeper edge would seem faster",
                lambda x, y, t, k: _where_steep(x, y, k, -t * x, -t * y),
            ),
            Mistake("u and v are exchanged", lambda x, y, t, k: normal_flow(x, y, t, k).flip(0)),
            Mistake(
                "it runs along the edge, where a pixel sees no motion; it should run across",
                lambda x, y, t, k: normal_flow(x, y, t, k).flip(0) * torch.tensor([-1.0, 1.0])[:, None, None].to(x),
            ),
            Mistake(
                "it runs along the edge, and the other way round; it should run across",
                lambda x, y, t, k: normal_flow(x, y, t, k).flip(0) * torch.tensor([1.0, -1.0])[:, None, None].to(x),
            ),
            Mistake(
                "each component is divided by its own derivative, as if the other were zero",
                lambda x, y, t, k: _where_steep(x, y, k, -t / x, -t / y),
            ),
            Mistake(
                "that is the signed speed across the edge, one map: give it the direction of the gradient",
                lambda x, y, t, k: torch.where(torch.hypot(x, y) > k, -t / torch.hypot(x, y), 0.0),
            ),
            Mistake(
                "the sign of I_t is lost: brighter and darker edges move alike",
                lambda x, y, t, k: normal_flow(x, y, -t.abs(), k),
            ),
            Mistake(
                "the floor has no effect: weak gradients, mostly noise, give the largest flow",
                lambda x, y, t, k: torch.stack([x, y]) * -t / _square(x, y),
            ),
            Mistake(
                "the floor is compared with |∇I|²; it is meant for |∇I|",
                lambda x, y, t, k: torch.where(x**2 + y**2 > k, torch.stack([x, y]) * -t / _square(x, y), 0.0),
            ),
            Mistake(
                "below the floor the gradient is clamped, but the flow is not zero there",
                lambda x, y, t, k: torch.stack([x, y]) * -t / (x**2 + y**2).clamp(min=k**2),
            ),
            Mistake(
                "the floor is added to the denominator: that shrinks every flow, and none is zero",
                lambda x, y, t, k: torch.stack([x, y]) * -t / (x**2 + y**2 + k),
            ),
            Mistake(
                "the square of the floor is added to the denominator: that shrinks every flow, and none is zero",
                lambda x, y, t, k: torch.stack([x, y]) * -t / (x**2 + y**2 + k**2),
            ),
            Mistake(
                "I_x and I_y are compared with the floor one by one; it is meant for the length of both",
                lambda x, y, t, k: torch.where(
                    (x.abs() > k) & (y.abs() > k), torch.stack([x, y]) * -t / _square(x, y), 0.0
                ),
            ),
            Mistake(
                "the comparison is the wrong way round: strong gradients are thrown away",
                lambda x, y, t, k: torch.where(torch.hypot(x, y) > k, 0.0, torch.stack([x, y]) * -t / _square(x, y)),
            ),
        ),
    ),
)
