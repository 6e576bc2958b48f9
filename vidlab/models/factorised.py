"""(2+1)D: each 3D convolution becomes one over space and one over time.

Tran et al. 2018, *A closer look at spatiotemporal convolutions for action recognition*, section 3.5: as many weights as
the 3D layer, one more non-linearity, and easier to train.
"""

from einops import rearrange, reduce
from jaxtyping import Float
from torch import Tensor, nn

from .backbone import WIDTHS, EvenConv3d, Normalise, expect_frames


def middle_channels(c_in: int, c_out: int, *, extent: int = 3, side: int = 3) -> int:
    """Channels between the two parts, so that both together have as many weights as one extent × side × side kernel.

    M = ⌊t d² C_in C_out / (d² C_in + t C_out)⌋ with t = extent and d = side.

    >>> middle_channels(64, 64)
    144
    """
    return extent * side**2 * c_in * c_out // (side**2 * c_in + extent * c_out)


def block21d(c_in: int, c_out: int, extent: int = 3, middle: int | None = None) -> nn.Sequential:
    """1 × 3 × 3 over space (stride 2), then extent × 1 × 1 over time: `b c t h w` → `b c' t h/2 w/2`."""
    middle = middle or middle_channels(c_in, c_out, extent=extent)
    over_time = nn.Conv3d if extent % 2 else EvenConv3d
    return nn.Sequential(
        nn.Conv3d(c_in, middle, (1, 3, 3), (1, 2, 2), (0, 1, 1), bias=False),
        nn.BatchNorm3d(middle),
        nn.ReLU(),
        over_time(middle, c_out, (extent, 1, 1), padding=((extent - 1) // 2, 0, 0), bias=False),
        nn.BatchNorm3d(c_out),
        nn.ReLU(),
    )


class Factorised(nn.Module):
    """`Conv3DNet` with every kernel taken apart, at as many weights.

    Raises:
        ShapeError: in `forward`, no batch of float clips.
    """

    def __init__(self, classes: int, *, extent: int = 3, channels: int = 3, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        pairs = zip((channels, *widths), widths)  # noqa: B905
        self.blocks = nn.Sequential(Normalise(), *(block21d(*pair, extent) for pair in pairs))
        self.classify = nn.Linear(widths[-1], classes)

    def forward(self, clip: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b classes"]:
        expect_frames(clip)
        volume = rearrange(clip, "b t c h w -> b c t h w")
        return self.classify(reduce(self.blocks(volume), "b d t h w -> b d", "mean"))
