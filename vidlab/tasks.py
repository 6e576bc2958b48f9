"""The tasks behind the tables of `data/results.json`: what a model learns from, and what it is asked afterwards.

A task is a recipe with two methods. `training(seed)` gives clips and labels; `measure(model, seed, split)` asks a
trained model about clips that it has never seen, and answers column by column. Every seed draws other clips.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import torch
from einops import repeat
from jaxtyping import Int64, UInt8
from torch import Tensor, nn

from .evaluation import Estimate, bootstrap, evaluate, joint
from .sampling import even_starts, random_starts, take
from .time_use import freeze, reverse, shuffle
from .torus import World
from .training import number_for, roll

Data = tuple[UInt8[Tensor, "n t c h w"], Int64[Tensor, " n"]]


@lru_cache(maxsize=2)
def films(world: World, n: int, seed: int, split: str) -> tuple[Tensor, dict[str, Tensor], Tensor]:
    """The clips of a world, their labels, and where the first actor is in the first frame; drawn once for all rows."""
    scenes = world.sample(n, seed=seed, split=split)
    return scenes.clip, scenes.label, scenes.position[:, 0, 0]


@dataclass(frozen=True)
class Name:
    """Name one kind of label: "colour", "shape" or "motion"."""

    label: str
    world: World = World()
    clips: int = 2048
    tests: int = 800

    @property
    def classes(self) -> int:
        return len(getattr(self.world, f"{self.label}s"))

    @property
    def columns(self) -> tuple[str, ...]:
        return ("direction" if self.label == "motion" else self.label,)

    @property
    def augment(self):
        return roll if self.world.stage == "torus" else None

    loss = None  # cross entropy

    def build(self, model: type[nn.Module], seed: int, **options: Any) -> nn.Module:
        """The model with the first weights of this seed."""
        torch.manual_seed(seed)
        return model(self.classes, **options)

    def training(self, seed: int, n: int | None = None) -> Data:
        clip, label, _ = films(self.world, n or self.clips, seed, "train")
        return clip, label[self.label]

    def fresh(self, seed: int, split: str) -> Data:
        """Clips that no model has learned from."""
        clip, label, _ = films(self.world, self.tests, seed, split)
        return clip, label[self.label]

    def measure(self, model: nn.Module, seed: int, split: str) -> dict[str, Estimate]:
        return {self.columns[0]: evaluate(model, *self.fresh(seed, split)).hit1}


@dataclass(frozen=True)
class Direction(Name):
    """Name the direction; then again with the frames of each clip shuffled, and with the film run backwards.

    axis: whether it is right about horizontal or vertical. reversed: how often a film run backwards is given the
    *opposite* direction, which is the right answer.
    """

    label: str = "motion"

    @property
    def columns(self) -> tuple[str, ...]:
        return "direction", "axis", "shuffled", "reversed"

    def measure(self, model: nn.Module, seed: int, split: str) -> dict[str, Estimate]:
        clips, truth = self.fresh(seed, split)
        report = evaluate(model, clips, truth)
        axis = report.probabilities.argmax(1) % 2 == truth % 2
        chance = torch.Generator().manual_seed(number_for(seed, split, "shuffle"))
        shuffled = evaluate(model, shuffle(clips, chance), truth).hit1
        backwards = evaluate(model, reverse(clips), (truth + 2) % 4).hit1
        return dict(zip(self.columns, (report.hit1, bootstrap(axis.float()[:, None])[0], shuffled, backwards)))  # noqa: B905


@dataclass(frozen=True)
class Shortcut(Direction):
    """Learn direction from the first frame, from the last, or from all; then see only one of them, or all."""

    seen: str = "all"

    @property
    def columns(self) -> tuple[str, ...]:
        return "first frame", "last frame", "all frames"

    def training(self, seed: int, n: int | None = None) -> Data:
        clips, truth = super().training(seed, n)
        return {"first": clips[:, :1], "last": clips[:, -1:], "all": clips}[self.seen], truth

    def measure(self, model: nn.Module, seed: int, split: str) -> dict[str, Estimate]:
        clips, truth = self.fresh(seed, split)
        shown = freeze(clips, 0), freeze(clips, self.world.frames - 1), clips
        return {name: evaluate(model, some, truth).hit1 for name, some in zip(self.columns, shown, strict=True)}


@dataclass(frozen=True)
class Centred(Name):
    """Name the shape of a small object in a still, within `most` pixels of the middle; then anywhere."""

    label: str = "shape"
    world: World = World(frames=1, size=64, radius=(4.5, 5.5))
    clips: int = 4096
    most: int = 6

    augment = None

    @property
    def columns(self) -> tuple[str, ...]:
        return "centred", "anywhere"

    def near(self, n: int, seed: int, split: str) -> Data:
        """The same stills, rolled until the object stands near the middle."""
        clips, label, place = films(self.world, n, seed, split)
        chance = torch.Generator().manual_seed(number_for(seed, split, "centre"))
        jitter = torch.randint(-self.most, self.most + 1, (n, 2), generator=chance)
        move = (self.world.size // 2 + jitter - place.round().long()).tolist()
        rolled = [clip.roll((y, x), (-2, -1)) for clip, (x, y) in zip(clips, move, strict=True)]
        return torch.stack(rolled), label[self.label]

    def training(self, seed: int, n: int | None = None) -> Data:
        return self.near(n or self.clips, seed, "train")

    def measure(self, model: nn.Module, seed: int, split: str) -> dict[str, Estimate]:
        looks = self.near(self.tests, seed, split), self.fresh(seed, split)
        return {name: evaluate(model, *look).hit1 for name, look in zip(self.columns, looks, strict=True)}


@dataclass(frozen=True)
class Onset(Name):
    """Name the direction of an event of four frames; then of events that begin at frame 0, 1, … 7, each apart."""

    label: str = "motion"
    world: World = World(frames=12, onset=(0, 2), duration=4, visible="event")
    tests: int = 300

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(f"at {onset}" for onset in range(self.world.frames - self.world.event))

    def measure(self, model: nn.Module, seed: int, split: str) -> dict[str, Estimate]:
        scores = {}
        for onset, name in enumerate(self.columns):
            there = replace(self.world, onset=(onset, onset))
            scores[name] = evaluate(model, *replace(self, world=there).fresh(seed, split)).hit1
        return scores


@dataclass(frozen=True)
class Videos(Name):
    """Sports-1M in miniature: learn from short clips cut at random, each with its video's label; name whole videos.

    The object is always there, and moves only during an event of 16 of 32 frames. So some clips show nothing of it, and
    bear its label all the same, as in Karpathy et al. 2014 (section 4). A class is a colour and one of six motions, all
    alike in every single frame: who sees one frame can know the colour, and has six candidates left. Its Hit@1 is at
    most 1/6, its Hit@5 at most 5/6. Who sees several, but not their order, can know "left or right": at most 1/2.

    clips: how many videos; `cuts` clips of each are learned from, and `shown` evenly spaced ones are scored.
    """

    label: str = "colour and motion"
    world: World = World(
        frames=32,
        onset=(0, 16),
        duration=15,
        speed=(1.5, 2.5),
        motions=("right", "down", "left", "up", "clockwise", "anticlockwise"),
    )
    clips: int = 1024
    tests: int = 500
    frames: int = 8
    cuts: int = 4
    shown: int = 7

    @property
    def classes(self) -> int:
        return len(self.world.colours) * len(self.world.motions)

    @property
    def columns(self) -> tuple[str, ...]:
        return "clip Hit@1", "video Hit@1", "video Hit@5"

    def videos(self, n: int, seed: int, split: str) -> Data:
        clip, label, _ = films(self.world, n, seed, split)
        return clip, joint(label, {"colour": len(self.world.colours), "motion": len(self.world.motions)})

    def training(self, seed: int, n: int | None = None) -> Data:
        videos, labels = self.videos(n or self.clips, seed, "train")
        chance = torch.Generator().manual_seed(number_for(seed, "cuts"))
        cut = lambda: random_starts(self.world.frames, self.frames, n=self.cuts, generator=chance)  # noqa: E731
        clips = torch.cat([take(video, cut(), self.frames) for video in videos])
        return clips, repeat(labels, "v -> (v k)", k=self.cuts)

    def measure(self, model: nn.Module, seed: int, split: str) -> dict[str, Estimate]:
        videos, labels = self.videos(self.tests, seed, split)
        starts = even_starts(self.world.frames, self.frames, n=self.shown)
        clips = torch.stack([take(video, starts, self.frames) for video in videos])
        report = evaluate(model, clips, labels)
        return dict(zip(self.columns, (report.clip_hit1, report.hit1, report.hit5), strict=True))
