"""The one small backbone that all models share, in two and in three dimensions: nothing but the fusion differs."""

import math

from einops import reduce
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import pad

from ..errors import ShapeError, expect_clip

WIDTHS = (8, 16, 32)  # channels after each block; each halves height and width


class Normalise(nn.Module):
    """Pixels in [0, 1] to about zero mean and unit size."""

    def forward(self, x: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
        return (x - 0.45) / 0.25


def block2d(c_in: int, c_out: int, border: str = "zeros") -> nn.Sequential:
    """3 × 3 convolution of stride 2, batch normalisation, ReLU: `b c h w` → `b c' h/2 w/2`.

    border: what stands around the picture: "zeros", by which a network can tell where it is; or "circular".
    """
    convolution = nn.Conv2d(c_in, c_out, 3, stride=2, padding=1, bias=False, padding_mode=border)
    return nn.Sequential(convolution, nn.BatchNorm2d(c_out), nn.ReLU())


class EvenConv3d(nn.Conv3d):
    """A 3D convolution of even extent in time that keeps the clip's length: one more zero frame after the last.

    Equal paddings on both sides cannot: extent // 2 gains a frame, (extent - 1) // 2 loses one. So moment t sees the
    frames from t - extent / 2 + 1 to t + extent / 2. The padding="same" of torch, which knows no stride, does it alike.
    """

    def forward(self, volume: Float[Tensor, "b c t h w"]) -> Float[Tensor, "b d t2 h2 w2"]:
        return super().forward(pad(volume, (0, 0, 0, 0, 0, 1)))

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, and a zero frame after the last"


def block3d(c_in: int, c_out: int, extent: int = 3, stride: int = 1, padding: int | None = None) -> nn.Sequential:
    """The same with kernels that reach over `extent` frames: `b c t h w` → `b c' t' h/2 w/2`.

    stride, padding: in time. By default the frames stay as many, or are divided by the stride and rounded up: as many
    zero frames stand before the first as after the last, and for an even extent one more after the last.
    """
    zeros = (extent - 1) // 2 if padding is None else padding
    make = EvenConv3d if padding is None and extent % 2 == 0 else nn.Conv3d
    convolution = make(c_in, c_out, (extent, 3, 3), (stride, 2, 2), (zeros, 1, 1), bias=False)
    return nn.Sequential(convolution, nn.BatchNorm3d(c_out), nn.ReLU())


class Backbone(nn.Module):
    """A 2D CNN of three blocks: images `b c h w` → feature maps `b d h/8 w/8`.

    channels: of the image (an early-fusion model gives 3 T). widths: channels after each block; the last is d.
    """

    def __init__(self, channels: int = 3, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        pairs = zip((channels, *widths), widths)  # noqa: B905, one channel number starts each pair
        self.blocks = nn.Sequential(Normalise(), *(block2d(*pair) for pair in pairs))
        self.dim = widths[-1]

    def forward(self, image: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d h2 w2"]:
        return self.blocks(image)

    def vector(self, image: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d"]:
        """The feature vector: the maps, averaged over space."""
        return reduce(self(image), "b d h w -> b d", "mean")


def expect_frames(clip: Tensor, frames: int | None = None, channels: int | None = None) -> None:
    """Refuse what is no batch of float clips, or one of other length or channels than the model was built for.

    Raises:
        ShapeError: says what came and how to mend it.
    """
    expect_clip(clip)
    if clip.ndim != 5:
        raise ShapeError(f"clip has shape {tuple(clip.shape)}", wanted="a batch b t c h w", mend="clip[None]")
    if 0 in clip.shape:
        b, t, _, h, w = clip.shape
        raise ShapeError(f"{b} clips of {t} frames of {h} × {w} pixels", wanted="at least one of each")
    if not clip.is_floating_point():
        raise ShapeError(f"clip is {clip.dtype}", wanted="floats in [0, 1]", mend="clip.float() / 255")
    if frames is not None and clip.shape[1] != frames:
        raise ShapeError(
            f"a clip of {clip.shape[1]} frames",
            wanted=f"{frames} frames, for which this model was built",
            mend=f"frames={clip.shape[1]} when it is built, or another cut of the video",
        )
    if channels is not None and clip.shape[2] != channels:
        mend = (
            'repeat(clip, "b t 1 h w -> b t 3 h w")'
            if channels == 3
            else 'reduce(clip, "b t c h w -> b t 1 h w", "mean")'
        )
        raise ShapeError(f"clips of {clip.shape[2]} channels", wanted=f"{channels}", mend=mend)


def log_mean(logits: Float[Tensor, "b t classes"]) -> Float[Tensor, "b classes"]:
    """Predictions averaged as probabilities and returned as logits: the logarithm of the mean over t of softmax."""
    return logits.log_softmax(-1).logsumexp(1) - math.log(logits.shape[1])
