"""What a figure of a live picture shows, by the package's own functions; in the page `live_views.js` computes it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from ..background import foreground, temporal_median
from ..errors import ShapeError, expect_clip
from ..flow import derivatives, normal_flow
from ..spacetime import xt_slice

HISTORY = 120  # frames: four seconds of most cameras


@dataclass(frozen=True)
class LiveViews:
    """The last frames of a clip, cut and compared.

    Attributes:
        slice: row y of the last frames, bytes, time runs down.
        difference: red + green + blue of the last frame, less that of the frame before.
        background: the median of the last frames, bytes.
        foreground: where the last frame differs from it by more than k sigma.
        flow: the normal flow from the frame before to the last one, in pixels per frame.
    """

    slice: UInt8[Tensor, "3 n w"]
    difference: Int[Tensor, "h w"]
    background: UInt8[Tensor, "3 h w"]
    foreground: Bool[Tensor, "h w"]
    flow: Float[Tensor, "2 h w"]


def live_views(
    clip: UInt8[Tensor, "t 3 h w"], *, y: int, k: float = 6.0, floor: float = 0.02, window: int = HISTORY
) -> LiveViews:
    """What a viewer sees who has seen this clip up to its end.

    Args:
        clip: bytes `t c h w`; of a clip of one frame difference and flow are zero.
        y: row of the slice.
        k: threshold of the foreground, in robust standard deviations of this frame.
        floor: there is a normal flow where the gradient of brightness in [0, 1] is larger, per pixel.
        window: the background is the median of so many frames.

    Raises:
        ShapeError: no clip of bytes in three colours, or a row outside.

    >>> live_views(torch.zeros(8, 3, 18, 32, dtype=torch.uint8), y=4).slice.shape
    torch.Size([3, 8, 32])
    """
    expect_clip(clip)
    if clip.dtype != torch.uint8 or clip.shape[-3] != 3 or len(clip) == 0:
        came = f"{clip.dtype} of shape {tuple(clip.shape)}"
        raise ShapeError(came, wanted="uint8 t 3 h w", mend="(255 * clip).round().byte()")
    last, before = clip[-1], clip[max(0, len(clip) - 2)]
    background = temporal_median(clip[-window:])
    seen = foreground(last[None].double() / 255, background.double() / 255, k=k)
    first, second = (frame.double().mean(0)[None, None] / 255 for frame in (before, last))
    return LiveViews(
        slice=xt_slice(clip[-HISTORY:], y),
        difference=last.int().sum(0) - before.int().sum(0),
        background=background,
        foreground=seen[0, 0],
        flow=normal_flow(*derivatives(first, second), floor=floor)[0],
    )
