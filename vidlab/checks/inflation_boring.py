"""Exercise of lesson 08, the boring video: the same still at every moment, on which inflation is put to the test."""

import torch
from einops import rearrange, repeat
from jaxtyping import Float
from torch import Tensor

from .draws import film_sizes
from .frame import Exercise, Mistake
from .mismatch import Wanted


def boring(stills: Float[Tensor, "b c h w"], frames: int) -> Float[Tensor, "b {frames} c h w"]:
    return repeat(stills, "b c h w -> b t c h w", t=frames)  # a new axis, along which nothing changes


def _draw_stills(generator: torch.Generator) -> list[tuple]:
    """Stills of a few colours; five frames or more, as many as nothing else is."""
    cases = []
    for colours in (3, 4):
        b, frames, h, w = film_sizes(generator, 4)
        cases.append((torch.rand(b, colours, h, w, generator=generator, dtype=torch.float64), frames))
    return cases


def _as(stills: Tensor, frames: int, axes: str) -> Tensor:
    return repeat(stills, f"b c h w -> {axes}", t=frames)


def _cut(stills: Tensor, frames: int, laid_out: str, read: str) -> Tensor:
    """Repeated along an axis in one order and cut in another."""
    return rearrange(_as(stills, frames, laid_out), read, t=frames)


def _times(stills: Tensor, factors: Tensor) -> Tensor:
    """One factor for each frame."""
    return stills[:, None] * factors.to(stills.dtype)[:, None, None, None]


def _only(stills: Tensor, frames: int, frame: int) -> Tensor:
    return _times(stills, torch.arange(frames) == frame)


def _moving(stills: Tensor, frames: int, axis: int) -> Tensor:
    """Each frame is that before it, rolled by one."""
    return torch.stack([stills.roll(i, axis) for i in range(frames)], 1)


def _every_second(stills: Tensor, frames: int, other: Tensor) -> Tensor:
    return torch.stack([other if i % 2 else stills for i in range(frames)], 1)


EXERCISES = (
    Exercise(
        name="inflate.boring",
        task="Make boring videos (b t c h w) of stills (b c h w): each still at each of `frames` moments.",
        reference=boring,
        draw=_draw_stills,
        wanted=Wanted(axes="b t c h w", dtype="same", low=0, high=1),
        hints=(
            "A clip of this course is b t c h w: where does the new axis stand?",
            "einops `repeat` says it in one line; or `stills[:, None]` and `expand`.",
        ),
        mistakes=(
            Mistake(
                "the colours come before time, as torch's 3D layers want it: clips here are b t c h w",
                lambda x, t: _as(x, t, "b c t h w"),
            ),
            Mistake("time comes first; clips here are b t c h w", lambda x, t: _as(x, t, "t b c h w")),
            Mistake("time comes last; clips here are b t c h w", lambda x, t: _as(x, t, "b c h w t")),
            Mistake("time has come between rows and columns", lambda x, t: _as(x, t, "b c h t w")),
            Mistake(
                "the stills are mixed: each video shows one after the other. The whole batch was repeated, then cut",
                lambda x, t: _cut(x, t, "(t b) c h w", "(b t) c h w -> b t c h w"),
            ),
            Mistake(
                "the colours are mixed: they were repeated one by one, and cut as if all came frame by frame",
                lambda x, t: _cut(x, t, "b (c t) h w", "b (t c) h w -> b t c h w"),
            ),
            Mistake(
                "the rows are mixed: they were repeated, and cut as if they were frames",
                lambda x, t: _cut(x, t, "b c (h t) w", "b c (t h) w -> b t c h w"),
            ),
            Mistake(
                "frames and stills share the first axis, all moments of a still together: time is an axis of its own",
                lambda x, t: _as(x, t, "(b t) c h w"),
            ),
            Mistake(
                "frames and stills share the first axis, all stills of a moment together: time is an axis of its own",
                lambda x, t: _as(x, t, "(t b) c h w"),
            ),
            Mistake(
                "the frames are stacked as channels, as early fusion wants them", lambda x, t: _as(x, t, "b (t c) h w")
            ),
            Mistake("the frames lie side by side in one wide picture", lambda x, t: _as(x, t, "b c h (t w)")),
            Mistake("the frames lie below each other in one tall picture", lambda x, t: _as(x, t, "b c (t h) w")),
            Mistake("only the first moment shows the still, all others are black", lambda x, t: _only(x, t, 0)),
            Mistake("only the last moment shows the still, all others are black", lambda x, t: _only(x, t, t - 1)),
            Mistake("only the moment in the middle shows the still", lambda x, t: _only(x, t, t // 2)),
            Mistake(
                "the still is divided by the number of frames: it is the filters that are, not what they see",
                lambda x, t: _as(x / t, t, "b t c h w"),
            ),
            Mistake("there is an axis for time, but one frame long", lambda x, t: x[:, None].clone()),
            Mistake("nothing has changed: an axis for time is missing", lambda x, t: x.clone()),
            Mistake("the stills are taken for the frames of one video", lambda x, t: x[None].clone()),
            Mistake("it is one frame too short", lambda x, t: _as(x, t - 1, "b t c h w")),
            Mistake("it is one frame too long: the still itself is the first", lambda x, t: _as(x, t + 1, "b t c h w")),
            Mistake("it fades in: a boring video does not change", lambda x, t: _times(x, torch.linspace(0, 1, t))),
            Mistake("it fades out: a boring video does not change", lambda x, t: _times(x, torch.linspace(1, 0, t))),
            Mistake(
                "it grows brighter: frame after frame the still is added once more",
                lambda x, t: _times(x, 1 + torch.arange(t)),
            ),
            Mistake("it flickers: every second frame is black", lambda x, t: _every_second(x, t, 0 * x)),
            Mistake("every second frame is mirrored", lambda x, t: _every_second(x, t, x.flip(3))),
            Mistake("every second frame is a negative", lambda x, t: _every_second(x, t, 1 - x)),
            Mistake("the picture moves to the right: nothing should move", lambda x, t: _moving(x, t, 3)),
            Mistake("the picture moves down: nothing should move", lambda x, t: _moving(x, t, 2)),
            Mistake("the colours move on from frame to frame", lambda x, t: _moving(x, t, 1)),
            Mistake(
                "each video shows one still after the other: each should keep to its own",
                lambda x, t: torch.stack([x.roll(-i, 0) for i in range(t)], 1),
            ),
            Mistake("all videos show the first still", lambda x, t: _as(x[:1].expand_as(x), t, "b t c h w")),
            Mistake(
                "all videos show the mean of all stills",
                lambda x, t: _as(x.mean(0, keepdim=True).expand_as(x), t, "b t c h w"),
            ),
            Mistake("only the first video is left", lambda x, t: _as(x[:1], t, "b t c h w")),
            Mistake("the videos come in the reverse order", lambda x, t: _as(x.flip(0), t, "b t c h w")),
            Mistake("the colours come in the reverse order", lambda x, t: _as(x.flip(1), t, "b t c h w")),
            Mistake("height and width have changed places", lambda x, t: _as(x.mT, t, "b t c h w")),
            Mistake(
                "the videos are grey: colours should stay",
                lambda x, t: _as(x.mean(1, keepdim=True).expand_as(x), t, "b t c h w"),
            ),
        ),
    ),
)
