"""FusionMap: where a video network merges time, which frames each of its boxes sees, and what that costs."""

from __future__ import annotations

import io
from dataclasses import asdict, dataclass, replace
from functools import partial

import matplotlib.figure
from matplotlib.patches import Polygon, Rectangle
from PIL import Image

from ..errors import ShapeError
from .frame import Widget
from .picture import INK, PAPER, SOFT
from .space_time_cube import OF_T

# As in fusion_map.js, like every function of this file that has the same name there; the tests compare the two.
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
AMBER = "#FFB000"


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


@dataclass(frozen=True)
class Row:
    """One line of the table and of the drawing.

    `shape` is C×T×H×W, without T where no time axis is left; `weights`, `biases` and `macs` (multiply–adds) count all
    that happens to one clip; `sees` is the receptive field T×H×W of the box that sees most of the input; `spans` holds
    for each box the first and last frame that it sees, `feeds` the first and last box of the row below that it takes;
    `first` and `step`, in frames, say where the middle of the first box stands and how far it is to the next.
    """

    name: str
    kind: str
    does: str
    shape: tuple[int, ...]
    weights: int
    biases: int
    macs: int
    sees: tuple[int, int, int]
    spans: list[tuple[int, int]]
    feeds: list[tuple[int, int]]
    first: float
    step: int

    @property
    def merges(self) -> bool:
        """Whether some box of the row takes more than one moment."""
        return any(high > low for low, high in self.feeds)


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


def layers(s: Settings) -> list[Row]:
    """Shapes, counts and receptive fields of every layer, from the frames to the class scores.

    Weights of a convolution over k_t frames: k_t k² C_in C_out; a fully connected layer is a convolution as large as
    its input, and early fusion is one with k_t = T. Multiply–adds: the weights once per output position, padding
    included, biases and averages not. What a box sees is followed back box by box, so borders count exactly.

    Raises:
        ShapeError: settings that make no network.
    """
    wrong = problem(s)
    if wrong:
        raise ShapeError(wrong[0], wanted=wrong[1])
    rows = []
    c, spans, wide = 3, _each(s.frames), _each(s.size)
    first, step = 0.5, 1
    for layer in plan(s):
        k, stride, pad = layer.time
        feeds, over = windows(len(spans), layer.time), windows(len(wide), layer.space)
        spans = [(spans[low][0], spans[high][1]) for low, high in feeds]
        wide = [(wide[low][0], wide[high][1]) for low, high in over]
        first, step = first + step * ((k - 1) / 2 - pad), step * stride
        learns = layer.kind in ("conv", "linear")
        weights = k * layer.space[0] ** 2 * c * layer.channels if learns else 0
        c, t, n = layer.channels, len(spans), len(wide)
        flat = layer.kind == "linear" or layer.name == "answer"
        shape = (c, *([t] if t > 1 else [])) if flat else (c, n, n) if s.architecture == "early" else (c, t, n, n)
        reach = max(high - low + 1 for low, high in wide)
        sees = (max(high - low + 1 for low, high in spans), reach, reach)
        told = (layer.name, layer.kind, layer.does, shape, weights, c if learns else 0, weights * t * n * n)
        rows.append(Row(*told, sees, spans, feeds, first, step))
    return rows


def windows(n: int, window: tuple[int, int, int]) -> list[tuple[int, int]]:
    """First and last input of each output; padding is no input."""
    k, s, p = window
    return [(max(0, i * s - p), min(n - 1, i * s - p + k - 1)) for i in range(extent_of(n, window))]


def _each(n: int) -> list[tuple[int, int]]:
    return [(i, i) for i in range(n)]


def totals(s: Settings) -> dict[str, dict[str, int]]:
    """Sums up to the vector, and with the class scores."""
    rows = layers(s)
    last = next(i for i, row in enumerate(rows) if row.name == "scores")
    return {
        name: {key: sum(getattr(row, key) for row in part) for key in ("weights", "biases", "macs")}
        for name, part in (("vector", rows[:last]), ("scores", rows))
    }


