"""Exercise of lesson 06, the filters of the first layer: each of them is a small film."""

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor

from .draws import film_sizes
from .frame import Exercise, Mistake
from .mismatch import Wanted


def as_films(weight: Float[Tensor, "o tc kh kw"], frames: int) -> Float[Tensor, "o t c kh kw"]:
    # What the frames were folded into is unfolded in the same order: frames outside, colours inside.
    return rearrange(weight, "o (t c) kh kw -> o t c kh kw", t=frames)


def _draw_weights(generator: torch.Generator) -> list[tuple]:
    """Filters for frames in colour and for frames of two channels; kernels that are not square tell kh from kw."""
    cases = []
    for channels in (3, 2):
        o, frames, kh, kw = film_sizes(generator, 4, odd=True)
        weight = torch.randn(o, frames * channels, kh, kw, generator=generator, dtype=torch.float64)
        cases.append((weight, frames))
    return cases


def _cut(weight: Tensor, frames: int, pattern: str) -> Tensor:
    """Cut rightly, and then put together by the pattern."""
    return rearrange(as_films(weight, frames), f"o t c kh kw -> {pattern}")


def _shown(films: Tensor) -> Tensor:
    """Each film's values stretched to 0 … 1."""
    low, high = films.flatten(1).min(1).values, films.flatten(1).max(1).values
    low, high = (rearrange(end, "o -> o 1 1 1 1") for end in (low, high))
    return (films - low) / (high - low)


EXERCISES = (
    Exercise(
        name="early.as_films",
        task="See the first layer's weights (o, T·c, kh, kw) as what they are, films: o t c kh kw.",
        reference=as_films,
        draw=_draw_weights,
        wanted=Wanted(axes="o t c kh kw", dtype="same"),
        hints=(
            "The filter's channels lie in the same order as those of the picture it looks at.",
            "One axis becomes two, the reverse of stacking; only the number of frames is known.",
        ),
        mistakes=(
            Mistake(
                "the channels are cut as if all reds came first, then all greens: films are mixed from other frames",
                lambda x, t: rearrange(x, "o (c t) kh kw -> o t c kh kw", t=t),
            ),
            Mistake(
                "time and colours have changed places: a film counts frames first",
                lambda x, t: _cut(x, t, "o c t kh kw"),
            ),
            Mistake(
                "the number of frames is taken for that of the channels: they are cut into as many pieces as colours",
                lambda x, t: rearrange(x, "o (c t) kh kw -> o c t kh kw", t=t),
            ),
            Mistake(
                "time comes before the filters: the first axis counts films", lambda x, t: _cut(x, t, "t o c kh kw")
            ),
            Mistake("height and width of the kernels have changed places", lambda x, t: _cut(x, t, "o t c kw kh")),
            Mistake("the films run backwards", lambda x, t: as_films(x, t).flip(1)),
            Mistake("the colours of each frame come in the reverse order", lambda x, t: as_films(x, t).flip(2)),
            Mistake(
                "the kernels are turned over, which torch's convolution does not do either",
                lambda x, t: as_films(x, t).flip(3, 4),
            ),
            Mistake("the frames are averaged: one picture a filter is no film", lambda x, t: as_films(x, t).mean(1)),
            Mistake("the films have become grey: the colours are averaged", lambda x, t: as_films(x, t).mean(2)),
            Mistake(
                "the colours come last, as for a picture to be shown; here they come right after time",
                lambda x, t: _cut(x, t, "o t kh kw c"),
            ),
            Mistake(
                "filters and frames share one axis: which film is each picture from?",
                lambda x, t: _cut(x, t, "(o t) c kh kw"),
            ),
            Mistake(
                "the frames are laid side by side, a strip: time should be an axis of its own",
                lambda x, t: _cut(x, t, "o c kh (t kw)"),
            ),
            Mistake(
                "the frames are laid below each other, a strip: time should be an axis of its own",
                lambda x, t: _cut(x, t, "o c (t kh) kw"),
            ),
            Mistake(
                "axes are cut anew after the channels were moved last: the kernels are torn apart",
                lambda x, t: x.movedim(1, -1).reshape(len(x), t, -1, *x.shape[2:]),
            ),
            Mistake(
                "the filters are cut, not their channels: one film is patched together from several filters",
                lambda x, t: x.transpose(0, 1).reshape(len(x), t, -1, *x.shape[2:]),
            ),
            Mistake("nothing is cut yet: frames and colours still share one axis", lambda x, t: x.clone()),
            Mistake("only the first filter is shown", lambda x, t: as_films(x, t)[0]),
            Mistake(
                "the values are stretched to 0 and 1, as for the eye; the weights themselves are wanted",
                lambda x, t: _shown(as_films(x, t)),
            ),
            Mistake(
                "the mean of each film is subtracted; the weights themselves are wanted",
                lambda x, t: as_films(x, t) - as_films(x, t).mean((1, 2, 3, 4), keepdim=True),
            ),
            Mistake("signs are lost: a filter's negative weights matter", lambda x, t: as_films(x, t).abs()),
        ),
    ),
)
