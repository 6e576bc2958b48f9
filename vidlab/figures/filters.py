"""Filters: the first layer of an early-fusion network, every filter a little film, and how training made it."""

from __future__ import annotations

import base64
import math

import numpy as np
import torch
from PIL import Image

from ..errors import ShapeError
from .filter_motion import filter_motion
from .filters_poster import filters_poster
from .frame import Widget, caption

NUMBER_LETTERS = 380_000  # of weights and words together


class Filters(Widget):
    """All filters of a first layer as little films in step; one of them cut open; and a slider through training.

    Grey is 0. Up to 4 frames stand side by side; more are played. Filters of colour videos are shown in colour, each on
    its own scale, or in grey, all on one: the sum of the weights of red, green and blue, which is what a grey video
    meets. What is measured is measured in all three colours.

    Weights travel as multiples of 1/32767 of the largest weight that the filter ever has, or of 1/127 where 16 bits do
    not fit on the page; if even that is too much, snapshots are left out. The caption says so.

    Args:
        weights: `o t c h w`, c = 1 or 3, t ≥ 2; or `s o t c h w`, s snapshots of one layer during training.
            Early fusion: `rearrange(conv.weight, "o (t c) h w -> o t c h w", t=t)`; Conv3d: `"o c t h w -> o t c h w"`.
        steps: the training step of each snapshot, rising; by default 0, 1, 2 …
        fps: frames per second of the films.
        title: printed under the figure.
        names: a name for each filter; by default "filter 0", "filter 1" …
        grey: whether to begin with the grey view; of c = 1 there is no other.

    Raises:
        ShapeError: other weights, or steps or names that do not belong to them.
    """

    script = "filters.js"

    def __init__(self, weights, *, steps=None, fps: float = 4, title: str = "", names=None, grey: bool = False):
        weights = _checked(weights)
        total, count = weights.shape[:2]
        if not (math.isfinite(fps) and fps > 0):
            raise ShapeError(f"fps = {fps}", wanted="a positive number of frames per second")
        every = list(range(total)) if steps is None else [int(step) for step in steps]
        if len(every) != total or any(b <= a for a, b in zip(every, every[1:], strict=False)):
            raise ShapeError(f"steps {every}", wanted=f"{total} rising numbers, one a snapshot")
        self.names = [f"filter {k}" for k in range(count)] if names is None else [str(name) for name in names]
        if len(self.names) != count:
            raise ShapeError(f"{len(self.names)} names", wanted=f"{count}, one a filter")
        self.title, self.fps, self.total = title, float(fps), total
        self.grey = bool(grey) or weights.shape[3] == 1

        per_filter = np.abs(weights).max((0, 2, 3, 4, 5), keepdims=True)
        for bits, kept in [(16, total), *((8, s) for s in range(total, 0, -1))]:
            words = 60 * kept * count  # about as many letters do the numbers and words of a filter take
            if weights[0].size * kept * bits / 8 * 4 / 3 + words <= NUMBER_LETTERS:
                break
        else:
            came = f"{count} filters of {weights[0, 0].size} weights"
            raise ShapeError(came, wanted="at most 285 000 weights in all", mend="show some of them: weights[:16]")
        keep = np.round(np.linspace(0, total - 1, kept)).astype(int) if kept > 1 else np.array([total - 1])
        self.bits, self.most = bits, 2 ** (bits - 1) - 1
        self.steps = [every[k] for k in keep]
        self.units = np.where(per_filter > 0, per_filter, 1.0) / self.most
        self.codes = np.rint(weights[keep] / self.units).astype(np.int64)
        self.weights = self.codes * self.units  # as the page has them

        self.motions = [[filter_motion(torch.from_numpy(film)) for film in weights[k]] for k in keep]
        self.changes = _change(weights[keep])
        self.snapshot, self.t = kept - 1, weights.shape[2] // 2
        self.y, self.x = (side // 2 for side in weights.shape[-2:])
        self.filter = int(np.argmax([motion.index for motion in self.motions[-1]]))
        self.alt = self._alt()

    def state(self) -> dict:
        codes = self.codes.astype("<i2" if self.bits == 16 else "i1")
        phrases = sorted({motion.words for row in self.motions for motion in row})
        told = [
            [
                [m.separable, m.static, m.index, None if np.isnan(change) else change]
                for m, change in zip(*row, strict=True)
            ]
            for row in zip(self.motions, self.changes.tolist(), strict=True)
        ]
        said = [] if len(self.steps) == self.total else [f"{len(self.steps)} of {self.total} snapshots"]
        said += [] if self.bits == 16 else [f"weights rounded to 1/{self.most} of each filter’s largest"]
        return {
            "codes": base64.b64encode(codes.tobytes()).decode(),
            "bits": self.bits,
            "shape": list(self.codes.shape),
            "units": self.units.ravel().tolist(),
            "steps": self.steps,
            "numbers": [[[v if v is None else round(v, 4) for v in four] for four in row] for row in told],
            "words": [[phrases.index(motion.words) for motion in row] for row in self.motions],
            "phrases": phrases,
            "names": self.names,
            "fps": self.fps,
            "caption": caption(self.title, said),
            "t": self.t,
            "filter": self.filter,
            "snapshot": self.snapshot,
            "x": self.x,
            "y": self.y,
            "grey": self.grey,
            "common": self.grey,
            "seen": list(self._seen()),
        }

    def energies(self, filter: int, snapshot: int = -1) -> np.ndarray:
        """Share of the squared weights in each frame, `t`; zeros for an empty filter."""
        squares = np.square(self.weights[snapshot, filter]).sum((1, 2, 3))
        return squares / (squares.sum() or 1.0)

    def shown(self, grey: bool | None = None) -> np.ndarray:
        """The weights that are shown, `s o t c h w`: all; or of the grey view, with c = 1, the sum over the colours."""
        grey = self.grey if grey is None else grey
        return sum(np.split(self.weights, self.weights.shape[3], axis=3)) if grey else self.weights

    def picture(self, filter: int, snapshot: int = -1, *, common: bool | None = None, grey: bool | None = None):
        """The film as it is shown, bytes `t h w 3`: grey is 0, full colour its largest weight (or that of all).

        common, grey: as at first, where they are not given.
        """
        shown = self.shown(grey)
        film = shown[snapshot, filter]
        common = self.grey if common is None else common
        largest = float(np.abs(shown if common else film).max()) or 1.0
        levels = np.rint(127.5 + 127.5 * film / largest).astype(np.uint8).transpose(0, 2, 3, 1)
        return np.repeat(levels, 3, axis=-1) if levels.shape[-1] == 1 else levels

    def poster_image(self) -> Image.Image:
        """All filters; of the chosen one the film, and its two cuts beside and below the frame."""
        return filters_poster(self)

    def _alt(self) -> str:
        """Sizes, how many filters of which kind, the chosen one, and how much training changed them."""
        _, count, frames, channels, h, w = self.weights.shape
        kinds = [motion.kind for motion in self.motions[-1]]
        said = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(sorted(kinds)))
        chosen = self.motions[-1][self.filter]
        text = (
            f"{self.title or 'Filters'}: {count} filters of {frames} frames, {w}×{h} weights in {channels} "
            f"channel{'s' if channels > 1 else ''} each, as films: {said}. "
            f"{self.names[self.filter]} is {chosen.words}; "
            f"direction index {chosen.index:.2f}, {chosen.separable:.0%} of its energy separable"
        )
        if len(self.steps) > 1 and not np.isnan(self.changes[-1]).all():
            text += (
                f". From step {self.steps[0]} to step {self.steps[-1]} the filters changed by "
                f"{np.nanmean(self.changes[-1]):.0%} of their length on average"
            )
        return f"{text}. {self._seen()[self.grey]}."

    def _seen(self) -> tuple[str, str]:
        """What the alternative text says in colour, and in grey."""
        summed = ": the sum of red, green and blue" if self.weights.shape[3] > 1 else ""
        return "Shown in colour", f"Shown in grey{summed}"


