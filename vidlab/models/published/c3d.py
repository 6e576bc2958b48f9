"""C3D: eight convolutions, all of 3×3×3, and pools of 2×2×2. The VGG of video.

D. Tran, L. Bourdev, R. Fergus, L. Torresani, M. Paluri, *Learning spatiotemporal features with 3D convolutional
networks* (ICCV 2015), figure 3. A clip of 16 frames of 112×112 pixels. What leaves each stage, `c × t h w`:

    conv1         64 × 16 112 112    pool1  64 × 16 56 56    (1×2×2: time is not merged too early)
    conv2        128 × 16  56  56    pool2 128 ×  8 28 28
    conv3a, 3b   256 ×  8  28  28    pool3 256 ×  4 14 14
    conv4a, 4b   512 ×  4  14  14    pool4 512 ×  2  7  7
    conv5a, 5b   512 ×  2   7   7    pool5 512 ×  1  4  4 or 1 3 3

At pool5 the networks that go by this name part. Two does not divide seven: with a border of zeros 4×4 places are left,
and fc6 has 8192 inputs (the released network); without, 3×3 and 4608 (as lectures count it).
"""

from __future__ import annotations

from collections import OrderedDict

from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from .parts import fully_connected, positive, takes

FRAMES = 16
SIZE = 112  # pixels, height and width
STAGES = {"1": [64], "2": [128], "3": [256, 256], "4": [512, 512], "5": [512, 512]}  # filters
BORDER = {8192: 1, 4608: 0}  # inputs of fc6: zeros that pool5 adds around 7×7


class C3D(nn.Module):
    """Use `c3d`, which also checks the clips."""

    def __init__(self, classes: int, fc6: int) -> None:
        super().__init__()
        layers = OrderedDict[str, nn.Module]()
        channels = 3
        for stage, widths in STAGES.items():
            for letter, filters in zip("ab" if len(widths) > 1 else [""], widths, strict=True):
                layers[f"conv{stage}{letter}"] = nn.Conv3d(channels, filters, 3, padding=1)
                layers[f"relu{stage}{letter}"] = nn.ReLU()
                channels = filters
            layers[f"pool{stage}"] = nn.MaxPool3d(2)
        layers["pool1"] = nn.MaxPool3d((1, 2, 2))
        layers["pool5"] = nn.MaxPool3d(2, padding=(0, BORDER[fc6], BORDER[fc6]))
        self.features = nn.Sequential(layers)
        self.classifier = fully_connected(fc6, classes)

    def forward(self, clip: Float[Tensor, "b t c h w"]) -> Float[Tensor, "b classes"]:
        volume = rearrange(clip, "b t c h w -> b c t h w")
        return self.classifier(rearrange(self.features(volume), "b c t h w -> b (c t h w)"))


def c3d(*, classes: int = 487, fc6: int = 8192) -> C3D:
    """C3D: clips `b 16 3 112 112` to logits `b classes`.

    Args:
        classes: logits: 487 for Sports-1M, 400 for Kinetics, 101 for UCF-101.
        fc6: inputs of the first fully connected layer, 8192 or 4608; see the head of this module.

    Raises:
        ValueError: another `fc6`, or no classes.

    >>> import torch
    >>> with torch.device("meta"):
    ...     c3d()(torch.rand(2, 16, 3, 112, 112)).shape
    torch.Size([2, 487])
    """
    positive(classes=classes)
    if fc6 not in BORDER:
        raise ValueError(f"fc6 = {fc6}. Wanted: 8192 (pool5 with a border of zeros) or 4608 (without).")
    return takes(C3D(classes, fc6), frames=FRAMES, size=SIZE)
