"""FrameWeights: pooling over frames, from the average over attention to the largest, and what it forgets."""

from __future__ import annotations

import math

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch.nn.functional import interpolate

from ..errors import ShapeError
from .frame import Widget, caption
from .picture import INK, PALETTE, PAPER, SOFT, font
from .sprite import MAX_FRAMES, make_sprite

MOST_PIXELS = 128 * 128  # of a frame: the pooled frame is added up anew at each touch of the slider
MOST_FRAMES = 32  # of an example, side by side
COLDEST, HOTTEST = 0.1, 10.0  # as in frame_weights.js: the ends of the temperature slider
BUDGET = 310_000  # bytes of all frames


class FrameWeights(Widget):
    """The frames of a clip, each above its weight α_t = exp(s_t / τ) / Σ exp(s / τ), beside Σ α_t I_t.

    A small temperature τ gives all the weight to the largest score, a large one gives each frame 1/T; attention pooling
    (Ilse, Tomczak & Welling 2018, equation 7) lies between. The pooled frame is drawn in pixels as an illustration: a
    network pools feature vectors. The effective number of frames is exp(-Σ α log α), from 1 to T.

    Args:
        clips: n examples `n t c h w`, uint8 or float in [0, 1], with 2 to 32 frames each.
        scores: `n t`, one score a frame, before the softmax.
        names: a name for each example; by default "example 0", "example 1" …
        fps: frames per second.
        title: printed under the figure.
        temperature: τ to begin with, from 0.1 to 10.

    Raises:
        ShapeError: no clips, scores or names that do not belong to them, scores that are not finite, or a temperature
            outside.
    """

    script = "frame_weights.js"

    def __init__(self, clips, scores, *, names=None, fps: float = 4, title: str = "", temperature: float = 1.0):
        clips, self.scores = _checked(clips, scores)
        total, self.frames = clips.shape[:2]
        names = [f"example {k}" for k in range(total)] if names is None else [str(name) for name in names]
        if len(names) != total:
            raise ShapeError(f"{len(names)} names", wanted=f"{total}, one an example")
        if not (isinstance(temperature, int | float) and COLDEST <= temperature <= HOTTEST):
            raise ShapeError(f"temperature = {temperature}", wanted=f"a number from {COLDEST} to {HOTTEST:g}")
        kept = min(total, MAX_FRAMES // self.frames)
        self.names, self.scores, self.total, self.source = names[:kept], self.scores[:kept], total, clips.shape[-2:]
        self.title, self.temperature, self.example = title, float(temperature), 0
        self.sprite = make_sprite(_shrunk(clips[:kept]).flatten(0, 1), fps=fps, budget=BUDGET)
        self.clips = self.sprite.frames.reshape(kept, self.frames, *self.sprite.frames.shape[1:])  # n t h w 3
        self.t = int(self.weights(0).argmax())
        self.alt = self._alt()

    def state(self) -> dict:
        height, width = self.clips.shape[2:4]
        said = [] if len(self.names) == self.total else [f"{len(self.names)} of {self.total} examples"]
        said += (
            [] if (height, width) == self.source else [f"{width}×{height} of {self.source[1]}×{self.source[0]} pixels"]
        )
        said += [] if self.sprite.lossless else ["lossy compression"]
        return {
            "sprite": self.sprite.state(),
            "frames": self.frames,
            "shape": [int(side) for side in self.source],
            "scores": self.scores.tolist(),
            "names": self.names,
            "caption": caption(self.title, said),
            "example": self.example,
            "temperature": self.temperature,
            "order": list(range(self.frames)),
            "t": self.t,
        }

    def weights(self, example: int, temperature: float | None = None) -> np.ndarray:
        """α of each frame, `t`; by default at the temperature to begin with."""
        scores = self.scores[example] / (self.temperature if temperature is None else temperature)
        powers = np.exp(scores - scores.max())
        return powers / powers.sum()

    def effective(self, example: int, temperature: float | None = None) -> float:
        """exp of the entropy of the weights: over how many frames the mean is taken, as it were."""
        alpha = self.weights(example, temperature)
        alpha = alpha[alpha > 0]
        return float(np.exp(-(alpha * np.log(alpha)).sum()))

    def pooled(self, example: int, temperature: float | None = None, order=None) -> np.ndarray:
        """Σ α_t I_t over the frames as shown, 0 to 255, `h w 3`; `order` shuffles frames with their weights."""
        order = np.arange(self.frames) if order is None else np.asarray(order)
        alpha = self.weights(example, temperature)[order]
        return np.tensordot(alpha, self.clips[example][order].astype(float), axes=1)

    def poster_image(self) -> Image.Image:
        """The frames above their weights, the pooled frame to the right."""
        alpha = self.weights(self.example)
        gap, label, side, strip = 14, 26, 220, 640
        shape = self.source[0] / self.source[1]
        columns = self.frames if self.frames <= 16 else math.ceil(self.frames / 2)
        cell = strip // columns
        high, bars = round((cell - 4) * shape), 90
        row = high + bars + 24
        rows = math.ceil(self.frames / columns)
        tall = max(label + rows * row, label + round(side * shape)) + gap
        card = Image.new("RGB", (strip + side + 3 * gap, tall + gap + 44), PAPER)
        draw = ImageDraw.Draw(card)
        draw.text((gap, gap), f"{self.names[0]}: {self.frames} frames and their weights α", INK, font(15, bold=True))
        for t in range(self.frames):
            left, top = gap + t % columns * cell, gap + label + t // columns * row
            frame = Image.fromarray(self.clips[self.example, t])
            card.paste(frame.resize((cell - 4, high), _way(frame)), (left, top))
            foot = top + high + 20 + bars - 4
            draw.text(
                (left + cell / 2 - 2, foot - alpha[t] * (bars - 20) - 3), _short(alpha[t]), INK, font(11), anchor="ms"
            )
            draw.rectangle((left, foot - round(alpha[t] * (bars - 20)), left + cell - 5, foot), fill=PALETTE["blue"])
        draw.text((2 * gap + strip, gap), "pooled: Σ α I", INK, font(15, bold=True))
        pooled = Image.fromarray(np.rint(self.pooled(self.example)).astype(np.uint8))
        card.paste(pooled.resize((side, round(side * shape)), _way(pooled)), (2 * gap + strip, gap + label))
        effective = self.effective(self.example)
        words = f"Temperature {self.temperature:.3g}: {effective:.1f} effective frames of {self.frames}."
        draw.text((gap, tall), words, INK, font(15))
        draw.text(
            (gap, tall + 22), "Run this cell to change the temperature and to shuffle the frames.", SOFT, font(14)
        )
        return card

    def _alt(self) -> str:
        """What is weighed, how evenly, and which frame weighs most."""
        alpha = self.weights(self.example)
        h, w = self.source
        several = f"the first of {len(self.names)} examples, " if len(self.names) > 1 else ""
        cold, hot = (self.effective(self.example, end) for end in (COLDEST, HOTTEST))
        return (
            f"{self.title or 'Weights of frames'}: {self.names[0]}, {several}{self.frames} frames of {w}×{h} pixels, "
            f"each above its weight, beside their weighted mean. At temperature {self.temperature:.3g} frame "
            f"{alpha.argmax()} weighs most, {alpha.max():.2f}, and frame {alpha.argmin()} least, {alpha.min():.2f}: "
            f"{self.effective(self.example):.1f} effective frames; {cold:.1f} at temperature {COLDEST:g} and {hot:.1f} "
            f"at {HOTTEST:g}. Shuffling the frames does not change the mean."
        )


def _checked(clips, scores) -> tuple[torch.Tensor, np.ndarray]:
    """Clips on the CPU, `n t c h w` with values that make_sprite checks, and scores as float64 `n t`."""
    clips = torch.as_tensor(clips).detach().cpu()
    scores = torch.as_tensor(scores).detach().cpu().double().numpy()
    shape = tuple(clips.shape)
    if clips.ndim != 5 or 0 in shape or shape[2] not in (1, 3):
        mend = "clips[None] for one example" if clips.ndim == 4 else 'rearrange(clips, "n c t h w -> n t c h w")'
        raise ShapeError(f"clips of shape {shape}", wanted="n t c h w with c = 1 or 3", mend=mend)
    if not 2 <= shape[1] <= MOST_FRAMES:
        raise ShapeError(
            f"clips of {shape[1]} frames", wanted=f"2 to {MOST_FRAMES}", mend="clips[:, ::2], scores[:, ::2]"
        )
    if scores.shape != shape[:2]:
        mend = "scores.squeeze(-1)" if scores.ndim == 3 else "one score for each frame of each example"
        raise ShapeError(f"scores of shape {scores.shape}", wanted=f"n t = {shape[:2]}", mend=mend)
    if not np.isfinite(scores).all():
        raise ShapeError("scores that are not finite", wanted="numbers", mend="the scores before the softmax")
    return clips, scores


def _shrunk(clips: torch.Tensor) -> torch.Tensor:
    """Frames of at most MOST_PIXELS."""
    h, w = clips.shape[-2:]
    zoom = math.sqrt(MOST_PIXELS / (h * w))
    if zoom >= 1:
        return clips
    floats = clips.flatten(0, 1) / 255 if clips.dtype == torch.uint8 else clips.flatten(0, 1).float()
    size = max(1, int(h * zoom)), max(1, int(w * zoom))
    return interpolate(floats, size, mode="area").unflatten(0, clips.shape[:2])


def _short(alpha: float) -> str:
    """As in frame_weights.js."""
    return "1.0" if alpha >= 0.995 else f"{alpha:.2f}"[1:]


def _way(frame: Image.Image) -> Image.Resampling:
    return Image.Resampling.NEAREST if frame.width < 150 else Image.Resampling.LANCZOS
