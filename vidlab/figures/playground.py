"""Playground: move an object, and see live which way six trained networks think it went; then spoil what they see."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property

import numpy as np
import torch
from PIL import Image
from torch import nn

from .. import anatomy
from ..actors import COLOURS, SHAPES, skin
from ..errors import ShapeError
from ..tasks_playground import TRIALS, Event
from .answers import MODELS, probabilities_of
from .frame import Widget
from .playground_networks import program_of
from .playground_poster import playground_poster

FPS = 20
PACE = 0.4  # of the first object, between the lowest and the highest speed; as in playground_hand.js
BEFORE = 5  # steps that the page takes before the first frame that it shows
ROOM = 385_000  # bytes for the networks: with script, style and poster the figure stays below 500 KB
WORDS = {
    "as it was": "The last {n} frames of the stage, then the empty stage: as in training.",
    "reversed": "The same {n} frames, the last one first: what ran to the right runs to the left.",
    "shuffled": "The same {n} frames in another order. Press again for one more.",
    "frozen": "One of the {n} frames all the time: nothing moves.",
    "delayed": "The empty stage first, then the {n} frames: later than ever in training.",
}


class Playground(Widget):
    """A stage on which the learner moves an object, and what trained networks say of its last frames, live.

    The networks run in the page. Each sees the same window: some frames of the stage, in which the object is there, and
    some of the empty stage. Buttons put these frames into another order: reversed, shuffled, frozen, delayed.

    Args:
        models: name -> a trained network of `vidlab.models` for clips of the task's world, logits `b classes`. One to
            six: SingleFrame, PooledFusion, LateFusion, EarlyFusion, SlowFusion, Conv3DNet, Factorised, Recurrent,
            ConvRecurrent, TemporalAttention, VideoViT (joint or factorised). They are not changed.
        task: what they have learned; its world is the stage, its `names` are the classes.
        accuracy: name of a model -> name of a trial -> share of right answers, as `measure_players` finds them; shown
            beside the answers. By default nothing is said.
        trial: the button that is pressed at first.
        seed: of the first object and its ground, and of all that chance does in the page.
        title: printed under the figure.

    Raises:
        ShapeError: no models or too many, an architecture or a layer that the page cannot run (it is named), other
            clips or classes than those of the task, weights for which the page has no room, accuracies that are missing
            or no shares, a trial that does not exist, a world with a camera, a bounded stage, flicker or two objects.
    """

    script = "playground.js"

    def __init__(
        self,
        models: Mapping[str, nn.Module],
        *,
        task: Event | None = None,
        accuracy: Mapping[str, Mapping[str, float]] | None = None,
        trial: str = "as it was",
        seed: int = 0,
        title: str = "",
    ) -> None:
        if not isinstance(models, Mapping) or not 1 <= len(models) <= MODELS:
            came = f"{len(models)} models" if isinstance(models, Mapping) else f"models is a {type(models).__name__}"
            raise ShapeError(came, wanted=f"a dict of 1 to {MODELS}: {{name: module}}", mend="train_players()")
        self.task = Event() if task is None else task
        _expect_stage(self.task)
        if trial not in TRIALS:
            raise ShapeError(f"trial = {trial!r}", wanted=f"one of {', '.join(TRIALS)}")
        self.trial, self.seed, self.title = trial, seed, title
        self.names = [str(name) for name in models]
        world = self.task.world
        self.programs = {}
        for name, model in models.items():
            try:
                self.programs[str(name)] = program_of(model, world.frames, world.size)
            except ShapeError as error:
                raise ShapeError(f"{name}: {error.what}", wanted=error.wanted, mend=error.mend) from error
        self.accuracy = _checked(accuracy, self.names)
        self._weights = base64.b64encode(b"".join(each.weights().tobytes() for each in self.programs.values())).decode()
        self._expect_room()
        self.clip = self._first_window()
        self.p = np.stack([self._answers(model) for model in models.values()])  # models, (as it was, trial), classes
        shape = (world.frames, 3, world.size, world.size)
        self.costs = [
            (t.parameters, t.macs) for t in (anatomy.table(m, shape, receptive_fields=False) for m in models.values())
        ]
        self.alt = self._alt()

    def state(self) -> dict:
        world, starts = self.task.world, np.cumsum([0, *(each.length for each in self.programs.values())]).tolist()
        networks = [
            {
                "name": name,
                "program": {"ops": each.ops, "split": each.split, "start": start, "end": start + each.length},
                "parameters": parameters,
                "macs": macs,
                "accuracy": self.accuracy and self.accuracy[name],
            }
            for (name, each), (parameters, macs), start in zip(self.programs.items(), self.costs, starts, strict=False)
        ]
        actors, n = self._scene.actors, self.task.shown
        stage = {
            "size": world.size, "frames": world.frames, "shown": n, "noise": world.noise,
            "background": world.background, "speed": list(world.speed), "radius": list(world.radii), "fps": FPS,
            "palette": palette(), "colours": [COLOURS.index(each) for each in world.colours],
            "shapes": [SHAPES.index(each) for each in world.shapes],
            "actor": {name: getattr(actors, name).item() for name in ("colour", "shape", "angle", "radius", "stripes")},
            "at": {"x": actors.x.item() - BEFORE * self.pace, "y": actors.y.item()},
            "waves": self._scene.waves[0, 1:].tolist(),
        }  # fmt: skip
        return {
            "world": stage,
            "classes": list(self.task.names),
            "trials": {trial: WORDS[trial].format(n=n) for trial in TRIALS},
            "networks": networks,
            "weights": self._weights,
            "trial": self.trial,
            "seed": self.seed,
            "caption": self.title,
        }

    @property
    def pace(self) -> float:
        """Of the first object, in pixels per frame."""
        low, high = self.task.world.speed
        return low + PACE * (high - low)

    @cached_property
    def _scene(self):
        """The first object, running to the right."""
        world = replace(self.task.world, onset=(0, 0), motions=("right",), speed=(self.pace, self.pace))
        scene = world.sample(1, seed=self.seed, split="playground")
        scene.actors.x[:], scene.actors.y[:] = world.size / 2 - 2, world.size / 2
        return scene

    def _first_window(self) -> torch.Tensor:
        """The first view's frames: as they were, and in the trial; `2 t c h w`."""
        clip = self._scene.clip
        chance = torch.Generator().manual_seed(self.seed)
        return torch.cat([clip, self.task.spoil(clip, self.trial, chance)])

    def _answers(self, model: nn.Module) -> np.ndarray:
        p = probabilities_of(model, {"first": self.clip})["first"].numpy()
        if p.shape[1] != self.task.classes:
            wanted = f"{self.task.classes}: {', '.join(self.task.names)}"
            raise ShapeError(f"a network of {p.shape[1]} classes", wanted=wanted, mend=f"classes={self.task.classes}")
        return p

    def _expect_room(self) -> None:
        size = len(self._weights) + sum(len(json.dumps(each.ops)) for each in self.programs.values())
        if size > ROOM:
            sizes = ", ".join(f"{name} {each.length:,}" for name, each in self.programs.items())
            what = f"networks of {size / 1000:.0f} KB in the page (weights: {sizes})"
            wanted = f"at most {ROOM / 1000:.0f} KB, about {3 * ROOM // 16000:,}000 weights"
            raise ShapeError(what, wanted=wanted, mend="smaller widths, hidden or dim, or fewer networks")

    @cached_property
    def _poster(self) -> Image.Image:
        return playground_poster(self)

    def poster_image(self) -> Image.Image:
        """The first view: the stage, the frames that the networks see, and what they say."""
        return self._poster

    def _alt(self) -> str:
        names, now = self.task.names, self.p[:, 1]
        size = f"{self.task.world.size}×{self.task.world.size}"
        told = "; ".join(
            f"{name}: {names[p.argmax()]} with probability {p.max():.2f}"
            for name, p in zip(self.names, now, strict=True)
        )
        networks = f"{len(now)} trained network" + "s" * (len(now) > 1)
        return (
            f"{self.title or 'Playground'}: a stage of {size} pixels on which an object can be moved, the "
            f"{self.task.world.frames} frames that {networks} see of it, and the probabilities that they give to "
            f"{', '.join(names)}. First view, an object that runs to the right, {self.trial}: {told}."
        )


