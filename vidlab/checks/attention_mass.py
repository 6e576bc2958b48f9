"""Exercise of lesson 10, where a model looks: how much more attention an object gets than its area alone would give."""

import torch
from einops import einsum, rearrange, reduce
from jaxtyping import Float
from torch import Tensor

from .draws import integer
from .frame import Exercise, Mistake
from .mismatch import Wanted


def gain(look: Float[Tensor, "b t h w"], mask: Float[Tensor, "b t h w"]) -> Float[Tensor, "b"]:
    on_object = einsum(look, mask, "b t h w, b t h w -> b")  # a tubelet that is half object counts half
    area = reduce(mask, "b t h w -> b", "mean")  # what a look that knows nothing would give it
    return on_object / area


def _draw_looks(generator: torch.Generator) -> list[tuple]:
    """Several clips, and a single one; the object is in every frame, larger in some clips and frames than in others."""
    cases = []
    for b in (integer(generator, 2, 4), 1):
        shape = b, *(torch.randperm(4, generator=generator) + 4).tolist()[:3]
        scores = 1.5 * torch.randn(shape, generator=generator, dtype=torch.float64)
        look = scores.flatten(1).softmax(1).reshape(shape)
        free = 2 * torch.rand(shape[:2], generator=generator, dtype=torch.float64)[..., None, None]
        mask = (3 * torch.rand(shape, generator=generator, dtype=torch.float64) - free).clamp(0, 1)
        cases.append((look, mask))
    return cases


def _sum(values: Tensor) -> Tensor:
    return values.sum((1, 2, 3))


def _mean(values: Tensor) -> Tensor:
    return values.mean((1, 2, 3))


def _moments(values: Tensor) -> Tensor:
    """Sums over the places of each moment, b t."""
    return values.sum((2, 3))


def _largest(values: Tensor) -> Tensor:
    return values.amax((1, 2, 3))


def _spread(values: Tensor) -> Tensor:
    """From 0 to 1 in each clip."""
    low, high = values.amin((1, 2, 3), keepdim=True), values.amax((1, 2, 3), keepdim=True)
    return (values - low) / (high - low)


def _correlation(look: Tensor, mask: Tensor) -> Tensor:
    return torch.stack(
        [torch.corrcoef(torch.stack(pair))[0, 1] for pair in zip(look.flatten(1), mask.flatten(1), strict=True)]
    )


def _at_the_peak(look: Tensor, mask: Tensor) -> Tensor:
    peak = look.flatten(1).argmax(1, keepdim=True)
    return mask.flatten(1).gather(1, peak)[:, 0]