def _checked(weights) -> np.ndarray:
    """Float64 `s o t c h w`."""
    weights = torch.as_tensor(weights).detach().cpu()
    shape = tuple(weights.shape)
    if weights.ndim not in (5, 6) or 0 in shape or not weights.is_floating_point():
        mend = (
            'rearrange(weight, "o (t c) h w -> o t c h w", t=t)' if weights.ndim == 4 else "one layer’s weight, floats"
        )
        raise ShapeError(
            f"weights of shape {shape}, {weights.dtype}", wanted="floats o t c h w or s o t c h w", mend=mend
        )
    if shape[-3] not in (1, 3):
        mend = 'rearrange(weight, "o c t h w -> o t c h w"), as a Conv3d needs it'
        raise ShapeError(f"weights of shape {shape}", wanted="o t c h w with c = 1 or 3, colours of pixels", mend=mend)
    if shape[-4] < 2:
        raise ShapeError(f"weights of shape {shape}", wanted="t ≥ 2: a filter of one frame is no film")
    if not weights.isfinite().all():
        raise ShapeError("weights that are not finite", wanted="numbers", mend="a smaller learning rate")
    return (weights if weights.ndim == 6 else weights[None]).double().numpy()


def _change(weights: np.ndarray) -> np.ndarray:
    """‖w_s − w_0‖ / ‖w_0‖ of each snapshot and filter, `s o`; NaN for a filter that began empty."""
    flat = weights.reshape(*weights.shape[:2], -1)
    first = np.linalg.norm(flat[0], axis=-1)
    return np.linalg.norm(flat - flat[0], axis=-1) / np.where(first > 0, first, np.nan)
