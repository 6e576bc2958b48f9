"""Exercise of lesson 07, early fusion as a special case: its first layer is a 3D kernel as long as the clip."""

import torch
from einops import rearrange, repeat
from jaxtyping import Float
from torch import Tensor

from .draws import film_sizes
from .frame import Exercise, Mistake
from .mismatch import Wanted


def as_3d(weight: Float[Tensor, "o tc kh kw"], frames: int) -> Float[Tensor, "o c t kh kw"]:
    # Taken apart as the frames were stacked, moment by moment; a 3D convolution wants the colours before time.
    return rearrange(weight, "o (t c) kh kw -> o c t kh kw", t=frames)


def _draw_weights(generator: torch.Generator) -> list[tuple]:
    """First layers for frames in colour and for frames of two channels; kernels that are not square."""
    cases = []
    for channels in (3, 2):
        o, frames, kh, kw = film_sizes(generator, 4, odd=True)
        weight = torch.randn(o, frames * channels, kh, kw, generator=generator, dtype=torch.float64)
        cases.append((weight, frames))
    return cases


def _cut(weight: Tensor, frames: int, pattern: str) -> Tensor:
    """Taken apart rightly, and then put together by the pattern."""
    return rearrange(as_3d(weight, frames), f"o c t kh kw -> {pattern}")


def _only(weight: Tensor, frames: int, frame: int) -> Tensor:
    """All other frames have weights of 0."""
    kernel = torch.zeros_like(as_3d(weight, frames))
    kernel[:, :, frame] = as_3d(weight, frames)[:, :, frame]
    return kernel


def _zeros_around(kernel: Tensor) -> Tensor:
    return torch.nn.functional.pad(kernel, (0, 0, 0, 0, 1, 1))


EXERCISES = (
    Exercise(
        name="slow.as_3d",
        task="Write the weights of an early-fusion first layer (o, T·c, kh, kw) as 3D kernels, T frames long.",
        reference=as_3d,
        draw=_draw_weights,
        wanted=Wanted(axes="o c t kh kw", dtype="same"),
        hints=(
            "No number changes: one axis becomes two. In which order were the frames stacked in lesson 06?",
            "A 2D convolution wants o c h w. Where does a 3D convolution want its time, before or after the channels?",
        ),
        mistakes=(
            Mistake(
                "the channels are cut as if all reds came first, then all greens: they were stacked frame by frame",
                lambda x, t: rearrange(x, "o (c t) kh kw -> o c t kh kw", t=t),
            ),
            Mistake(
                "time comes before the colours: so a film is shown; a 3D convolution wants it the other way round",
                lambda x, t: _cut(x, t, "o t c kh kw"),
            ),
            Mistake(
                "time comes before the colours, and the channels are cut as if all reds came first",
                lambda x, t: rearrange(x, "o (c t) kh kw -> o t c kh kw", t=t),
            ),
            Mistake(
                "the kernel runs backwards: torch's 3D convolution does not turn it over, so neither should you",
                lambda x, t: as_3d(x, t).flip(2),
            ),
            Mistake(
                "the kernel is turned over in space: torch does it neither in 2D nor in 3D",
                lambda x, t: as_3d(x, t).flip(3, 4),
            ),
            Mistake(
                "the kernel is turned over in time and space: torch does it neither in 2D nor in 3D",
                lambda x, t: as_3d(x, t).flip(2, 3, 4),
            ),
            Mistake("the colours come in the reverse order", lambda x, t: as_3d(x, t).flip(1)),
            Mistake("colours and frames come in the reverse order", lambda x, t: as_3d(x, t).flip(1, 2)),
            Mistake(
                "time is there, but one frame long: all frames are still stacked as channels",
                lambda x, t: x[:, :, None].clone(),
            ),
            Mistake("the colours are taken for moments: one channel, and T·c frames", lambda x, t: x[:, None].clone()),
            Mistake("nothing has changed: frames and colours still share one axis", lambda x, t: x.clone()),
            Mistake("height and width of the kernels have changed places", lambda x, t: _cut(x, t, "o c t kw kh")),
            Mistake("time comes last; in a 3D kernel rows and columns do", lambda x, t: _cut(x, t, "o c kh kw t")),
            Mistake("time comes first; the first axis counts kernels", lambda x, t: _cut(x, t, "t o c kh kw")),
            Mistake(
                "input channels come before output channels: so a transposed convolution wants them",
                lambda x, t: _cut(x, t, "c o t kh kw"),
            ),
            Mistake("the frames are laid side by side, one wide kernel", lambda x, t: _cut(x, t, "o c kh (t kw)")),
            Mistake("the frames are laid below each other, one tall kernel", lambda x, t: _cut(x, t, "o c (t kh) kw")),
            Mistake(
                "axes are cut anew after the channels were moved last: the kernels are torn apart",
                lambda x, t: x.movedim(1, -1).reshape(as_3d(x, t).shape),
            ),
            Mistake(
                "the frames are averaged: a kernel of one moment knows no order",
                lambda x, t: as_3d(x, t).mean(2, keepdim=True),
            ),
            Mistake(
                "the frames are added up: a kernel of one moment knows no order",
                lambda x, t: as_3d(x, t).sum(2, keepdim=True),
            ),
            Mistake(
                "all weights are divided by the number of frames; the answers should stay the same",
                lambda x, t: as_3d(x, t) / t,
            ),
            Mistake(
                "the first frame's weights are repeated at all times; each frame has its own",
                lambda x, t: repeat(as_3d(x, t)[:, :, 0], "o c kh kw -> o c t kh kw", t=t),
            ),
            Mistake(
                "the layer is repeated T times in time; its channels hold the frames already",
                lambda x, t: repeat(x, "o c kh kw -> o c t kh kw", t=t),
            ),
            Mistake(
                "the layer is repeated T times in time and divided by T; its channels hold the frames already",
                lambda x, t: repeat(x, "o c kh kw -> o c t kh kw", t=t) / t,
            ),
            Mistake("only the first frame has weights", lambda x, t: _only(x, t, 0)),
            Mistake("only the frame in the middle has weights", lambda x, t: _only(x, t, t // 2)),
            Mistake(
                "zeros stand before and after the kernel in time: it should be T frames long, so that it fits once",
                lambda x, t: _zeros_around(as_3d(x, t)),
            ),
            Mistake("only the first kernel is left", lambda x, t: as_3d(x, t)[:1]),
            Mistake("the kernels have become grey: the colours are averaged", lambda x, t: as_3d(x, t).mean(1)),
        ),
    ),
)
