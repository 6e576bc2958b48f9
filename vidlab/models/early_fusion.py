"""Early fusion: the frames are stacked as channels of one picture, and a 2D CNN sees them all at once.

Only the first layer knows of time: k² · 3T · C weights instead of k² · 3 · C (Karpathy et al. 2014, section 3.1).
"""

from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from .backbone import WIDTHS, Backbone, expect_frames


class EarlyFusion(nn.Module):
    """The first convolution merges all of time; what follows is a 2D CNN.

    frames: T, fixed, as the first layer has weights for each frame.

    Raises:
        ShapeError: in `forward`, another number of frames, or no batch of float clips.
    """

    def __init__(self, classes: int, *, frames: int, channels: int = 3, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        self.frames = frames
        self.backbone = Backbone(frames * channels, widths)
        self.classify = nn.Linear(self.backbone.dim, classes)

    def forward(self, clip: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b classes"]:
        expect_frames(clip, self.frames)
        image = rearrange(clip, "b t c h w -> b (t c) h w")
        return self.classify(self.backbone.vector(image))

    def filters(self) -> Float[Tensor, "o t c k k"]:
        """The first layer as what it is: a small film for each output channel."""
        weight = self.backbone.blocks[1][0].weight
        return rearrange(weight, "o (t c) kh kw -> o t c kh kw", t=self.frames)
