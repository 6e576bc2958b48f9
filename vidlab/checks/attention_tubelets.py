"""Exercise of lesson 10, tubelets: a clip is cut into small boxes of space and time, one row of numbers for each."""

from collections.abc import Callable
from itertools import permutations

import torch
from einops import rearrange, reduce
from jaxtyping import Float
from torch import Tensor

from .draws import integer
from .frame import Exercise, Mistake
from .mismatch import Wanted

Size = tuple[int, int, int]  # frames, height, width of a tubelet


def tubelets(clip: Float[Tensor, "b t c h w"], size: Size) -> Float[Tensor, "b n k"]:
    dt, dh, dw = size
    # an axis of (t dt) is cut into t pieces of dt neighbours; what stands last in a bracket changes fastest
    boxes = "b (t dt) c (h dh) (w dw) -> b (t h w) (c dt dh dw)"
    return rearrange(clip, boxes, dt=dt, dh=dh, dw=dw)


def _shapes(channels: int, batch: int, moments: tuple[int, ...], frames: tuple[int, ...]) -> list[tuple]:
    """Shapes of clips and sizes of tubelets: no two extents of a clip, of its grid, or of a tubelet are the same.

    Nor has a clip as many tubelets as a tubelet has pixels.
    """
    found = []
    for t, dt in ((t, dt) for t in moments for dt in frames):
        for h, w in permutations({2, 3, 4} - {t}, 2):
            for dh, dw in permutations({2, 3, 4, 5} - {dt}, 2):
                shape = (batch, t * dt, channels, h * dh, w * dw)
                if len(set(shape)) == 5 and t * h * w != dt * dh * dw:
                    found.append((shape, (dt, dh, dw)))
    return found


SHAPES = _shapes(3, 2, (2, 3, 4), (2, 3, 4)), _shapes(2, 3, (5, 7), (1,)), _shapes(3, 2, (1,), (5, 7))


def _draw_clips(generator: torch.Generator) -> list[tuple]:
    """Tubelets of several frames, of one frame, and of all frames of a clip."""
    cases = []
    for shapes in SHAPES:
        shape, size = shapes[integer(generator, 0, len(shapes))]
        cases.append((torch.rand(shape, generator=generator, dtype=torch.float64), size))
    return cases


def _cut(order: str, whole: str = "b (t dt) c (h dh) (w dw)") -> Callable[[Tensor, Size], Tensor]:
    """Cut, and put together in another order."""
    return lambda clip, size: rearrange(clip, f"{whole} -> {order}", **dict(zip(("dt", "dh", "dw"), size, strict=True)))


def _boxes(clip: Tensor, size: Size) -> Tensor:
    """b t h w c dt dh dw."""
    return _cut("b t h w c dt dh dw")(clip, size)


def _flat(boxes: Tensor) -> Tensor:
    return boxes.flatten(4).flatten(1, 3)


def _less(how: str, axes: str) -> Callable[[Tensor, Size], Tensor]:
    """Rows in which some axes are gone: their mean, sum or largest value."""
    left = " ".join(axis for axis in ("c", "dt", "dh", "dw") if axis not in axes.split())
    return lambda clip, size: reduce(_boxes(clip, size), f"b t h w c dt dh dw -> b (t h w) ({left})", how)


def _overlapping(clip: Tensor, size: Size, axes: tuple[int, ...]) -> Tensor:
    """At every place along these axes, side by side along the others."""
    for axis, extent in zip((1, 3, 4), size, strict=True):
        clip = clip.unfold(axis, extent, 1 if axis in axes else extent)
    return rearrange(clip, "b t c h w dt dh dw -> b (t h w) (c dt dh dw)")


