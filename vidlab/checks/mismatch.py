"""How an answer is read, compared, and, where it is wrong, described in words that do not give the right one away."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

Parts = torch.Tensor | tuple[torch.Tensor, ...]  # an answer: one tensor, or several in a tuple


@dataclass(frozen=True)
class Wanted:
    """What a right answer looks like.

    Attributes:
        kind: "tensor", "int", "float" or "ints" (a list or tensor of whole numbers).
        axes: names of the tensor's axes, such as "c h t".
        dtype: the dtype wanted, "same" for that of the first argument, None for any floating-point one.
        low, high: the range of its values, where it has one.
        tolerance: an entry may be off by tolerance · (1 + |right value|).
        alike: the same for recognising a known mistake; by default as strict.
        parts: where a tuple of tensors is wanted, the name and the axes of each; all else is the same for all of them.
    """

    kind: str = "tensor"
    axes: str = ""
    dtype: torch.dtype | str | None = None
    low: float | None = None
    high: float | None = None
    tolerance: float = 1e-6
    alike: float | None = None
    parts: tuple[tuple[str, str], ...] = ()


KIND_IN_WORDS = {
    "tensor": "a torch.Tensor",
    "int": "a whole number",
    "float": "one number",
    "ints": "a tensor or list of whole numbers",
}


def read(answer: Any, wanted: Wanted) -> tuple[Parts, str]:
    """The answer as a tensor on the CPU, or as several, and a complaint if its type is none that an answer can have."""
    nothing, kind = torch.empty(0), wanted.kind
    if answer is None:
        return nothing, "it returns nothing (None): is there a `return` at its end?"
    if wanted.parts:
        return _read_parts(answer, wanted)
    if kind == "tensor" and isinstance(answer, np.ndarray):
        return nothing, "it returns a NumPy array; stay in torch, where gradients and the GPU are, and return a tensor"
    if kind in ("tensor", "float", "int") and isinstance(answer, (tuple, list)):
        some = f"{type(answer).__name__} of {len(answer)}"
        return nothing, f"it returns a {some}; {KIND_IN_WORDS[kind]} is wanted. (Some functions return pairs: pick one)"
    if kind == "tensor" and not isinstance(answer, torch.Tensor):
        return nothing, f"it returns a {type(answer).__name__}; a torch.Tensor is wanted"
    try:
        value = torch.as_tensor(answer).detach().cpu()
    except (TypeError, ValueError, RuntimeError):
        return nothing, f"it returns a {type(answer).__name__}; {KIND_IN_WORDS[kind]} is wanted"
    if value.is_complex() or value.layout != torch.strided:
        return nothing, "it returns complex or sparse numbers; plain ones are wanted"
    if kind in ("int", "float") and value.ndim:
        return nothing, f"it returns a tensor of shape {tuple(value.shape)}; {KIND_IN_WORDS[kind]} is wanted"
    return value, ""


def _read_parts(answer: Any, wanted: Wanted) -> tuple[Parts, str]:
    things = "tensors" if wanted.kind == "tensor" else "numbers"
    asked = f"{len(wanted.parts)} {things}, ({', '.join(name for name, _ in wanted.parts)}), are wanted"
    if not isinstance(answer, (tuple, list)):
        return torch.empty(0), f"it returns one {type(answer).__name__}; {asked}"
    if len(answer) != len(wanted.parts):
        return torch.empty(0), f"it returns {len(answer)} things; {asked}"
    values = []
    for one, (name, axes) in zip(answer, wanted.parts, strict=True):
        value, complaint = read(one, replace(wanted, axes=axes, parts=()))
        if complaint:
            return torch.empty(0), f"{name}: {complaint}"
        values.append(value)
    return tuple(values), ""


def differs(a: Any, b: Any, tolerance: float = 0.0) -> bool:
    """Whether two tensors or numbers differ in shape or value; NaN equals NaN only when nothing is tolerated."""
    if isinstance(a, tuple) and isinstance(b, tuple):
        return any(differs(one, other, tolerance) for one, other in zip(a, b, strict=True))
    a, b = torch.as_tensor(a), torch.as_tensor(b)
    if a.shape != b.shape:
        return True
    return not torch.allclose(a.double(), b.double(), rtol=tolerance, atol=tolerance, equal_nan=tolerance == 0)


def inputs_in_words(function: Callable, arguments: tuple) -> str:
    """ "clip of shape (5, 3, 8, 7), x=4": tensors by shape, long lists by length, numbers by value."""
    words = []
    for name, value in zip(inspect.signature(function).parameters, arguments, strict=True):
        if isinstance(value, torch.Tensor):
            words.append(f"{name} of shape {tuple(value.shape)}")
        elif isinstance(value, list) and len(value) > 8:
            words.append(f"{name} of {len(value)} entries")
        else:
            words.append(f"{name}={value:.6g}" if isinstance(value, float) else f"{name}={value}")
    return ", ".join(words)


def explain(value: Parts, right: Parts, answer: Any, reference: Any, arguments: tuple, wanted: Wanted) -> str:
    """Why `value` is not `right`, or an empty string: shape, then dtype, then range, then the place.

    Of several parts the first that is wrong.
    """
    for i, (name, axes) in enumerate(wanted.parts):
        part = replace(wanted, axes=axes, parts=())
        message = explain(value[i], right[i], answer[i], reference[i], arguments, part)
        if message:
            return f"{name}: {message}"
    if wanted.parts:
        return ""
    return (
        _shape(value, right, wanted)
        or _dtype(value, answer, arguments, wanted)
        or _range(value, wanted)
        or (_place(value, right, wanted) if differs(value, right, wanted.tolerance) else "")
    )


def _shape(value: torch.Tensor, right: torch.Tensor, wanted: Wanted) -> str:
    got, want, axes = tuple(value.shape), tuple(right.shape), wanted.axes.split()
    if got == want:
        return ""
    if len(got) != len(want):
        return f"it has {len(got)} axes, shape {got}; {len(want)} are wanted: {wanted.axes or 'a plain list'}"
    if sorted(got) == sorted(want) and len(set(want)) == len(want):
        came = " ".join(axes[want.index(size)] for size in got)
        return f"its axes come in the order {came}; wanted: {wanted.axes}"
    wrong = [(name, g - w) for name, g, w in zip(axes, got, want, strict=True) if g != w]
    name, extra = wrong[0]
    if len(wrong) == 1 and abs(extra) == 1:
        return f"along {name} there is one entry too {'many' if extra > 0 else 'few'}"
    return f"its shape {got} does not fit: wrong length along {', '.join(name for name, _ in wrong)}"


def _dtype(value: torch.Tensor, answer: Any, arguments: tuple, wanted: Wanted) -> str:
    if wanted.kind in ("int", "ints"):
        if value.dtype.is_floating_point and wanted.kind == "int":
            return f"it returns a {type(answer).__name__} with a fraction or a point; a whole number (int) is wanted"
        if value.dtype.is_floating_point:
            return "its entries are floats; they count frames, so whole numbers are wanted"
        return ""
    if wanted.kind == "float":
        return ""
    want = arguments[0].dtype if wanted.dtype == "same" else wanted.dtype
    if want is None:
        return "" if value.dtype.is_floating_point else f"its values are of type {value.dtype}; floats are wanted"
    return "" if value.dtype == want else f"its values are of type {value.dtype}; {want} is wanted"


def _range(value: torch.Tensor, wanted: Wanted) -> str:
    if value.dtype.is_floating_point and not value.isfinite().all():
        return "it contains NaN or infinity: something is divided by zero or grows beyond what a float can hold"
    if wanted.low is None or wanted.high is None or not value.numel():
        return ""
    low, high = value.min().item(), value.max().item()
    if low >= wanted.low - wanted.tolerance and high <= wanted.high + wanted.tolerance:
        return ""
    return f"its values run from {low:.3g} to {high:.3g}; the range is {wanted.low:g} to {wanted.high:g}"


def _place(value: torch.Tensor, right: torch.Tensor, wanted: Wanted) -> str:
    if value.dtype == right.dtype == torch.bool:
        extra, missed = (value & ~right).sum().item(), (right & ~value).sum().item()
        return f"of {right.numel()} entries, {extra} are True and should not be, {missed} are False and should not be"
    value, right = value.double(), right.double()
    if value.ndim == 0:
        return f"the number is too {'large' if value > right else 'small'}"
    if not differs(-value, right, wanted.tolerance):
        return "every value has the opposite sign"
    factor = (value * right).sum() / (right * right).sum()
    if factor != 0 and not differs(value / factor, right, wanted.tolerance):
        return "every value is off by one and the same factor"
    off = (value - right).abs()
    index = np.unravel_index(int(off.argmax()), tuple(off.shape))
    place = ", ".join(f"{name}={i}" for name, i in zip(wanted.axes.split() or ["i"], index, strict=True))
    share = (off > wanted.tolerance).double().mean().item()
    return f"shape and type are right, but {share:.0%} of the values are not; the largest difference is at {place}"
