"""What follows from a video network's plan: the shape, cost and receptive field of every layer, and the sums.

No network is built. A receptive field is followed back box by box through the windows of `fusion_plan`, so that clips
that end, and paddings, count exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..errors import ShapeError
from .fusion_plan import Layer, Settings, extent_of, hidden, plan, problem


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
    made, spans, wide = plan(s), identity(s.frames), identity(s.size)
    first, step = 0.5, 1
    for layer, (weights, biases) in zip(made, parameters(made), strict=True):
        k, stride, pad = layer.time
        feeds, over = windows(len(spans), layer.time), windows(len(wide), layer.space)
        spans = [(spans[low][0], spans[high][1]) for low, high in feeds]
        wide = [(wide[low][0], wide[high][1]) for low, high in over]
        first, step = first + step * ((k - 1) / 2 - pad), step * stride
        c, t, n = layer.channels, len(spans), len(wide)
        flat = layer.kind == "linear" or layer.name == "answer"
        shape = (c, *([t] if t > 1 else [])) if flat else (c, n, n) if s.architecture == "early" else (c, t, n, n)
        reach = max(high - low + 1 for low, high in wide)
        sees = (max(high - low + 1 for low, high in spans), reach, reach)
        told = (layer.name, layer.kind, layer.does, shape, weights, biases, weights * t * n * n)
        rows.append(Row(*told, sees, spans, feeds, first, step))
    return rows


def parameters(made: list[Layer]) -> list[tuple[int, int]]:
    """Weights and biases of every layer of a plan: nothing else is needed to compare networks."""
    counts, c = [], 3
    for layer in made:
        learns = layer.kind in ("conv", "linear")
        counts.append((layer.time[0] * layer.space[0] ** 2 * c * layer.channels, layer.channels) if learns else (0, 0))
        c = layer.channels
    return counts


def windows(n: int, window: tuple[int, int, int]) -> list[tuple[int, int]]:
    """First and last input of each output; padding is no input."""
    k, s, p = window
    return [(max(0, i * s - p), min(n - 1, i * s - p + k - 1)) for i in range(extent_of(n, window))]


def identity(n: int) -> list[tuple[int, int]]:
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
    one = parameters(plan(replace(s, architecture="single")))
    late = plan(replace(s, architecture="late", join="concat"))
    fc = next(weights for layer, (weights, _) in zip(late, parameters(late), strict=True) if layer.kind == "linear")
    per = s.kernel**2 * 3 * s.channels
    return {
        "per_frame": per,
        "slices": plan(s)[0].time[0],
        "first": layers(s)[0].weights,
        "growth": (s.frames - 1) * per,
        "single": sum(map(sum, one)),
        "features": fc // (s.frames * hidden(s)),
        "hidden": hidden(s),
        "late_fc": fc,
    }


def edges(row: Row, i: int) -> tuple[float, float]:
    """Left and right edge of box i, in frames: as wide as the step to the next one, and a lone box as what it sees."""
    if len(row.spans) == 1:
        return row.spans[0][0], row.spans[0][1] + 1
    return row.first + (i - 0.5) * row.step, row.first + (i + 0.5) * row.step
