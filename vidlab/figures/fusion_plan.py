"""Five video networks that differ in where they merge time, as lists of layers; each layer is a window to slide.

A convolution, a pool, an average and a fully connected layer are all windows (kernel, stride, padding) along time and
along space, and early fusion is a window over all of T. What follows from them is computed in `fusion_layers`.

`fusion_layers.js` does the same on the page, in functions of the same names; the tests compare the two.
"""

from __future__ import annotations

from dataclasses import dataclass

NAMES = {
    "single": "single frame",
    "late": "late fusion",
    "early": "early fusion",
    "slow": "slow fusion",
    "3d": "3D convolution",
}
JOINS = {"pool": "average over space and time", "concat": "concatenate, fully connected"}
ALEXNET = 227  # the input size that calls for AlexNet; any other one calls for the toy of two or three convolutions
RANGES = {
    "frames": (2, 20),
    "kernel": (1, 11),
    "channels": (8, 128),
    "extent": (2, 20),
    "stride": (1, 4),
    "size": (1, 512),
}


@dataclass(frozen=True)
class Settings:
    """One network: `extent` frames see the first kernels of slow fusion and 3D convolution; `stride` is the temporal
    stride of slow fusion's first layer, or the temporal size of every pool in 3D."""

    architecture: str
    frames: int
    kernel: int
    channels: int
    extent: int
    stride: int
    size: int
    join: str


@dataclass(frozen=True)
class Layer:
    """What a layer does along time and along one axis of space: (kernel, stride, padding)."""

    name: str
    kind: str  # conv, pool, mean or linear
    channels: int
    time: tuple[int, int, int]
    space: tuple[int, int, int]
    does: str


def fusion_settings(
    architecture: str,
    frames: int = 10,
    size: int = 64,
    *,
    kernel=None,
    channels=None,
    extent=None,
    stride=None,
    join="pool",
) -> Settings:
    """Settings with the defaults of the toy (k = 3, C_out = 12) or of AlexNet (k = 11, C_out = 96)."""
    big, usual = size == ALEXNET, 4 if architecture == "slow" else 3
    return Settings(
        architecture,
        frames,
        kernel=(11 if big else 3) if kernel is None else kernel,
        channels=(96 if big else 12) if channels is None else channels,
        extent=extent if extent is not None else min(usual, frames) if isinstance(frames, int) else usual,
        stride=(4 if architecture == "3d" and not big else 2) if stride is None else stride,
        size=size,
        join=join,
    )


def problem(s: Settings) -> tuple[str, str] | None:
    """What is wrong with the settings and how to mend it, or None."""
    for name, known in (("architecture", NAMES), ("join", JOINS)):
        if getattr(s, name) not in known:
            return f"{name} = {getattr(s, name)} is not known", f"one of {', '.join(known)}"
    for name, (low, high) in RANGES.items():
        value = getattr(s, name)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            return f"{name} = {value} is not possible", f"a whole number from {low} to {high}"
    if s.architecture in ("slow", "3d") and s.extent > s.frames:
        what = f"the kernels of the first layer span k_t = {s.extent} frames, but the clip has only T = {s.frames}"
        return what, f"k_t = {s.frames} or less, or T = {s.extent} or more"
    if s.architecture == "slow" and s.stride > s.extent:
        what = f"a temporal stride of {s.stride} steps over frames that kernels of k_t = {s.extent} frames never see"
        return what, f"a stride of {s.extent} or less, or k_t = {s.stride} or more"
    if s.kernel > s.size:
        what = f"the kernels of {s.kernel}×{s.kernel} pixels are larger than the frames of {s.size}×{s.size}"
        return what, f"k = {s.size} or less, or larger frames"
    if extent_of(s.size, toy_conv(s.kernel)) < 4:
        return f"frames of {s.size}×{s.size} pixels leave nothing for the pool of 4×4", "larger frames"
    return None


