"""Exercises of lesson 11, two-stream networks: what the second stream is shown, and how both are heard together."""

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor

from . import two_stream_camera, two_stream_kinds, two_stream_picture, two_stream_scores
from .draws import film_sizes
from .frame import Exercise, Mistake
from .mismatch import Wanted


def stack(flow: Float[Tensor, "b l 2 h w"]) -> Float[Tensor, "b 2*l h w"]:
    return rearrange(flow, "b l d h w -> b (l d) h w")  # what stands last in the brackets changes fastest: u, then v


def _draw_fields(generator: torch.Generator) -> list[tuple]:
    """Odd sizes, all different: twice as many channels as moments is then a size of its own."""
    b, moments, h, w = film_sizes(generator, 4, odd=True)
    return [(2 * torch.randn(b, moments, 2, h, w, generator=generator, dtype=torch.float64),)]


def _laid(flow: Tensor, axes: str) -> Tensor:
    """The fields with their axes in another order, or merged otherwise."""
    return rearrange(flow, f"b l d h w -> {axes}")


def _torn(flow: Tensor, axes: str) -> Tensor:
    """The numbers in the order of these axes, cut anew into the shape that is wanted."""
    return _laid(flow, axes).reshape(len(flow), -1, *flow.shape[-2:])


def _signed(flow: Tensor, u: int, v: int) -> Tensor:
    return stack(flow * torch.tensor([u, v], dtype=flow.dtype)[:, None, None])


def _polar(flow: Tensor) -> Tensor:
    return torch.stack((flow.norm(dim=2), torch.atan2(flow[:, :, 1], flow[:, :, 0])), 2)


def _less_own_mean(flow: Tensor) -> Tensor:
    return flow - flow.mean((-2, -1), keepdim=True)


def _to_one(flow: Tensor) -> Tensor:
    return flow / flow.abs().max()


