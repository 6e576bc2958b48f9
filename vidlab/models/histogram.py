"""Before deep features: count colours and edge directions, and let a small network read the counts.

The baseline of Karpathy et al. 2014 is a bag of hand-made features of this kind and a neural network.
"""

import math

import torch
from einops import einsum, rearrange
from jaxtyping import Float
from torch import Tensor, nn

from ..textures import OPPONENT
from .backbone import expect_frames

HUES, DIRECTIONS = 12, 8


def histograms(clip: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b k"]:
    """How much of each hue and of each edge direction a clip has; each group sums to 1, or to 0 in plain grey.

    A pixel counts with its saturation among the hues (Swain and Ballard 1991, *Color indexing*), and with its
    gradient's length among the directions (Dalal and Triggs 2005, *Histograms of oriented gradients*), shared between
    the two nearest bins. Where it is, and when, is forgotten.
    """
    expect_frames(clip)
    images = rearrange(clip, "b t c h w -> (b t) c h w")
    luma, red_green, blue_yellow = einsum(images, torch.linalg.inv(OPPONENT).to(images), "n c h w, c s -> s n h w")
    i_y, i_x = torch.gradient(luma, dim=(1, 2))
    counts = []
    for x, y, bins in ((red_green, blue_yellow, HUES), (i_x, i_y, DIRECTIONS)):
        turn, length = (
            rearrange(each, "(b t) h w -> b (t h w)", b=len(clip))
            for each in (torch.atan2(y, x) / (2 * math.pi) * bins, torch.hypot(x, y))
        )
        share = turn - turn.floor()
        total = turn.new_zeros(len(clip), bins)
        total.scatter_add_(1, turn.floor().long() % bins, (1 - share) * length)
        total.scatter_add_(1, (turn.floor().long() + 1) % bins, share * length)
        nothing = 1e-5 * turn.shape[1]  # what rounding leaves of grey (3e-8 a pixel) is no colour
        counts.append(total / total.sum(1, keepdim=True).clamp_min(nothing))
    return torch.cat(counts, dim=1)


class HistogramNet(nn.Module):
    """`histograms`, then one hidden layer.

    Raises:
        ShapeError: in `forward`, no batch of float clips.
    """

    def __init__(self, classes: int, *, hidden: int = 32) -> None:
        super().__init__()
        self.scale = nn.BatchNorm1d(HUES + DIRECTIONS)
        self.connect = nn.Linear(HUES + DIRECTIONS, hidden)
        self.classify = nn.Linear(hidden, classes)

    def forward(self, clip: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b classes"]:
        return self.classify(self.connect(self.scale(histograms(clip))).relu())