EXERCISES = (
    Exercise(
        name="attention.tubelets",
        task="Cut clips (b t c h w) into boxes of dt × dh × dw: b n k, a row for each box, its colours first.",
        reference=tubelets,
        draw=_draw_clips,
        wanted=Wanted(axes="b n k", dtype="same", low=0.0, high=1.0),
        hints=(
            "Cut each of the three axes into two: which box it is, and where in the box. That makes b and seven more.",
            "Boxes are in the order of time, rows, columns; numbers inside as a Conv3d has its kernel: c t h w.",
        ),
        mistakes=(
            Mistake(
                "the clip is cut anew as one long row of numbers: those of a box do not lie next to each other",
                lambda x, s: x.reshape(tubelets(x, s).shape),
            ),
            Mistake(
                "frames come before colours inside a box: so a film is shown; a Conv3d has it the other way round",
                _cut("b (t h w) (dt c dh dw)"),
            ),
            Mistake("colours come last inside a box: a kernel has them first", _cut("b (t h w) (dt dh dw c)")),
            Mistake("time comes last inside a box", _cut("b (t h w) (c dh dw dt)")),
            Mistake("time and colours come last inside a box", _cut("b (t h w) (dh dw dt c)")),
            Mistake("colours and time come last inside a box", _cut("b (t h w) (dh dw c dt)")),
            Mistake("columns come before rows inside a box", _cut("b (t h w) (c dt dw dh)")),
            Mistake("inside a box all axes come in the reverse order, but colours", _cut("b (t h w) (c dw dh dt)")),
            Mistake("inside a box all axes come in the reverse order", _cut("b (t h w) (dw dh dt c)")),
            Mistake(
                "the boxes of a column come before those of the next: rows should be read first",
                _cut("b (t w h) (c dt dh dw)"),
            ),
            Mistake("the boxes of one place come first, at all moments", _cut("b (h w t) (c dt dh dw)")),
            Mistake("the boxes come in the order of columns, rows, time", _cut("b (w h t) (c dt dh dw)")),
            Mistake("the boxes come in the order of rows, time, columns", _cut("b (h t w) (c dt dh dw)")),
            Mistake("columns come before rows, among the boxes and inside them", _cut("b (t w h) (c dt dw dh)")),
            Mistake(
                "numbers of a box lie far apart in the clip: a box takes neighbours, in time and in space",
                _cut("b (t h w) (c dt dh dw)", "b (dt t) c (dh h) (dw w)"),
            ),
            Mistake(
                "frames of a box lie far apart: it takes neighbours",
                _cut("b (t h w) (c dt dh dw)", "b (dt t) c (h dh) (w dw)"),
            ),
            Mistake(
                "pixels of a box lie far apart: it takes neighbours",
                _cut("b (t h w) (c dt dh dw)", "b (t dt) c (dh h) (dw w)"),
            ),
            Mistake("only the first frame of each box is there", lambda x, s: _flat(_boxes(x, s)[:, :, :, :, :, :1])),
            Mistake("only the last frame of each box is there", lambda x, s: _flat(_boxes(x, s)[:, :, :, :, :, -1:])),
            Mistake(
                "only the frame in the middle of each box is there",
                lambda x, s: _flat(_boxes(x, s)[:, :, :, :, :, s[0] // 2][:, :, :, :, :, None]),
            ),
            Mistake("the frames of a box are averaged: motion inside it is lost", _less("mean", "dt")),
            Mistake("the frames of a box are added up: motion inside it is lost", _less("sum", "dt")),
            Mistake(
                "the pixels of a box are averaged: one number for each colour and frame is left", _less("mean", "dh dw")
            ),
            Mistake("all pixels and frames of a box are averaged: its colour is left", _less("mean", "dt dh dw")),
            Mistake("the colours are averaged: the boxes are grey", _less("mean", "c")),
            Mistake("one number is left of each box, its mean", _less("mean", "c dt dh dw")),
            Mistake("the largest values of a box are left", _less("max", "dt dh dw")),
            Mistake(
                "boxes are cut at every place and moment, and overlap: they should lie side by side",
                lambda x, s: _overlapping(x, s, (1, 3, 4)),
            ),
            Mistake("boxes overlap in time: they should lie end to end", lambda x, s: _overlapping(x, s, (1,))),
            Mistake("boxes overlap in space: they should lie side by side", lambda x, s: _overlapping(x, s, (3, 4))),
            Mistake("each frame is cut by itself: a box should be dt frames deep", _cut("b (t dt h w) (c dh dw)")),
            Mistake("the boxes go through the whole clip", _cut("b (h w) (c t dt dh dw)")),
            Mistake("each moment is one row: it is not cut in space", _cut("b t (c dt h dh w dw)")),
            Mistake("each colour has boxes of its own: a box holds all colours", _cut("b (t h w c) (dt dh dw)")),
            Mistake("each colour has boxes of its own, one colour after the other", _cut("b (c t h w) (dt dh dw)")),
            Mistake("the numbers inside are the rows, and the boxes the columns", _cut("b (c dt dh dw) (t h w)")),
            Mistake("moments keep an axis of their own: one list of boxes is wanted", _cut("b t (h w) (c dt dh dw)")),
            Mistake("the boxes still stand in their grid: one list is wanted", _cut("b t h w (c dt dh dw)")),
            Mistake("the boxes are still boxes: a row of numbers is wanted for each", _cut("b (t h w) c dt dh dw")),
            Mistake("the axes are cut, and not put together again", _boxes),
            Mistake("boxes of all clips stand in one list: the batch should stay", _cut("(b t h w) (c dt dh dw)")),
            Mistake("only the first clip is left: the batch is lost", lambda x, s: tubelets(x, s)[0]),
            Mistake("boxes come before the batch", _cut("(t h w) b (c dt dh dw)")),
            Mistake("inside a box time runs backwards", lambda x, s: _flat(_boxes(x, s).flip(5))),
            Mistake(
                "inside a box time, rows and columns are turned over: a Conv3d in torch does not",
                lambda x, s: _flat(_boxes(x, s).flip(5, 6, 7)),
            ),
            Mistake("inside a box the colours come in the reverse order", lambda x, s: _flat(_boxes(x, s).flip(4))),
            Mistake("the last box comes first", lambda x, s: tubelets(x, s).flip(1)),
            Mistake("the last box is left out", lambda x, s: tubelets(x, s)[:, :-1]),
            Mistake(
                "the mean of each box is subtracted",
                lambda x, s: tubelets(x, s) - tubelets(x, s).mean(-1, keepdim=True),
            ),
        ),
    ),
)
