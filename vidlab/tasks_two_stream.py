"""The tasks behind the tables of lessons 11 to 13: what is there and where it goes, seen by two streams."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from . import flow, models
from .errors import ShapeError
from .evaluation import Estimate, as_floats, bootstrap, evaluate, joint
from .tasks import Data, Name
from .tasks_beyond import far_events
from .torus import World
from .training import fit, roll

FRAMES = 6  # five fields
FLOW = {"method": "lucas_kanade", "radius": 4, "warps": 2}  # how flow is computed, unless said otherwise


@lru_cache(maxsize=3)
def filmed(world: World, n: int, seed: int, split: str, less: str = "none") -> tuple[Tensor, dict[str, Tensor]]:
    """Films with flow, and their labels. less: what each field is freed of, see `flow.less_camera`."""
    scenes = world.sample(n, seed=seed, split=split)
    fields = flow.less_camera(flow.fields(scenes.clip, **FLOW), less)
    return flow.film(scenes.clip, fields), scenes.label


@dataclass(frozen=True)
class Both(Name):
    """Name colour and direction of one object, sixteen classes; then each of them, as the same answer has it."""

    label: str = "colour and motion"
    world: World = World(frames=FRAMES)

    @property
    def kinds(self) -> dict[str, int]:
        return {"colour": len(self.world.colours), "motion": len(self.world.motions)}

    @property
    def classes(self) -> int:
        return len(self.world.colours) * len(self.world.motions)

    @property
    def columns(self) -> tuple[str, ...]:
        return "both", "colour", "direction"

    def named(self, n: int, seed: int, split: str) -> Data:
        films, label = filmed(self.world, n, seed, split)
        return films, joint(label, self.kinds)

    def training(self, seed: int, n: int | None = None) -> Data:
        return self.named(n or self.clips, seed, "train")

    def fresh(self, seed: int, split: str) -> Data:
        return self.named(self.tests, seed, split)

    def measure(self, model: nn.Module, seed: int, split: str) -> dict[str, Estimate]:
        report = evaluate(model, *self.fresh(seed, split), kinds=self.kinds)
        return dict(zip(self.columns, (report.hit1, *report.kinds.values()), strict=True))


@dataclass(frozen=True)
class Registered(Name):
    """Where does the *red* one go? A red and a blue object of one silhouette go different ways.

    A picture says which of them is red, flow says which ways the two go; no sum of two answers knows which goes where.

    sees: "films" with flow, or "clips".
    """

    label: str = "motion"
    world: World = World(
        frames=FRAMES, objects=2, colours=("red", "blue"), differ=("colour", "motion"), share=("shape",)
    )
    sees: str = "films"

    def __post_init__(self) -> None:
        if self.sees not in ("films", "clips"):
            raise ShapeError(f"sees={self.sees!r}", wanted='"films" or "clips"')

    @property
    def columns(self) -> tuple[str, ...]:
        return ("red one",)

    def named(self, n: int, seed: int, split: str) -> Data:
        if self.sees == "clips":
            scenes = self.world.sample(n, seed=seed, split=split)
            films, label = scenes.clip, scenes.label
        else:
            films, label = filmed(self.world, n, seed, split)
        red = (label["colour"] == self.world.colours.index("red")).int().argmax(1, keepdim=True)
        return films, label["motion"].gather(1, red)[:, 0]

    def training(self, seed: int, n: int | None = None) -> Data:
        return self.named(n or self.clips, seed, "train")

    def fresh(self, seed: int, split: str) -> Data:
        return self.named(self.tests, seed, split)


@dataclass(frozen=True)
class Sooner(Name):
    """Which one moves first, the red or the blue? Both are there all the time; each moves for three steps.

    The second one begins `gap` frames after the first or later, so that no stack of three fields holds both events. And
    events keep away from the ends of the film: otherwise a first one would be seen going on more often than beginning.
    Run backwards, the film of seven moments, two apart, is such a film again.
    """

    label: str = "colour"
    world: World = World(
        frames=16, objects=2, colours=("red", "blue"), differ=("colour",), share=("shape",), duration=3, onset=(3, 9)
    )
    clips: int = 1024
    gap: int = 5

    @property
    def columns(self) -> tuple[str, ...]:
        return ("which first",)

    def named(self, n: int, seed: int, split: str) -> Data:
        return sooner(self.world, self.gap, n, seed, split)

    def training(self, seed: int, n: int | None = None) -> Data:
        return self.named(n or self.clips, seed, "train")

    def fresh(self, seed: int, split: str) -> Data:
        return self.named(self.tests, seed, split)


@lru_cache(maxsize=2)
def sooner(world: World, gap: int, n: int, seed: int, split: str) -> Data:
    """Films with flow of two events, and the colour of what moves first."""
    clips, first = far_events(world, gap, n, seed, split)
    return flow.film(clips, flow.fields(clips, **FLOW)), first


LESS = {"flow": "none", "less mean": "mean", "less median": "median"}  # what is seen → what it is freed of
DISTURBANCES = {
    "noise": ("noise", (0.06, 0.1, 0.2)),
    "camera": ("camera", (0.25, 0.5, 1.0)),
    "flicker": ("flicker", (0.1, 0.2, 0.4)),
}


@dataclass(frozen=True)
class Disturbed(Name):
    """Learn the direction from clean films; name it then in films with more noise, a moving camera, flickering light.

    sees: "clips"; "flow", as it is computed; "less mean", "less median", freed of what all pixels share; "truth", as it
    is. The last four are films with flow.

    Raises:
        ShapeError: when it is made, sees something else.
    """

    label: str = "motion"
    world: World = World(frames=FRAMES)
    tests: int = 400
    sees: str = "clips"

    def __post_init__(self) -> None:
        kinds = "clips", "truth", *LESS
        if self.sees not in kinds:
            raise ShapeError(f"sees={self.sees!r}", wanted=f"one of {', '.join(kinds)}", mend='sees="flow"')

    @property
    def columns(self) -> tuple[str, ...]:
        levels = (f"{name} {level:g}" for name, (_, levels) in DISTURBANCES.items() for level in levels)
        return "clean", *levels

    def build(
        self, model: type[nn.Module], seed: int, *, motion: str = "", frozen: bool = False, **options: Any
    ) -> nn.Module:
        """motion: "" for what sees films with flow; a MotionNet in front, "learned" from frames alone or "random".
        frozen: it stays as it is.

        Raises:
            ShapeError: another motion.
        """
        if motion not in ("", "learned", "random"):
            raise ShapeError(f"motion={motion!r}", wanted='"", "learned" or "random"', mend='motion="learned"')
        stream = super().build(model, seed, **options)
        if not motion:
            return stream
        net = copy.deepcopy(learned_flow(self.world, seed)) if motion == "learned" else models.MotionNet()
        return models.HiddenTwoStream(net.requires_grad_(not frozen), stream)

    def seen(self, world: World, n: int, seed: int, split: str) -> Data:
        if self.sees == "clips":
            scenes = world.sample(n, seed=seed, split=split)
            return scenes.clip, scenes.label["motion"]
        if self.sees == "truth":
            scenes = world.sample(n, seed=seed, split=split)
            return flow.film(scenes.clip, scenes.flow), scenes.label["motion"]
        films, label = filmed(world, n, seed, split, LESS[self.sees])
        return films, label["motion"]

    def training(self, seed: int, n: int | None = None) -> Data:
        return self.seen(self.world, n or self.clips, seed, "train")

    def fresh(self, seed: int, split: str) -> Data:
        return self.seen(self.world, self.tests, seed, split)

    def measure(self, model: nn.Module, seed: int, split: str) -> dict[str, Estimate]:
        worlds = [self.world]
        for field, levels in DISTURBANCES.values():
            worlds += [replace(self.world, **{field: level}) for level in levels]
        looks = (evaluate(model, *self.seen(world, self.tests, seed, split)).hit1 for world in worlds)
        return dict(zip(self.columns, looks, strict=True))


@dataclass(frozen=True)
class AtSpeed(Disturbed):
    """Learn and name the direction where all objects move at one speed, in pixels per frame. sees: as above."""

    speed: float = 0.25

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "world", replace(self.world, speed=(self.speed, self.speed)))

    @property
    def columns(self) -> tuple[str, ...]:
        return ("direction",)

    def measure(self, model: nn.Module, seed: int, split: str) -> dict[str, Estimate]:
        return {"direction": evaluate(model, *self.fresh(seed, split)).hit1}


MOTION = {"steps": 250, "batch": 16, "lr": 4e-3}  # how a MotionNet learns flow


@dataclass(frozen=True)
class LearnFlow(Name):
    """Learn flow from frames alone; then its mean distance from the truth, in hundredths of a pixel per frame.

    On the object, where the truth is 1 to 2 pixels, or "all", everywhere; beside it Lucas–Kanade, Horn–Schunck, and who
    says that all is at rest, on the same clips. smooth, structure: the weights of two terms of the loss.
    """

    label: str = "flow"
    world: World = World(frames=FRAMES)
    clips: int = 1024
    tests: int = 300
    smooth: float = models.motion_net.SMOOTHNESS
    structure: float = models.motion_net.STRUCTURE

    @property
    def columns(self) -> tuple[str, ...]:
        who = "MotionNet", "Lucas–Kanade", "Horn–Schunck", "at rest"
        return *who, *(f"{name}, all" for name in who)

    def loss(self, said: Tensor, clip: Tensor, labels: Tensor | None) -> Tensor:
        return models.motion_net.unsupervised_loss(said, clip, smooth=self.smooth, structure=self.structure)

    def build(self, model: type[nn.Module], seed: int, **options: Any) -> nn.Module:
        torch.manual_seed(seed)
        return model(**options)

    def training(self, seed: int, n: int | None = None) -> Data:
        clip = self.world.sample(n or self.clips, seed=seed, split="train").clip
        return clip, torch.zeros(len(clip), dtype=torch.int64)  # nobody names anything

    @torch.no_grad()
    def measure(self, model: nn.Module, seed: int, split: str) -> dict[str, Estimate]:
        scenes = self.world.sample(self.tests, seed=seed, split=split)
        learned = torch.cat([model(as_floats(part)) for part in scenes.clip.split(64)])
        known = flow.fields(scenes.clip, **FLOW), flow.fields(scenes.clip, "horn_schunck")
        said = learned, *known, torch.zeros_like(learned)
        masks = scenes.mask, torch.ones_like(scenes.mask)
        errors = [distance(each, scenes.flow, mask) for mask in masks for each in said]
        return dict(zip(self.columns, bootstrap(torch.stack(errors, dim=1)), strict=True))


def distance(said: Tensor, truth: Tensor, mask: Tensor) -> Float[Tensor, " n"]:
    """The mean end-point error of each clip, in pixels, where the mask is (that of the frame where flow begins)."""
    there = mask[:, :-1, 0].float()
    return ((said - truth).norm(dim=2) * there).sum((1, 2, 3)) / there.sum((1, 2, 3))


@lru_cache(maxsize=4)
def learned_flow(world: World, seed: int) -> models.MotionNet:
    """A MotionNet that has learned flow from frames alone; do not change it, copy it."""
    task = LearnFlow(world=world)
    net = task.build(models.MotionNet, seed)
    fit(net, *task.training(seed), loss=task.loss, **MOTION, seed=seed, augment=roll, progress=False, device="cpu")
    return net
