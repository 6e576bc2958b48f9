"""A trained network as a short program that a page can run: its layers in order, and its weights as one row of numbers.

Every value on the way is a volume t × h × w × c, channels innermost; a vector is 1 × 1 × 1 × c, and tokens are
groups × tokens × 1 × c. Batch normalisation is folded into the convolution before it. What stands before `together`
works on each frame alone, so that the page need not compute it again for a frame that it has seen before.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import ShapeError
from ..models import backbone

LSTM_ORDER = (0, 1, 3, 2)  # torch: i, f, g, o; here i, f, o, g


class Program:
    """Layers are added one after the other; `shape` is what the last one gave, `frames` and `size` what comes in.

    Raises:
        ShapeError: from every method, a layer that the page does not know; it is named.
    """

    def __init__(self, model: nn.Module, frames: int, size: int, channels: int = 3) -> None:
        self.names = {id(each): name for name, each in model.named_modules()}
        self.owned = {id(each): name for name, each in [*model.named_parameters(), *model.named_buffers()]}
        self.frames, self.ops, self.numbers, self.length = frames, [], [], 0
        self.shape, self.split = (1, size, size, channels), 0
        self.used: set[int] = set()

    # what layers are made of ------------------------------------------------------------------------------------------

    def keep(self, values: Tensor) -> int:
        """Store numbers; returns where they begin."""
        start, flat = self.length, values.detach().cpu().double().numpy().ravel()
        self.numbers.append(flat)
        self.length += len(flat)
        return start

    def take(self, *tensors: Tensor | None) -> list[Tensor]:
        """Parameters or buffers, which count as used from now on."""
        self.used |= {id(each) for each in tensors}
        return [each.detach().double() for each in tensors if each is not None]

    def together(self) -> Program:
        """From here on all frames at once."""
        self.split = len(self.ops)
        self.shape = (self.frames, *self.shape[1:])
        return self

    def filters(
        self, weight: Tensor, bias: Tensor | None = None, *, shape: tuple[int, ...] | None = None, **geometry: object
    ) -> dict:
        """A convolution `d c kt kh kw` of what has this shape, and the shape of its output. A matrix is one as well."""
        t, h, w, c = self.shape if shape is None else shape
        d, c_in, *kernel = weight.shape if weight.ndim == 5 else (*weight.shape, 1, 1, 1)
        stride, pad, after = (geometry.get(name, each) for name, each in
                              (("stride", (1, 1, 1)), ("pad", (0, 0, 0)), ("after", 0)))  # fmt: skip
        reach = [size + 2 * p - k for size, p, k in zip((t, h, w), pad, kernel, strict=True)]
        reach[0] += after
        if c_in != c or min(reach) < 0:
            raise ShapeError(
                f"a layer {tuple(weight.shape)} over a volume of {t} × {h} × {w} × {c} (T × H × W × C)",
                wanted=f"clips of {self.frames} frames, as long and large as the model was built for",
            )
        out = [r // s + 1 for r, s in zip(reach, stride, strict=True)]
        matrix = weight.reshape(d, c_in, *kernel).permute(0, 2, 3, 4, 1)
        return {
            "from": [t, h, w, c], "to": [*out, d], "kernel": list(kernel), "stride": list(stride), "pad": list(pad),
            "w": self.keep(matrix), "b": self.keep(torch.zeros(d) if bias is None else bias),
        }  # fmt: skip

    def linear(self, layer: nn.Linear, act: str = "") -> Program:
        return self.matrix(*self.take(layer.weight, layer.bias), act=act)

    def matrix(self, weight: Tensor, bias: Tensor | None = None, act: str = "") -> Program:
        return self.convolve(self.filters(weight, bias), act)

    def convolve(self, filters: dict, act: str = "") -> Program:
        return self.add("conv", **filters, act=act)

    def add(self, op: str, to: tuple[int, ...] | list[int], **how: object) -> Program:
        self.ops.append({"op": op, "from": list(self.shape), **how, "to": list(to)})
        self.shape = tuple(to)
        return self

    # layers -----------------------------------------------------------------------------------------------------------

    def blocks(self, layers: nn.Module, all_frames: bool = False) -> Program:
        """Convolutions with their normalisation and ReLU, and `Normalise`, in order. all_frames: the first 2D
        convolution sees all frames stacked as channels, t slower than c."""
        steps = [each for each in layers.modules() if not isinstance(each, nn.Sequential)]
        k = 0
        while k < len(steps):
            layer, k = steps[k], k + 1
            if isinstance(layer, backbone.Normalise):
                self.add("normalise", self.shape)
            elif isinstance(layer, nn.Conv2d | nn.Conv3d):
                norm = steps[k] if k < len(steps) and isinstance(steps[k], nn.BatchNorm2d | nn.BatchNorm3d) else None
                k += norm is not None
                relu = k < len(steps) and isinstance(steps[k], nn.ReLU)
                k += relu
                self.convolve(self.convolution(layer, norm, all_frames), "relu" if relu else "")
                all_frames = False
            else:
                self.refuse(layer)
        return self

    def convolution(
        self, layer: nn.Conv2d | nn.Conv3d, norm: nn.Module | None = None, all_frames: bool = False, **how: object
    ) -> dict:
        plain = layer.padding_mode == "zeros" and layer.groups == 1 and set(layer.dilation) == {1}
        if not plain or isinstance(layer.padding, str):
            self.refuse(layer)
        weight, bias = self.take(layer.weight)[0], (self.take(layer.bias) or [None])[0]
        if norm is not None:
            if not norm.affine or not norm.track_running_stats:
                self.refuse(norm)
            gain, shift, mean, variance = self.take(norm.weight, norm.bias, norm.running_mean, norm.running_var)
            self.take(norm.num_batches_tracked)
            scale = gain / (variance + norm.eps).sqrt()
            weight = weight * scale.reshape(-1, *(1 for _ in weight.shape[1:]))
            bias = shift + ((0 if bias is None else bias) - mean) * scale
        stride, pad = tuple(layer.stride), tuple(layer.padding)
        if weight.ndim == 4:
            d, c = weight.shape[:2]
            t = self.frames if all_frames else 1
            weight = weight.reshape(d, t, c // t, *weight.shape[2:]).transpose(1, 2)
            stride, pad = (1, *stride), (0, *pad)
        after = int(isinstance(layer, backbone.EvenConv3d))
        return self.filters(weight, bias, stride=stride, pad=pad, after=after, **how)

    def mean(self, over: str) -> Program:
        """over: "space" or "time"."""
        t, h, w, c = self.shape
        return self.add("mean", (t, 1, 1, c) if over == "space" else (1, h, w, c), over=over)

    def reshape(self, *to: int) -> Program:
        if math.prod(to) != math.prod(self.shape):
            raise ShapeError(f"a volume {self.shape}", wanted=f"{to}", mend="clips of the size it was built for")
        return self.add("shape", to)

    def rows(self, table: Tensor, token: Tensor | None = None) -> Program:
        """Add a row to each token; in front, the class token."""
        g, n, _, d = self.shape
        whole = table if token is None else torch.cat([token[None], table])
        return self.add("rows", (g, n + (token is not None), 1, d), table=self.keep(whole), first=token is not None)

    def norm(self, layer: nn.LayerNorm) -> Program:
        return self.add("norm", self.shape, **self.scale(layer))

    def scale(self, layer: nn.LayerNorm) -> dict:
        weight, bias = self.take(layer.weight, layer.bias)
        return {"w": self.keep(weight), "b": self.keep(bias), "eps": layer.eps}

    def layer(self, layer: nn.Module) -> Program:
        """A transformer's layer: `vidlab.models.attention.Layer`."""
        g, n, _, d = self.shape
        wide = (g, n, 1, 4 * d)
        parts = {"project": layer.attention.project, "merge": layer.attention.merge, "up": layer.mlp[0]}
        maps = {name: self.filters(*self.take(each.weight, each.bias)) for name, each in parts.items()}
        maps["down"] = self.filters(*self.take(layer.mlp[2].weight, layer.mlp[2].bias), shape=wide)
        norms = [self.scale(each) for each in layer.norms]
        return self.add("layer", self.shape, heads=layer.attention.heads, norms=norms, **maps)

    def recur(self, kind: str, state: Tensor, bias: Tensor | None, **more: object) -> Program:
        """States of all frames from drives; `state` and `reset` see the state before. kind: "conv_gru", "lstm" …"""
        t, h, w, _ = self.shape
        hidden = state.shape[1]
        one = (1, h, w, hidden)
        pad = (0, state.shape[-2] // 2, state.shape[-1] // 2) if state.ndim == 5 else (0, 0, 0)
        how = {"state": self.filters(state, bias, shape=one, pad=pad)}
        if "reset" in more:
            how["reset"] = self.filters(*more.pop("reset"), shape=one, pad=pad)
        return self.add(kind, (t, h, w, hidden), **how, **more)

    # what went wrong --------------------------------------------------------------------------------------------------

    def refuse(self, layer: nn.Module) -> None:
        name = self.names.get(id(layer), "")
        what = f"the layer {name!r} is a {layer}" if name else f"the model is a {type(layer).__name__}"
        wanted = "convolutions with zeros around them, BatchNorm, ReLU, linear layers, recurrence, attention layers"
        raise ShapeError(f"{what}, which a page cannot run", wanted=wanted)

    def finish(self) -> Program:
        """Make sure that no weight was left out: the page would compute something else.

        Raises:
            ShapeError: one that no layer of the program uses; it is named.
        """
        left = [name for key, name in self.owned.items() if key not in self.used]
        if left:
            raise ShapeError(f"{left[0]!r} is not used in the page's program", wanted="a network of vidlab.models")
        return self

    def weights(self) -> np.ndarray:
        return np.concatenate(self.numbers).astype("<f4")
