"""HornSchunck: see a flow field spread while Horn and Schunck's iteration runs, and what λ does to it."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from ..errors import ShapeError
from ..flow import colorize, cube_derivatives, energy, horn_schunck_1981, mean_endpoint_error, wheel_image
from .frame import Widget, caption
from .pair import enlarged, full_colour, one_flow, shrunk, signed, two_frames
from .picture import INK, PALETTE, PAPER, SOFT, font
from .sprite import Sprite, data_url, make_sprite, webp

POWERS = (-2, -1, 0, 1, 2)  # of ten, around `smoothness`: the λ that the page carries
FIELD_PIXELS = 96 * 96  # of a flow field as it is shown
ROOM = 1.15  # above the longest motion, as colours turn dark beyond the largest
FRAME_BUDGET, FIELD_BUDGET = 55_000, 215_000  # bytes
FRAME_PIXELS = 250_000
WHEEL = 96  # pixels


class HornSchunck(Widget):
    """The flow of `vidlab.flow.horn_schunck_1981` after 0, 1, 2, 4, 8, … iterations, for five λ, beside its frames.

    Flow is computed on the frames as they are, and shown with at most as many pixels as 96×96. `live()`
    computes it for any λ while Python is there: read and set its `smoothness` and `iteration`.

    Args:
        first, second: the frames, `c h w` or `1 c h w`, float in [0, 1].
        smoothness: λ to begin with, in (brightness per pixel)²; the other four are 100, 10, 1/10, 1/100 times as large.
        iterations: the last one.
        truth: the true flow, `2 h w` or `1 2 h w`, in pixels; where it is not finite it is unknown.
        title: printed under the figure.

    Raises:
        ShapeError: not two frames of one shape, or no flow for them.
        ValueError: λ not above 0, or no iteration.
    """

    script = "horn_schunck.js"

    def __init__(self, first, second, *, smoothness: float = 0.001, iterations: int = 512, truth=None, title: str = ""):
        if not (smoothness > 0 and math.isfinite(smoothness)) or iterations < 1:
            raise ValueError(f"smoothness = {smoothness}, iterations = {iterations}. Wanted: both above 0.")
        self.first, self.second = two_frames(first, second)
        self.truth = None if truth is None else one_flow(truth, self.first, "truth")
        if self.truth is not None and not self.truth.isfinite().any():
            raise ShapeError(
                "truth is unknown at every pixel", wanted="a flow that is known somewhere", mend="truth=None"
            )
        self.title = title
        self.stops = sorted({0, iterations, *(2**k for k in range(int(iterations).bit_length()))})
        self.choices = [float(f"{smoothness * 10.0**power:.3g}") for power in POWERS]
        self.smoothness = self.choices[POWERS.index(0)]
        runs = [self._run(choice) for choice in self.choices]
        last = runs[POWERS.index(0)][0][-1:]
        self.largest = _digits(ROOM * full_colour(last if self.truth is None else self.truth), 3)
        fields = torch.cat([flow for flow, _, _ in runs] + ([] if self.truth is None else [self.truth]))
        self.fields = self._pictures(fields, FIELD_BUDGET)
        self.frames = make_sprite(
            torch.cat([self.first, self.second]).clamp(0, 1), budget=FRAME_BUDGET, max_pixels=FRAME_PIXELS
        )
        self.energies, self.errors = [run[1] for run in runs], [run[2] for run in runs]
        self.alt = self._alt(last[0])

    def state(self) -> dict:
        return {
            "frames": self.frames.state(),
            "fields": self.fields.state(),
            "stops": self.stops,
            "choices": self.choices,
            "energies": self.energies,
            "errors": self.errors,
            "truth": self.truth is not None,
            "largest": self.largest,
            "wheel": data_url(_wheel(), "webp"),
            "caption": caption(self.title, self._reductions()),
            "iteration": self.stops[-1],
            "smoothness": self.smoothness,
            "kernel": False,
            "computed": None,
        }

    def live(self):
        """The figure as an anywidget: a λ that the page does not carry is computed here and sent."""
        live = super().live()
        live.kernel = True

        @cache
        def answer(smoothness: float) -> dict:
            flow, energies, errors = self._run(smoothness)
            sprite = self._pictures(flow, FIELD_BUDGET // len(POWERS)).state()
            return {"smoothness": smoothness, "fields": sprite, "energies": energies, "errors": errors}

        def compute(change) -> None:
            if change.new not in self.choices:
                live.computed = answer(change.new)

        live.observe(compute, "smoothness")
        return live

    @torch.no_grad()
    def _run(self, smoothness: float) -> tuple[Tensor, list[float], list[float]]:
        """Flow `k 2 h w`, its energy and its mean endpoint error (where truth is known) at every stop."""
        derivatives = cube_derivatives(self.first.mean(1, keepdim=True), self.second.mean(1, keepdim=True))
        flow, done, flows, energies, errors = None, 0, [], [], []
        for stop in self.stops:
            flow = horn_schunck_1981(self.first, self.second, smoothness=smoothness, iterations=stop - done, start=flow)
            done = stop
            flows.append(flow)
            energies.append(_digits(energy(flow, *derivatives, smoothness)))
            if self.truth is not None:
                errors.append(_digits(mean_endpoint_error(flow, self.truth)))
        return torch.cat(flows), energies, errors

    def _pictures(self, flow: Tensor, budget: int) -> Sprite:
        """Colour-coded flow, small enough for the page."""
        (small,) = shrunk(FIELD_PIXELS, flow)
        return make_sprite(colorize(small, self.largest).clamp(0, 1), budget=budget)

    def _reductions(self) -> list[str]:
        (_, h, w, _), (full_h, full_w) = self.fields.frames.shape, self.first.shape[-2:]
        said = [] if (h, w) == (full_h, full_w) else [f"the flow at {w}×{h} of {full_w}×{full_h} pixels"]
        said += [] if self.fields.lossless else ["lossy compression of its colours"]
        return said + [
            f"frames at {loss}" if "×" in loss else f"{loss} of the frames" for loss in self.frames.reductions
        ]

    def poster_image(self) -> Image.Image:
        """The first frame, the flow after the last iteration, the truth; and the energy below."""
        start = POWERS.index(0) * len(self.stops)
        tiles = {
            "first frame": self.frames.frames[0],
            f"flow, iteration {self.stops[-1]}": self.fields.frames[start + len(self.stops) - 1],
        }
        if self.truth is not None:
            tiles["true flow"] = self.fields.frames[-1]
        h, w = self.first.shape[-2:]
        wide, gap, label, plot = 270, 14, 24, 96
        high = max(1, round(wide * h / w))
        card = Image.new("RGB", (gap + 3 * (wide + gap), gap + 2 * label + high + gap + plot + gap), PAPER)
        draw = ImageDraw.Draw(card)
        for k, (name, pixels) in enumerate(tiles.items()):
            left = gap + k * (wide + gap)
            draw.text((left, gap), name, INK, font(15, bold=True))
            draw.rectangle((left - 1, gap + label - 1, left + wide, gap + label + high), outline="#BBBBBB")
            card.paste(enlarged(pixels, wide, high), (left, gap + label))
        below = gap + label + high + gap
        draw.text((gap, below), f"energy from iteration 0 to {self.stops[-1]}", INK, font(15, bold=True))
        values = np.log(np.maximum(self.energies[POWERS.index(0)], 1e-12))
        down = (values.max() - values) / (np.ptp(values) or 1) * (plot - 8)
        right = np.linspace(gap, gap + wide, len(values))
        points = [(float(x), float(below + label + 4 + y)) for x, y in zip(right, down, strict=True)]
        draw.line(points, fill=PALETTE["blue"], width=3)
        words = f"λ = {self.smoothness:g}\nRun this cell to see\nthe flow spread, and\nto change λ."
        draw.multiline_text((2 * gap + wide, below), words, SOFT, font(14), spacing=6)
        return card

    def _alt(self, flow: Tensor) -> str:
        """What the iteration did to the energy and to the error, and what flow it arrived at."""
        h, w = self.first.shape[-2:]
        energies, errors = self.energies[POWERS.index(0)], self.errors[POWERS.index(0)]
        u, v = flow.mean((1, 2)).tolist()
        left = energies[-1] / energies[0] if energies[0] else 1.0
        said = (
            f"{self.title or 'Horn and Schunck'}: flow of two frames of {w}×{h} pixels, λ = {self.smoothness:g}. "
            f"In {self.stops[-1]} iterations the energy falls to {left:.1%} of that at rest; then the mean flow is "
            f"{signed(u)} to the right and {signed(v)} down, in pixels"
        )
        if self.truth is not None:
            said += f"; the mean endpoint error goes from {errors[0]:.3f} to {errors[-1]:.3f} pixels"
            ends = [f"{run[-1]:.3f} for λ = {choice:g}" for choice, run in zip(self.choices, self.errors, strict=True)]
            said += f". At the end it is {', '.join(ends)}"
        return said + "."


def _wheel() -> bytes:
    """The key to the colours: a disk of every motion up to the largest, transparent around it."""
    axis = (torch.arange(WHEEL) + 0.5) / WHEEL * 2 - 1
    inside = torch.hypot(*torch.meshgrid(axis, axis, indexing="ij")) <= 1
    rgba = torch.cat([wheel_image(WHEEL).clamp(0, 1), inside[None].float()])
    return webp((rgba * 255).round().byte().permute(1, 2, 0).contiguous().numpy())


def _digits(value, digits: int = 6) -> float:
    return float(f"{float(value):.{digits}g}")
