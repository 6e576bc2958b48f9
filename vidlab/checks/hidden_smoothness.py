"""Exercise of lesson 13, how rough a flow is: what holds it together where the frames say nothing."""

from collections.abc import Callable

import torch
from einops import reduce
from jaxtyping import Float
from torch import Tensor

from .draws import chance, film_sizes
from .frame import Exercise, Mistake
from .mismatch import Wanted


def smoothness(flow: Float[Tensor, "b 2 h w"]) -> Float[Tensor, ""]:
    across = flow[..., 1:] - flow[..., :-1]  # right minus left: w − 1 of them in a row
    down = flow[..., 1:, :] - flow[..., :-1, :]  # lower minus upper: h − 1 in a column
    return across.abs().mean() + down.abs().mean()  # of u and v alike, over all clips and places


def _draw_flows(generator: torch.Generator) -> list[tuple]:
    """A wide flow, rougher across, and a high one, rougher down: u grows to the right and v falls downwards.

    v has more noise than u, and the last clip more than the first.
    """
    cases = []
    for wide in (True, False):
        b, *sides = film_sizes(generator, 3)
        h, w = sorted(sides, reverse=not wide)
        flow = torch.randn(b, 2, h, w, generator=generator, dtype=torch.float64)
        flow *= torch.linspace(0.4, 1.2, b)[:, None, None, None]
        flow[:, 1] *= 1.5
        steep, gentle = chance(generator, 1.8, 2.2), chance(generator, 0.3, 0.5)
        flow[:, 0] += (steep if wide else gentle) * (torch.arange(w) - w / 2)
        flow[:, 1] -= (gentle if wide else steep) * (torch.arange(h) - h / 2)[:, None]
        cases.append((flow,))
    return cases


def _gaps(flow: Tensor) -> tuple[Tensor, Tensor]:
    """Right minus left, and lower minus upper."""
    return flow.diff(dim=-1), flow.diff(dim=-2)


def _sum(flow: Tensor, of: Callable[[Tensor], Tensor]) -> Tensor:
    """Something of the differences across, plus the same of those down."""
    across, down = _gaps(flow)
    return of(across) + of(down)


def _mean(flow: Tensor, of: Callable[[Tensor], Tensor]) -> Tensor:
    return _sum(flow, lambda gap: of(gap).mean())


def _left(flow: Tensor, axes: str, how: str = "mean") -> Tensor:
    """Averaged or added up, but for these axes."""
    return _sum(flow, lambda gap: reduce(gap.abs(), f"b d h w -> {axes}", how))


def _inner(flow: Tensor) -> tuple[Tensor, Tensor]:
    """Both differences, where a pixel has a right and a lower neighbour."""
    across, down = _gaps(flow)
    return across[..., :-1, :], down[..., :-1]


def _by_axis(flow: Tensor, gap: Callable[[Tensor, int], Tensor]) -> Tensor:
    """Differences of another kind, given the axis."""
    return gap(flow, -1).abs().mean() + gap(flow, -2).abs().mean()


def _bordered(flow: Tensor, axis: int, before: bool) -> Tensor:
    """Differences from zeros before the first or after the last."""
    zero = torch.zeros_like(flow.narrow(axis, 0, 1))
    return flow.diff(dim=axis, prepend=zero) if before else flow.diff(dim=axis, append=zero)


def _u_and_v(flow: Tensor, of: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]) -> Tensor:
    """A function of ∂u/∂x, ∂u/∂y, ∂v/∂x, ∂v/∂y, in the inner part."""
    (u_x, v_x), (u_y, v_y) = (gap.unbind(1) for gap in _inner(flow))
    return of(u_x, u_y, v_x, v_y)


