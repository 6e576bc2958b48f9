"""Exercises of lesson 04, the methods: a step of Lucas and Kanade, and one of Horn and Schunck."""

import torch
from jaxtyping import Float
from torch import Tensor

from . import flow_estimation_failure, flow_estimation_pixels
from .draws import chance, film_sizes
from .frame import Exercise, Mistake
from .mismatch import Wanted

Map = Float[Tensor, "h w"]
Flow = Float[Tensor, "2 h w"]


def lucas_kanade_step(xx: Map, xy: Map, yy: Map, xt: Map, yt: Map) -> Flow:
    # Two equations with two unknowns, xx u + xy v = −xt and xy u + yy v = −yt: Cramer's rule.
    determinant = xx * yy - xy**2
    u = (xy * yt - yy * xt) / determinant
    v = (xy * xt - xx * yt) / determinant
    return torch.stack([u, v])


def _draw_products(generator: torch.Generator) -> list[tuple]:
    """Sums over windows of ten pixels, whose gradients point in all directions: every system can be solved."""
    h, w = film_sizes(generator, 2)
    I_x, I_y, I_t = torch.randn(3, 10, h, w, generator=generator, dtype=torch.float64)
    I_y = I_y + chance(generator, 0.3, 0.6) * I_x  # so that xy is not near zero
    pairs = ((I_x, I_x), (I_x, I_y), (I_y, I_y), (I_x, I_t), (I_y, I_t))
    return [tuple((a * b).sum(0) for a, b in pairs)]


