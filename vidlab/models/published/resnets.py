"""R3D-18, MC3-18 and R(2+1)D-18: one residual network, three kinds of convolution.

D. Tran, H. Wang, L. Torresani, J. Ray, Y. LeCun, M. Paluri, *A closer look at spatiotemporal convolutions for action
recognition* (CVPR 2018).

    R3D        every convolution is 3×3×3
    MC3        3×3×3 in the first stage ("mixed"), 1×3×3 above: motion is modelled low down only
    R(2+1)D    every 3×3×3 becomes 1×3×3 (space), batch norm, ReLU, 3×1×1 (time)

Between space and time lie M channels, so many that the pair has as many weights as the one filter it replaces:
M (3² C_in + 3 C_out) = 3·3² C_in C_out, rounded down (section 3.5; `middle_channels`).

Layers and their names are those of torchvision's models, so that its public checkpoints load with `strict=True`:
`model.load_state_dict(torch.load(file))`. They were trained on frames whose colours have mean 0 and deviation 1, which
is yours to do: subtract 0.43216, 0.394666, 0.37645 and divide by 0.22803, 0.22145, 0.216989. Clips may have any number
of frames of any size; published figures are for 16 frames of 112×112 pixels.
"""

from __future__ import annotations

from collections.abc import Callable

from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import relu

from ..factorised import middle_channels
from .parts import one_of, positive, takes

FRAMES = 16
SIZE = 112  # pixels, height and width
WIDTHS = (64, 128, 256, 512)  # channels of the four stages
STEM = 45  # channels between the two halves of R(2+1)D's stem, in torchvision and in the authors' code
MIDDLE = {"block": False, "convolution": True}

Convolution = Callable[[int, int, int, int], nn.Module]  # of (channels in, channels out, stride, channels between)


def full(inputs: int, outputs: int, stride: int, middle: int) -> nn.Module:
    """3×3×3; space and time at once."""
    return nn.Conv3d(inputs, outputs, 3, stride, padding=1, bias=False)


def spatial(inputs: int, outputs: int, stride: int, middle: int) -> nn.Module:
    """1×3×3; each frame by itself, and none is skipped."""
    return nn.Conv3d(inputs, outputs, (1, 3, 3), (1, stride, stride), padding=(0, 1, 1), bias=False)


def factorised(inputs: int, outputs: int, stride: int, middle: int) -> nn.Module:
    """1×3×3, then 3×1×1: space, then time, with one more ReLU between."""
    return nn.Sequential(
        nn.Conv3d(inputs, middle, (1, 3, 3), (1, stride, stride), padding=(0, 1, 1), bias=False),
        nn.BatchNorm3d(middle),
        nn.ReLU(),
        nn.Conv3d(middle, outputs, (3, 1, 1), (stride, 1, 1), padding=(1, 0, 0), bias=False),
    )


class Block(nn.Module):
    """relu(x + what two convolutions of x add): He et al. (2016), with clips in the place of pictures."""

    def __init__(self, convolution: Convolution, inputs: int, outputs: int, stride: int, each: bool) -> None:
        super().__init__()
        first = middle_channels(inputs, outputs)
        second = middle_channels(outputs, outputs) if each else first
        self.conv1 = nn.Sequential(convolution(inputs, outputs, stride, first), nn.BatchNorm3d(outputs), nn.ReLU())
        self.conv2 = nn.Sequential(convolution(outputs, outputs, 1, second), nn.BatchNorm3d(outputs))
        self.downsample = None
        if stride != 1 or inputs != outputs:
            steps = (1 if convolution is spatial else stride, stride, stride)
            self.downsample = nn.Sequential(nn.Conv3d(inputs, outputs, 1, steps, bias=False), nn.BatchNorm3d(outputs))

    def forward(self, x: Float[Tensor, "b c t h w"]) -> Float[Tensor, "b d u i j"]:
        kept = x if self.downsample is None else self.downsample(x)
        return relu(kept + self.conv2(self.conv1(x)))


class VideoResNet(nn.Module):
    """Use `r3d_18`, `mc3_18` or `r2plus1d_18`, which also check the clips."""

    def __init__(self, stages: tuple[Convolution, ...], stem: nn.Sequential, classes: int, each: bool = False) -> None:
        super().__init__()
        self.stem = stem
        channels = WIDTHS[0]
        for n, (convolution, width) in enumerate(zip(stages, WIDTHS, strict=True), start=1):
            stride = 1 if n == 1 else 2
            blocks = [Block(convolution, channels, width, stride, each), Block(convolution, width, width, 1, each)]
            self.add_module(f"layer{n}", nn.Sequential(*blocks))
            channels = width
        self.avgpool = nn.AdaptiveAvgPool3d(1)
        self.fc = nn.Linear(channels, classes)

    def forward(self, clip: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b classes"]:
        volume = rearrange(clip, "b t c h w -> b c t h w")
        volume = self.layer4(self.layer3(self.layer2(self.layer1(self.stem(volume)))))
        return self.fc(rearrange(self.avgpool(volume), "b c 1 1 1 -> b c"))


def full_stem() -> nn.Sequential:
    """3×7×7, a step of 2 pixels and of 1 frame."""
    return nn.Sequential(
        nn.Conv3d(3, 64, (3, 7, 7), (1, 2, 2), padding=(1, 3, 3), bias=False), nn.BatchNorm3d(64), nn.ReLU()
    )


def factorised_stem(middle: int) -> nn.Sequential:
    """1×7×7 with a step of 2 pixels, then 3×1×1."""
    return nn.Sequential(
        nn.Conv3d(3, middle, (1, 7, 7), (1, 2, 2), padding=(0, 3, 3), bias=False),
        nn.BatchNorm3d(middle),
        nn.ReLU(),
        nn.Conv3d(middle, 64, (3, 1, 1), padding=(1, 0, 0), bias=False),
        nn.BatchNorm3d(64),
        nn.ReLU(),
    )


def r3d_18(*, classes: int = 400) -> VideoResNet:
    """R3D-18: clips `b t 3 h w` to logits `b classes` (400 for Kinetics). 33,371,472 parameters."""
    positive(classes=classes)
    return takes(VideoResNet((full,) * 4, full_stem(), classes))


def mc3_18(*, classes: int = 400) -> VideoResNet:
    """MC3-18: clips `b t 3 h w` to logits `b classes` (400 for Kinetics). 11,695,440 parameters.

    Full 3×3×3 convolutions in the first of the four stages, as in torchvision. The stages above keep every frame.
    """
    positive(classes=classes)
    return takes(VideoResNet((full,) + (spatial,) * 3, full_stem(), classes))


def r2plus1d_18(*, classes: int = 400, middle: str = "block", stem: int = STEM) -> VideoResNet:
    """R(2+1)D-18: clips `b t 3 h w` to logits `b classes` (400 for Kinetics). 31,505,325 parameters.

    The paper asks of every convolution for as many weights as its 3×3×3 counterpart has. torchvision applies
    `middle_channels` once a block, to the channels of its first convolution, and the second one gets the same number:
    too few where a block widens. `middle="convolution"` applies it to each: 33,370,839 parameters, 633 fewer than R3D.

    Args:
        classes: logits.
        middle: "block" as torchvision does it, "convolution" as the paper says it.
        stem: channels between the halves of the stem; the formula would give `middle_channels(3, 64, side=7)`, 83.

    Raises:
        ValueError: another `middle`, or a number below 1.
    """
    each = one_of(middle, MIDDLE, "middle")
    positive(classes=classes, stem=stem)
    return takes(VideoResNet((factorised,) * 4, factorised_stem(stem), classes, each))
