"""Exercise of lesson 11, the camera's part: what all places of a field have in common is taken away."""

from collections.abc import Callable

import torch
from einops import reduce
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from .draws import film_sizes
from .frame import Exercise, Mistake
from .mismatch import Wanted

Flow = Float[Tensor, "b l 2 h w"]


def less_camera(flow: Flow) -> Flow:
    common = reduce(flow, "b l d h w -> b l d 1 1", "mean")  # one u and one v for each field
    return flow - common  # the two axes of length 1 stretch over the whole picture


def _draw_pans(generator: torch.Generator) -> list[tuple]:
    """A camera that moves at another speed in each clip, at each moment and in each direction; all else is unrest."""
    b, moments, h, w = film_sizes(generator, 4, odd=True)
    camera = 3 * torch.randn(b, moments, 2, 1, 1, generator=generator, dtype=torch.float64)
    return [(camera + torch.randn(b, moments, 2, h, w, generator=generator, dtype=torch.float64).exp(),)]


def _less(flow: Tensor, axes: tuple[int, ...]) -> Tensor:
    """The mean is taken over these axes."""
    return flow - flow.mean(axes, keepdim=True)


def _common(flow: Tensor) -> Tensor:
    return flow.mean((3, 4), keepdim=True)


def _less_field(flow: Tensor, one: Callable[[Tensor], Tensor]) -> Tensor:
    """From each field another single number is taken away: `one` of its places "b l d (h w)"."""
    return flow - one(flow.flatten(3))[..., None, None]


def _less_moved(flow: Tensor, by: int) -> Tensor:
    """Each field loses the mean of another moment."""
    return flow - _common(flow).roll(by, 1)


def _one_way(flow: Tensor, u: int, v: int) -> Tensor:
    return flow - _common(flow) * torch.tensor([u, v], dtype=flow.dtype)[:, None, None]


def _edge(flow: Tensor) -> Tensor:
    """The mean of the places at the border."""
    inner = flow[..., 1:-1, 1:-1]
    return (flow.sum((3, 4)) - inner.sum((3, 4))) / (flow[0, 0, 0].numel() - inner[0, 0, 0].numel())


def _around(flow: Tensor) -> Tensor:
    """The mean of 3 × 3 places around each."""
    return functional.avg_pool2d(flow.flatten(0, 1), 3, 1, 1, count_include_pad=False).reshape(flow.shape)


