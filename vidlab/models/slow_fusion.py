"""Slow fusion and 3D convolution: time is merged layer by layer, by kernels that slide along it.

Karpathy et al. 2014 call it slow fusion (few large steps, no padding); Tran et al. 2015, *Learning spatiotemporal
features with 3D convolutional networks* (C3D), use 3 × 3 × 3 kernels throughout.
"""

from einops import rearrange, reduce
from jaxtyping import Float
from torch import Tensor, nn

from ..errors import ShapeError
from .backbone import WIDTHS, Normalise, block3d, expect_frames


class SlowFusion(nn.Module):
    """3D convolutions without padding in time, until one moment is left.

    extents: (frames a kernel reaches over, stride in time) of each layer. ((4, 2), (2, 2), (2, 1)) is the paper's:
    10 frames → 4 → 2 → 1, which see 4, 6 and 10 frames. The default takes 8 frames → 3 → 2 → 1, which see 4, 6 and 8.

    Raises:
        ShapeError: extents that leave more or less than one moment of `frames`; in `forward`, another number of frames.
    """

    def __init__(
        self,
        classes: int,
        *,
        frames: int = 8,
        extents: tuple[tuple[int, int], ...] = ((4, 2), (2, 1), (2, 1)),
        channels: int = 3,
        widths: tuple[int, ...] = WIDTHS,
    ) -> None:
        super().__init__()
        self.frames = frames
        self.moments = [frames]
        left_over = 0  # frames at the end that no kernel reaches
        for extent, stride in extents:
            steps, rest = divmod(self.moments[-1] - extent, stride)
            self.moments.append(steps + 1)
            left_over += rest
        if self.moments[-1] != 1 or left_over or len(extents) != len(widths):
            raise ShapeError(
                f"extents {extents} take {' → '.join(map(str, self.moments))} frames in {len(widths)} layers",
                wanted="one extent and stride a layer, one moment at the end, and no frame left over",
                mend="extents=((4, 2), (2, 2), (2, 1)) for 10 frames",
            )
        pairs = zip((channels, *widths), widths, extents)  # noqa: B905, one channel number starts each pair
        self.blocks = nn.Sequential(Normalise(), *(block3d(i, o, *extent, padding=0) for i, o, extent in pairs))
        self.classify = nn.Linear(widths[-1], classes)

    def forward(self, clip: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b classes"]:
        expect_frames(clip, self.frames)
        volume = rearrange(clip, "b t c h w -> b c t h w")
        return self.classify(reduce(self.blocks(volume), "b d t h w -> b d", "mean"))


class Conv3DNet(nn.Module):
    """3 × 3 × 3 kernels, padded in time, and an average over space and time at the end: clips of any length.

    Raises:
        ShapeError: in `forward`, no batch of float clips.
    """

    def __init__(self, classes: int, *, extent: int = 3, channels: int = 3, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        pairs = zip((channels, *widths), widths)  # noqa: B905
        self.blocks = nn.Sequential(Normalise(), *(block3d(*pair, extent) for pair in pairs))
        self.classify = nn.Linear(widths[-1], classes)

    def forward(self, clip: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b classes"]:
        expect_frames(clip)
        volume = rearrange(clip, "b t c h w -> b c t h w")
        return self.classify(reduce(self.blocks(volume), "b d t h w -> b d", "mean"))

    def filters(self) -> Float[Tensor, "o t c k k"]:
        """The first layer's kernels, a small film for each output channel."""
        return rearrange(self.blocks[1][0].weight, "o c t kh kw -> o t c kh kw")
