"""TimeBattery: does a model use time? Clips as they were and with their time spoiled, and what models make of each."""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import cached_property
from textwrap import fill

import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor, nn

from ..errors import ShapeError, expect_clip
from ..time_use import freeze, reverse, roll, shuffle, subsample
from .answers import Answers, probabilities_of
from .frame import Widget, caption, inside
from .picture import INK, PAPER, SOFT
from .sprite import MAX_FRAMES, make_sprite

SHEET_BYTES = 240_000
MOST_FRAMES = 12  # of a film strip
COLOURS = {"first": "#4C4C4C", "same": "#666666", "kept": "#0072B2", "changed": "#B84A00"}  # of bars, by verdict


class TimeBattery(Widget):
    """A clip as it was beside itself reversed, shuffled, frozen …, and the class probabilities of several models.

    A model that sees no time gives the same probabilities in every trial that keeps the frames; one that sees motion
    calls "left", played backwards, "right".

    Args:
        clips: name of a trial -> clips `n t c h w` (uint8, or float in [0, 1]), all of one shape; the first entry is
            the original, "as it was".
        probabilities: name of a model -> name of a trial -> `n classes`, whose rows sum to 1. One to six models.
        classes: the name of each class.
        trials: names of the trials to show after the original, in this order; by default all.
        truth: the true class of each example, or None.
        fps: frames per second.
        example, trial, t: what is shown at first: number of the example, name of the trial (by default the first
            after the original), frame.
        title: printed under the figure.

    Raises:
        ShapeError: clips of different shapes, more than 240 different frames, no trial beside the original,
            probabilities that are missing, of another shape or none, a class or a first view that does not exist.
    """

    script = "time_battery.js"

    def __init__(
        self, clips, probabilities, *, classes, trials=None, truth=None, fps=6, example=0, trial=None, t=0, title=""
    ):
        clips = _checked_clips(clips, trials)
        self.title, self.trials = title, list(clips)
        self.n, self.count, _, *self.size = clips[self.trials[0]].shape
        self.answers = Answers(probabilities, self.trials, self.n, classes, truth)
        frames, self.order = _sheet_and_order(list(clips.values()))
        self.sprite = make_sprite(frames, fps=fps, budget=SHEET_BYTES)
        self.example = inside("example", example, self.n, 0)
        self.t = inside("t", t, self.count, 0)
        self.trial = self.trials[1] if trial is None else trial
        if self.trial not in self.trials:
            raise ShapeError(f"trial = {trial!r}", wanted=f"one of {', '.join(self.trials)}")
        self.alt = self._alt()

    @classmethod
    def of(cls, models: Mapping[str, nn.Module], clips: Tensor, *, classes, truth=None, seed=0, **options):
        """Makes the trials, asks a copy of each model once for each of them, and shows the answers.

        Args:
            models: name -> a module that takes `b t c h w` in [0, 1] and returns logits `b classes`.
            clips: `n t c h w`, float in [0, 1] or uint8; two frames or more.
            seed: of the order of the frames in the trial "shuffled".
            options: as for `TimeBattery`: trials, fps, title …

        Raises:
            ShapeError: no clips or no models, a model that cannot take these clips, or what `TimeBattery` refuses.
        """
        if not isinstance(models, Mapping) or not models:
            raise ShapeError(f"models is a {type(models).__name__}", wanted="a dict name: module, not empty")
        spoiled = {
            "as it was": clips,
            "reversed": reverse(clips),
            "shuffled": shuffle(clips, torch.Generator().manual_seed(seed)),
            "frozen": freeze(clips),
            "thinned": subsample(clips),
            "rolled": roll(clips),
        }
        answers = {name: probabilities_of(model, spoiled) for name, model in models.items()}
        return cls(spoiled, answers, classes=classes, truth=truth, **options)

    def state(self) -> dict:
        answers = self.answers
        return {
            "sprite": self.sprite.state(),
            "trials": self.trials,
            "models": answers.models,
            "frames": self.count,
            "examples": [self._example(i) for i in range(self.n)],
            "flips": answers.changed.sum(-1).tolist(),
            "same": answers.same.all(-1).tolist(),
            "right": None if answers.truth is None else (answers.decided[:, 0] == answers.truth).sum(-1).tolist(),
            "caption": caption(self.title, self.sprite.reductions),
            "example": self.example,
            "trial": self.trial,
            "t": self.t,
        }

    def _example(self, i: int) -> dict:
        """One example for the page: its bars, `verdicts[model][trial]`, and which frames each trial shows."""
        answers = self.answers
        rows, (names, true, p) = answers.rows(i), answers.bars(i)
        models, trials = range(len(answers.models)), range(len(self.trials))
        return {
            "names": names,
            "p": p.round(4).tolist(),
            "true": true,
            "top": [[rows.index(c) if c in rows else None for c in each] for each in answers.decided[..., i].tolist()],
            "order": self.order[:, i].tolist(),
            "verdicts": [[answers.verdict(m, k, i) for k in trials] for m in models],
        }

    def numbers(self, trial: int, example: int) -> list[str]:
        """Which frame of the original each frame is; * for one that the original does not have."""
        order = self.order[trial, example] - example * self.count
        return [str(k) if 0 <= k < self.count else "*" for k in order.tolist()]

    @cached_property
    def _poster(self) -> Image.Image:
        k, many = self.trials.index(self.trial), len(self.answers.models)
        names, true, p = self.answers.bars(self.example)
        across = 2 if many in (2, 4) else min(many, 3)
        wide, left, bars = 8.6, 0.3 + 0.092 * max(map(len, names)), 0.25 * len(names)  # inches
        strip = (wide - 0.2) / min(self.count, MOST_FRAMES) * self.size[0] / self.size[1]
        column, top = (wide - left) / across, 2 * (strip + 0.55)
        high = top + -(-many // across) * (bars + 0.85) + 0.3
        figure = Figure(figsize=(wide, high), dpi=110, facecolor=PAPER, layout="none")
        place = lambda x, y, w, h: figure.add_axes((x / wide, 1 - (y + h) / high, w / wide, h / high))  # noqa: E731
        for row, trial in enumerate((0, k)):
            self._strip(place(0.1, 0.28 + row * (strip + 0.55), wide - 0.2, strip), trial)
        for m in range(many):
            axes = place(left + m % across * column, top + 0.3 + m // across * (bars + 0.85), column - 0.25, bars)
            self._panel(axes, m, k, names if m % across == 0 else None, true, p[m], 92 // across)
        said = f"Outline: {self.trials[0]}. Bar: {self.trial}." + (" ●: the true class." if true is not None else "")
        figure.text(0.1 / wide, 0.12 / high, f"{said} Run this cell to play.", color=SOFT, fontsize=10)
        out = io.BytesIO()
        figure.savefig(out, format="png", dpi=110)
        return Image.open(out).convert("RGB")

    def poster_image(self) -> Image.Image:
        """The original and the trial as film strips; below them the bars of all models, with those of the original."""
        return self._poster

    def _strip(self, axes, trial: int) -> None:
        """A few frames in a row, each with the number of the frame of the original that it is."""
        height, width = self.sprite.frames.shape[1:3]
        picks = np.linspace(0, self.count - 1, min(self.count, MOST_FRAMES)).round().astype(int)
        gap = max(1, width // 16)
        strip = np.full((height, len(picks) * (width + gap) - gap, 3), 255, np.uint8)
        for place, t in enumerate(picks):
            left = place * (width + gap)
            strip[:, left : left + width] = self.sprite.frames[self.order[trial, self.example, t]]
        axes.imshow(strip, interpolation="nearest")
        axes.set_anchor("NW")
        axes.set_title(self.trials[trial], loc="left", fontsize=12, pad=3)
        numbers = [self.numbers(trial, self.example)[t] for t in picks]
        axes.set_xticks((np.arange(len(picks)) * (width + gap) + width / 2 - 0.5).tolist(), numbers, fontsize=10)
        axes.tick_params(length=0, pad=2)
        axes.set_yticks([])
        axes.spines[:].set_visible(False)

    def _panel(self, axes, m: int, k: int, names: list[str] | None, true: int | None, p: np.ndarray, width: int):
        """The bars of one model: now, over the outline of before; its verdict in lines of at most `width` letters."""
        kind, words = self.answers.verdict(m, k, self.example)
        y = np.arange(p.shape[1])
        axes.barh(y, p[k], height=0.5, color=COLOURS[kind])
        axes.barh(y, p[0], height=0.8, facecolor="none", edgecolor=INK, linewidth=1)
        labels = ["● " * (row == true) + name for row, name in enumerate(names)] if names else [""] * len(y)
        axes.set_yticks(y, labels, fontsize=11)
        axes.set(xlim=(0, 1.02), ylim=(len(y) - 0.4, -0.6), xticks=[])
        axes.tick_params(length=0)
        axes.spines[["top", "right", "bottom"]].set_visible(False)
        axes.set_title(self.answers.models[m], loc="left", fontsize=12, pad=4)
        words = fill(words.replace("→ ", "→\u00a0"), width)
        axes.set_xlabel(words, fontsize=10, color=COLOURS[kind], loc="left")

    def _alt(self) -> str:
        """What is shown, what each model says of the first view, and which decisions change over all examples."""
        h, w = self.size
        k, i, answers = self.trials.index(self.trial), self.example, self.answers
        true = "" if answers.truth is None else f", true class {answers.classes[answers.truth[i]]}"
        told = "; ".join(f"{name}: {answers.verdict(m, k, i)[1]}" for m, name in enumerate(answers.models))
        said = [
            f"{self.title or 'Time battery'}: {self.n} clips of {self.count} frames of {w}×{h} pixels, "
            f"{self.trials[0]} and {', '.join(self.trials[1:])}, and the answers of {len(answers.models)} models",
            f"Example {i + 1}{true}, {self.trial} (frames {' '.join(self.numbers(k, i))}): {told}",
            *(f"{name}, all examples: {answers.summary(m)}" for m, name in enumerate(answers.models)),
        ]
        return ". ".join(said) + "."


def _checked_clips(clips, trials) -> dict[str, Tensor]:
    """The original and the chosen trials, on the CPU."""
    if not isinstance(clips, Mapping):
        raise ShapeError(f"clips is a {type(clips).__name__}", wanted='a dict such as {"as it was": …, "reversed": …}')
    names = list(clips) if trials is None else [*list(clips)[:1], *trials]
    missing = [name for name in names if name not in clips]
    if missing or len(names) < 2 or len(set(names)) < len(names):
        came = f"no clips for {missing[0]!r}" if missing else f"trials {names}"
        raise ShapeError(came, wanted="the original and at least one other trial, each once, all among the clips")
    for name in names:
        expect_clip(clips[name], f"clips[{name!r}]")
        shape, wanted = tuple(clips[name].shape), tuple(clips[names[0]].shape)
        if len(shape) != 5 or shape != wanted or 0 in shape:
            came = f"clips[{name!r}] has shape {shape}"
            raise ShapeError(
                came, wanted=f"n t c h w, and {wanted} as the original" if len(wanted) == 5 else "n t c h w"
            )
    return {str(name): clips[name].detach().cpu() for name in names}


def _sheet_and_order(trials: list[Tensor]) -> tuple[Tensor, np.ndarray]:
    """(frames of the sheet, order `trials n t`): all frames of the originals, then those that only a trial has."""
    first = trials[0]
    n, t = first.shape[:2]
    sheet = list(first.flatten(0, 1))
    order = np.arange(n * t).reshape(1, n, t).repeat(len(trials), 0)
    for k, clips in enumerate(trials[1:], 1):
        for i in range(n):
            for s, frame in enumerate(clips[i]):
                twins = (first[i] == frame).flatten(1).all(1).nonzero().flatten().tolist()
                if not twins:
                    sheet.append(frame)
                order[k, i, s] = i * t + (s if s in twins else twins[0]) if twins else len(sheet) - 1
    if len(sheet) > MAX_FRAMES:
        wanted = f"at most {MAX_FRAMES} in all"
        raise ShapeError(f"{len(sheet)} different frames", wanted=wanted, mend="fewer examples: clips[:4]")
    return torch.stack(sheet), order
