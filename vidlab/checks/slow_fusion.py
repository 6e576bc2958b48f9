"""Exercises of lesson 07, slow fusion: a kernel that slides along time, and what follows from its sliding."""

from itertools import permutations, product

import torch
from einops import einsum
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from . import slow_fusion_cost, slow_fusion_factors, slow_fusion_field, slow_fusion_kernel, slow_fusion_shift
from .draws import integer
from .frame import Exercise, Mistake
from .mismatch import Wanted


def conv3d(clip: Float[Tensor, "b c t h w"], weight: Float[Tensor, "o c kt kh kw"]) -> Float[Tensor, "b o t2 h2 w2"]:
    kt, kh, kw = weight.shape[2:]
    windows = clip.unfold(2, kt, 1).unfold(3, kh, 1).unfold(4, kw, 1)  # a small film at every moment, row and column
    return einsum(windows, weight, "b c t h w kt kh kw, o c kt kh kw -> b o t h w")  # colours are added up as well


def _shapes(extents: tuple[int, ...], frames: range) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Shapes of two clips and a kernel; within each of them, and within the answer's, all sizes differ."""
    found = []
    sizes = product(((5, 6), (6, 5)), permutations((2, 3, 4)), frames, permutations(range(7, 11), 2))
    for (c, o), (kt, kh, kw), t, (h, w) in sizes:
        if kt in extents and t not in (h, w) and len({2, o, t - kt + 1, h - kh + 1, w - kw + 1}) == 5:
            found.append(((2, c, t, h, w), (o, c, kt, kh, kw)))
    return found


SHAPES = _shapes((2, 4), range(7, 11)), _shapes((3,), range(7, 11)), _shapes((4,), range(4, 5))


def _draw_convolutions(generator: torch.Generator) -> list[tuple]:
    """Kernels of an even and of an odd number of frames, and one as long as its clip."""
    cases = []
    for shapes in SHAPES:
        pair = shapes[integer(generator, 0, len(shapes))]
        cases.append(tuple(torch.randn(shape, generator=generator, dtype=torch.float64) for shape in pair))
    return cases


