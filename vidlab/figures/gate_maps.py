"""What Gates shows: the gates of one layer, from a model or given, checked, and small enough for a page."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from einops import rearrange
from torch import Tensor, nn

from ..errors import ShapeError
from ..models.conv_recurrent import Layer
from .sprite import Sprite, make_sprite

KINDS = {  # the names of each kind: how they are written, and in words
    "ConvLSTM": {
        "i": ("i", "input gate"),
        "f": ("f", "forget gate"),
        "o": ("o", "output gate"),
        "candidate": ("c̃", "candidate"),
        "c": ("c", "cell"),
        "h": ("h", "state"),
    },
    "ConvGRU": {
        "z": ("z", "update gate"),
        "r": ("r", "reset gate"),
        "candidate": ("h̃", "candidate"),
        "h": ("h", "state"),
    },
}
SIGNED = ("candidate", "c", "h")  # the others are gates, from 0 to 1
MEAN = "mean"
MOST_CHANNELS, MOST_FRAMES, MOST_PLACES = 8, 32, 32  # the last: of a side of the maps
FILM_BYTES, ALL_BYTES = 75_000, 235_000
FINEST, FINE, COARSEST = 254, 62, 14  # steps from the least value to the largest: even, so that 0 has a code


@dataclass(frozen=True)
class Packed:
    """Quantities in whole steps from the least to the largest value of each, in each channel; the last one is the mean.

    sheet: the codes as pictures, three quantities to one, the channels below each other, frame after frame.
    codes: bytes `n t k h2 w2`, from 0 to `steps`. ends: (least, largest), `n k 2`; of what has a sign (-r, r).
    channels: which the k - 1 first are.
    """

    sheet: Sprite
    codes: np.ndarray
    ends: np.ndarray
    steps: int
    channels: list[int]


def packed(values: dict[str, np.ndarray], channels: list[int], budget: int) -> Packed:
    """The channels asked for, and the mean over all: of gates, and of the sizes of what has a sign.

    What takes more than `budget` bytes gets coarser steps, and then fewer channels.
    """
    films = []
    for name, maps in values.items():
        mean = (np.abs(maps) if name in SIGNED else maps).mean(1, keepdims=True)
        films.append(np.concatenate([maps[:, channels], mean], axis=1))
    films = np.stack(films)  # n t k h w
    low, high = films.min((1, 3, 4)), films.max((1, 3, 4))
    both, reach = np.array([[name in SIGNED] for name in values]), np.maximum(np.abs(low), np.abs(high))
    low, high = np.where(both, -reach, low), np.where(both, reach, high)
    kept, steps = len(channels), FINEST
    while True:
        k = [*range(kept), len(channels)]
        codes = _codes(films[:, :, k], low[:, k], high[:, k], steps)
        full = np.pad(codes, ((0, -len(codes) % 3), *4 * ((0, 0),)))
        pictures = rearrange(torch.from_numpy(full), "(g rgb) t k h w -> (g t) rgb (k h) w", rgb=3)
        sheet = make_sprite(pictures, fps=1, budget=10**9)
        size = len(sheet.sheet)
        if size <= budget or (steps == COARSEST and kept == 1):
            return Packed(sheet, codes, np.stack([low[:, k], high[:, k]], axis=-1), steps, channels[:kept])
        if steps > FINE or kept == 1:
            steps = steps // 4 * 2
        else:
            kept = max(1, min(kept - 1, int(len(k) * budget / size) - 1))


def _codes(films: np.ndarray, low: np.ndarray, high: np.ndarray, steps: int) -> np.ndarray:
    low, high = low[:, None, :, None, None], high[:, None, :, None, None]
    return np.rint((films - low) / np.where(high > low, high - low, 1.0) * steps).astype(np.uint8)


def gates_of(model: nn.Module, clip: Tensor, layer: int) -> dict[str, Tensor]:
    """name -> `t d h2 w2` of one layer of `model.over_time`, from one run of a copy of the model on `1 t c h w`."""
    model, seen = copy.deepcopy(model).eval(), {}
    watched: Layer = model.over_time.layers[layer]
    watched.register_forward_pre_hook(lambda _, args, how: (args, how | {"return_gates": True}), with_kwargs=True)
    watched.register_forward_hook(lambda _, args, answer: seen.update(answer[2]))
    with torch.no_grad():
        model(clip)
    return {name: rearrange(maps, "b t d h w -> (b t) d h w") for name, maps in seen.items()}


def checked(gates, count: int, size: tuple[int, int]) -> tuple[str, dict[str, np.ndarray]]:
    """The kind of the layer, and its gates as float64 `t d h2 w2` in their order."""
    if not isinstance(gates, Mapping):
        wanted = "a dict name: maps t d h2 w2 of one layer"
        raise ShapeError(f"gates is a {type(gates).__name__}", wanted=wanted, mend="gates[0], or Gates.of(model, clip)")
    kind = "ConvGRU" if {"z", "r"} & set(gates) else "ConvLSTM"
    if set(gates) != set(KINDS[kind]):
        missing, other = [n for n in KINDS[kind] if n not in gates], [n for n in gates if n not in KINDS[kind]]
        came = " and ".join(
            [f"no {', '.join(missing)}" for _ in missing[:1]] + [f"{', '.join(map(str, other))}" for _ in other[:1]]
        )
        wanted = f"all of {', '.join(KINDS[kind])}, as a {kind} layer has"
        raise ShapeError(f"gates with {came}", wanted=wanted, mend="over_time(maps, return_gates=True)[2][0]")
    values = {name: torch.as_tensor(gates[name]).detach().cpu().double().numpy() for name in KINDS[kind]}
    shape = values["h"].shape
    for name, maps in values.items():
        came = f"gates[{name!r}] of shape {maps.shape}"
        if maps.ndim != 4 or 0 in maps.shape:
            raise ShapeError(came, wanted="t d h2 w2", mend=f"gates[{name!r}][0]" if maps.ndim == 5 else "")
        if maps.shape != shape:
            raise ShapeError(came, wanted=f"{shape}, as gates['h']")
        if not np.isfinite(maps).all():
            raise ShapeError(f"gates[{name!r}] with values that are not finite", wanted="numbers")
        if name not in SIGNED and not (maps.min() >= -1e-3 and maps.max() <= 1 + 1e-3):
            came = f"gates[{name!r}] from {maps.min():.3g} to {maps.max():.3g}"
            raise ShapeError(came, wanted="a gate, from 0 to 1", mend=f"gates[{name!r}].sigmoid()")
    if shape[0] != count:
        raise ShapeError(f"gates over {shape[0]} frames", wanted=f"{count}, as the clip has", mend="clip[:t]")
    if count > MOST_FRAMES:
        raise ShapeError(f"{count} frames", wanted=f"at most {MOST_FRAMES}", mend="clip[:32] and gates[name][:32]")
    if max(shape[2:]) > MOST_PLACES or shape[2] > size[0] or shape[3] > size[1]:
        wanted = f"at most {MOST_PLACES} places a side, and at most one a pixel of {size[0]} × {size[1]}"
        raise ShapeError(f"maps of {shape[2]} × {shape[3]}", wanted=wanted, mend="a larger patch, or a crop")
    return kind, values


def chosen(channels, h: np.ndarray) -> list[int]:
    """Those asked for, or those whose state varies most."""
    d = h.shape[1]
    if channels is None:
        return np.argsort(-h.var((0, 2, 3)), kind="stable")[:MOST_CHANNELS].tolist()
    found = [int(channel) for channel in np.atleast_1d(np.asarray(channels))]
    if not 0 < len(found) <= MOST_CHANNELS or len(set(found)) < len(found) or not set(found) <= set(range(d)):
        raise ShapeError(f"channels = {found}", wanted=f"1 to {MOST_CHANNELS} different ones of 0 … {d - 1}")
    return found
