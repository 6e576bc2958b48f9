"""MotionNet: eleven frames in, ten flow fields out, at five scales.

Y. Zhu, Z. Lan, S. Newsam, A. Hauptmann, *Hidden two-stream convolutional networks for action recognition* (2017,
arXiv:1704.00389). It learns flow without being shown any: by how well flow explains each frame by the next one
(`vidlab.models.motion_net` has the losses). A VGG-16 behind it then sees the finest flow as its twenty channels.

    conv1, conv1_1    64    1/1        flow6    20 channels, from conv6_1                  1/32
    conv2, conv2_1   128    1/2        xconv5   512, from conv5_1, deconv5, flow6 doubled  1/16   → flow5
    conv3, conv3_1   256    1/4        xconv4   256, from conv4_1, deconv4, flow5 doubled  1/8    → flow4
    conv4, conv4_1   512    1/8        xconv3   128, from conv3_1, deconv3, flow4 doubled  1/4    → flow3
    conv5, conv5_1   512    1/16       xconv2    64, from conv2_1, deconv2, flow3 doubled  1/2    → flow2
    conv6, conv6_1  1024    1/32

All convolutions are 3×3; deconvs and the doubling of flow are transposed convolutions of 4×4. ReLU, with a slope of 0.1
below zero, follows convs and deconvs, not xconvs, as in the layer list that the authors released.

42,319,860 parameters. 42,326,260 is counted where one more doubling of the flow, to full size, has 20·20·4·4 weights;
in the released network that layer doubles each channel by itself, with 20·4·4 fixed bilinear weights, and learns none.
"""

from __future__ import annotations

from typing import Any

from einops import rearrange
from jaxtyping import Float
from torch import Tensor, cat, nn

from ...errors import ShapeError
from .parts import positive, takes

FRAMES = 11
WIDTHS = (64, 128, 256, 512, 512, 1024)  # channels of conv1 … conv6; each but the first halves height and width
UP = (512, 256, 128, 64)  # channels of xconv5 … xconv2, and of the deconvs before them
SIDE = 2 ** (len(WIDTHS) - 1)  # height and width are multiples of it, so that what is halved can be doubled again


def halved(inputs: int, outputs: int, step: int) -> nn.Sequential:
    """conv n and conv n_1."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, step, padding=1),
        nn.LeakyReLU(0.1),
        nn.Conv2d(outputs, outputs, 3, padding=1),
        nn.LeakyReLU(0.1),
    )


def doubled(inputs: int, outputs: int) -> nn.ConvTranspose2d:
    """Twice the height and width."""
    return nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1)


class Up(nn.Module):
    """One scale finer: xconv and flow, from what lies below, from what was there on the way down, and from its flow."""

    def __init__(self, below: int, kept: int, width: int, fields: int) -> None:
        super().__init__()
        self.deconv = nn.Sequential(doubled(below, width), nn.LeakyReLU(0.1))
        self.larger = doubled(fields, fields)
        self.xconv = nn.Conv2d(kept + width + fields, width, 3, padding=1)
        self.flow = nn.Conv2d(width, fields, 3, padding=1)

    def forward(
        self, below: Float[Tensor, "b c h w"], kept: Float[Tensor, "b k h2 w2"], flow: Float[Tensor, "b f h w"]
    ) -> tuple[Float[Tensor, "b d h2 w2"], Float[Tensor, "b f h2 w2"]]:
        x = self.xconv(cat([kept, self.deconv(below), self.larger(flow)], dim=1))
        return x, self.flow(x)


class MotionNet(nn.Module):
    """Use `motionnet`, which also checks the clips."""

    def __init__(self, frames: int) -> None:
        super().__init__()
        fields, steps = 2 * (frames - 1), (1, 2, 2, 2, 2, 2)
        self.convs = nn.ModuleList(map(halved, (3 * frames, *WIDTHS[:-1]), WIDTHS, steps))
        self.flow6 = nn.Conv2d(WIDTHS[-1], fields, 3, padding=1)
        below = (WIDTHS[-1], *UP[:-1])
        self.ups = nn.ModuleList(Up(*sizes, fields) for sizes in zip(below, WIDTHS[-2:0:-1], UP, strict=True))

    def forward(self, clip: Float[Tensor, "b t 3 h w"]) -> tuple[Float[Tensor, "b l 2 _h _w"], ...]:
        maps = [rearrange(clip, "b t c h w -> b (t c) h w")]
        for conv in self.convs:
            maps.append(conv(maps[-1]))
        x = maps.pop()
        flows = [self.flow6(x)]
        for up in self.ups:
            x, flow = up(x, maps.pop(), flows[-1])
            flows.append(flow)
        return tuple(rearrange(flow, "b (l uv) h w -> b l uv h w", uv=2) for flow in reversed(flows))


def motionnet(*, frames: int = FRAMES) -> MotionNet:
    """MotionNet: clips `b t 3 h w` to flow, not to logits: five times `b t-1 2 h' w'`, from fine to coarse.

    Channels are u, v of the flow from frame 1 to 2, then from 2 to 3, …; h' and w' are 1/2, 1/4, 1/8, 1/16 and 1/32 of
    h and w. The unit is what the loss makes it; the authors multiply the finest flow by 20, to have pixels, and clip it
    to ±20, before the next network sees it.

    Args:
        frames: t.

    Raises:
        ValueError: fewer than two frames.

    >>> import torch
    >>> with torch.device("meta"):
    ...     [tuple(flow.shape[1:]) for flow in motionnet()(torch.rand(1, 11, 3, 224, 224))][:2]
    [(10, 2, 112, 112), (10, 2, 56, 56)]
    """
    positive(frames=frames)
    if frames < 2:
        raise ValueError("frames = 1. Wanted: at least 2, as flow leads from one to the next.")
    model = takes(MotionNet(frames), frames=frames)
    model.register_forward_pre_hook(_look, with_kwargs=True)
    return model


def _look(model: nn.Module, positional: tuple[Any, ...], named: dict[str, Any]) -> None:
    *_, h, w = next(iter([*positional, *named.values()])).shape
    if h % SIDE or w % SIDE:
        mend = f"cut or resize the frames to {max(1, h // SIDE) * SIDE}×{max(1, w // SIDE) * SIDE}"
        raise ShapeError(f"frames are {h}×{w} pixels (height × width)", wanted=f"multiples of {SIDE}", mend=mend)
