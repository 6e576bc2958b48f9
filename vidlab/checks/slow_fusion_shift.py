"""Exercise of lesson 07, temporal shift-equivariance: does a layer answer to a later clip as it did, only later?"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from .draws import integer
from .frame import Exercise, Mistake
from .mismatch import Wanted

Layer = Callable[[Tensor], Tensor]  # b c t h w → b d t h2 w2


class Sliding(nn.Module):
    """A layer that keeps the number of frames: a kernel of three frames slides along time, then tanh.

    ends: what it sees before the first frame and after the last: "zeros", or with "circle" the other end. With "clock"
    the kernel slides as on a circle, and each frame's answer is multiplied by a number that grows with time.
    """

    def __init__(self, weight: Float[Tensor, "o c 3 kh kw"], ends: str) -> None:
        super().__init__()
        self.weight, self.ends = weight, ends

    def forward(self, clip: Float[Tensor, "b c t h w"]) -> Float[Tensor, "b o t h2 w2"]:
        mode = "constant" if self.ends == "zeros" else "circular"
        answer = functional.conv3d(functional.pad(clip, (0, 0, 0, 0, 1, 1), mode=mode), self.weight).tanh()
        if self.ends != "clock":
            return answer
        time = torch.linspace(0.5, 1.5, clip.shape[2], dtype=clip.dtype)
        return answer * time[:, None, None]

    def __repr__(self) -> str:
        return f"Sliding({self.ends!r})"


def shift_gap(layer: Layer, clip: Float[Tensor, "b c t h w"], by: int) -> float:
    shifted_first = layer(clip.roll(by, dims=2))
    shifted_last = layer(clip).roll(by, dims=2)  # equivariance: the order of the two makes no difference
    return (shifted_first - shifted_last).abs().max().item()


def _draw_layers(generator: torch.Generator) -> list[tuple]:
    """A layer without a gap, one with a gap at the ends, and one that knows what time it is.

    The last has its largest gap among the frames that come in again if these are few, and among the others if not.
    """
    cases = []
    for ends, few in (("circle", True), ("zeros", True), ("clock", True), ("clock", False)):
        b, c, o = (torch.randperm(3, generator=generator) + 2).tolist()
        t, (h, w) = integer(generator, 7, 12), (torch.randperm(2, generator=generator) + 5).tolist()
        by = integer(generator, 2, (t + 1) // 2)  # never half of the clip: later would be earlier
        clip = torch.randn(b, c, t, h, w, generator=generator, dtype=torch.float64)
        weight = torch.randn(o, c, 3, 3, 2, generator=generator, dtype=torch.float64) / (18 * c) ** 0.5
        cases.append((Sliding(weight, ends), clip, by if few else t - by))
    return cases


def _pair(layer: Layer, clip: Tensor, by: int) -> Tensor:
    """The difference, with its sign."""
    return layer(clip.roll(by, 2)) - layer(clip).roll(by, 2)


def _gap(a: Tensor, b: Tensor) -> float:
    return (a - b).abs().max().item()


def _along(layer: Layer, clip: Tensor, by: int, axis: int | None) -> float:
    """Both are rolled along another axis."""
    return _gap(layer(clip.roll(by, axis)), layer(clip).roll(by, axis))


def _pushed(clip: Tensor, by: int, start: Tensor) -> Tensor:
    """Shifted without coming in again: the gap is filled."""
    return torch.cat([start.expand(-1, -1, by, -1, -1), clip[:, :, : clip.shape[2] - by]], 2)


def _with_zeros(clip: Tensor, by: int) -> Tensor:
    return _pushed(clip, by, torch.zeros_like(clip[:, :, :1]))


def _with_first(clip: Tensor, by: int) -> Tensor:
    return _pushed(clip, by, clip[:, :, :1])


EXERCISES = (
    Exercise(
        name="slow.shift_gap",
        task="Roll time on by `by` frames, before a layer (b c t h w) and after it: the largest |difference|.",
        reference=shift_gap,
        draw=_draw_layers,
        wanted=Wanted(kind="float"),
        hints=(
            "Two ways to the same end: shift and then ask the layer, or ask the layer and then shift.",
            "`torch.roll` lets what falls out at the end come in again at the beginning. Which axis is time here?",
        ),
        mistakes=(
            Mistake(
                "it is channels that are rolled, not frames: with b c t h w, time is one axis further back",
                lambda f, x, by: _along(f, x, by, 1),
            ),
            Mistake(
                "the clip is rolled in time, but the answer along its channels",
                lambda f, x, by: _gap(f(x.roll(by, 2)), f(x).roll(by, 1)),
            ),
            Mistake(
                "the clip is rolled along its channels, but the answer in time",
                lambda f, x, by: _gap(f(x.roll(by, 1)), f(x).roll(by, 2)),
            ),
            Mistake(
                "clips change places in the batch: that never makes a difference", lambda f, x, by: _along(f, x, by, 0)
            ),
            Mistake("rows are rolled, not frames", lambda f, x, by: _along(f, x, by, 3)),
            Mistake("columns are rolled, not frames", lambda f, x, by: _along(f, x, by, 4)),
            Mistake(
                "without an axis, `roll` moves single values on, over the edges of all axes",
                lambda f, x, by: _along(f, x, by, None),
            ),
            Mistake(
                "the answer is not shifted: that tells whether a layer is invariant, not equivariant",
                lambda f, x, by: _gap(f(x.roll(by, 2)), f(x)),
            ),
            Mistake(
                "the clip is not shifted: the answer is compared with itself at another time",
                lambda f, x, by: _gap(f(x), f(x).roll(by, 2)),
            ),
            Mistake(
                "the clip is shifted to later, its answer to earlier: it should be the same shift",
                lambda f, x, by: _gap(f(x.roll(by, 2)), f(x).roll(-by, 2)),
            ),
            Mistake(
                "the clip is shifted to earlier, its answer to later: it should be the same shift",
                lambda f, x, by: _gap(f(x.roll(-by, 2)), f(x).roll(by, 2)),
            ),
            Mistake(
                "both are shifted to earlier; with a positive `by` all should happen later",
                lambda f, x, by: _gap(f(x.roll(-by, 2)), f(x).roll(-by, 2)),
            ),
            Mistake(
                "both are shifted by a single frame, whatever `by` is",
                lambda f, x, by: _gap(f(x.roll(1, 2)), f(x).roll(1, 2)),
            ),
            Mistake("the clip is played backwards, not shifted", lambda f, x, by: _gap(f(x.flip(2)), f(x).flip(2))),
            Mistake(
                "a difference that is negative does not count: how far is it, in either direction?",
                lambda f, x, by: _pair(f, x, by).max(),
            ),
            Mistake(
                "a difference counts only where the answer to the shifted clip is the smaller one",
                lambda f, x, by: -_pair(f, x, by).min(),
            ),
            Mistake("that is the most negative difference", lambda f, x, by: _pair(f, x, by).min()),
            Mistake(
                "the differences are averaged: a gap at a single frame would nearly vanish",
                lambda f, x, by: _pair(f, x, by).abs().mean(),
            ),
            Mistake(
                "the differences are averaged with their signs, and cancel", lambda f, x, by: _pair(f, x, by).mean()
            ),
            Mistake("the differences are added up", lambda f, x, by: _pair(f, x, by).abs().sum()),
            Mistake("that is the mean of the squares", lambda f, x, by: _pair(f, x, by).square().mean()),
            Mistake(
                "that is the root of the mean square: one large gap should count as it is",
                lambda f, x, by: _pair(f, x, by).square().mean().sqrt(),
            ),
            Mistake("that is the length of the difference as one long vector", lambda f, x, by: _pair(f, x, by).norm()),
            Mistake("the largest difference is squared", lambda f, x, by: _pair(f, x, by).square().max()),
            Mistake("that is the smallest difference", lambda f, x, by: _pair(f, x, by).abs().min()),
            Mistake("that is the median of the differences", lambda f, x, by: _pair(f, x, by).abs().median()),
            Mistake("that is the standard deviation of the differences", lambda f, x, by: _pair(f, x, by).std()),
            Mistake(
                "the largest answers are compared, wherever they are; compare place by place",
                lambda f, x, by: (f(x.roll(by, 2)).max() - f(x).roll(by, 2).max()).abs(),
            ),
            Mistake(
                "absolute values are compared: an answer whose sign has turned goes unnoticed",
                lambda f, x, by: _gap(f(x.roll(by, 2)).abs(), f(x).roll(by, 2).abs()),
            ),
            Mistake(
                "the gap is divided by the largest answer; it is wanted as it is",
                lambda f, x, by: _pair(f, x, by).abs().max() / f(x).abs().max(),
            ),
            Mistake(
                "it is yes or no, 1 or 0; how far apart are they?",
                lambda f, x, by: float(_pair(f, x, by).abs().max() > 1e-6),
            ),
            Mistake(
                "what falls out at the end is lost, and zeros come in: time should be a circle here",
                lambda f, x, by: _gap(f(_with_zeros(x, by)), _with_zeros(f(x), by)),
            ),
            Mistake(
                "what falls out at the end is lost, and the first frame is repeated: time should be a circle here",
                lambda f, x, by: _gap(f(_with_first(x, by)), _with_first(f(x), by)),
            ),
            Mistake(
                "the frames that come in again at the beginning are left out",
                lambda f, x, by: _pair(f, x, by)[:, :, by:].abs().max(),
            ),
            Mistake(
                "only the frames that come in again at the beginning are compared",
                lambda f, x, by: _pair(f, x, by)[:, :, :by].abs().max(),
            ),
            Mistake("only the first frame is compared", lambda f, x, by: _pair(f, x, by)[:, :, 0].abs().max()),
            Mistake("only the last frame is compared", lambda f, x, by: _pair(f, x, by)[:, :, -1].abs().max()),
            Mistake("only the first clip is compared", lambda f, x, by: _pair(f, x, by)[0].abs().max()),
            Mistake("only the first channel is compared", lambda f, x, by: _pair(f, x, by)[:, 0].abs().max()),
            Mistake(
                "the layer is not asked: the clip is compared with itself at another time",
                lambda f, x, by: _gap(x.roll(by, 2), x),
            ),
            Mistake(
                "the layer is asked about the difference of two clips: take the difference of two answers",
                lambda f, x, by: f(x.roll(by, 2) - x).abs().max(),
            ),
        ),
    ),
)