def _same(clip: Tensor, weight: Tensor, *axes: int) -> Tensor:
    """With zeros at both ends of these axes, so that they stay as long as they were."""
    extents = [weight.shape[axis] if axis in axes else 1 for axis in (4, 3, 2)]
    return conv3d(functional.pad(clip, [zeros for k in extents for zeros in ((k - 1) // 2, k // 2)]), weight)


def _full(clip: Tensor, weight: Tensor) -> Tensor:
    """At every place at which kernel and clip overlap at all."""
    return functional.conv3d(clip, weight, padding=tuple(k - 1 for k in weight.shape[2:]))


def _windows_summed(clip: Tensor, weight: Tensor) -> Tensor:
    """Each weight times the sum of all that it ever meets."""
    kt, kh, kw = weight.shape[2:]
    windows = clip.unfold(2, kt, 1).unfold(3, kh, 1).unfold(4, kw, 1)
    return einsum(windows.sum((2, 3, 4)), weight, "b c kt kh kw, o c kt kh kw -> b o kt kh kw")


def _colour_by_colour(clip: Tensor, weight: Tensor) -> Tensor:
    """The sum over the channels that come in is left out."""
    pairs = zip(clip.split(1, 1), weight.split(1, 1), strict=True)
    return torch.stack([conv3d(*pair) for pair in pairs], 2)


EXERCISES = (
    Exercise(
        name="slow.conv3d",
        task="Slide 3D kernels (o c kt kh kw) over clips (b c t h w): no padding, stride 1, no bias; b o t' h' w'.",
        reference=conv3d,
        draw=_draw_convolutions,
        wanted=Wanted(axes="b o t h w", dtype="same"),
        hints=(
            "`unfold` gives all windows along one axis, as a new axis at the end. Do it for three axes.",
            "Then one einsum: which axes have windows and kernels in common, and which of them are left afterwards?",
        ),
        mistakes=(
            Mistake(
                "the kernel is turned over in time: its first frame should meet the first frame of each window",
                lambda x, w: conv3d(x, w.flip(2)),
            ),
            Mistake(
                "the kernel is turned over in space, top to bottom and left to right: torch leaves it as it is",
                lambda x, w: conv3d(x, w.flip(3, 4)),
            ),
            Mistake(
                "the kernel is turned over in time and space, as in mathematics; in deep learning it is not",
                lambda x, w: conv3d(x, w.flip(2, 3, 4)),
            ),
            Mistake("the kernel stands on its head: its rows are turned over", lambda x, w: conv3d(x, w.flip(3))),
            Mistake("the kernel's columns are turned over, left to right", lambda x, w: conv3d(x, w.flip(4))),
            Mistake("the kernel's colours come in the reverse order", lambda x, w: conv3d(x, w.flip(1))),
            Mistake("the clip runs backwards before it is seen", lambda x, w: conv3d(x.flip(2), w)),
            Mistake("the answers come last moment first", lambda x, w: conv3d(x, w).flip(2)),
            Mistake(
                "the kernel does not slide along time: only the first moment is answered, and the axis is gone",
                lambda x, w: conv3d(x, w)[:, :, 0],
            ),
            Mistake(
                "the kernel does not slide along time: only the first moment is answered",
                lambda x, w: conv3d(x, w)[:, :, :1],
            ),
            Mistake(
                "in time the windows lie end to end: the kernel jumps by its own length",
                lambda x, w: functional.conv3d(x, w, stride=(w.shape[2], 1, 1)),
            ),
            Mistake(
                "the windows lie end to end along all three axes: the kernel jumps by its own size",
                lambda x, w: functional.conv3d(x, w, stride=tuple(w.shape[2:])),
            ),
            Mistake("every second moment is left out", lambda x, w: functional.conv3d(x, w, stride=(2, 1, 1))),
            Mistake(
                "every second place is left out, along all three axes", lambda x, w: functional.conv3d(x, w, stride=2)
            ),
            Mistake("height and width of the kernel have changed places", lambda x, w: conv3d(x, w.mT)),
            Mistake("time and height of the kernel have changed places", lambda x, w: conv3d(x, w.transpose(2, 3))),
            Mistake(
                "the kernel is read as height, width, time: time is its first extent",
                lambda x, w: conv3d(x, w.movedim(-1, 2)),
            ),
            Mistake("each window is averaged, where a sum is wanted", lambda x, w: conv3d(x, w) / w[0, 0].numel()),
            Mistake(
                "each window is averaged, and the colours, too: a weighted sum is wanted",
                lambda x, w: conv3d(x, w) / w[0].numel(),
            ),
            Mistake("the colours are averaged; their sum is wanted", lambda x, w: conv3d(x, w) / w.shape[1]),
            Mistake(
                "it is summed over places, and those in the kernel are left: it should be the other way round",
                _windows_summed,
            ),
            Mistake(
                "time comes before the output channels: they stay where the colours were",
                lambda x, w: conv3d(x, w).transpose(1, 2),
            ),
            Mistake("output channels come before the batch", lambda x, w: conv3d(x, w).transpose(0, 1)),
            Mistake(
                "output channels come last; the next layer wants them after the batch",
                lambda x, w: conv3d(x, w).movedim(1, -1),
            ),
            Mistake("height and width of the answer have changed places", lambda x, w: conv3d(x, w).mT),
            Mistake(
                "zeros stand before the first and after the last frame, so that time stays as long: do not pad",
                lambda x, w: _same(x, w, 2),
            ),
            Mistake(
                "zeros stand around rows and columns, so that the pictures stay as large: do not pad",
                lambda x, w: _same(x, w, 3, 4),
            ),
            Mistake(
                "zeros stand on all six sides, so that the answer is as large as the clip: do not pad",
                lambda x, w: _same(x, w, 2, 3, 4),
            ),
            Mistake(
                "half a kernel of zeros stands at both ends of time: do not pad",
                lambda x, w: functional.conv3d(x, w, padding=(w.shape[2] // 2, 0, 0)),
            ),
            Mistake(
                "half a kernel of zeros stands on all six sides: do not pad",
                lambda x, w: functional.conv3d(x, w, padding=tuple(k // 2 for k in w.shape[2:])),
            ),
            Mistake("one zero stands on all six sides: do not pad", lambda x, w: functional.conv3d(x, w, padding=1)),
            Mistake(
                "zeros stand before the first frame, so that no answer sees the future: do not pad",
                lambda x, w: conv3d(functional.pad(x, (0, 0, 0, 0, w.shape[2] - 1, 0)), w),
            ),
            Mistake(
                "the end of the clip is joined to its beginning: time is no circle",
                lambda x, w: conv3d(torch.cat([x, x[:, :, : w.shape[2] - 1]], 2), w),
            ),
            Mistake("the answer is larger than the clip: kernels that stick out of it are counted", _full),
            Mistake(
                "that is a transposed convolution: each value of the clip is spread out by the kernel",
                lambda x, w: functional.conv_transpose3d(x, w.transpose(0, 1)),
            ),
            Mistake("along all three axes the last window is left out", lambda x, w: conv3d(x, w)[..., :-1, :-1, :-1]),
            Mistake("the last moment is left out", lambda x, w: conv3d(x, w)[:, :, :-1]),
            Mistake(
                "all colours share the weights of the first one", lambda x, w: conv3d(x.sum(1, keepdim=True), w[:, :1])
            ),
            Mistake(
                "all colours share the sum of their weights: each colour has weights of its own",
                lambda x, w: conv3d(x.sum(1, keepdim=True), w.sum(1, keepdim=True)),
            ),
            Mistake("only the first colour is seen", lambda x, w: conv3d(x[:, :1], w[:, :1])),
            Mistake("the colours are not added up: they are still an axis of their own", _colour_by_colour),
            Mistake("the output channels are added up as well", lambda x, w: conv3d(x, w).sum(1)),
            Mistake("only the first output channel is there", lambda x, w: conv3d(x, w[:1])),
            Mistake("only the first clip is left: the batch is lost", lambda x, w: conv3d(x, w)[0]),
            Mistake("the answers at all moments are added up", lambda x, w: conv3d(x, w).sum(2)),
            Mistake(
                "every frame is seen alone, by all frames of the kernel at once: that has no order in time",
                lambda x, w: conv3d(x, w.sum(2, keepdim=True)),
            ),
            Mistake("only the kernel's first frame is used", lambda x, w: conv3d(x, w[:, :, :1])),
            Mistake("negative answers are set to zero; that comes after the layer", lambda x, w: conv3d(x, w).relu()),
        ),
    ),
    *slow_fusion_kernel.EXERCISES,
    *slow_fusion_field.EXERCISES,
    *slow_fusion_shift.EXERCISES,
    *slow_fusion_cost.EXERCISES,
    *slow_fusion_factors.EXERCISES,
)
