"""What can be inflated: the convolutions of an image network, if they are layers; and what stands in the way.

`inflation` leaves all other layers to work frame by frame, and so hardly any is refused: filters that would be left
without an extent in time, filters that have one, and filters whose weights cannot be taken.
"""

from __future__ import annotations

import torch
from torch import nn

from ..errors import VidlabError

WANTED = "convolutions that are nn.Conv2d layers with weights of their own"


def filters_of(net2d: nn.Module) -> list[nn.Conv2d]:
    """Its convolutions, each once; an error if there are none, or about the first layer that cannot be inflated."""
    for name, layer in net2d.named_modules():
        if (found := obstacle(layer)) is not None:
            what = f"layer {name!r}, a {type(layer).__name__}," if name else f"the network, a {type(layer).__name__},"
            raise VidlabError(f"{what} {found[0]}", wanted=WANTED, mend=found[1])
    filters = [layer for layer in net2d.modules() if isinstance(layer, nn.Conv2d)]
    if not filters:
        raise VidlabError(f"the network, a {type(net2d).__name__}, has nothing to inflate", wanted=WANTED)
    return filters


def obstacle(layer: nn.Module) -> tuple[str, str] | None:
    """Why a layer cannot be inflated, and what to do about it."""
    kind, own = type(layer), [*layer._parameters.values(), *layer._buffers.values()]
    if isinstance(layer, torch.jit.ScriptModule):
        return "is compiled and cannot be changed", "the module that it was made of"
    if any(nn.parameter.is_lazy(tensor) for tensor in own):
        return "has no weights yet", "net2d(image) once, which makes them"
    if kind.__module__.startswith("torch.") and "quantized" in kind.__module__:
        return "is quantised", "the network as it was before, and quantise what comes out"
    if any(base.__module__.startswith("torch.nn.") and base.__name__.endswith("3d") for base in kind.__mro__):
        return "has an axis for time already", "the image network"
    if isinstance(layer, nn.ConvTranspose2d):
        return "is a transposed convolution, which vidlab does not inflate", "nn.Upsample and an nn.Conv2d in its place"
    if isinstance(layer, nn.Conv2d):
        usual = kind.forward is nn.Conv2d.forward and kind._conv_forward is nn.Conv2d._conv_forward
        if not usual or "forward" in vars(layer):
            return "convolves in a way of its own", "an nn.Conv2d in its place"
        if layer._parameters.get("weight") is None:
            return "computes its weight from others", "remove_parametrizations, remove_weight_norm or prune.remove"
    elif filters := [x for x in own if x is not None and x.ndim == 4 and len(x) > 1 and max(x.shape[2:]) > 1]:
        return f"keeps filters {tuple(filters[0].shape)} outside of a convolution", "an nn.Conv2d that holds them"
    return None
