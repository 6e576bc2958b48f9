"""VGG-16: thirteen convolutions of 3×3 and three fully connected layers, for one frame or T frames stacked as channels.

K. Simonyan, A. Zisserman, *Very deep convolutional networks for large-scale image recognition* (ICLR 2015), table 1,
column D. Two 3×3 convolutions see as far as one of 5×5, with fewer weights and one more ReLU. C3D is the same thought
in space and time.

    conv1  2 × 64    224×224        conv4  3 × 512   28×28
    conv2  2 × 128   112×112        conv5  3 × 512   14×14
    conv3  3 × 256    56×56         fc6, fc7 4096, fc8    from 7×7×512

138,357,544 parameters, nine in ten of them in the fully connected layers; 15.47 G multiply–adds, of which those layers
have one in a hundred and twenty-five.
"""

from __future__ import annotations

from collections import OrderedDict

from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from .parts import fully_connected, positive, takes

SIZE = 224  # pixels, height and width
STAGES = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))  # how many convolutions, of how many filters


class VGG16(nn.Module):
    """Use `vgg16`, which also checks the clips."""

    def __init__(self, frames: int, classes: int) -> None:
        super().__init__()
        layers = OrderedDict[str, nn.Module]()
        channels = 3 * frames
        for stage, (convolutions, filters) in enumerate(STAGES, start=1):
            for n in range(1, convolutions + 1):
                layers[f"conv{stage}_{n}"] = nn.Conv2d(channels, filters, 3, padding=1)
                layers[f"relu{stage}_{n}"] = nn.ReLU()
                channels = filters
            layers[f"pool{stage}"] = nn.MaxPool2d(2)
        self.features = nn.Sequential(layers)
        self.classifier = fully_connected(channels * 7 * 7, classes)

    def forward(self, clip: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b classes"]:
        picture = rearrange(clip, "b t c h w -> b (t c) h w")
        return self.classifier(rearrange(self.features(picture), "b c h w -> b (c h w)"))


def vgg16(*, frames: int = 1, classes: int = 1000) -> VGG16:
    """VGG-16: clips `b t 3 224 224` to logits `b classes`.

    Args:
        frames: T, stacked as channels (early fusion); by default one, an image network.
        classes: logits; ImageNet's 1000.

    Raises:
        ValueError: a number below 1.

    >>> import torch
    >>> with torch.device("meta"):
    ...     model = vgg16()
    >>> model.features.conv3_3.weight.shape
    torch.Size([256, 256, 3, 3])
    """
    positive(frames=frames, classes=classes)
    return takes(VGG16(frames, classes), frames=frames, size=SIZE)
