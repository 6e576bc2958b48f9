"""Networks as they were published, layer by layer, to be counted, taken apart, and run where memory allows.

Each takes clips `b t c h w`, floats in [0, 1], and returns logits `b classes`; only `motionnet` returns flow. Weights
are drawn as PyTorch draws them; none are shipped. Built on the `meta` device a network has shapes and no numbers, and
takes no memory:

    with torch.device("meta"):
        model = c3d()

or `build("c3d")`, which does that.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from . import two_stream_counts
from .alexnet import alexnet
from .c3d import c3d
from .counting import lecture_slide, multiply_adds, parameters
from .karpathy import karpathy
from .motionnet import motionnet
from .parts import one_of
from .resnet18 import resnet18
from .resnets import mc3_18, middle_channels, r2plus1d_18, r3d_18
from .timesformer import timesformer
from .vgg import vgg16
from .vgg_m import two_stream_vgg_m, vgg_m
from .vivit import vivit

__all__ = [
    "alexnet", "build", "c3d", "karpathy", "lecture_slide", "mc3_18", "middle_channels", "motionnet", "multiply_adds",
    "parameters", "r2plus1d_18", "r3d_18", "resnet18", "timesformer", "two_stream_counts", "two_stream_vgg_m", "vgg16",
    "vgg_m", "vivit",
]  # fmt: skip
BY_YEAR = (
    alexnet, vgg16, karpathy, vgg_m, c3d, resnet18, two_stream_vgg_m, motionnet, r3d_18, mc3_18, r2plus1d_18,
    timesformer, vivit,
)  # fmt: skip
NETWORKS = {network.__name__: network for network in BY_YEAR}


def build(name: str, *, device: torch.device | str = "meta", **options: Any) -> nn.Module:
    """A network by its name, by default without numbers.

    Args:
        name: "alexnet", "vgg16", "karpathy", "vgg_m", "c3d", "resnet18", "two_stream_vgg_m", "motionnet", "r3d_18",
            "mc3_18", "r2plus1d_18", "timesformer" or "vivit".
        device: where; "cpu" or `vidlab.device()` to run it.
        options: as the function of that name takes them.

    Raises:
        ValueError: no such network.

    Ten frames stacked, early fusion, on one:

    >>> f"{parameters(build('alexnet', frames=10)) / parameters(build('alexnet')) - 1:.2%}"
    '0.50%'
    """
    with torch.device(device):
        return one_of(name, NETWORKS, "name")(**options)
