"""ResNet-18: layers that learn what to add to their input, for one frame or T frames stacked as channels.

K. He, X. Zhang, S. Ren, J. Sun, *Deep residual learning for image recognition* (CVPR 2016), table 1, the column of 18
layers, with projections where the shape changes (option B). Its clips' cousins are in `resnets.py`.

    conv1     64 of 7×7 at stride 2, then a maximum over 3×3 at stride 2
    layer1    two blocks of two 3×3 convolutions, 64 channels
    layer2    likewise 128, layer3 256, layer4 512; the first block of each has stride 2
    fc        from the mean over space

11,689,512 parameters for 1000 classes; 1.81 G multiply–adds for 224×224 pixels. Layers have the names of torchvision's
model, so that its public checkpoints load with `strict=True`. They were trained on colours of mean 0 and deviation 1:
subtract 0.485, 0.456, 0.406 and divide by 0.229, 0.224, 0.225, which is yours to do.
"""

from __future__ import annotations

from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from .parts import positive, takes

WIDTHS = (64, 128, 256, 512)  # channels of the four stages


class BasicBlock(nn.Module):
    """relu(x + f(x)), f being two 3×3 convolutions; x is projected where f changes its shape."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d i j"]:
        kept = x if self.downsample is None else self.downsample(x)
        return self.relu(kept + self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x))))))


class ResNet18(nn.Module):
    """Use `resnet18`, which also checks the clips."""

    def __init__(self, frames: int, classes: int) -> None:
        super().__init__()
        channels = WIDTHS[0]
        self.conv1 = nn.Conv2d(3 * frames, channels, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        for n, width in enumerate(WIDTHS, start=1):
            blocks = BasicBlock(channels, width, 1 if n == 1 else 2), BasicBlock(width, width, 1)
            self.add_module(f"layer{n}", nn.Sequential(*blocks))
            channels = width
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, classes)

    def forward(self, clip: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b classes"]:
        picture = rearrange(clip, "b t c h w -> b (t c) h w")
        maps = self.maxpool(self.relu(self.bn1(self.conv1(picture))))
        maps = self.layer4(self.layer3(self.layer2(self.layer1(maps))))
        return self.fc(rearrange(self.avgpool(maps), "b c 1 1 -> b c"))


def resnet18(*, frames: int = 1, classes: int = 1000) -> ResNet18:
    """ResNet-18: clips `b t 3 h w` of frames of any size to logits `b classes`. The published figures are for 224×224.

    Args:
        frames: T, stacked as channels (early fusion); by default one, an image network.
        classes: logits; ImageNet's 1000.

    Raises:
        ValueError: a number below 1.

    >>> import torch
    >>> with torch.device("meta"):
    ...     model = resnet18()
    >>> sum(parameter.numel() for parameter in model.parameters())
    11689512
    """
    positive(frames=frames, classes=classes)
    return takes(ResNet18(frames, classes), frames=frames)
