"""FusionMap: where a video network merges time, which frames each of its boxes sees, and what that costs.

What it shows is computed in `fusion_plan` and `fusion_layers`; here it is drawn, and sent to the page.
"""

from __future__ import annotations

import io
from dataclasses import asdict
from functools import partial

import matplotlib.figure
from matplotlib.patches import Polygon, Rectangle
from PIL import Image

from .frame import Widget
from .fusion_layers import Row, costs, edges, identity, layers, totals
from .fusion_plan import NAMES, fusion_settings
from .picture import INK, PAPER, SOFT
from .space_time_cube import OF_T

AMBER = "#FFB000"


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
        frames = Row(
            "frames", "", "", (3, s.frames, s.size, s.size), 0, 0, 0, (1, 1, 1), identity(s.frames), [], 0.5, 1
        )
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
