"""ViViT-B/16×2: a transformer whose tokens are boxes of 2 frames of 16×16 pixels, all of which ask each other.

A. Arnab, M. Dehghani, G. Heigold, C. Sun, M. Lučić, C. Schmid, *ViViT: a video vision transformer* (ICCV 2021), model
1, "spatio-temporal attention". 32 frames of 224×224 pixels give 16 × 14 × 14 = 3136 tubelets, and 12 layers of 12 heads
work on vectors of 768. Its 88,954,000 parameters for the 400 classes of Kinetics:

    tubelets      (2·16·16·3 + 1) · 768            1,180,416
    positions     (3136 + 1) · 768                 2,409,216    a row for each tubelet of the clip, one for the class
    class token   768                                    768    token
    12 layers     12 · 7,087,872                  85,054,464    as in ViT-B: every linear layer has biases
    LayerNorm     2 · 768                              1,536
    classifier    (768 + 1) · 400                    307,600

So nearly all that video adds to the picture network (86,567,656 with ImageNet's 1000 classes) are positions. The cost
is elsewhere: 3137² pairs of tokens in every layer and head.
"""

from __future__ import annotations

import torch
from einops import rearrange, repeat
from jaxtyping import Float
from torch import Tensor, nn

from ..attention import Layer, position_rows
from ..video_vit import Tubelets, tubelets_in
from .parts import positive, takes

FRAMES = 32
SIZE = 224  # pixels, height and width
TUBELET = (2, 16, 16)
DIM, DEPTH, HEADS = 768, 12, 12  # of ViT-B


class ViViT(nn.Module):
    """Use `vivit`, which also checks the clips."""

    def __init__(self, classes: int, frames: int) -> None:
        super().__init__()
        t, h, w = tubelets_in(frames, SIZE, TUBELET)
        self.tubelets = Tubelets(DIM, TUBELET)
        self.token = nn.Parameter(torch.zeros(DIM))
        self.positions = position_rows(1 + t * h * w, DIM)
        self.layers = nn.Sequential(*(Layer(DIM, HEADS) for _ in range(DEPTH)))
        self.norm = nn.LayerNorm(DIM, eps=1e-6)
        self.classify = nn.Linear(DIM, classes)

    def forward(self, clip: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b classes"]:
        tokens = rearrange(self.tubelets(clip), "b t n d -> b (t n) d")
        tokens = torch.cat([repeat(self.token, "d -> b 1 d", b=len(clip)), tokens], dim=1) + self.positions
        return self.classify(self.norm(self.layers(tokens)[:, 0]))


def vivit(*, classes: int = 400, frames: int = FRAMES) -> ViViT:
    """ViViT-B/16×2: clips `b 32 3 224 224` to logits `b classes` (400 for Kinetics). 88,954,000 parameters.

    Args:
        classes: logits.
        frames: T, even; each two more give 196 tubelets, and as many more rows of positions.

    Raises:
        ValueError: a number below 1, or (a ShapeError) an odd number of frames.

    >>> with torch.device("meta"):
    ...     vivit().positions.shape
    torch.Size([3137, 768])
    """
    positive(classes=classes, frames=frames)
    return takes(ViViT(classes, frames), frames=frames, size=SIZE)