EXERCISES = (
    Exercise(
        name="two_stream.stack",
        task="Make of l fields (b l 2 h w) one picture of 2 l channels: u_1, v_1, u_2, v_2, …, a pair for each moment.",
        reference=stack,
        draw=_draw_fields,
        wanted=Wanted(axes="b c h w", dtype="same", tolerance=0.0, alike=1e-9),
        hints=(
            "No number changes, and none changes its place in memory: two neighbouring axes become one.",
            "In einops brackets merge axes. Of two names in brackets, which one counts fastest?",
        ),
        mistakes=(
            Mistake(
                "all u come first, and then all v: both of one moment should be neighbours",
                lambda x: _laid(x, "b (d l) h w"),
            ),
            Mistake("v stands before u at each moment", lambda x: stack(x.flip(2))),
            Mistake("the last moment comes first", lambda x: stack(x.flip(1))),
            Mistake("the channels are read from the end: v of the last moment first", lambda x: stack(x).flip(1)),
            Mistake(
                "all v come first, and then all u: both of one moment should be neighbours",
                lambda x: _laid(x.flip(2), "b (d l) h w"),
            ),
            Mistake("the fields come back as they went in: moments and directions are still two axes", torch.clone),
            Mistake(
                "moments and directions have changed places, but are still two axes: so a 3D network would have it",
                lambda x: _laid(x, "b d l h w"),
            ),
            Mistake("there is a channel axis now, of one entry, beside the old ones", lambda x: x[:, None]),
            Mistake(
                "moments have gone into the batch: then each field is judged alone, and no order is seen",
                lambda x: _laid(x, "(b l) d h w"),
            ),
            Mistake(
                "moments have gone into the batch, before the clips: each field is judged alone",
                lambda x: _laid(x, "(l b) d h w"),
            ),
            Mistake(
                "clips, moments and directions are all one axis: the batch should stay",
                lambda x: _laid(x, "(b l d) h w"),
            ),
            Mistake("channels stand before the batch", lambda x: _laid(x, "(l d) b h w")),
            Mistake("channels come last: torch wants them before rows and columns", lambda x: _laid(x, "b h w (l d)")),
            Mistake("rows and columns have changed places", lambda x: _laid(x, "b (l d) w h")),
            Mistake(
                "the fields lie below each other in one tall picture: they should be channels",
                lambda x: _laid(x, "b d (l h) w"),
            ),
            Mistake(
                "the fields lie side by side in one wide picture: they should be channels",
                lambda x: _laid(x, "b d h (l w)"),
            ),
            Mistake("directions are merged with rows, not with moments", lambda x: _laid(x, "b l (d h) w")),
            Mistake(
                "rows and columns are merged, and moments and directions are not", lambda x: _laid(x, "b l d (h w)")
            ),
            Mistake("rows have been merged as well: only two axes should be", lambda x: _laid(x, "b (l d h) w")),
            Mistake(
                "rows and columns have been merged as well: a network needs the picture",
                lambda x: _laid(x, "b (l d) (h w)"),
            ),
            Mistake("all of a clip is one long vector: a network needs the picture", lambda x: x.flatten(1)),
            Mistake(
                "clips and moments are mixed up: the moments stood before the clips when the axes were cut anew",
                lambda x: _torn(x, "l b d h w"),
            ),
            Mistake(
                "clips and directions are mixed up: the directions stood before the clips when the axes were cut anew",
                lambda x: _torn(x, "d b l h w"),
            ),
            Mistake(
                "channels and pixels are mixed up: the channels stood last when the axes were cut anew",
                lambda x: _torn(x, "b h w l d"),
            ),
            Mistake("the shape is right, but rows and columns have been cut anew", lambda x: _torn(x, "b l d w h")),
            Mistake("only u is left: half of the motion is missing", lambda x: x[:, :, 0]),
            Mistake("only v is left: half of the motion is missing", lambda x: x[:, :, 1]),
            Mistake("u stands in the place of v as well", lambda x: stack(x[:, :, [0, 0]])),
            Mistake("v stands in the place of u as well", lambda x: stack(x[:, :, [1, 1]])),
            Mistake("only speeds are left: where things go is lost", lambda x: x.norm(dim=2)),
            Mistake("u and v are added up: they say different things", lambda x: x.sum(2)),
            Mistake("u and v are averaged: they say different things", lambda x: x.mean(2)),
            Mistake("the fields are added up: that is the way of each place, and no stack", lambda x: x.sum(1)),
            Mistake("the fields are averaged: every moment should have channels of its own", lambda x: x.mean(1)),
            Mistake("only the first field is left", lambda x: x[:, 0]),
            Mistake("only the last field is left", lambda x: x[:, -1]),
            Mistake("only the field in the middle is left", lambda x: x[:, x.shape[1] // 2]),
            Mistake("the first field is missing", lambda x: stack(x[:, 1:])),
            Mistake("the last field is missing", lambda x: stack(x[:, :-1])),
            Mistake("only the first clip is left: the batch is lost", lambda x: stack(x)[0]),
            Mistake("the last field has come to the front", lambda x: stack(x.roll(1, 1))),
            Mistake("the first field has gone to the end", lambda x: stack(x.roll(-1, 1))),
            Mistake(
                "the fields are added up from moment to moment: each stands for itself", lambda x: stack(x.cumsum(1))
            ),
            Mistake("v points upwards: it should stay as it is", lambda x: _signed(x, 1, -1)),
            Mistake("u points the other way: it should stay as it is", lambda x: _signed(x, -1, 1)),
            Mistake("both directions are reversed: numbers should stay as they are", lambda x: _signed(x, -1, -1)),
            Mistake("the signs are lost: left and right look the same", lambda x: stack(x).abs()),
            Mistake("speed and angle have taken the places of u and v", lambda x: stack(_polar(x))),
            Mistake(
                "a mean has been subtracted: that comes later, here numbers stay", lambda x: stack(_less_own_mean(x))
            ),
            Mistake(
                "the numbers have been scaled by the largest of them: they should stay", lambda x: stack(_to_one(x))
            ),
        ),
    ),
    *two_stream_camera.EXERCISES,
    *two_stream_picture.EXERCISES,
    *two_stream_scores.EXERCISES,
    *two_stream_kinds.EXERCISES,
)
