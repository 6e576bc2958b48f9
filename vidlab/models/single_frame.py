"""Single frame: a 2D CNN looks at every frame alone, and the probabilities are averaged.

Karpathy et al. 2014, *Large-scale video classification with convolutional neural networks*: the baseline to try first.
"""

from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from .backbone import WIDTHS, Backbone, expect_frames, log_mean


class SingleFrame(nn.Module):
    """p(clip) = mean over t of softmax(g(f(I_t))): the order of the frames cannot matter.

    Raises:
        ShapeError: in `forward`, what is no batch of float clips.

    >>> import torch
    >>> SingleFrame(classes=4)(torch.rand(2, 8, 3, 32, 32)).shape
    torch.Size([2, 4])
    """

    def __init__(self, classes: int, *, channels: int = 3, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        self.backbone = Backbone(channels, widths)
        self.classify = nn.Linear(self.backbone.dim, classes)

    def forward(self, clip: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b classes"]:
        expect_frames(clip)
        images = rearrange(clip, "b t c h w -> (b t) c h w")
        return log_mean(rearrange(self.image_logits(images), "(b t) classes -> b t classes", b=len(clip)))

    def image_logits(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n classes"]:
        """The answer to each picture alone."""
        expect_frames(images[None])
        return self.classify(self.backbone.vector(images))
