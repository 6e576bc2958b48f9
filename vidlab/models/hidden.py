"""Two streams without flow from outside: motion is made inside of the network, and all of it is trained end to end.

- Differences: Δx_t = x_{t+1} − x_t of features, beside the features themselves.
- Hidden flow: a network that proposes flow (`motion_net`) stands where the optical flow came from. Y. Zhu, Z. Lan,
  S. Newsam, A. Hauptmann, *Hidden two-stream convolutional networks for action recognition* (2017).

They take clips `b t c h w`, floats in [0, 1].
"""

from __future__ import annotations

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from ..errors import ShapeError
from ..flow.films import REACH
from .backbone import WIDTHS, Normalise, block2d, expect_frames
from .fusion import by_name
from .motion_net import MotionNet
from .two_stream import mix, vector

Clip = Float[Tensor, "b t c h w"]
Logits = Float[Tensor, "b classes"]


class DifferenceStream(nn.Module):
    """Motion as what changes: features of each frame, their differences, stacked as channels.

    frames: T, fixed, as the layer that sees the differences has weights for each. fuse: None, or the operator by which
    the features of the middle frame join in after the third block, so that it is a network of two streams.

    Raises:
        ShapeError: fewer than two frames; in `forward`, another number of frames, or no batch of float clips.
    """

    def __init__(self, classes: int, *, frames: int = 6, fuse: str | None = None, hidden: int = 64) -> None:
        super().__init__()
        if frames < 2:
            raise ShapeError(f"frames={frames}", wanted="2 or more: one frame has no difference", mend="frames=6")
        self.frames = frames
        first, *_, last = WIDTHS
        self.stem = nn.Sequential(Normalise(), *block2d(3, first, "circular"))
        self.temporal = after_stem((frames - 1) * first)
        self.spatial = after_stem(first) if fuse else None
        self.fuse = by_name(fuse, last) if fuse else None
        self.mix = mix(self.fuse.dim if fuse else last, hidden)
        self.classify = nn.Linear(hidden, classes)

    def forward(self, clip: Clip) -> Logits:
        expect_frames(clip, self.frames, channels=3)
        x = rearrange(self.stem(rearrange(clip, "b t c h w -> (b t) c h w")), "(b t) d h w -> b t d h w", b=len(clip))
        motion = self.temporal(rearrange(x[:, 1:] - x[:, :-1], "b t d h w -> b (t d) h w"))
        if self.fuse is not None:
            motion = self.fuse(self.spatial(x[:, self.frames // 2]), motion)
        return self.classify(vector(self.mix(motion)))


def after_stem(channels: int) -> nn.Sequential:
    """Blocks two and three."""
    _, second, third = WIDTHS
    return nn.Sequential(block2d(channels, second, "circular"), block2d(second, third, "circular"))


class HiddenTwoStream(nn.Module):
    """Frames in, flow in between: a MotionNet proposes fields, and a stream, or two, see them as if they were given.

    stream: `TemporalStream` or `TwoStream`, which take films with flow. What it learns goes back into the MotionNet,
    unless that is frozen: `motion.requires_grad_(False)`.

    Raises:
        ShapeError: in `forward`, not one frame more than the stream has moments, or no float clips.
    """

    def __init__(self, motion: MotionNet, stream: nn.Module) -> None:
        super().__init__()
        self.motion, self.stream = motion, stream

    def forward(self, clip: Clip) -> Logits:
        flow = self.motion(clip)
        return self.stream(torch.cat([clip[:, :-1], 0.5 + flow / (2 * REACH)], dim=2))
