"""AlexNet, for one frame or for T frames stacked as channels.

A. Krizhevsky, I. Sutskever, G. Hinton, *ImageNet classification with deep convolutional neural networks* (NIPS 2012).
Five convolutions, three fully connected layers. Three networks go by the name, and their numbers differ:

    kind          filters of conv1…5        parameters   multiply–adds   where
    "grouped"     96 256 384 384 256        60,965,224       0.724 G     the paper: conv2, 4, 5 halved between two GPUs
    "ungrouped"   96 256 384 384 256        62,378,344       1.135 G     many lectures, which leave the halves out
    "64-filter"   64 192 384 256 256        61,100,840       0.717 G     one column of Krizhevsky's 2014 network

Frames are 227×227 pixels: the paper prints 224, with which conv1 would not come out at its 55×55.
"""

from __future__ import annotations

from collections import OrderedDict

from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from .parts import fully_connected, one_of, positive, takes

SIZE = 227  # pixels, height and width
KINDS = {  # filters of the five convolutions; how many parts conv2, 4 and 5 are cut into; zeros around the frame
    "ungrouped": ((96, 256, 384, 384, 256), 1, 0),
    "grouped": ((96, 256, 384, 384, 256), 2, 0),
    "64-filter": ((64, 192, 384, 256, 256), 1, 2),
}


def normalisation(beta: float) -> nn.LocalResponseNorm:
    """Local response normalisation over 5 channels, the paper's section 3.3: k = 2, n = 5, α = 10⁻⁴.

    The paper adds up the squares; PyTorch takes their mean, so its α is n times as large.
    """
    return nn.LocalResponseNorm(5, alpha=5e-4, beta=beta, k=2.0)


class AlexNet(nn.Module):
    """Use `alexnet`, which also checks the clips."""

    def __init__(self, kind: str, frames: int, classes: int) -> None:
        super().__init__()
        filters, parts, border = one_of(kind, KINDS)
        one, two, three, four, five = filters
        self.features = nn.Sequential(
            OrderedDict(
                conv1=nn.Conv2d(3 * frames, one, 11, stride=4, padding=border),
                relu1=nn.ReLU(),
                norm1=nn.Identity() if kind == "64-filter" else normalisation(beta=0.75),
                pool1=nn.MaxPool2d(3, stride=2),
                conv2=nn.Conv2d(one, two, 5, padding=2, groups=parts),
                relu2=nn.ReLU(),
                norm2=nn.Identity() if kind == "64-filter" else normalisation(beta=0.75),
                pool2=nn.MaxPool2d(3, stride=2),
                conv3=nn.Conv2d(two, three, 3, padding=1),
                relu3=nn.ReLU(),
                conv4=nn.Conv2d(three, four, 3, padding=1, groups=parts),
                relu4=nn.ReLU(),
                conv5=nn.Conv2d(four, five, 3, padding=1, groups=parts),
                relu5=nn.ReLU(),
                pool5=nn.MaxPool2d(3, stride=2),
            )
        )
        self.classifier = fully_connected(five * 6 * 6, classes)

    def forward(self, clip: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b classes"]:
        picture = rearrange(clip, "b t c h w -> b (t c) h w")
        return self.classifier(rearrange(self.features(picture), "b c h w -> b (c h w)"))


def alexnet(kind: str = "ungrouped", *, frames: int = 1, classes: int = 1000) -> AlexNet:
    """AlexNet: clips `b t 3 227 227` to logits `b classes`.

    With `frames=T` the T frames are stacked as channels, which is early fusion: conv1 has T times the weights, and no
    other layer has more. Choices beyond the paper: the "64-filter" kind has neither groups nor normalisation, and
    conv1 pads by 2 (56×56), as the lectures that count it do.

    Args:
        kind: "ungrouped", "grouped" or "64-filter"; see the head of this module.
        frames: T; by default one, an image network.
        classes: logits; ImageNet's 1000.

    Raises:
        ValueError: no such kind, or a number below 1.

    >>> import torch
    >>> with torch.device("meta"):  # shapes without numbers: takes no memory
    ...     model = alexnet(frames=10)
    >>> model.features.conv1.weight.shape
    torch.Size([96, 30, 11, 11])
    """
    positive(frames=frames, classes=classes)
    return takes(AlexNet(kind, frames, classes), frames=frames, size=SIZE)
