"""The one small backbone that all models share, in two and in three dimensions: nothing but the fusion differs."""

import math

from einops import reduce
from jaxtyping import Float
from torch import Tensor, nn

from ..errors import ShapeError, expect_clip

WIDTHS = (8, 16, 32)  # channels after each block; each halves height and width


class Normalise(nn.Module):
    """Pixels in [0, 1] to about zero mean and unit size."""

    def forward(self, x: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
        return (x - 0.45) / 0.25


def block2d(c_in: int, c_out: int) -> nn.Sequential:
    """3 × 3 convolution of stride 2, batch normalisation, ReLU: `b c h w` → `b c' h/2 w/2`."""
    return nn.Sequential(nn.Conv2d(c_in, c_out, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(c_out), nn.ReLU())


def block3d(c_in: int, c_out: int, extent: int = 3, stride: int = 1, padding: int | None = None) -> nn.Sequential:
    """The same with kernels that reach over `extent` frames: `b c t h w` → `b c' t' h/2 w/2`.

    stride, padding: in time; the padding is extent // 2 by default, so that the frames stay as many.
    """
    pad = extent // 2 if padding is None else padding
    convolution = nn.Conv3d(c_in, c_out, (extent, 3, 3), (stride, 2, 2), (pad, 1, 1), bias=False)
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


def expect_frames(clip: Tensor, frames: int | None = None) -> None:
    """Refuse what is no batch of float clips, or one of another length than the model was built for.

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


def log_mean(logits: Float[Tensor, "b t classes"]) -> Float[Tensor, "b classes"]:
    """Predictions averaged as probabilities and returned as logits: the logarithm of the mean over t of softmax."""
    return logits.log_softmax(-1).logsumexp(1) - math.log(logits.shape[1])
