"""The tasks behind the capstone's tables: five kinds of label, each asked of every model of the course.

Every clip is 32 × 32, on the torus, so that nothing but the label tells the kinds apart. Two streams see the same clips
with their flow.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from . import flow
from .errors import ShapeError
from .evaluation import Estimate, evaluate
from .tasks import Data, Name, films
from .tasks_beyond import Order, far_events
from .tasks_two_stream import FLOW
from .torus import World


@dataclass(frozen=True)
class Kind(Name):
    """One kind of label. sees: "clips", or "films", the same clips with the flow that is computed of them.

    Raises:
        ShapeError: when it is made, sees something else.
    """

    sees: str = "clips"

    def __post_init__(self) -> None:
        if self.sees not in ("clips", "films"):
            raise ShapeError(f"sees={self.sees!r}", wanted='"clips" or "films"', mend='sees="clips"')

    @property
    def asked(self) -> dict[str, World]:
        """Column → the world whose clips are asked about."""
        return {self.label: self.world}

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.asked)

    def drawn(self, world: World, n: int, seed: int, split: str) -> Data:
        clip, label, _ = films(world, n, seed, split)
        return clip, label[self.label]

    def seen(self, world: World, n: int, seed: int, split: str) -> Data:
        clips, label = self.drawn(world, n, seed, split)
        return (with_flow(clips) if self.sees == "films" else clips), label

    def training(self, seed: int, n: int | None = None) -> Data:
        return self.seen(self.world, n or self.clips, seed, "train")

    def fresh(self, seed: int, split: str) -> Data:
        return self.seen(self.world, self.tests, seed, split)

    def measure(self, model: nn.Module, seed: int, split: str) -> dict[str, Estimate]:
        looks = ((name, self.seen(world, self.tests, seed, split)) for name, world in self.asked.items())
        return {name: evaluate(model, *look).hit1 for name, look in looks}


def with_flow(clips: Tensor) -> Tensor:
    """Films with flow; computed once, then read from disk."""
    return flow.film(clips, flow.fields(clips, **FLOW))


@dataclass(frozen=True)
class Colour(Kind):
    """What colour is it? Any frame tells."""

    label: str = "colour"


@dataclass(frozen=True)
class Direction(Kind):
    """Which way does it go? Learned where the camera rests; asked also where it moves, and in more noise."""

    label: str = "motion"

    @property
    def asked(self) -> dict[str, World]:
        worlds = self.world, replace(self.world, camera=0.5), replace(self.world, noise=0.1)
        return dict(zip(("direction", "camera moves", "noise"), worlds, strict=True))


@dataclass(frozen=True)
class Event(Kind):
    """Which way does it go, in the four frames in which it is seen? Learned where they come early in the clip."""

    label: str = "motion"
    world: World = World(frames=12, onset=(0, 2), duration=4, visible="event")

    @property
    def asked(self) -> dict[str, World]:
        return {"event": self.world, "event, later": replace(self.world, onset=(5, 7))}


@dataclass(frozen=True)
class First(Kind):
    """Which comes first, red or blue? Each is seen for one frame, five frames or more from the other."""

    label: str = "order"
    world: World = Order().world
    gap: int = Order().gap
    clips: int = 1024

    @property
    def classes(self) -> int:
        return 2

    def drawn(self, world: World, n: int, seed: int, split: str) -> Data:
        return far_events(world, self.gap, n, seed, split)


@dataclass(frozen=True)
class RedOne(Kind):
    """Where does the *red* one go? A red and a blue object of one silhouette go different ways."""

    label: str = "red one"
    world: World = World(objects=2, colours=("red", "blue"), differ=("colour", "motion"), share=("shape",))

    @property
    def classes(self) -> int:
        return len(self.world.motions)

    def drawn(self, world: World, n: int, seed: int, split: str) -> Data:
        clip, label, _ = films(world, n, seed, split)
        red = (label["colour"] == world.colours.index("red")).int().argmax(1, keepdim=True)
        return clip, torch.gather(label["motion"], 1, red)[:, 0]
