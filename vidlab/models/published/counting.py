"""How large a network is and how much it computes, without computing it.

A tensor on PyTorch's `meta` device has a shape and no numbers. A network of published size is built there in no memory,
and a forward pass tells the shapes of all layers, from which the work follows. One multiply–add is w·x added to a sum.
It is two floating-point operations; much of the literature calls the number of multiply–adds "FLOPs".
"""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from .alexnet import SIZE as ALEXNET_SIZE
from .alexnet import alexnet
from .c3d import FRAMES as C3D_FRAMES
from .c3d import SIZE as C3D_SIZE
from .c3d import c3d
from .vgg import SIZE as VGG_SIZE
from .vgg import vgg16


def parameters(model: nn.Module, part: str = "") -> int:
    """How many numbers training can change, biases and the two of batch norm included; shared ones count once.

    Args:
        model: on any device.
        part: the name of a layer or group of layers, such as "features.conv1"; by default all.

    Raises:
        AttributeError: there is no such part.

    >>> parameters(nn.Linear(10, 3))
    33
    """
    return sum(parameter.numel() for parameter in model.get_submodule(part).parameters())


def multiply_adds(model: nn.Module, clip_shape: tuple[int, ...], part: str = "") -> int:
    """Multiply–adds of one forward pass, of convolutions and matrix products; all else is not counted.

    The pass is made on the `meta` device, by a twin of the model without numbers: no memory, no arithmetic, and the
    model stays as it is.

    Args:
        model: on any device.
        clip_shape: `(b, t, c, h, w)`. Per clip: b = 1.
        part: the name of a layer or group of layers, such as "features.conv1"; by default all.

    Raises:
        ShapeError: the network does not take clips of this shape.
        AttributeError: there is no such part.

    >>> multiply_adds(nn.Linear(10, 3), (1, 10))
    30
    """
    model.get_submodule(part)
    numbers = [*model.parameters(), *model.buffers()]
    shapes = {id(number): nn.Parameter(number.detach().to("meta"), requires_grad=False) for number in numbers}
    twin = copy.deepcopy(model, shapes).eval()  # deepcopy takes what it finds in `shapes` for already copied
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        twin(torch.empty(clip_shape, device="meta"))
    if not part:
        return counter.get_total_flops() // 2
    return sum(counter.get_flop_counts().get(f"{type(twin).__name__}.{part}", {}).values()) // 2


def lecture_slide() -> dict[str, float]:
    """The three numbers that lectures print beside C3D, in 10⁹, and the slips by which two of them arise.

    - AlexNet 0.7: right, for the "64-filter" kind (0.7168) and for the grouped one of the paper (0.7244).
    - VGG-16 13.6: conv3_3 was left out. With it, 15.4703.
    - C3D 39.5: each fully connected layer was counted 27 times, as if its filters too were of 3×3×3. Counted once,
      38.5343 (fc6 with 4608 inputs).

    All three are multiply–adds, where the slide says FLOP.

    >>> {name: round(number, 1) for name, number in lecture_slide().items()}
    {'AlexNet': 0.7, 'VGG16': 13.6, 'C3D': 39.5}
    """
    with torch.device("meta"):
        image, deeper, video = alexnet("64-filter"), vgg16(), c3d(fc6=4608)
    frame, larger = (1, 1, 3, ALEXNET_SIZE, ALEXNET_SIZE), (1, 1, 3, VGG_SIZE, VGG_SIZE)
    clip = (1, C3D_FRAMES, 3, C3D_SIZE, C3D_SIZE)
    return {
        "AlexNet": multiply_adds(image, frame) / 1e9,
        "VGG16": (multiply_adds(deeper, larger) - multiply_adds(deeper, larger, "features.conv3_3")) / 1e9,
        "C3D": (multiply_adds(video, clip, "features") + 27 * multiply_adds(video, clip, "classifier")) / 1e9,
    }
