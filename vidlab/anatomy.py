"""What a model is made of: sizes, parameters, multiply–adds, and how far each layer sees, measured.

Multiply–adds come from torch's own counter. The receptive field is no formula: the gradient of one unit with respect to
the clip is non-zero on exactly those pixels that the unit can see (Luo et al. 2016, *Understanding the effective
receptive field*). "Does this model use time?" is asked in `time_use`, whose functions are offered here too.
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
from torch.utils.flop_counter import FlopCounterMode

from .errors import ShapeError
from .time_use import TRIALS, Page, TimeUse, Trial, ask, evaluating, uses_time

from .time_use import freeze, reverse, roll, shift, shuffle, subsample  # isort: skip

__all__ = [
    "TRIALS", "Field", "LayerTable", "Row", "TimeUse", "Trial", "freeze", "receptive_field", "reverse", "roll", "shift",
    "shuffle", "subsample", "table", "uses_time",
]  # fmt: skip

POINTWISE = ("torch.nn.modules.activation", "torch.nn.modules.dropout")
OPEN = set(
    "relu relu_ relu6 leaky_relu leaky_relu_ elu elu_ selu celu gelu silu mish softplus sigmoid sigmoid_ tanh tanh_ "
    "hardtanh hardswish hardsigmoid logsigmoid threshold softsign".split()
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


@dataclass(frozen=True)
class Row:
    """One layer: its output `size` without the batch axis (C×T×H×W, or C×H×W of each of `images` images)."""

    name: str
    kind: str
    size: tuple[int, ...]
    images: int  # how many the layer worked on, for one clip: T in a 2D layer run on (b t) images
    calls: int
    parameters: int
    macs: int
    field: Field | None

    def _cells(self) -> list[str]:
        word = {1: "vectors", 3: "images"}.get(len(self.size), "of these")
        size = "×".join(map(str, self.size)) + f" ({self.images} {word})" * (self.images > 1)
        name = self.name + f" (called {self.calls} times)" * (self.calls > 1)
        return [name, self.kind, size, f"{self.parameters:,}", f"{self.macs:,}", str(self.field or "–")]


@dataclass(frozen=True, repr=False)
class LayerTable(Page):
    """The answer of `table`: `rows` in call order, `table["conv1"]` by name, totals; prints as a table."""

    words = 2
    model: str
    clip: tuple[int, ...]  # t c h w
    rows: list[Row]

    @property
    def parameters(self) -> int:
        return sum(row.parameters for row in self.rows)

    @property
    def macs(self) -> int:
        """Multiply–adds for one clip; FLOPs are twice as many."""
        return sum(row.macs for row in self.rows)

    def __getitem__(self, name: str) -> Row:
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(f"no row {name!r}; there are {', '.join(row.name for row in self.rows)}")

    def _page(self) -> tuple[str, list[str], list[list[str]], list[str]]:
        head = ["layer", "kind", "output size", "parameters", "multiply–adds (MAC)", "receptive field T×H×W"]
        rows = [row._cells() for row in self.rows]
        rows.append(["total", "", "", f"{self.parameters:,}", f"{self.macs:,}", ""])
        notes = ["Sizes are C×T×H×W, or C×H×W in 2D. A multiply–add is two FLOPs."]
        if any(row.field and row.field.cut for row in self.rows):
            notes.append("† reaches past the border of this clip: in a larger clip it may be larger.")
        t, c, h, w = self.clip
        return f"{self.model} on one clip of {t}×{c}×{h}×{w} (T×C×H×W)", head, rows, notes


def table(
    model: nn.Module,
    clip_shape: tuple[int, ...],
    *,
    receptive_fields: bool | None = None,
    activations: bool = False,
) -> LayerTable:
    """The layers of a model in call order, each with its output size, parameters, multiply–adds and receptive field.

    Everything is for one clip, in eval mode. A module that holds others has a row if it computes or keeps parameters
    itself; what `forward` does last, outside of any module, is the row "output". Parameters of modules that are never
    called go to the module that holds them, shared ones to the first. Of a layer called several times the
    multiply–adds are summed, and size and receptive field are those of the last call.

    Args:
        model: takes `b t c h w`, on any device; on "meta" even the largest cost no memory.
        clip_shape: `t c h w`, or `b t c h w`, whose b is not used.
        receptive_fields: measure them (see `receptive_field`); by default wherever the model is not on "meta".
        activations: rows also for activations and dropout without parameters.

    Raises:
        ShapeError: clip_shape is no such shape, or the model refuses it.
    """
    shape = _clip_shape(clip_shape)
    weight = next((p for p in model.parameters() if p.is_floating_point()), torch.zeros(0))
    clip = torch.zeros(1, *shape, dtype=weight.dtype, device=weight.device)
    modules, calls, stack, counter = dict(model.named_modules()), {}, [], FlopCounterMode(display=False)

    def enter(name: str, *_: object) -> None:
        stack.append([name, counter.get_total_flops(), 0, True])

    def leave(name: str, module: nn.Module, given: object, output: object) -> None:
        _, before, inside, leaf = stack.pop()
        total = counter.get_total_flops() - before
        if stack:
            stack[-1][2:] = stack[-1][2] + total, False
        number, flops, _, _ = calls.get(name, (0, 0, None, None))
        calls[name] = number + 1, flops + total - inside, leaf, _tensor(output)

    with evaluating(model), _unfused(model), torch.no_grad(), counter, ExitStack() as hooks:
        for name, module in modules.items():
            hooks.callback(module.register_forward_pre_hook(partial(enter, name)).remove)
            hooks.callback(module.register_forward_hook(partial(leave, name)).remove)
        ask(model, clip)

    parameters = dict.fromkeys(calls, 0)
    for path, parameter in model.named_parameters():
        owner = path.rpartition(".")[0]
        while owner not in calls:
            owner = owner.rpartition(".")[0]
        parameters[owner] += parameter.numel()
    fields = {}
    if receptive_fields or (receptive_fields is None and weight.device.type != "meta"):
        fields = _fields(model, shape)
    rows, last = [], None
    for name, (number, flops, leaf, output) in calls.items():
        module, counts = modules[name], bool(flops or parameters[name])
        pointwise = isinstance(module, nn.Identity) or type(module).__module__ in POINTWISE
        final = name == "" and output is not last
        last = output if leaf else last
        if not (counts or final or (leaf and (activations or not pointwise))):
            continue
        size = () if output is None else tuple(output.shape)
        images = size[0] if size else 1
        counted = number, parameters[name], flops // 2
        rows.append(Row(name or "output", _kind(module), size[1:], images, *counted, fields.get(name)))
    return LayerTable(type(model).__name__, shape, rows)


def receptive_field(model: nn.Module, clip_shape: tuple[int, ...], layer: str | None = None) -> Field:
    """The box of the clip that one central unit of a layer can see, by the support of its gradient.

    The unit is the middle one of the output along every axis (size // 2), of the middle channel, and at the last call.
    What counts is what the architecture can see, whatever the weights are now. So a float64 copy in eval mode is
    measured, in which no gradient can die: its trainable weights are positive and random, the clip is positive,
    activations pass everything on, and a maximum is a mean over the same window. Frozen weights and buffers stay,
    zeros in them as well. On "meta" the copy is made on the CPU with empty buffers.

    Args:
        clip_shape: `t c h w`; make it so large that the field is not `cut`.
        layer: a name from `model.named_modules()`; by default the model's output.

    Raises:
        ShapeError: no such layer, one that is never called, or a clip_shape that the model refuses.
    """
    names = [name for name, _ in model.named_modules()]
    if (layer or "") not in names:
        raise ShapeError(f"no layer {layer!r}", wanted=f"one of {', '.join(names[1:])}")
    found = _fields(model, _clip_shape(clip_shape), layer or "")
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
        spread = [d * (k - 1) for d, k in zip(_each(dilation, n), weight.shape[2:], strict=True)]
        if isinstance(padding, str):
            ends = [(s // 2, s - s // 2) if padding == "same" else (0, 0) for s in spread]
        else:
            ends = [(p, p) for p in _each(padding, n)]
        return func(self.pad(input, sum(reversed(ends), ())), weight, bias, stride, 0, dilation, groups)

    def average(self, n, input, kernel_size, stride=None, padding=0, ceil_mode=False, *_, **__) -> Tensor:
        return self.pool(n, input, kernel_size, stride, padding, 1, ceil_mode)

    def pool(
        self, n, input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False
    ) -> Tensor:
        """The mean over each window, one axis after the other."""
        sizes = [_each(v, n) for v in (kernel_size, kernel_size if stride in (None, ()) else stride, padding, dilation)]
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


def _fields(model: nn.Module, shape: tuple[int, ...], only: str | None = None) -> dict[str, Field]:
    net, outputs, generator = _positive(model), {}, torch.Generator().manual_seed(0)
    clip = (0.5 + torch.rand(1, *shape, dtype=torch.float64, generator=generator)).requires_grad_()

    def keep(name: str, module: nn.Module, given: object, output: object) -> Tensor | None:
        outputs[name] = _tensor(output)
        return output.clone() if isinstance(output, Tensor) else None  # what is kept must survive later `+=`

    for name, module in net.named_modules():
        if only is None or name == only:
            module.register_forward_hook(partial(keep, name))
    with torch.enable_grad(), _unfused(net), _Open() as mode:
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
def _unfused(model: nn.Module) -> Iterator[None]:
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


def _kind(module: nn.Module) -> str:
    """The class, and of a window its extent and what is unusual about it."""
    kind, kernel = type(module).__name__, getattr(module, "kernel_size", None)
    if kernel is None or not kind[-2:-1].isdigit():
        return kind
    n = int(kind[-2])
    usual = {"stride": 1 if hasattr(module, "weight") else kernel, "dilation": 1, "groups": 1}
    remarks = [f"{kind} {'×'.join(map(str, _each(kernel, n)))}"]
    for name, value in usual.items():
        given = getattr(module, name, value)
        if _each(given, n) != _each(value, n):
            remarks.append(f"{name} {given if name == 'groups' else '×'.join(map(str, _each(given, n)))}")
    return ", ".join(remarks)


def _each(value: Any, n: int) -> tuple[int, ...]:
    """One number for all axes, or one for each, as torch takes them."""
    value = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    return value * n if len(value) == 1 else value


def _tensor(output: Any) -> Tensor | None:
    """The first tensor of what a module returned."""
    if isinstance(output, (tuple, list, dict)):
        parts = output.values() if isinstance(output, dict) else output
        return next((t for t in map(_tensor, parts) if t is not None), None)
    return output if isinstance(output, Tensor) else None


def _clip_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    fits = isinstance(shape, (tuple, list)) and len(shape) in (4, 5)
    if not fits or not all(isinstance(size, int) and size > 0 for size in shape):
        given = shape if isinstance(shape, (tuple, list)) else f"a {type(shape).__name__}"
        raise ShapeError(f"clip_shape = {given}", wanted="t c h w or b t c h w", mend="(16, 3, 64, 64), or clip.shape")
    return tuple(shape[-4:])
