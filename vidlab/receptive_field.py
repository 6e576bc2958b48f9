"""How far a layer of a model sees: the receptive field, measured and not computed.

The gradient of one unit with respect to the clip is non-zero on exactly those pixels that the unit can see (Luo et al.
2016, *Understanding the effective receptive field*). So one backward pass through a copy of the model, made such that
no gradient can die on its way, gives the receptive field of any architecture; no formula has to know its layers.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import TorchFunctionMode

from .errors import ShapeError
from .time_use import ask

BOUNDED = set("sigmoid sigmoid_ tanh tanh_ hardtanh hardsigmoid softsign".split())
OPEN = set(
    "relu relu_ relu6 leaky_relu leaky_relu_ elu elu_ selu celu gelu silu mish softplus "
    "hardswish logsigmoid threshold".split()
)  # functions of single numbers, which let every gradient through while a receptive field is measured


@dataclass(frozen=True)
class Field:
    """A receptive field: the smallest box of the clip outside of which no pixel matters to the unit.

    size: frames, rows, columns. start: its first frame, row and column. whole: for each axis, whether it spans the
    clip; in a longer or larger clip it may then be longer. cut: it reaches past the border (into padding, or touches
    one end of an axis only), so that in a larger clip it may be larger. Neither cut nor whole: it is exact.
    """

    size: tuple[int, int, int]
    start: tuple[int, int, int]
    whole: tuple[bool, bool, bool]
    cut: bool

    def __str__(self) -> str:
        return "×".join(map(str, self.size)) + " †" * self.cut


def receptive_field(model: nn.Module, clip_shape: tuple[int, ...], layer: str | None = None) -> Field:
    """The box of the clip that one central unit of a layer can see, by the support of its gradient.

    The unit is the middle one of the output along every axis (size // 2), of the middle channel, and at the last call.
    What counts is what the architecture can see, whatever the weights are now. So a float64 copy in eval mode is
    measured, in which no gradient can die: its trainable weights are positive and random, the clip is positive,
    activations pass everything on (gates and tanh as x / (1 + |x|)), and a maximum is a mean over the same window.
    Frozen weights and buffers stay, zeros in them as well. On "meta" the copy is made on the CPU with empty buffers.

    Args:
        clip_shape: `t c h w`; make it so large that the field is not `cut`.
        layer: a name from `model.named_modules()`; by default the model's output.

    Raises:
        ShapeError: no such layer, one that is never called, or a clip_shape that the model refuses.
    """
    names = [name for name, _ in model.named_modules()]
    if (layer or "") not in names:
        raise ShapeError(f"no layer {layer!r}", wanted=f"one of {', '.join(names[1:])}")
    found = measure_fields(model, checked_shape(clip_shape), layer or "")
    if not found:
        raise ShapeError(f"layer {layer!r} returns no tensor", wanted="a layer that forward calls")
    return found[layer or ""]


class _Open(TorchFunctionMode):
    """While it is on, no gradient dies; and every padding holds `outside`, whose gradient tells who sees it."""

    def __init__(self) -> None:
        super().__init__()
        self.outside = torch.zeros((), dtype=torch.float64, requires_grad=True)

    def __torch_function__(self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name in OPEN:
            return args[0] if args else kwargs["input"]
        if name in BOUNDED:  # a gate that let everything through would multiply a recurrence up to infinity
            given = args[0] if args else kwargs["input"]
            return given / (1 + given.abs())
        if name in ("conv1d", "conv2d", "conv3d"):
            return self.convolution(func, *args, **kwargs)
        if name in ("max_pool1d", "max_pool2d", "max_pool3d"):
            return self.pool(int(name[-2]), *args, **kwargs)
        if name in ("avg_pool1d", "avg_pool2d", "avg_pool3d"):
            return self.average(int(name[-2]), *args, **kwargs)
        if name.startswith("adaptive_max_pool"):
            return getattr(F, name.replace("max", "avg"))(*args[:2])
        if name == "pad":
            return self.pad(*args, **kwargs)
        if name in ("amax", "max", "maximum"):
            return self.maximum(name, *args, **kwargs)
        return func(*args, **kwargs)

    def pad(self, input, pad, mode="constant", value=None) -> Tensor:
        padded = F.pad(input, pad, mode, value)
        if not any(pad) or not input.is_floating_point():
            return padded
        inside = F.pad(torch.ones(input.shape[-(len(pad) // 2) :], dtype=torch.float64), pad)
        return padded + self.outside * (1 - inside)

    def convolution(self, func, input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1) -> Tensor:
        n = weight.ndim - 2
        spread = [d * (k - 1) for d, k in zip(per_axis(dilation, n), weight.shape[2:], strict=True)]
        if isinstance(padding, str):
            ends = [(s // 2, s - s // 2) if padding == "same" else (0, 0) for s in spread]
        else:
            ends = [(p, p) for p in per_axis(padding, n)]
        return func(self.pad(input, sum(reversed(ends), ())), weight, bias, stride, 0, dilation, groups)

    def average(self, n, input, kernel_size, stride=None, padding=0, ceil_mode=False, *_, **__) -> Tensor:
        return self.pool(n, input, kernel_size, stride, padding, 1, ceil_mode)

    def pool(
        self, n, input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False
    ) -> Tensor:
        """The mean over each window, one axis after the other."""
        sizes = [
            per_axis(v, n) for v in (kernel_size, kernel_size if stride in (None, ()) else stride, padding, dilation)
        ]
        for axis, k, s, p, d in zip(range(-n, 0), *sizes, strict=True):
            span, length = d * (k - 1) + 1, input.shape[axis]
            windows = (length + 2 * p - span + (s - 1) * ceil_mode) // s + 1
            windows -= ceil_mode and (windows - 1) * s >= length + p  # one that would begin in the padding behind
            behind = max((windows - 1) * s + span - length - p, 0)
            padded = self.pad(input, (0, 0) * (-axis - 1) + (p, behind))
            input = padded.unfold(axis, span, s)[..., ::d].mean(-1)
        return input

    def maximum(self, name, input, dim=None, keepdim=False, **_) -> Any:
        if isinstance(dim, Tensor):
            return (input + dim) / 2
        mean = input.mean() if dim is None or dim == () else input.mean(dim, keepdim)
        if name == "amax" or dim is None:
            return mean
        return torch.return_types.max((mean, torch.zeros_like(mean, dtype=torch.long)))


def measure_fields(model: nn.Module, shape: tuple[int, ...], only: str | None = None) -> dict[str, Field]:
    """The receptive field of every module that returns a tensor, or of only one, by name; that of the model is ""."""
    net, outputs, generator = _positive(model), {}, torch.Generator().manual_seed(0)
    clip = (0.5 + torch.rand(1, *shape, dtype=torch.float64, generator=generator)).requires_grad_()

    def keep(name: str, module: nn.Module, given: object, output: object) -> Tensor | None:
        outputs[name] = first_tensor(output)
        return output.clone() if isinstance(output, Tensor) else None  # what is kept must survive later `+=`

    for name, module in net.named_modules():
        if only is None or name == only:
            module.register_forward_hook(partial(keep, name))
    with torch.enable_grad(), unfused(net), _Open() as mode:
        ask(net, clip * 1)
    return {name: _support(out, clip, mode.outside) for name, out in outputs.items() if out is not None}


def _positive(model: nn.Module) -> nn.Module:
    """The float64 copy of `receptive_field`."""
    net, generator = copy.deepcopy(model), torch.Generator().manual_seed(0)
    empty = any(tensor.is_meta for tensor in (*net.parameters(), *net.buffers()))
    if empty:
        net.to_empty(device="cpu")
        for name, buffer in net.named_buffers():
            buffer.fill_(name.endswith("running_var"))
    net.to("cpu", torch.float64).eval()
    for p in net.parameters():
        if p.requires_grad or empty:  # a fan-in's share each, so that no depth overflows
            values = 0.5 + torch.rand(p.shape, dtype=torch.float64, generator=generator)
            p.data.copy_(values / (p[0].numel() if p.ndim > 1 else 1))
    return net


def _support(output: Tensor, clip: Tensor, outside: Tensor) -> Field:
    """Where the gradient of the output's central unit is not zero."""
    unit = output[tuple(size // 2 for size in output.shape)]
    grads = (None, None)
    if unit.requires_grad:
        grads = torch.autograd.grad(unit, (clip, outside), retain_graph=True, allow_unused=True)
    seen = torch.zeros_like(clip[0, :, 0]) if grads[0] is None else grads[0][0].abs().sum(1)
    where = seen.nonzero()  # of t h w
    if not len(where):
        return Field((0, 0, 0), (0, 0, 0), (False,) * 3, False)
    low, high = where.amin(0).tolist(), where.amax(0).tolist()
    ends = [(a == 0, b == n - 1) for a, b, n in zip(low, high, seen.shape, strict=True)]
    size = tuple(b - a + 1 for a, b in zip(low, high, strict=True))
    padding = grads[1] is not None and bool(grads[1] != 0)
    return Field(size, tuple(low), tuple(map(all, ends)), padding or any(a != b for a, b in ends))


@contextmanager
def unfused(model: nn.Module) -> Iterator[None]:
    """Without fused attention and recurrence, of which torch's counter sees nothing: it would count 0."""
    fast = torch.backends.mha.get_fastpath_enabled()
    with ExitStack() as stack:
        stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        if any(isinstance(module, nn.RNNBase) for module in model.modules()):
            stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")  # leaving oneDNN's flags warns of TF32 on other hardware
            stack.enter_context(torch.backends.mkldnn.flags(enabled=False))
            stack.enter_context(torch.backends.cudnn.flags(enabled=False))
        torch.backends.mha.set_fastpath_enabled(False)
        stack.callback(torch.backends.mha.set_fastpath_enabled, fast)
        yield


def per_axis(value: Any, n: int) -> tuple[int, ...]:
    """One number for all axes, or one for each, as torch takes them."""
    value = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    return value * n if len(value) == 1 else value


def first_tensor(output: Any) -> Tensor | None:
    """The first tensor of what a module returned."""
    if isinstance(output, (tuple, list, dict)):
        parts = output.values() if isinstance(output, dict) else output
        return next((t for t in map(first_tensor, parts) if t is not None), None)
    return output if isinstance(output, Tensor) else None


def checked_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The `t c h w` of what a caller gave as clip_shape; ShapeError for what is none."""
    fits = isinstance(shape, (tuple, list)) and len(shape) in (4, 5)
    if not fits or not all(isinstance(size, int) and size > 0 for size in shape):
        given = shape if isinstance(shape, (tuple, list)) else f"a {type(shape).__name__}"
        raise ShapeError(f"clip_shape = {given}", wanted="t c h w or b t c h w", mend="(16, 3, 64, 64), or clip.shape")
    return tuple(shape[-4:])