def palette() -> list[list[float]]:
    """What each colour adds to an actor's brightness: red, green, blue."""
    k = torch.arange(len(COLOURS))
    rgb, _ = skin(k, torch.zeros(len(COLOURS), 1), torch.zeros(len(COLOURS), 1), torch.zeros(len(COLOURS)))
    return rgb.tolist()


def _expect_stage(task: Event) -> None:
    world = task.world
    plain = world.objects == 1 and not world.camera and not world.flicker and world.stage == "torus"
    fits = world.visible == "event" and 1 < task.shown < world.frames and world.speed[0] > 0
    if not plain or not fits or world.motions != Event().world.motions:
        wanted = "one object that is there in some of the frames and runs in four directions, on a torus at rest"
        raise ShapeError(f"a stage that is {world}", wanted=wanted, mend="Event()")


def _checked(accuracy, names: list[str]) -> dict[str, dict[str, float]] | None:
    if accuracy is None:
        return None
    for name in names:
        for trial in TRIALS:
            value = accuracy.get(name, {}).get(trial)
            if value is None or not 0 <= value <= 1:
                raise ShapeError(f"accuracy of {name!r}, {trial}: {value}", wanted="a share from 0 to 1 for each")
    return {name: {trial: round(float(accuracy[name][trial]), 4) for trial in TRIALS} for name in names}
