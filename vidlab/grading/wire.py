"""What goes between the grader and the jail: JSON, and the raw bytes of arrays. Nothing is executed when it is read.

`messages` carries it. In JSON stands

    None, True, "word", 1, 1.5     as JSON has them
    {"l": [...]}, {"t": [...]}     a list, a tuple
    {"d": [[key, value], ...]}     a dict
    {"x": [at, kind, shape]}       a tensor: its numbers begin at byte `at`; {"n": ...} a NumPy array
    {"h": [number, name]}          what stays on the other side: a network, a function, an object

Who reads believes nothing: lengths, depth, number of values, dtypes and shapes are bounded before anything is made;
and arrays lie one behind the other, so that what is made is never larger than what came.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from .messages import RAW, WireError, words

VALUES, DEPTH, AXES = 20_000, 16, 8  # how many
DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        *(torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64, torch.complex128),
        *(torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64),
    )
}


class Packed:
    """A value on its way out: `json` and `raw`. keep: gives a number to what cannot travel, or refuses it."""

    def __init__(self, value: Any, keep: Callable[[Any], int | None] | None = None) -> None:
        self.parts: list[bytes] = []
        self.at = self.count = 0
        self.keep = keep
        self.json = self._of(value, 0)

    @property
    def raw(self) -> bytes:
        return b"".join(self.parts)

    def _of(self, value: Any, depth: int) -> Any:
        self.count += 1
        if depth > DEPTH or self.count > VALUES:
            raise WireError("the value is too deep or too large to be sent", wanted=f"{VALUES} values, {DEPTH} deep")
        kind = type(value)
        if value is None or kind in (bool, float) or _word(value):
            return value
        if kind is int and abs(value) < 1 << 63:
            return value
        if isinstance(value, np.generic):
            return self._of(value.item(), depth + 1)
        if isinstance(value, torch.Tensor):
            return {"x": self._array(value)}
        if isinstance(value, np.ndarray) and value.dtype.kind in "fiubc":
            return {"n": self._array(torch.from_numpy(np.array(value, order="C")))}
        if isinstance(value, (list, torch.Size)) or kind is tuple:
            return {"l" if isinstance(value, list) else "t": [self._of(each, depth + 1) for each in value]}
        if isinstance(value, tuple):
            return {"t": [self._of(each, depth + 1) for each in value]}
        if isinstance(value, dict):
            return {"d": [[self._of(key, depth + 1), self._of(each, depth + 1)] for key, each in value.items()]}
        number = self.keep(value) if self.keep else None
        if number is None:
            raise WireError(f"a {kind.__name__} cannot be sent", wanted="numbers, tensors, lists, tuples, dicts")
        return {"h": [number, kind.__name__[:80]]}

    def _array(self, tensor: torch.Tensor) -> list:
        name = str(tensor.dtype).removeprefix("torch.")
        if name not in DTYPES or tensor.layout != torch.strided:
            raise WireError(f"a tensor of {tensor.dtype}, {tensor.layout} cannot be sent", wanted=", ".join(DTYPES))
        tensor = tensor.detach().to("cpu").resolve_conj().resolve_neg().contiguous()
        data = tensor.reshape(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b""
        at, self.at = self.at, self.at + len(data)
        if self.at > RAW:
            raise WireError(f"more than {RAW >> 20} MB of numbers", wanted="a smaller tensor")
        self.parts.append(data)
        return [at, name, list(tensor.shape)]


def read(text: Any, raw: bytes, held: Callable[[int, str], Any] | None = None) -> Any:
    """The value of parsed JSON and raw bytes. held: makes something of what stayed on the other side.

    Raises:
        WireError: anything is not as it should be.
    """
    count = end = 0

    def value(node: Any, depth: int) -> Any:
        nonlocal count, end
        count += 1
        if depth > DEPTH or count > VALUES:
            raise WireError("a reply too deep or with too many values", wanted=f"{VALUES} values, {DEPTH} deep")
        if node is None or type(node) in (bool, float) or _word(node):
            return node
        if type(node) is int and abs(node) < 1 << 63:
            return node
        if type(node) is not dict or len(node) != 1:
            raise WireError("a reply of another form")
        ((kind, inner),) = node.items()
        if type(inner) is not list:
            raise WireError("a reply of another form")
        if kind in ("l", "t"):
            return (list if kind == "l" else tuple)(value(each, depth + 1) for each in inner)
        if kind == "d":
            if not all(type(pair) is list and len(pair) == 2 and type(pair[0]) in (str, int, bool) for pair in inner):
                raise WireError("a dict whose keys are neither words nor numbers")
            return {value(key, depth + 1): value(each, depth + 1) for key, each in inner}
        if kind in ("x", "n"):
            tensor, end = array(inner, raw, end)
            if kind == "n" and tensor.dtype == torch.bfloat16:
                raise WireError("a NumPy array of bfloat16")
            return tensor if kind == "x" else tensor.numpy()
        if kind == "h" and held and len(inner) == 2 and type(inner[0]) is int and _word(inner[1]):
            return held(inner[0], inner[1][:80])
        raise WireError("a reply of another form")

    return value(text, 0)


def _word(node: Any) -> bool:
    """Text that can be written to a file: half of a surrogate pair cannot."""
    return type(node) is str and (node.isascii() or words(node) == node)


def array(node: list, raw: bytes, first: int = 0) -> tuple[torch.Tensor, int]:
    """A tensor of its own memory from [at, kind, shape] and raw bytes, from `first` on; and where it ends."""
    if len(node) != 3 or type(node[0]) is not int or type(node[1]) is not str or type(node[2]) is not list:
        raise WireError("a tensor of another form")
    at, name, shape = node
    if name not in DTYPES or len(shape) > AXES or any(type(size) is not int or not 0 <= size <= RAW for size in shape):
        raise WireError("a tensor of another kind or shape", wanted=", ".join(DTYPES))
    length = math.prod(shape) * DTYPES[name].itemsize
    if math.prod(max(size, 1) for size in shape) > RAW:  # an empty one, too: its mean over one axis need not be empty
        raise WireError("a tensor of another kind or shape", wanted=f"at most {RAW} numbers")
    if at < first or at + length > len(raw):
        raise WireError("a tensor of numbers that did not come, or that are another's")
    if length == 0:
        return torch.empty(shape, dtype=DTYPES[name]), at
    data = bytearray(raw[at : at + length])
    if name == "bool":
        data = _bits(data)
    return torch.frombuffer(data, dtype=DTYPES[name]).reshape(shape), at + length


def _bits(data: bytearray) -> bytearray:
    """Every byte 0 or 1: another one would be a bool that is neither."""
    return bytearray((np.frombuffer(data, np.uint8) != 0).astype(np.uint8).tobytes())