EXERCISES = (
    Exercise(
        name="two_stream.less_camera",
        task="Take from each field (b l 2 h w) what a camera would add everywhere: its mean over space, u and v apart.",
        reference=less_camera,
        draw=_draw_pans,
        wanted=Wanted(axes="b l d h w", dtype="same"),
        hints=(
            "Which of the five axes does the mean run over, and how many numbers are then left for each field?",
            "Means of shape b l 2 do not fit b l 2 h w: keep the averaged axes, one entry long (keepdim).",
        ),
        mistakes=(
            Mistake("the fields come back as they went in: the camera is still in them", torch.clone),
            Mistake(
                "one mean for u and v together: a camera that pans to the right does not tilt",
                lambda x: _less(x, (2, 3, 4)),
            ),
            Mistake(
                "one mean for all moments: the camera may move otherwise from frame to frame",
                lambda x: _less(x, (1, 3, 4)),
            ),
            Mistake("one mean for all clips: each has a camera of its own", lambda x: _less(x, (0, 3, 4))),
            Mistake("one mean for all clips and moments", lambda x: _less(x, (0, 1, 3, 4))),
            Mistake("one mean for a whole clip", lambda x: _less(x, (1, 2, 3, 4))),
            Mistake("one mean for everything there is", lambda x: x - x.mean()),
            Mistake(
                "at each place its mean over time is taken away: that removes what always moves there",
                lambda x: _less(x, (1,)),
            ),
            Mistake("at each place the mean of u and v is taken away", lambda x: _less(x, (2,))),
            Mistake(
                "at each place the mean over clips is taken away: they have nothing in common", lambda x: _less(x, (0,))
            ),
            Mistake("each column loses its own mean: the mean should run over columns, too", lambda x: _less(x, (3,))),
            Mistake("each row loses its own mean: the mean should run over rows, too", lambda x: _less(x, (4,))),
            Mistake("the camera is added once more, not taken away", lambda x: x + _common(x)),
            Mistake("all signs are turned: what is taken away from what?", lambda x: _common(x) - x),
            Mistake("the camera is taken away twice", lambda x: x - 2 * _common(x)),
            Mistake("only half of the camera is taken away", lambda x: x - _common(x) / 2),
            Mistake("only u has lost its mean", lambda x: _one_way(x, 1, 0)),
            Mistake("only v has lost its mean", lambda x: _one_way(x, 0, 1)),
            Mistake("u loses the mean of v, and v that of u", lambda x: x - _common(x).flip(2)),
            Mistake("v loses the mean of u", lambda x: x - _common(x)[:, :, :1]),
            Mistake("u loses the mean of v", lambda x: x - _common(x)[:, :, 1:]),
            Mistake("all fields lose the mean of the first one", lambda x: x - _common(x)[:, :1]),
            Mistake("all fields lose the mean of the last one", lambda x: x - _common(x)[:, -1:]),
            Mistake("all clips lose the means of the first one", lambda x: x - _common(x)[:1]),
            Mistake("each field loses the mean of the one before it", lambda x: _less_moved(x, 1)),
            Mistake("each field loses the mean of the one after it", lambda x: _less_moved(x, -1)),
            Mistake(
                "the median is taken away: it minds large objects less, but here the mean is asked for",
                lambda x: _less_field(x, lambda field: field.median(3).values),
            ),
            Mistake("the sum over space is taken away: divide it", lambda x: x - x.sum((3, 4), keepdim=True)),
            Mistake("the largest value is taken away", lambda x: _less_field(x, lambda field: field.amax(3))),
            Mistake("the smallest value is taken away", lambda x: _less_field(x, lambda field: field.amin(3))),
            Mistake(
                "what lies halfway between smallest and largest is taken away",
                lambda x: _less_field(x, lambda field: (field.amin(3) + field.amax(3)) / 2),
            ),
            Mistake(
                "the mean of absolute values is taken away: a camera's motion has a sign",
                lambda x: _less_field(x, lambda field: field.abs().mean(3)),
            ),
            Mistake(
                "the mean speed is taken away from u and v: a camera's motion has a direction",
                lambda x: x - x.norm(dim=2, keepdim=True).mean((3, 4), keepdim=True),
            ),
            Mistake("the motion of the first pixel is taken away", lambda x: x - x[..., :1, :1]),
            Mistake(
                "the motion of the pixel in the middle is taken away",
                lambda x: x - x[..., x.shape[3] // 2, x.shape[4] // 2, None, None],
            ),
            Mistake(
                "the mean of the border is taken away: the mean of the whole field is asked for",
                lambda x: x - _edge(x)[..., None, None],
            ),
            Mistake("each place loses the mean of those around it: that leaves only edges", lambda x: x - _around(x)),
            Mistake("the mean is rounded to whole pixels: it may have a fraction", lambda x: x - _common(x).round()),
            Mistake(
                "the sum is divided by one too few",
                lambda x: x - x.sum((3, 4), keepdim=True) / (x[0, 0, 0].numel() - 1),
            ),
            Mistake("divided by the mean: the camera's motion adds up with all others", lambda x: x / _common(x)),
            Mistake(
                "divided by the spread as well: fast and slow would look alike",
                lambda x: (x - _common(x)) / x.std((3, 4), keepdim=True),
            ),
            Mistake(
                "divided by the spread as well (over n, not n − 1): fast and slow would look alike",
                lambda x: (x - _common(x)) / x.std((3, 4), keepdim=True, correction=0),
            ),
            Mistake("signs are lost: left and right look the same", lambda x: (x - _common(x)).abs()),
            Mistake("what is below the mean is cut off at 0", lambda x: (x - _common(x)).clamp(min=0)),
            Mistake("only speeds are left: u and v should both come back", lambda x: (x - _common(x)).norm(dim=2)),
            Mistake("that is the camera's motion itself, b l 2: what is left without it?", lambda x: x.mean((3, 4))),
            Mistake("that is the camera's motion itself: what is left without it?", _common),
            Mistake(
                "that is the camera's motion, at every place: what is left without it?",
                lambda x: _common(x).expand_as(x),
            ),
            Mistake(
                "that is the change from field to field: a steady pan is gone, but so is a steady walk",
                lambda x: x.diff(dim=1),
            ),
        ),
    ),
)