EXERCISES = (
    Exercise(
        name="attention.mass",
        task="Give the attention on the object over the share of the area that it has; 1: as if blind; b t h w → b.",
        reference=gain,
        draw=_draw_looks,
        wanted=Wanted(axes="b", dtype="same", tolerance=1e-9),
        hints=(
            "`look` is made of shares that sum to 1 in each clip. Which of them fall on the object?",
            "A look that is the same everywhere should get exactly 1, however large the object is.",
        ),
        mistakes=(
            Mistake(
                "that is the attention on the object, and a large one gets much from a blind look as well: compare",
                lambda look, mask: _sum(look * mask),
            ),
            Mistake(
                "the attention and the area are both added up, or both averaged: a blind look would not get 1",
                lambda look, mask: _sum(look * mask) / _sum(mask),
            ),
            Mistake(
                "that is the mean of the products: shares of attention add up, and the area is missing",
                lambda look, mask: _mean(look * mask),
            ),
            Mistake("that is the area: the attention is missing", lambda look, mask: _mean(mask)),
            Mistake("that is the area over the attention", lambda look, mask: _mean(mask) / _sum(look * mask)),
            Mistake(
                "the area is subtracted; how many times as much is it?",
                lambda look, mask: _sum(look * mask) - _mean(mask),
            ),
            Mistake("attention and area are multiplied", lambda look, mask: _sum(look * mask) * _mean(mask)),
            Mistake("1 is subtracted: a blind look should get 1, not 0", lambda look, mask: gain(look, mask) - 1),
            Mistake("that is in percent", lambda look, mask: 100 * gain(look, mask)),
            Mistake("that is its logarithm: a blind look would get 0", lambda look, mask: gain(look, mask).log()),
            Mistake(
                "that is its binary logarithm: a blind look would get 0", lambda look, mask: gain(look, mask).log2()
            ),
            Mistake(
                "that is the background: the mask is turned over",
                lambda look, mask: gain(look, 1 - mask),
            ),
            Mistake(
                "that is attention on the object over attention on the background",
                lambda look, mask: _sum(look * mask) / _sum(look * (1 - mask)),
            ),
            Mistake(
                "object and background are compared, each by its area: compare the object with the whole clip",
                lambda look, mask: gain(look, mask) / gain(look, 1 - mask),
            ),
            Mistake(
                "the area is one number for all clips: each has its own object",
                lambda look, mask: _sum(look * mask) / mask.mean(),
            ),
            Mistake(
                "all clips have become one number: attention and area are averaged first",
                lambda look, mask: _sum(look * mask).mean() / mask.mean(),
            ),
            Mistake(
                "the clips are averaged: one number for each is wanted", lambda look, mask: gain(look, mask).mean()
            ),
            Mistake(
                "the attention of all clips is added up and divided by one area",
                lambda look, mask: (look * mask).sum() / mask.mean(),
            ),
            Mistake(
                "a tubelet that is object in part counts as all object",
                lambda look, mask: gain(look, (mask > 0).to(mask)),
            ),
            Mistake(
                "a tubelet counts as all object or none: at the border it should count in part",
                lambda look, mask: gain(look, (mask > 0.5).to(mask)),
            ),
            Mistake(
                "only tubelets that are nothing but object count",
                lambda look, mask: gain(look, (mask == 1).to(mask)),
            ),
            Mistake(
                "all or none in the attention, but in part in the area",
                lambda look, mask: _sum(look * (mask > 0.5)) / _mean(mask),
            ),
            Mistake(
                "all attention of a tubelet counts, even if it is object in part",
                lambda look, mask: _sum(look * (mask > 0)) / _mean(mask),
            ),
            Mistake(
                "in part in the attention, but all or none in the area",
                lambda look, mask: _sum(look * mask) / _mean((mask > 0.5).to(mask)),
            ),
            Mistake(
                "the area counts a tubelet as a whole that is object in part",
                lambda look, mask: _sum(look * mask) / _mean((mask > 0).to(mask)),
            ),
            Mistake(
                "the area is that of the first moment: the object moves and changes",
                lambda look, mask: _sum(look * mask) / mask[:, 0].mean((1, 2)),
            ),
            Mistake(
                "the area is that of the last moment: the object moves and changes",
                lambda look, mask: _sum(look * mask) / mask[:, -1].mean((1, 2)),
            ),
            Mistake(
                "the area of all moments is divided by the tubelets of one",
                lambda look, mask: _sum(look * mask) / (_sum(mask) / mask[0, 0].numel()),
            ),
            Mistake(
                "the object's largest area in any moment is taken",
                lambda look, mask: _sum(look * mask) / mask.mean((2, 3)).amax(1),
            ),
            Mistake(
                "each moment is divided by its own area, and the moments are averaged",
                lambda look, mask: (_moments(look * mask) / mask.mean((2, 3))).mean(1),
            ),
            Mistake(
                "each moment is divided by its own area, and the moments are added up: attention and area belong to "
                "the whole clip",
                lambda look, mask: (_moments(look * mask) / mask.mean((2, 3))).sum(1),
            ),
            Mistake(
                "attention is made to sum to 1 in each moment: then no moment can have more of it than another",
                lambda look, mask: (_moments(look * mask) / _moments(look)).mean(1) / _mean(mask),
            ),
            Mistake(
                "each moment has its own gain, and they are averaged: those that got much attention should count more",
                lambda look, mask: (_moments(look * mask) / _moments(look) / mask.mean((2, 3))).mean(1),
            ),
            Mistake(
                "time is averaged away before they are multiplied: look and object need not be there at once",
                lambda look, mask: (look.sum(1) * mask.mean(1)).sum((1, 2)) / _mean(mask),
            ),
            Mistake(
                "only the first moment is looked at",
                lambda look, mask: gain(look[:, :1], mask[:, :1]),
            ),
            Mistake(
                "only the last moment is looked at",
                lambda look, mask: gain(look[:, -1:], mask[:, -1:]),
            ),
            Mistake(
                "those are single moments: one number for each clip is wanted",
                lambda look, mask: _moments(look * mask) / mask.mean((2, 3)),
            ),
            Mistake(
                "the largest share on the object stands for all of them",
                lambda look, mask: _largest(look * mask) / _mean(mask),
            ),
            Mistake("that is the largest share on the object", lambda look, mask: _largest(look * mask)),
            Mistake(
                "that is the object's part in the tubelet which is looked at most: all of them should count",
                _at_the_peak,
            ),
            Mistake(
                "that is the object's part in the tubelet which is looked at most, over its area: all should count",
                lambda look, mask: _at_the_peak(look, mask) / _mean(mask),
            ),
            Mistake("that is the correlation of look and mask", _correlation),
            Mistake(
                "look is spread from 0 to 1 first: then its shares no longer sum to 1",
                lambda look, mask: gain(_spread(look), mask),
            ),
            Mistake(
                "look is divided by its largest share first: then its shares no longer sum to 1",
                lambda look, mask: gain(look, mask) / _largest(look),
            ),
            Mistake(
                "a softmax is taken of the shares: they sum to 1 already, and nearly even out",
                lambda look, mask: gain(look.flatten(1).softmax(1).reshape(look.shape), mask),
            ),
            Mistake("the shares are squared", lambda look, mask: gain(look**2, mask)),
            Mistake(
                "axes of length 1 are left over: one number for each clip is wanted",
                lambda look, mask: rearrange(gain(look, mask), "b -> b 1 1 1"),
            ),
            Mistake("only the first clip is left: the batch is lost", lambda look, mask: gain(look, mask)[0]),
        ),
    ),
)
