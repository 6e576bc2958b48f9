"""What a model is made of: a table of its layers with sizes, parameters, multiply–adds and how far each of them sees.

Multiply–adds come from torch's own counter, receptive fields from `receptive_field`. "Does this model use time?" is
asked in `time_use`, "how long does it take?" in `waiting`. The functions of these modules are offered here too.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from .page import Page
from .receptive_field import Field, checked_shape, first_tensor, measure_fields, per_axis, receptive_field, unfused
from .time_use import TRIALS, TimeUse, Trial, ask, evaluating, uses_time
from .waiting import longest_chain, seconds

from .time_use import freeze, reverse, roll, shift, shuffle, subsample  # isort: skip

__all__ = [
    "TRIALS", "Field", "LayerTable", "Row", "TimeUse", "Trial", "freeze", "longest_chain", "receptive_field", "reverse",
    "roll", "seconds", "shift", "shuffle", "subsample", "table", "uses_time",
]  # fmt: skip

POINTWISE = ("torch.nn.modules.activation", "torch.nn.modules.dropout")


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
    shape = checked_shape(clip_shape)
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
        calls[name] = number + 1, flops + total - inside, leaf, first_tensor(output)

    with evaluating(model), unfused(model), torch.no_grad(), counter, ExitStack() as hooks:
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
        fields = measure_fields(model, shape)
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


def _kind(module: nn.Module) -> str:
    """The class, and of a window its extent and what is unusual about it."""
    kind, kernel = type(module).__name__, getattr(module, "kernel_size", None)
    if kernel is None or not kind[-2:-1].isdigit():
        return kind
    n = int(kind[-2])
    usual = {"stride": 1 if hasattr(module, "weight") else kernel, "dilation": 1, "groups": 1}
    remarks = [f"{kind} {'×'.join(map(str, per_axis(kernel, n)))}"]
    for name, value in usual.items():
        given = getattr(module, name, value)
        if per_axis(given, n) != per_axis(value, n):
            remarks.append(f"{name} {given if name == 'groups' else '×'.join(map(str, per_axis(given, n)))}")
    return ", ".join(remarks)
