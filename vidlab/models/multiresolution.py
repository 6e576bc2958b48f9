"""Multi-resolution: a context stream sees the whole frame at half size, a fovea stream its middle at full size.

Together they look at half as many pixels: 89² + 89² = 178² / 2 (Karpathy et al. 2014, section 3.2). The middle is a bet
that people film what matters in the middle.
"""

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate

from ..errors import ShapeError
from .backbone import WIDTHS, Backbone, expect_frames, log_mean


def context(images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h/2 w/2"]:
    """The whole picture at half size, each pixel the mean of 2 × 2."""
    return interpolate(images, scale_factor=0.5, mode="area")


def fovea(images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h/2 w/2"]:
    """The middle of the picture at full size."""
    h, w = images.shape[-2:]
    return images[..., h // 4 : h // 4 + h // 2, w // 4 : w // 4 + w // 2]


class MultiResolution(nn.Module):
    """Single-frame, with two backbones of half the pixels: their vectors are concatenated and classified.

    streams: "both", or only "fovea" or "context", as in the paper's table.

    Raises:
        ShapeError: no such streams; in `forward`, no batch of float clips, or an odd height or width.
    """

    def __init__(
        self, classes: int, *, streams: str = "both", channels: int = 3, widths: tuple[int, ...] = WIDTHS
    ) -> None:
        super().__init__()
        cuts = {"both": (context, fovea), "context": (context,), "fovea": (fovea,)}
        if streams not in cuts:
            raise ShapeError(f"streams={streams!r}", wanted='"both", "fovea" or "context"', mend='streams="both"')
        self.cuts = cuts[streams]
        self.backbones = nn.ModuleList(Backbone(channels, widths) for _ in self.cuts)
        self.classify = nn.Linear(sum(backbone.dim for backbone in self.backbones), classes)

    def forward(self, clip: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b classes"]:
        expect_frames(clip)
        if clip.shape[-1] % 2 or clip.shape[-2] % 2:
            h, w = clip.shape[-2:]
            mend = f"clip[..., :{h // 2 * 2}, :{w // 2 * 2}]"
            raise ShapeError(f"frames of {h} × {w}", wanted="an even height and width", mend=mend)
        images = rearrange(clip, "b t c h w -> (b t) c h w")
        vectors = [backbone.vector(cut(images)) for backbone, cut in zip(self.backbones, self.cuts, strict=True)]
        return log_mean(rearrange(self.classify(torch.cat(vectors, 1)), "(b t) classes -> b t classes", b=len(clip)))
