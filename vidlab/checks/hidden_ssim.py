"""Exercise of lesson 13, structural similarity: are two windows alike in mean, in contrast and in pattern?"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from .draws import chance, film_sizes
from .frame import Exercise, Mistake
from .mismatch import Wanted

Windows = Float[Tensor, "b p"]


def ssim(first: Windows, second: Windows, c1: float, c2: float) -> Float[Tensor, "b"]:
    m1, m2 = first.mean(dim=1), second.mean(dim=1)
    a, b = first - m1[:, None], second - m2[:, None]  # the patterns, without their means
    v1, v2, covariance = (a * a).mean(dim=1), (b * b).mean(dim=1), (a * b).mean(dim=1)
    brightness = (2 * m1 * m2 + c1) / (m1**2 + m2**2 + c1)  # 1 where the means are the same
    pattern = (2 * covariance + c2) / (v1 + v2 + c2)  # 1 where all that is left is the same, negative where opposite
    return brightness * pattern


def _draw_windows(generator: torch.Generator) -> list[tuple]:
    """From opposite to equal patterns, darker and brighter, within 0 and 1; of the constants each is larger once."""
    cases = []
    for smaller_first in (True, False):
        b, p = film_sizes(generator, 2)
        pattern, other = torch.rand(2, b, p, generator=generator, dtype=torch.float64) - 0.5
        share = torch.linspace(-1, 1, b, dtype=torch.float64)[:, None]
        bright = 0.6 + 0.4 * torch.rand(2, b, 1, generator=generator, dtype=torch.float64)
        first, second = bright[0] * (0.5 + pattern), bright[1] * (0.5 + share * pattern + (1 - share.abs()) * other)
        constants = chance(generator, 0.002, 0.004), chance(generator, 0.008, 0.012)
        cases.append((first, second, *(constants if smaller_first else constants[::-1])))
    return cases


def _moments(x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    """Both means, both variances, and the covariance."""
    m, n = x.mean(1), y.mean(1)
    return m, n, x.var(1, correction=0), y.var(1, correction=0), (x * y).mean(1) - m * n


def _factors(x: Tensor, y: Tensor, c: float, d: float) -> tuple[Tensor, Tensor]:
    """The part of the means, and that of the patterns."""
    m, n, v, w, s = _moments(x, y)
    return (2 * m * n + c) / (m**2 + n**2 + c), (2 * s + d) / (v + w + d)


def _of(x: Tensor, y: Tensor, formula: Callable[..., Tensor]) -> Tensor:
    """Another function of both means, both variances and the covariance."""
    return formula(*_moments(x, y))


def _by(x: Tensor, y: Tensor, c: float, d: float, mends: Callable[..., tuple]) -> Tensor:
    """The right formula of changed moments."""
    m, n, v, w, s = mends(*_moments(x, y))
    return (2 * m * n + c) * (2 * s + d) / ((m**2 + n**2 + c) * (v + w + d))


def _with(x: Tensor, y: Tensor, above: tuple[float, float], below: tuple[float, float]) -> Tensor:
    """Other constants above and below the line."""
    m, n, v, w, s = _moments(x, y)
    (c, d), (e, f) = above, below
    return (2 * m * n + c) * (2 * s + d) / ((m**2 + n**2 + e) * (v + w + f))


def _means(x: Tensor, y: Tensor, c: float, d: float, part: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """The part of the means is another one."""
    m, n, *_ = _moments(x, y)
    return part(m, n) * _factors(x, y, c, d)[1]


def _patterns(x: Tensor, y: Tensor, c: float, d: float, part: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Tensor:
    """The part of the patterns is another one."""
    _, _, v, w, s = _moments(x, y)
    return _factors(x, y, c, d)[0] * part(v, w, s)


def _raw(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean squares, and the mean product, from which no means are taken away."""
    return x.square().mean(1), y.square().mean(1), (x * y).mean(1)


def _more(p: int) -> float:
    """What a division by p − 1 adds."""
    return p / (p - 1)