def toy_conv(k: int) -> tuple[int, int, int]:
    return k, 1, (k - 1) // 2


def extent_of(n: int, window: tuple[int, int, int]) -> int:
    """How many outputs a window (kernel, stride, padding) has along an axis of length n."""
    k, s, p = window
    return (n + 2 * p - k) // s + 1


def plan(s: Settings) -> list[Layer]:
    """The layers, first to last."""
    toy, solid = s.size != ALEXNET, s.architecture in ("slow", "3d")
    made: list[Layer] = []
    c, t, n = 3, s.frames, s.size

    def add(name: str, kind: str, channels: int, time, space, does: str = "") -> None:
        nonlocal c, t, n
        (k_t, s_t, _), (k, s_xy, _) = time, space
        if kind in ("conv", "pool"):
            size, stride = (f"{k_t}×{k}×{k}", f"{s_t}×{s_xy}×{s_xy}") if solid else (f"{k}×{k}", f"{s_xy}")
            does = (
                size
                if size == (stride if solid else f"{stride}×{stride}") or s_t == s_xy == 1
                else f"{size}, stride {stride}"
            )
        if kind in ("conv", "linear"):
            inputs = c * (1 if solid and kind == "conv" else k_t) * (n * n if kind == "linear" else 1)
            does += (
                f"{', ' if does else ''}{inputs}→{channels}{' for each frame' if kind == 'linear' and t > k_t else ''}"
            )
        if kind == "mean" and not does:
            does = "over T, H, W" if k_t > 1 else "over H, W"
        made.append(Layer(name, kind, channels, time, space, does))
        c, t, n = channels, extent_of(t, time), extent_of(n, space)

    def conv(i: int, channels: int, space) -> None:
        time = (1, 1, 0)
        if s.architecture == "early" and i == 1:
            time = (t, 1, 0)
        elif s.architecture == "slow" and i <= 3:
            time = (s.extent, s.stride, 0) if i == 1 else (min(2, t), min(2, t), 0)
        elif s.architecture == "3d":
            time = (s.extent, 1, (s.extent - 1) // 2 if toy else 0) if i == 1 else (3, 1, 1)
        add(f"conv {i}", "conv", channels, time, space)

    def pool(i: int, space) -> None:
        reach = min(s.stride, t) if s.architecture == "3d" else 1
        add(f"pool {i}", "pool", c, (reach, reach, 0), space)

    if toy:
        conv(1, s.channels, toy_conv(s.kernel))
        pool(1, (4, 4, 0))
        conv(2, 2 * s.channels, (3, 1, 1))
        if s.architecture == "slow":
            conv(3, 2 * s.channels, (3, 1, 1))
    else:
        conv(1, s.channels, (s.kernel, 4, 0))
        pool(1, (3, 2, 0))
        conv(2, 256, (5, 1, 2))
        pool(2, (3, 2, 0))
        for i, channels in ((3, 384), (4, 384), (5, 256)):
            conv(i, channels, (3, 1, 1))
        pool(5, (3, 2, 0))
    single, concat, pooled = (
        s.architecture == "single",
        *((s.architecture, s.join) == ("late", j) for j in ("concat", "pool")),
    )
    if toy or pooled:
        add("average", "mean", c, (1 if single or concat else t, 1, 0), (n, 1, 0))
    for name in ["fc"] * concat if toy else ["fc 6", "fc 7"] * (not pooled):
        add(name, "linear", hidden(s), (1 if single else t, 1, 0), (n, 1, 0))
    add("scores", "linear", 10 if toy else 1000, (1 if single else t, 1, 0), (n, 1, 0))
    if single:
        add("answer", "mean", c, (t, 1, 0), (1, 1, 0), "mean of the probabilities")
    return made


def hidden(s: Settings) -> int:
    """Units of a hidden fully connected layer."""
    return 64 if s.size != ALEXNET else 4096