def costs(s: Settings) -> dict[str, int]:
    """What time costs in weights: the first layer on one frame and here; how much it grows in early fusion, beside the
    parameters of the single-frame network; and the layer of late fusion on T concatenated vectors of length D."""
    one = totals(replace(s, architecture="single"))["scores"]
    rows = layers(replace(s, architecture="late", join="concat"))
    fc = next(row for row in rows if row.kind == "linear")
    per = s.kernel**2 * 3 * s.channels
    return {
        "per_frame": per,
        "slices": plan(s)[0].time[0],
        "first": layers(s)[0].weights,
        "growth": (s.frames - 1) * per,
        "single": one["weights"] + one["biases"],
        "features": fc.weights // (s.frames * hidden(s)),
        "hidden": hidden(s),
        "late_fc": fc.weights,
    }


class FusionMap(Widget):
    """The boxes of a video network over the frames that they see, with shapes, weights, multiply–adds and totals.

    Two networks: a toy (k×k convolution to C_out channels, pool 4, 3×3 convolution to 2·C_out, global average pool;
    slow fusion has a third convolution) and, for `size=227`, AlexNet in one tower (Krizhevsky et al. 2012). Slow
    fusion merges time as Karpathy et al. (2014, section 3.1) do: extents k_t (stride `stride`), 2 (stride 2), 2
    (stride 2), no padding. In 3D, later convolutions span 3 moments with padding 1, and a pool spans `stride` moments,
    or as many as are left; the first convolution is padded along time in the toy, as in space, and not in AlexNet.

    Args:
        architecture: "single", "late", "early", "slow" or "3d".
        frames: T, from 2 to 20.
        size: height and width of the frames in pixels; 227 calls for AlexNet.
        kernel: k of the first layer, 1 to 11.
        channels: C_out of the first layer, 8 to 128.
        extent: k_t of the first layer of "slow" (by default 4) and "3d" (3), 2 to T.
        stride: temporal stride of the first layer of "slow" (2), or temporal size of the pools of "3d" (toy 4, else 2).
        join: how late fusion joins the frames: "pool" or "concat".
        title: printed under the figure.

    Raises:
        ShapeError: settings that make no network.
    """

    script = "fusion_map.js"

    def __init__(
        self,
        architecture: str = "late",
        frames: int = 10,
        size: int = 64,
        *,
        kernel: int | None = None,
        channels: int | None = None,
        extent: int | None = None,
        stride: int | None = None,
        join: str = "pool",
        title: str = "",
    ):
        self.settings = fusion_settings(
            architecture, frames, size, kernel=kernel, channels=channels, extent=extent, stride=stride, join=join
        )
        self.rows, self.title = layers(self.settings), title
        self.alt = self._alt()

    def state(self) -> dict:
        return {**asdict(self.settings), "caption": self.title}

    def answer(self) -> dict:
        """All that the page computes: rows, totals and costs."""
        rows = [{**asdict(row), "merges": row.merges} for row in self.rows]
        return {"rows": rows, "totals": totals(self.settings), "costs": costs(self.settings)}

    def chosen(self) -> tuple[int, int]:
        """Row and box that are lit at first: in the middle of the highest row that still has several."""
        row = max((r for r, row in enumerate(self.rows) if len(row.spans) > 1), default=0)
        return row, len(self.rows[row].spans) // 2 if len(self.rows[row].spans) > 1 else 0

    def poster_image(self) -> Image.Image:
        """The boxes over their frames, one of them lit with all that it sees, and the numbers beside them."""
        s, rows = self.settings, self.rows
        frames = Row("frames", "", "", (3, s.frames, s.size, s.size), 0, 0, 0, (1, 1, 1), _each(s.frames), [], 0.5, 1)
        figure = matplotlib.figure.Figure(figsize=(11, 1.6 + 0.42 * len(rows)), facecolor=PAPER, dpi=100, layout="none")
        axes = figure.add_axes((0.08, 0.02, 0.91, 0.9))
        axes.set(xlim=(0, 2.1 * s.frames), ylim=(-0.9, len(rows) + 1.1))
        axes.axis("off")
        write = partial(axes.text, va="center", fontsize=11, color=INK)
        top, i = self.chosen()
        lit = [(1, 0)] * (len(rows) - top - 1) + [(i, i)]  # first and last lit box of each level, from the top down
        for row in rows[top::-1]:
            lit.append((row.feeds[lit[-1][0]][0], row.feeds[lit[-1][1]][1]))
        for y, (row, (low, high)) in enumerate(zip([frames, *rows], lit[::-1], strict=True)):
            ink = OF_T if row.merges else SOFT
            for i in range(len(row.spans)):
                left, right = edges(row, i)
                bright = low <= i <= high
                if y > 0:
                    below = [edges(([frames, *rows])[y - 1], k) for k in row.feeds[i]]
                    corners = [(left, y - 0.25), (below[0][0], y - 0.75), (below[1][1], y - 0.75), (right, y - 0.25)]
                    fill = {"facecolor": AMBER if bright else ink, "alpha": 0.45 if bright else 0.12}
                    axes.add_patch(Polygon(corners, edgecolor=ink, linewidth=0.6, **fill))
                else:
                    write(i + 0.5, -0.6, str(i), ha="center")
                face = AMBER if bright else OF_T if row.merges else "#D9D9D9" if y else "#3D4657"
                box = Rectangle(
                    (left + 0.05, y - 0.25),
                    right - left - 0.1,
                    0.5,
                    facecolor=face,
                    edgecolor=OF_T if bright and row.merges else INK,
                )
                axes.add_patch(box)
            write(-0.02 * s.frames, y, row.name, ha="right", weight="bold")
            told = [*("×".join(map(str, each)) for each in (row.shape, row.sees)), f"{row.weights:,}"]
            write(1.45 * s.frames, y, told[0], ha="right")
            write(1.75 * s.frames, y, told[2] if row.weights else "–" * (y > 0), ha="right")
            write(2.08 * s.frames, y, told[1] if y else "", ha="right")
        for at, what in zip((1.45, 1.75, 2.08), ("shape", "weights", "sees T×H×W"), strict=True):
            write(at * s.frames, len(rows) + 0.75, what, ha="right")
        figure.text(0.015, 0.94, f"{NAMES[s.architecture]}, T = {s.frames}", fontsize=14, weight="bold", color=INK)
        out = io.BytesIO()
        figure.savefig(out, format="png", metadata={"Software": None})
        return Image.open(out).convert("RGB")

    def _alt(self) -> str:
        """Where time is merged, layer by layer, and what it costs."""
        s, sums, cost = self.settings, totals(self.settings)["scores"], costs(self.settings)
        merging = [row.name for row in self.rows if row.merges]
        told = "; ".join(f"{row.name} {'×'.join(map(str, row.shape))}, {row.sees[0]}" for row in self.rows)
        return (
            f"{self.title or 'Fusion over time'}: {NAMES[s.architecture]} on T = {s.frames} frames of "
            f"{s.size}×{s.size} pixels. Moments are merged in {', '.join(merging)}. Shape of each layer, and how many "
            f"frames a box of it sees: {told}. First layer: {cost['slices']} × {cost['per_frame']:,} = "
            f"{cost['first']:,} weights; in all {sums['weights']:,} weights, {sums['biases']:,} biases and "
            f"{sums['macs']:,} multiply–adds."
        )


def edges(row: Row, i: int) -> tuple[float, float]:
    """Left and right edge of box i, in frames: as wide as the step to the next one, and a lone box as what it sees."""
    if len(row.spans) == 1:
        return row.spans[0][0], row.spans[0][1] + 1
    return row.first + (i - 0.5) * row.step, row.first + (i + 0.5) * row.step