EXERCISES = (
    Exercise(
        name="hidden.smoothness",
        task="Say how rough a flow (b 2 h w) is: the mean |difference of neighbours| across, plus that down, a number.",
        reference=smoothness,
        draw=_draw_flows,
        wanted=Wanted(axes="one number", dtype="same", tolerance=1e-8),  # of no axes; that is said of any other shape
        hints=(
            "Which axis do you step along from a pixel to its right neighbour? And to the one below?",
            "Two means, over all that there is: one of w − 1 differences a row, one of h − 1 a column. Then add.",
        ),
        mistakes=(
            Mistake(
                "differences are added up: a larger picture would seem rougher",
                lambda f: _sum(f, lambda g: g.abs().sum()),
            ),
            Mistake(
                "there is one mean for all differences: take one across and one down, and add them",
                lambda f: torch.cat([gap.flatten() for gap in _gaps(f)]).abs().mean(),
            ),
            Mistake("the sum of the two means is halved", lambda f: smoothness(f) / 2),
            Mistake(
                "it is doubled: are u and v added up, or pairs counted from both ends?", lambda f: 2 * smoothness(f)
            ),
            Mistake("only neighbours in a row are compared", lambda f: _gaps(f)[0].abs().mean()),
            Mistake("only neighbours in a column are compared", lambda f: _gaps(f)[1].abs().mean()),
            Mistake(
                "the differences are squared: a border between two motions would cost too much",
                lambda f: _mean(f, torch.square),
            ),
            Mistake(
                "a root is drawn of the mean square: absolute values are wanted",
                lambda f: _sum(f, lambda g: g.square().mean().sqrt()),
            ),
            Mistake("differences keep their signs, and cancel", lambda f: _mean(f, torch.clone)),
            Mistake(
                "differences are averaged with their signs, and the sign is dropped too late: they cancel",
                lambda f: _sum(f, lambda g: g.mean().abs()),
            ),
            Mistake(
                "Charbonnier's penalty is taken, with the paper's 0.45: here it is plain absolute values",
                lambda f: _mean(f, lambda g: (g**2 + 1e-6) ** 0.45),
            ),
            Mistake(
                "Charbonnier's penalty is taken, with a root: nearly right, but here it is plain absolute values",
                lambda f: _mean(f, lambda g: (g**2 + 1e-6).sqrt()),
            ),
            Mistake(
                "across and down are sides of a right angle here, and its long side is measured: add the two",
                lambda f: torch.hypot(*_inner(f)).mean(),
            ),
            Mistake(
                "the difference is measured as the length of an arrow: u and v count each for itself",
                lambda f: _sum(f, lambda g: g.norm(dim=1).mean()),
            ),
            Mistake("only u is looked at", lambda f: _mean(f[:, :1], torch.abs)),
            Mistake("only v is looked at", lambda f: _mean(f[:, 1:], torch.abs)),
            Mistake(
                "u is compared across only, and v down only: both go both ways",
                lambda f: f[:, 0].diff(dim=-1).abs().mean() + f[:, 1].diff(dim=-2).abs().mean(),
            ),
            Mistake(
                "that is the divergence, where flow comes from and goes to: a turn would cost nothing",
                lambda f: _u_and_v(f, lambda u_x, u_y, v_x, v_y: (u_x + v_y).abs().mean()),
            ),
            Mistake(
                "that is the rotation: flow that spreads would cost nothing",
                lambda f: _u_and_v(f, lambda u_x, u_y, v_x, v_y: (v_x - u_y).abs().mean()),
            ),
            Mistake(
                "the picture is a ring: the last pixel of a row or column is compared with the first",
                lambda f: _by_axis(f, lambda g, axis: g.roll(-1, axis) - g),
            ),
            Mistake(
                "beyond the right and lower border flow is taken for 0",
                lambda f: _by_axis(f, lambda g, a: _bordered(g, a, False)),
            ),
            Mistake(
                "beyond the left and upper border flow is taken for 0",
                lambda f: _by_axis(f, lambda g, a: _bordered(g, a, True)),
            ),
            Mistake(
                "it divides by the number of pixels, but there are fewer pairs of neighbours than pixels",
                lambda f: _sum(f, lambda g: g.abs().sum() / f.numel()),
            ),
            Mistake(
                "the last row and the last column have no part in it, though they have neighbours",
                lambda f: sum(gap.abs().mean() for gap in _inner(f)),
            ),
            Mistake(
                "the pixels on both sides of one are compared, as `torch.gradient` does: its next neighbour is wanted",
                lambda f: _by_axis(f, lambda g, axis: torch.gradient(g, dim=axis)[0]),
            ),
            Mistake(
                "pixels two apart are compared: neighbours are wanted",
                lambda f: (f[..., 2:] - f[..., :-2]).abs().mean() + (f[..., 2:, :] - f[..., :-2, :]).abs().mean(),
            ),
            Mistake(
                "that is how differences change: a slope would cost nothing",
                lambda f: _by_axis(f, lambda g, axis: g.diff(2, dim=axis)),
            ),
            Mistake(
                "one difference is taken of the other: first across, and then down",
                lambda f: f.diff(dim=-1).diff(dim=-2).abs().mean(),
            ),
            Mistake(
                "neighbours along the diagonal are compared",
                lambda f: (f[..., 1:, 1:] - f[..., :-1, :-1]).abs().mean(),
            ),
            Mistake(
                "across and down are added before the sign is dropped: they may cancel",
                lambda f: sum(_inner(f)).abs().mean(),
            ),
            Mistake("u is compared with v", lambda f: f.diff(dim=1).abs().mean()),
            Mistake("clips are compared with each other", lambda f: f.diff(dim=0).abs().mean()),
            Mistake(
                "lengths of arrows are compared: two that point different ways would be alike",
                lambda f: _mean(f.norm(dim=1, keepdim=True), torch.abs),
            ),
            Mistake("signs of the flow are dropped before neighbours are compared", lambda f: smoothness(f.abs())),
            Mistake("clips are kept apart: a number for all is wanted", lambda f: _left(f, "b")),
            Mistake("u and v are kept apart: a number for all is wanted", lambda f: _left(f, "d")),
            Mistake(
                "nothing is averaged: that is a map of the roughness",
                lambda f: sum(gap.abs() for gap in _inner(f)),
            ),
            Mistake(
                "the two means are not added: that is a list of both",
                lambda f: torch.stack([g.abs().mean() for g in _gaps(f)]),
            ),
            Mistake(
                "differences are added up in each clip: a larger picture would seem rougher",
                lambda f: _left(f, "b", "sum").mean(),
            ),
            Mistake(
                "differences are added up in each field, u and v apart: a larger picture would seem rougher",
                lambda f: _left(f, "b d", "sum").mean(),
            ),
            Mistake("it is divided by the number of clips once more", lambda f: smoothness(f) / len(f)),
            Mistake(
                "the mean down is taken away from that across",
                lambda f: _gaps(f)[0].abs().mean() - _gaps(f)[1].abs().mean(),
            ),
            Mistake(
                "of the two means the larger is taken: add them",
                lambda f: torch.stack([g.abs().mean() for g in _gaps(f)]).amax(),
            ),
            Mistake(
                "the largest differences are added: one border would be all that counts",
                lambda f: _sum(f, lambda g: g.abs().amax()),
            ),
            Mistake(
                "those are medians: a few borders would cost nothing", lambda f: _sum(f, lambda g: g.abs().median())
            ),
            Mistake("that is how fast the flow is, not how rough", lambda f: f.abs().mean()),
            Mistake("that is the variance of the flow: neighbours have no part in it", lambda f: f.var(correction=0)),
            Mistake("the sign is turned: the roughest flow would be the best", lambda f: -smoothness(f)),
            Mistake("only the first clip is looked at", lambda f: smoothness(f[:1])),
        ),
    ),
)
