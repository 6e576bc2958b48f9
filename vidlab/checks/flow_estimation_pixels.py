"""Exercises of lesson 04, flow is counted in pixels: at another size its values change, and its error is a distance."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from .draws import film_sizes
from .frame import Exercise, Mistake
from .mismatch import Wanted

Flow = Float[Tensor, "2 h w"]


def resize_flow_values(flow: Flow, old: tuple[int, int], new: tuple[int, int]) -> Flow:
    (h, w), (H, W) = old, new
    # u is counted in columns, of which there are W / w times as many now; v in rows.
    return torch.stack([flow[0] * W / w, flow[1] * H / h])


def _draw_sizes(generator: torch.Generator) -> list[tuple]:
    """A flow made larger, one made smaller, and one made wider but lower; no two ratios are alike."""
    a, b, c, d = sorted(film_sizes(generator, 4))
    cases = []
    for old, new in (((b, a), (c, d)), ((d, c), (a, b)), ((d, a), (b, c))):
        flow = 6 * torch.randn(2, *new, generator=generator, dtype=torch.float64)
        cases.append((flow, old, new))
    return cases


def _times(flow: Tensor, u: float, v: float) -> Tensor:
    return flow * torch.tensor([u, v], dtype=torch.float64)[:, None, None]


def endpoint_error(flow: Flow, truth: Flow, valid: Bool[Tensor, "h w"]) -> float:
    distance = (flow - truth).square().sum(dim=0).sqrt()  # h w: between the tips of the two arrows, in pixels
    return distance[valid].mean().item()  # where the truth is unknown, nothing can be said


def _draw_truth(generator: torch.Generator) -> list[tuple]:
    """An estimate off by about a pixel, and a truth that is unknown, that is rubbish, in up to half of the frame."""
    h, w = film_sizes(generator, 2)
    truth, error, rubbish = torch.randn(3, 2, h, w, generator=generator, dtype=torch.float64)
    valid = torch.rand(h, w, generator=generator) > 0.4
    valid[0, 0], valid[-1, -1] = True, False
    return [(3 * truth + error + 0.3, torch.where(valid, 3 * truth, 5 * rubbish), valid)]


def _lengths(difference: Tensor) -> Tensor:
    return torch.linalg.vector_norm(difference, dim=0)


EXERCISES = (
    Exercise(
        name="estimation.resize_flow_values",
        task="Put right the values of a flow (2 h w) that was resampled from size `old` to size `new`, both (h, w).",
        reference=resize_flow_values,
        draw=_draw_sizes,
        wanted=Wanted(axes="uv h w", dtype="same", tolerance=1e-6),
        hints=(
            "u is measured along the width, v along the height.",
            "In a picture that is twice as wide everything moves twice as many columns.",
        ),
        mistakes=(
            Mistake("it comes back as it went in: its values are still in old pixels", lambda f, o, n: f.clone()),
            Mistake(
                "u and v have each other's factor: u runs along the width",
                lambda f, o, n: _times(f, n[0] / o[0], n[1] / o[1]),
            ),
            Mistake(
                "the factors are upside down: larger pictures have larger motion",
                lambda f, o, n: _times(f, o[1] / n[1], o[0] / n[0]),
            ),
            Mistake(
                "the factors are upside down, and u and v have each other's",
                lambda f, o, n: _times(f, o[0] / n[0], o[1] / n[1]),
            ),
            Mistake("the width's factor serves for both; v has the height's", lambda f, o, n: f * n[1] / o[1]),
            Mistake("the height's factor serves for both; u has the width's", lambda f, o, n: f * n[0] / o[0]),
            Mistake("only u is rescaled", lambda f, o, n: _times(f, n[1] / o[1], 1)),
            Mistake("only v is rescaled", lambda f, o, n: _times(f, 1, n[0] / o[0])),
            Mistake(
                "both have the factor of the area; a motion is a length",
                lambda f, o, n: f * (n[0] * n[1] / (o[0] * o[1])),
            ),
            Mistake(
                "both have one mean factor; width and height may change differently",
                lambda f, o, n: f * (n[0] * n[1] / (o[0] * o[1])) ** 0.5,
            ),
            Mistake(
                "both have the mean of the two factors; width and height may change differently",
                lambda f, o, n: f * (n[0] / o[0] + n[1] / o[1]) / 2,
            ),
            Mistake(
                "the factors lose their fraction: divide with /, not with //",
                lambda f, o, n: _times(f, n[1] // o[1], n[0] // o[0]),
            ),
            Mistake(
                "a new width is divided by an old height: both sizes are (h, w)",
                lambda f, o, n: _times(f, n[1] / o[0], n[0] / o[1]),
            ),
            Mistake(
                "a new height is divided by an old width: both sizes are (h, w)",
                lambda f, o, n: _times(f, n[0] / o[1], n[1] / o[0]),
            ),
            Mistake(
                "the factors count gaps between pixels; pixels fill the picture, so count them",
                lambda f, o, n: _times(f, (n[1] - 1) / (o[1] - 1), (n[0] - 1) / (o[0] - 1)),
            ),
            Mistake("the factors are applied twice", lambda f, o, n: _times(f, (n[1] / o[1]) ** 2, (n[0] / o[0]) ** 2)),
            Mistake(
                "the new size alone is the factor: how large was the old one?",
                lambda f, o, n: _times(f, n[1], n[0]),
            ),
            Mistake(
                "it divides by the old size only: how large is the new one?",
                lambda f, o, n: _times(f, 1 / o[1], 1 / o[0]),
            ),
        ),
    ),
    Exercise(
        name="estimation.endpoint_error",
        task="Give the mean endpoint error, in pixels, of a flow (2 h w) from the truth, where that is valid (h w).",
        reference=endpoint_error,
        draw=_draw_truth,
        wanted=Wanted(kind="float", tolerance=1e-6),
        hints=(
            "First the length of the difference at each pixel, then the mean, over valid pixels only.",
            "A tensor of truth values as an index takes just the entries that are marked.",
        ),
        mistakes=(
            Mistake(
                "it adds |Δu| and |Δv|; the distance between two points is a root of squares",
                lambda f, g, m: (f - g).abs().sum(0)[m].mean(),
            ),
            Mistake(
                "it averages |Δu| and |Δv|; the distance between two points is a root of squares",
                lambda f, g, m: (f - g).abs().mean(0)[m].mean(),
            ),
            Mistake(
                "it is the mean of the squared distances: the root is missing",
                lambda f, g, m: _lengths(f - g)[m].square().mean(),
            ),
            Mistake(
                "it is the mean of Δu² and Δv², as a loss; the distance is wanted",
                lambda f, g, m: (f - g)[:, m].square().mean(),
            ),
            Mistake(
                "the root is taken after the mean: large errors count more (RMS)",
                lambda f, g, m: _lengths(f - g)[m].square().mean().sqrt(),
            ),
            Mistake(
                "the root is taken after the mean, and u and v are averaged too",
                lambda f, g, m: (f - g)[:, m].square().mean().sqrt(),
            ),
            Mistake("the mean is squared", lambda f, g, m: _lengths(f - g)[m].mean() ** 2),
            Mistake("pixels whose truth is unknown are counted", lambda f, g, m: _lengths(f - g).mean()),
            Mistake(
                "unknown pixels count as perfect: their errors are zero, but the mean is over all pixels",
                lambda f, g, m: (_lengths(f - g) * m).mean(),
            ),
            Mistake(
                "only unknown pixels are counted: the mask is the wrong way round",
                lambda f, g, m: _lengths(f - g)[~m].mean(),
            ),
            Mistake("the errors are added, not averaged", lambda f, g, m: _lengths(f - g)[m].sum()),
            Mistake("that is the length of all differences taken as one vector", lambda f, g, m: (f - g)[:, m].norm()),
            Mistake("v has no part in it", lambda f, g, m: (f - g)[0][m].abs().mean()),
            Mistake("u has no part in it", lambda f, g, m: (f - g)[1][m].abs().mean()),
            Mistake(
                "it compares lengths of arrows: a motion in a wrong direction would cost nothing",
                lambda f, g, m: (_lengths(f) - _lengths(g))[m].abs().mean(),
            ),
            Mistake(
                "it compares lengths of arrows, with the sign: errors cancel",
                lambda f, g, m: (_lengths(f) - _lengths(g))[m].mean(),
            ),
            Mistake(
                "the differences are averaged before their length is taken: opposite errors cancel",
                lambda f, g, m: (f - g)[:, m].mean(1).norm(),
            ),
            Mistake(
                "Δu and Δv are added before they are squared, so that they may cancel",
                lambda f, g, m: (f - g).sum(0)[m].abs().mean(),
            ),
            Mistake("that is the worst pixel; the mean is wanted", lambda f, g, m: _lengths(f - g)[m].max()),
            Mistake("that is the median; the mean is wanted", lambda f, g, m: _lengths(f - g)[m].median()),
            Mistake("u of one flow is compared with v of the other", lambda f, g, m: _lengths(f.flip(0) - g)[m].mean()),
            Mistake(
                "that is the mean length of the estimate: where is the truth?", lambda f, g, m: _lengths(f)[m].mean()
            ),
        ),
    ),
)
