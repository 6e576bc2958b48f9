"""Flow that is learned without a single true vector: a network proposes it, and the next frame says how well it fits.

Y. Zhu, Z. Lan, S. Newsam, A. Hauptmann, *Hidden two-stream convolutional networks for action recognition* (2017),
section 3.1, after J. Yu, A. Harley, K. Derpanis, *Back to basics* (2016). Three terms:

    reconstruction   ρ(I_t − I_{t+1}(x + u, y + v)), the second frame fetched back along the flow
    smoothness       ρ(∂u/∂x) + ρ(∂u/∂y) + ρ(∂v/∂x) + ρ(∂v/∂y)
    structure        1 − SSIM(I_t, the frame fetched back)

with Charbonnier's ρ(x) = (x² + ε²)^α, which counts a large error less than its square.
"""

from __future__ import annotations

import torch
from einops import rearrange, reduce
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from ..errors import ShapeError
from ..flow import inside, warp
from .backbone import Normalise, expect_frames

ALPHA, EPSILON = 0.45, 1e-3  # for both terms; published networks chose other powers
SMOOTHNESS, STRUCTURE = 0.3, 1.0  # weights of the second and third term
STABLE = (1e-4, 9e-4)  # SSIM's constants, (0.01)² and (0.03)² of the range
REACH = 4.0  # pixels per frame: no flow is larger

Images = Float[Tensor, "b c h w"]
Flow = Float[Tensor, "b 2 h w"]


class MotionNet(nn.Module):
    """Frames in, flow out: a U-shaped network that sees two frames at a time, and looks at every pair alike.

    Halved three times, doubled twice, and the flow once more; each level on the way up sees what was there on the way
    down. The published one sees eleven frames at once, has five levels and 42 million weights (`published.motionnet`).

    widths: channels at a half, a quarter and an eighth of the size.

    Raises:
        ShapeError: in `forward`, no batch of float clips, or clips of one frame.
    """

    def __init__(self, *, widths: tuple[int, int, int] = (16, 32, 48)) -> None:
        super().__init__()
        half, quarter, eighth = widths
        self.normalise = Normalise()
        self.at_half, self.at_quarter, self.at_eighth = (
            step(6, half, 5, 2),
            step(half, quarter, 3, 2),
            step(quarter, eighth, 3, 2),
        )
        self.up_quarter, self.up_half = step(eighth + quarter, quarter), step(quarter + half, half)
        self.flow = nn.Conv2d(half, 2, 3, padding=1)
        nn.init.normal_(self.flow.weight, std=1e-3)  # it begins at rest
        nn.init.zeros_(self.flow.bias)

    def forward(self, clip: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b l 2 h w"]:
        """The flow from each frame to the next, pixels per frame: l = t − 1."""
        expect_frames(clip, channels=3)
        if clip.shape[1] < 2:
            raise ShapeError("a clip of 1 frame", wanted="two or more: flow goes from one to the next")
        pairs = rearrange([clip[:, :-1], clip[:, 1:]], "two b l c h w -> (b l) (two c) h w")
        half = self.at_half(self.normalise(pairs))
        quarter = self.at_quarter(half)
        eighth = self.at_eighth(quarter)
        quarter = self.up_quarter(torch.cat([larger(eighth, quarter), quarter], dim=1))
        half = self.up_half(torch.cat([larger(quarter, half), half], dim=1))
        flow = larger(REACH * self.flow(half).tanh(), pairs)
        return rearrange(flow, "(b l) d h w -> b l d h w", b=len(clip))


def step(c_in: int, c_out: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """A convolution and a leaky ReLU."""
    return nn.Sequential(nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2), nn.LeakyReLU(0.1))


def larger(maps: Float[Tensor, "b c _h _w"], like: Float[Tensor, "b d h w"]) -> Images:
    return interpolate(maps, size=like.shape[-2:], mode="bilinear", align_corners=False)


def charbonnier(x: Float[Tensor, "*n"], alpha: float = ALPHA) -> Float[Tensor, "*n"]:
    """ρ(x) = (x² + ε²)^α: with α = 0.5 about |x|, and smooth at 0."""
    return (x.square() + EPSILON**2) ** alpha


def reconstruction(first: Images, second: Images, flow: Flow) -> tuple[Float[Tensor, ""], Images]:
    """The mean of ρ where the flow stays in the frame; and the second frame, fetched back.

    Raises:
        ShapeError: pictures of different shapes.
    """
    if first.shape != second.shape:
        raise ShapeError(f"pictures of {tuple(first.shape)} and {tuple(second.shape)}", wanted="one shape")
    back, seen = warp(second, flow, mode="bilinear"), inside(flow)
    return (charbonnier(first - back) * seen).sum() / (seen.sum() * first.shape[1]).clamp_min(1), back


def smoothness(flow: Flow) -> Float[Tensor, ""]:
    """The mean of ρ over the differences of neighbours, across and down."""
    return charbonnier(flow.diff(dim=-1)).mean() + charbonnier(flow.diff(dim=-2)).mean()


def ssim(first: Images, second: Images, window: int = 5) -> Float[Tensor, "b c y x"]:
    """How alike two pictures are around each pixel, in mean, contrast and pattern: 1 where they are the same.

    Z. Wang, A. Bovik, H. Sheikh, E. Simoncelli, *Image quality assessment: from error visibility to structural
    similarity* (2004), equation 13, in square windows.

    Raises:
        ShapeError: pictures smaller than the window.
    """
    if min(first.shape[-2:]) < window:
        raise ShapeError(f"pictures of {first.shape[-2]} × {first.shape[-1]}", wanted=f"windows of {window} to fit in")
    mean = lambda image: avg_pool2d(image, window, stride=1)  # noqa: E731
    m1, m2 = mean(first), mean(second)
    v1, v2 = mean(first**2) - m1**2, mean(second**2) - m2**2
    covariance = mean(first * second) - m1 * m2
    c1, c2 = STABLE
    return (2 * m1 * m2 + c1) * (2 * covariance + c2) / ((m1**2 + m2**2 + c1) * (v1 + v2 + c2))


def unsupervised_loss(
    flow: Float[Tensor, "b l 2 h w"],
    clip: Float[Tensor, "b t c h w"],
    labels: object = None,
    *,
    smooth: float = SMOOTHNESS,
    structure: float = STRUCTURE,
) -> Float[Tensor, ""]:
    """What MotionNet makes small. No truth is in it: frames alone. For `fit(loss=…)`, which also hands over labels.

    smooth, structure: the weights of the second and third term. The third counts everywhere: where the flow leaves the
    frame, windows are compared with what the border repeats.
    """
    first, second = (rearrange(each, "b l c h w -> (b l) c h w") for each in (clip[:, :-1], clip[:, 1:]))
    fields = rearrange(flow, "b l d h w -> (b l) d h w")
    rebuilt, back = reconstruction(first, second, fields)
    unlike = reduce(1 - ssim(first, back), "b c h w -> ", "mean")
    return rebuilt + smooth * smoothness(fields) + structure * unlike