def _over(xx: Tensor, xy: Tensor, yy: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """u and v divided by the determinant."""
    return torch.stack([u, v]) / (xx * yy - xy**2)


def horn_schunck_step(I_x: Map, I_y: Map, I_t: Map, mean: Flow, smoothness: float) -> Flow:
    # How far the neighbours' mean misses the constraint: one number a pixel, for u and v together.
    residual = I_x * mean[0] + I_y * mean[1] + I_t
    share = residual / (3 * smoothness + I_x**2 + I_y**2)  # the smoother it must be, the smaller the step
    return mean - share * torch.stack([I_x, I_y])  # down the gradient, towards the constraint line


def _draw_step(generator: torch.Generator) -> list[tuple]:
    h, w = film_sizes(generator, 2)
    I_x, I_y, I_t = 0.4 * torch.randn(3, h, w, generator=generator, dtype=torch.float64)
    mean = torch.randn(2, h, w, generator=generator, dtype=torch.float64)
    return [(I_x, I_y, I_t, mean, chance(generator, 0.05, 0.3))]


def _step(x: Tensor, y: Tensor, residual: Tensor, mean: Tensor, denominator: Tensor) -> Tensor:
    return mean - torch.stack([x, y]) * residual / denominator


def _rest(x: Tensor, y: Tensor, t: Tensor, mean: Tensor) -> Tensor:
    return x * mean[0] + y * mean[1] + t


def _one_after_the_other(x: Tensor, y: Tensor, t: Tensor, mean: Tensor, k: float) -> Tensor:
    u = horn_schunck_step(x, y, t, mean, k)[0]
    return torch.stack([u, horn_schunck_step(x, y, t, torch.stack([u, mean[1]]), k)[1]])


EXERCISES = (
    *flow_estimation_pixels.EXERCISES,
    Exercise(
        name="estimation.lucas_kanade_step",
        task="Give the flow (2 h w) of each window from its sums I_x², I_x I_y, I_y², I_x I_t, I_y I_t (each h w).",
        reference=lucas_kanade_step,
        draw=_draw_products,
        wanted=Wanted(axes="uv h w", dtype="same", tolerance=1e-6),
        hints=(
            "To invert a symmetric 2 × 2 matrix, swap the diagonal, negate the corners, and divide by the determinant.",
            "On the right-hand side stand the two sums that hold I_t. With which sign?",
        ),
        mistakes=(
            Mistake("the sign is wrong: the right-hand side has a minus", lambda *s: -lucas_kanade_step(*s)),
            Mistake("u and v are exchanged", lambda *s: lucas_kanade_step(*s).flip(0)),
            Mistake(
                "the determinant is forgotten: the answer grows with the contrast of the window",
                lambda a, b, c, p, q: torch.stack([b * q - c * p, b * p - a * q]),
            ),
            Mistake(
                "the determinant is multiplied; it divides",
                lambda a, b, c, p, q: lucas_kanade_step(a, b, c, p, q) * (a * c - b * b) ** 2,
            ),
            Mistake(
                "the determinant has a plus where it needs a minus",
                lambda a, b, c, p, q: torch.stack([b * q - c * p, b * p - a * q]) / (a * c + b * b),
            ),
            Mistake(
                "the determinant is that of a diagonal matrix: the corners are forgotten in it",
                lambda a, b, c, p, q: torch.stack([b * q - c * p, b * p - a * q]) / (a * c),
            ),
            Mistake(
                "it divides by the trace; the determinant is wanted",
                lambda a, b, c, p, q: torch.stack([b * q - c * p, b * p - a * q]) / (a + c),
            ),
            Mistake(
                "the diagonal is not swapped in the inverse",
                lambda a, b, c, p, q: _over(a, b, c, b * q - a * p, b * p - c * q),
            ),
            Mistake(
                "the corners of the inverse are not negated",
                lambda a, b, c, p, q: _over(a, b, c, -c * p - b * q, -b * p - a * q),
            ),
            Mistake(
                "it multiplies by the matrix; to solve, multiply by its inverse",
                lambda a, b, c, p, q: -torch.stack([a * p + b * q, b * p + c * q]),
            ),
            Mistake(
                "xy is ignored: u and v are solved for one by one, as if the other were zero",
                lambda a, b, c, p, q: torch.stack([-p / a, -q / c]),
            ),
            Mistake(
                "the two right-hand sides are exchanged: xt belongs to the equation of u",
                lambda a, b, c, p, q: lucas_kanade_step(a, b, c, q, p),
            ),
            Mistake(
                "only one of the right-hand sides has its minus: that of u",
                lambda a, b, c, p, q: lucas_kanade_step(a, b, c, p, -q),
            ),
            Mistake(
                "only one of the right-hand sides has its minus: that of v",
                lambda a, b, c, p, q: lucas_kanade_step(a, b, c, -p, q),
            ),
            Mistake(
                "the sign of v is wrong: it counts down, as rows do",
                lambda *s: lucas_kanade_step(*s) * torch.tensor([1.0, -1.0])[:, None, None].to(s[0]),
            ),
            Mistake(
                "all windows are joined into one: every pixel has a system of its own",
                lambda *s: lucas_kanade_step(*(m.mean()[None, None] for m in s)).expand(2, *s[0].shape),
            ),
        ),
    ),
    Exercise(
        name="estimation.horn_schunck_step",
        task="Give the next flow (2 h w) from I_x, I_y, I_t (h w), the neighbours' mean (2 h w) and the smoothness λ.",
        reference=horn_schunck_step,
        draw=_draw_step,
        wanted=Wanted(axes="uv h w", tolerance=1e-6),
        hints=(
            "Both components share one residual, which holds both means. Start from the mean, not from zero.",
            "Move against the gradient, by the residual over three λ and the square of the gradient.",
        ),
        mistakes=(
            Mistake(
                "the step goes the wrong way: away from the constraint line",
                lambda x, y, t, m, k: 2 * m - horn_schunck_step(x, y, t, m, k),
            ),
            Mistake(
                "λ is forgotten: every constraint is fulfilled, however rough the field",
                lambda x, y, t, m, k: _step(x, y, _rest(x, y, t, m), m, x**2 + y**2),
            ),
            Mistake(
                "λ stands alone in the denominator; the Laplacian on this grid brings a factor of three",
                lambda x, y, t, m, k: horn_schunck_step(x, y, t, m, k / 3),
            ),
            Mistake(
                "λ has a factor of four, as for a mean of four neighbours; this one is of eight",
                lambda x, y, t, m, k: horn_schunck_step(x, y, t, m, 4 * k / 3),
            ),
            Mistake(
                "λ has a factor of eight; the neighbours have weights, which make it three",
                lambda x, y, t, m, k: horn_schunck_step(x, y, t, m, 8 * k / 3),
            ),
            Mistake(
                "λ is squared, as the α of the paper is; λ is that square already",
                lambda x, y, t, m, k: horn_schunck_step(x, y, t, m, k * k / 3),
            ),
            Mistake(
                "λ is squared, with its factor; α² of the paper is three λ",
                lambda x, y, t, m, k: horn_schunck_step(x, y, t, m, k * k),
            ),
            Mistake(
                "the factor of three is squared with λ", lambda x, y, t, m, k: horn_schunck_step(x, y, t, m, 3 * k * k)
            ),
            Mistake(
                "each component has a residual of its own, without the other: the constraint joins both",
                lambda x, y, t, m, k: m - torch.stack([x * (x * m[0] + t), y * (y * m[1] + t)]) / (3 * k + x**2 + y**2),
            ),
            Mistake("I_t is forgotten in the residual", lambda x, y, t, m, k: horn_schunck_step(x, y, 0 * t, m, k)),
            Mistake(
                "the sign of I_t is wrong in the residual", lambda x, y, t, m, k: horn_schunck_step(x, y, -t, m, k)
            ),
            Mistake(
                "the residual holds I_t only: the mean moves as well",
                lambda x, y, t, m, k: _step(x, y, t, m, 3 * k + x**2 + y**2),
            ),
            Mistake(
                "that is the correction only: it belongs to the neighbours' mean",
                lambda x, y, t, m, k: horn_schunck_step(x, y, t, m, k) - m,
            ),
            Mistake(
                "the two means are exchanged in the residual",
                lambda x, y, t, m, k: _step(x, y, _rest(x, y, t, m.flip(0)), m, 3 * k + x**2 + y**2),
            ),
            Mistake(
                "the two derivatives are exchanged before the residual: I_x belongs to u",
                lambda x, y, t, m, k: _step(y, x, _rest(x, y, t, m), m, 3 * k + x**2 + y**2),
            ),
            Mistake(
                "u and v are exchanged in the result", lambda x, y, t, m, k: horn_schunck_step(x, y, t, m, k).flip(0)
            ),
            Mistake(
                "each component is divided by its own derivative's square only; the denominator is one for both",
                lambda x, y, t, m, k: m - torch.stack([x, y]) * _rest(x, y, t, m) / (3 * k + torch.stack([x, y]) ** 2),
            ),
            Mistake(
                "the gradient's length stands in the denominator; its square is wanted",
                lambda x, y, t, m, k: _step(x, y, _rest(x, y, t, m), m, 3 * k + torch.hypot(x, y)),
            ),
            Mistake(
                "the gradient has no part in the denominator: where it is steep, the step overshoots",
                lambda x, y, t, m, k: _step(x, y, _rest(x, y, t, m), m, 3 * k + 0 * x),
            ),
            Mistake("nothing is divided", lambda x, y, t, m, k: _step(x, y, _rest(x, y, t, m), m, 1 + 0 * x)),
            Mistake(
                "the residual is not multiplied by the derivatives: u and v get the same step",
                lambda x, y, t, m, k: m - _rest(x, y, t, m) / (3 * k + x**2 + y**2),
            ),
            Mistake("v is computed from the new u; both start from the means", _one_after_the_other),
        ),
    ),
    *flow_estimation_failure.EXERCISES,
)