EXERCISES = (
    Exercise(
        name="hidden.ssim",
        task="Say how alike two windows of p pixels are, b p each: structural similarity (variances divided by p): b.",
        reference=ssim,
        draw=_draw_windows,
        wanted=Wanted(axes="b", dtype="same", low=-1.0, high=1.0, tolerance=1e-8),
        hints=(
            "Five numbers for each pair: two means, two variances, one covariance. Over which axis?",
            "`var` divides by p − 1 unless `correction=0` is said. The covariance is a mean of p products, too.",
        ),
        mistakes=(
            Mistake(
                "variances and covariance are divided by p − 1: there are p pixels",
                lambda x, y, c, d: _by(x, y, c, d, lambda m, n, *r: (m, n, *(_more(x.shape[1]) * one for one in r))),
            ),
            Mistake(
                "variances are divided by p − 1, as `var` does on its own: the covariance is not",
                lambda x, y, c, d: _by(
                    x, y, c, d, lambda m, n, v, w, s: (m, n, _more(x.shape[1]) * v, _more(x.shape[1]) * w, s)
                ),
            ),
            Mistake(
                "variances and covariance are added up over the pixels: they are means",
                lambda x, y, c, d: _by(x, y, c, d, lambda m, n, *r: (m, n, *(x.shape[1] * one for one in r))),
            ),
            Mistake(
                "the means are sums: divide by the number of pixels",
                lambda x, y, c, d: _by(x, y, c, d, lambda m, n, *r: (x.sum(1), y.sum(1), *r)),
            ),
            Mistake(
                "standard deviations stand below: variances are wanted",
                lambda x, y, c, d: _patterns(x, y, c, d, lambda v, w, s: (2 * s + d) / (v.sqrt() + w.sqrt() + d)),
            ),
            Mistake(
                "the covariance is the mean of products: take the means away first, or their product afterwards",
                lambda x, y, c, d: _by(x, y, c, d, lambda m, n, v, w, s: (m, n, v, w, _raw(x, y)[2])),
            ),
            Mistake(
                "the variances are means of squares: take the means away first",
                lambda x, y, c, d: _by(x, y, c, d, lambda m, n, v, w, s: (m, n, *_raw(x, y)[:2], s)),
            ),
            Mistake(
                "variances and covariance are means of products: take the means away first",
                lambda x, y, c, d: _by(x, y, c, d, lambda m, n, *r: (m, n, *_raw(x, y))),
            ),
            Mistake("c1 and c2 have changed places", lambda x, y, c, d: ssim(x, y, d, c)),
            Mistake("c1 is left out: two black windows would be 0 / 0", lambda x, y, c, d: ssim(x, y, 0, d)),
            Mistake("c2 is left out: two flat windows would be 0 / 0", lambda x, y, c, d: ssim(x, y, c, 0)),
            Mistake(
                "both constants are left out: two black windows would be 0 / 0", lambda x, y, c, d: ssim(x, y, 0, 0)
            ),
            Mistake("the constants stand above only, not below", lambda x, y, c, d: _with(x, y, (c, d), (0, 0))),
            Mistake("the constants stand below only, not above", lambda x, y, c, d: _with(x, y, (0, 0), (c, d))),
            Mistake("c1 stands above only, not below", lambda x, y, c, d: _with(x, y, (c, d), (0, d))),
            Mistake("c1 stands below only, not above", lambda x, y, c, d: _with(x, y, (0, d), (c, d))),
            Mistake("c2 stands above only, not below", lambda x, y, c, d: _with(x, y, (c, d), (c, 0))),
            Mistake("c2 stands below only, not above", lambda x, y, c, d: _with(x, y, (c, 0), (c, d))),
            Mistake("the constants are squared: they have been already", lambda x, y, c, d: ssim(x, y, c**2, d**2)),
            Mistake(
                "the 2 before the product of the means is missing",
                lambda x, y, c, d: _means(x, y, c, d, lambda m, n: (m * n + c) / (m**2 + n**2 + c)),
            ),
            Mistake(
                "the 2 before the covariance is missing",
                lambda x, y, c, d: _patterns(x, y, c, d, lambda v, w, s: (s + d) / (v + w + d)),
            ),
            Mistake(
                "both 2s above are missing: a window would be a quarter like itself",
                lambda x, y, c, d: _of(
                    x, y, lambda m, n, v, w, s: (m * n + c) * (s + d) / ((m**2 + n**2 + c) * (v + w + d))
                ),
            ),
            Mistake(
                "below, the means are added and then squared: each is squared for itself",
                lambda x, y, c, d: _means(x, y, c, d, lambda m, n: (2 * m * n + c) / ((m + n) ** 2 + c)),
            ),
            Mistake(
                "below, the means are not squared",
                lambda x, y, c, d: _means(x, y, c, d, lambda m, n: (2 * m * n + c) / (m + n + c)),
            ),
            Mistake(
                "below, the variances are multiplied: they are added",
                lambda x, y, c, d: _patterns(x, y, c, d, lambda v, w, s: (2 * s + d) / (v * w + d)),
            ),
            Mistake(
                "the covariance is divided as for a correlation: then contrast has no say",
                lambda x, y, c, d: _patterns(x, y, c, d, lambda v, w, s: (2 * s + d) / (2 * (v * w).sqrt() + d)),
            ),
            Mistake(
                "only contrasts are compared, by the standard deviations: an opposite pattern would be alike",
                lambda x, y, c, d: _patterns(x, y, c, d, lambda v, w, s: (2 * (v * w).sqrt() + d) / (v + w + d)),
            ),
            Mistake(
                "the sign of the covariance is lost: an opposite pattern would be alike",
                lambda x, y, c, d: _by(x, y, c, d, lambda m, n, v, w, s: (m, n, v, w, s.abs())),
            ),
            Mistake(
                "the covariance has the opposite sign: what is taken away from what?",
                lambda x, y, c, d: _by(x, y, c, d, lambda m, n, v, w, s: (m, n, v, w, -s)),
            ),
            Mistake("only the means are compared", lambda x, y, c, d: _factors(x, y, c, d)[0]),
            Mistake(
                "only the patterns are compared: a darker window would be the same",
                lambda x, y, c, d: _factors(x, y, c, d)[1],
            ),
            Mistake("the two parts are added: multiply them", lambda x, y, c, d: sum(_factors(x, y, c, d))),
            Mistake("the two parts are averaged: multiply them", lambda x, y, c, d: sum(_factors(x, y, c, d)) / 2),
            Mistake(
                "below, the two brackets are added: they are multiplied",
                lambda x, y, c, d: _of(
                    x, y, lambda m, n, v, w, s: (2 * m * n + c) * (2 * s + d) / (m**2 + n**2 + c + v + w + d)
                ),
            ),
            Mistake(
                "it divides by one bracket and multiplies by the other: both belong below the line",
                lambda x, y, c, d: _of(
                    x, y, lambda m, n, v, w, s: (2 * m * n + c) * (2 * s + d) / (m**2 + n**2 + c) * (v + w + d)
                ),
            ),
            Mistake("above and below have changed places", lambda x, y, c, d: 1 / ssim(x, y, c, d)),
            Mistake("that is the loss, 1 minus it: 1 should mean alike", lambda x, y, c, d: 1 - ssim(x, y, c, d)),
            Mistake("that is half of 1 minus it", lambda x, y, c, d: (1 - ssim(x, y, c, d)) / 2),
            Mistake(
                "what is below 0 is cut off: opposite is less than unlike", lambda x, y, c, d: ssim(x, y, c, d).relu()
            ),
            Mistake("all pairs are averaged: each has its own number", lambda x, y, c, d: ssim(x, y, c, d).mean()),
            Mistake(
                "means and variances run over the pairs, not over the pixels",
                lambda x, y, c, d: ssim(x.T, y.T, c, d),
            ),
            Mistake(
                "all windows are taken for one large one: each pair has its own number",
                lambda x, y, c, d: ssim(x.reshape(1, -1), y.reshape(1, -1), c, d)[0],
            ),
            Mistake(
                "the axis of the pixels is still there, one entry long", lambda x, y, c, d: ssim(x, y, c, d)[:, None]
            ),
            Mistake(
                "it compares pixel by pixel, and averages: no pattern has a part in it",
                lambda x, y, c, d: ((2 * x * y + c) / (x**2 + y**2 + c)).mean(1),
            ),
            Mistake("the first window is compared with itself", lambda x, y, c, d: torch.ones_like(x[:, 0])),
            Mistake(
                "each window is compared with that of another pair", lambda x, y, c, d: ssim(x, y.roll(1, 0), c, d)
            ),
            Mistake("that is the mean squared error: 0 would mean alike", lambda x, y, c, d: (x - y).square().mean(1)),
            Mistake(
                "that is the signal-to-noise ratio, in decibels",
                lambda x, y, c, d: -10 * (x - y).square().mean(1).log10(),
            ),
            Mistake("that is the cosine of the two windows", lambda x, y, c, d: torch.cosine_similarity(x, y)),
            Mistake(
                "that is the correlation: means and contrasts have no say",
                lambda x, y, c, d: _of(x, y, lambda m, n, v, w, s: s / (v * w).sqrt()),
            ),
            Mistake("values were taken to 0 … 255 first", lambda x, y, c, d: ssim(255 * x, 255 * y, c, d)),
        ),
    ),
)
