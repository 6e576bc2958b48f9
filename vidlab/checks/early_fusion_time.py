"""Exercise of lesson 06, the same event at another time: whoever has a filter for each frame is put to the test."""

import torch
from jaxtyping import Float
from torch import Tensor

from .draws import film_sizes, integer
from .frame import Exercise, Mistake
from .mismatch import Wanted

Clips = Float[Tensor, "b t c h w"]


def shift_time(clip: Clips, by: int) -> Clips:
    t = clip.shape[1]
    from_frame = torch.arange(t) - by  # what is seen at time i was seen at time i − by
    return clip[:, from_frame.clamp(min=0)]  # before the first frame there is nothing: it is repeated


def _draw_clips(generator: torch.Generator) -> list[tuple]:
    """Two frames later, which is less than half of any clip; any number that leaves two frames or more; and none."""
    cases = []
    for kind in ("few", "any", "none"):
        b, t, h, w = film_sizes(generator, 4)
        clip = torch.rand(b, t, 3, h, w, generator=generator, dtype=torch.float64)
        cases.append((clip, {"few": 2, "any": integer(generator, 2, t - 1), "none": 0}[kind]))
    return cases


def _from(clip: Tensor, frames: Tensor) -> Tensor:
    """The frames of these numbers; beyond the ends the last or the first one."""
    return clip[:, frames.clamp(0, clip.shape[1] - 1)]


def _times(clip: Tensor) -> Tensor:
    return torch.arange(clip.shape[1])


def _along(clip: Tensor, by: int, axis: int) -> Tensor:
    """Shifted along another axis."""
    return shift_time(clip.transpose(1, axis), by).transpose(1, axis)


def _begin(clip: Tensor, by: int, frame: Tensor) -> Tensor:
    """Shifted rightly, but with this frame in place of the first one in the gap."""
    return torch.cat([frame.expand(-1, by, -1, -1, -1), clip[:, : clip.shape[1] - by]], 1)


def _minus_zero(clip: Tensor, start: Tensor, by: int) -> Tensor:
    """`clip[:, :-by]`, of which nothing is left where `by` is 0."""
    return torch.cat([start, clip[:, :-by]], 1)


def _first(clip: Tensor, by: int) -> Tensor:
    return clip[:, :1].expand(-1, by, -1, -1, -1)


EXERCISES = (
    Exercise(
        name="early.shift_time",
        task="Let all in clips (b t c h w) happen `by` frames later (0 ≤ by < t); the first frame is repeated.",
        reference=shift_time,
        draw=_draw_clips,
        wanted=Wanted(axes="b t c h w", dtype="same", low=0, high=1),
        hints=(
            "As many frames come out as went in. Which frame of the old clip is seen at time i of the new one?",
            "At the beginning that number would be negative; which frame is shown there? Try `by` = 0 as well.",
        ),
        mistakes=(
            Mistake(
                "everything happens earlier, not later",
                lambda x, by: _from(x, _times(x) + by),
            ),
            Mistake(
                "what falls out at the end comes in again at the beginning: time is no circle",
                lambda x, by: x.roll(by, 1),
            ),
            Mistake(
                "everything happens earlier, and what falls out at the beginning comes in again at the end",
                lambda x, by: x.roll(-by, 1),
            ),
            Mistake(
                "the beginning is black; the clip should stand still there",
                lambda x, by: _begin(x, by, torch.zeros_like(x[:, :1])),
            ),
            Mistake(
                "the beginning is black, and nothing is left where `by` is 0: what does a slice up to −0 hold?",
                lambda x, by: _minus_zero(x, torch.zeros_like(x[:, :by]), by),
            ),
            Mistake(
                "where `by` is 0 nothing is left of the clip: what does a slice up to −0 hold?",
                lambda x, by: _minus_zero(x, _first(x, by), by),
            ),
            Mistake("it is one frame too late", lambda x, by: _from(x, _times(x) - by - 1)),
            Mistake("it is one frame too early", lambda x, by: _from(x, _times(x) - by + 1)),
            Mistake("pictures are moved to the right: it is time that should pass", lambda x, by: _along(x, by, 4)),
            Mistake("pictures are rolled to the right: it is time that should pass", lambda x, by: x.roll(by, 4)),
            Mistake("pictures are moved down: it is time that should pass", lambda x, by: _along(x, by, 3)),
            Mistake("pictures are rolled down: it is time that should pass", lambda x, by: x.roll(by, 3)),
            Mistake("colours are moved on, not frames", lambda x, by: _along(x, by, 2)),
            Mistake("colours are rolled on, not frames", lambda x, by: x.roll(by, 2)),
            Mistake("clips are moved on within the batch, not frames within a clip", lambda x, by: _along(x, by, 0)),
            Mistake("clips are rolled on within the batch, not frames within a clip", lambda x, by: x.roll(by, 0)),
            Mistake(
                "the clips have become shorter: the end has fallen out, but nothing fills the beginning",
                lambda x, by: x[:, : x.shape[1] - by].clone(),
            ),
            Mistake(
                "the clips have become shorter: their beginning was cut off, which makes everything earlier",
                lambda x, by: x[:, by:].clone(),
            ),
            Mistake(
                "the clips have become longer: what falls out at the end should be lost",
                lambda x, by: torch.cat([_first(x, by), x], 1),
            ),
            Mistake("nothing has changed", lambda x, by: x.clone()),
            Mistake("the clips run backwards", lambda x, by: x.flip(1)),
            Mistake("the last frame is repeated at the beginning", lambda x, by: _begin(x, by, x[:, -1:])),
            Mistake(
                "the frame with the number `by` is repeated at the beginning",
                lambda x, by: _begin(x, by, x[:, by : by + 1]),
            ),
            Mistake(
                "the beginning holds the mean of all frames: a blur, that comes from the future, too",
                lambda x, by: _begin(x, by, x.mean(1, keepdim=True)),
            ),
            Mistake(
                "the beginning is a mirror image in time: it should stand still",
                lambda x, by: x[:, (_times(x) - by).abs()],
            ),
            Mistake(
                "the beginning is right, but what comes after has not become later: its own time goes on",
                lambda x, by: torch.cat([_first(x, by), x[:, by:]], 1),
            ),
            Mistake(
                "the beginning still moves: its frames were not replaced by the first one",
                lambda x, by: torch.cat([x[:, :by], x[:, : x.shape[1] - by]], 1),
            ),
            Mistake(
                "frames are read that were already overwritten: the beginning is repeated again and again",
                lambda x, by: x[:, _times(x) % by] if by else x.clone(),
            ),
            Mistake(
                "only the first frame is left, at all times; it should be repeated `by` times",
                lambda x, by: x[:, :1].expand_as(x).clone(),
            ),
            Mistake(
                "it is `by` frames later in the first clip only",
                lambda x, by: torch.cat([shift_time(x[:1], by), x[1:]]),
            ),
            Mistake("it is twice as late as it should be", lambda x, by: _from(x, _times(x) - 2 * by)),
        ),
    ),
)
