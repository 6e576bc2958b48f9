"""The tasks behind the tables of lessons 08 and 09: few clips and stills, far events, frames to come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from einops import rearrange, reduce, repeat
from torch import Tensor, nn

from . import models
from .errors import ShapeError
from .evaluation import Estimate, as_floats, bootstrap, evaluate, joint
from .tasks import Data, Name, films
from .time_use import reverse
from .torus import World
from .training import fit, roll

BATCH = 64  # clips that are asked about at once


@dataclass(frozen=True)
class Few(Name):
    """Name colour and direction, sixteen classes, of few clips; an image network may learn from stills first.

    start: "scratch", or how its filters are inflated, "mean" or "centre". stills: what it names the colour of before
    that: "own", frames of the same clips; "fresh", 4096 others; "none": its filters are random. In time, all of them
    repeat the edge frames: zeros would spoil the answers of the mean, and of it only, from the beginning.
    """

    label: str = "colour and motion"
    clips: int = 512
    start: str = "scratch"
    stills: str = "own"

    @property
    def classes(self) -> int:
        return len(self.world.colours) * len(self.world.motions)

    @property
    def columns(self) -> tuple[str, ...]:
        return ("both", "colour", "direction")

    def build(self, model: type[nn.Module], seed: int, **options: Any) -> nn.Module:
        if self.start not in ("scratch", "mean", "centre") or self.stills not in ("own", "fresh", "none"):
            raise ShapeError(f"start={self.start!r}, stills={self.stills!r}", wanted="names that the docstring has")
        torch.manual_seed(seed)
        net = models.SingleFrame(self.classes)
        if self.start == "scratch":  # the same network, its filters drawn as those of any 3D network
            net = models.inflate(net, padding="replicate")
            for layer in net.modules():
                if isinstance(layer, nn.Conv3d):
                    layer.reset_parameters()
            return model(net)
        if self.stills != "none":
            net.backbone.load_state_dict(taught_by_stills(self.world, self.clips, self.stills, seed))
        return model(models.inflate(net, mode=self.start, padding="replicate"))

    def training(self, seed: int, n: int | None = None) -> Data:
        return self.named(n or self.clips, seed, "train")

    def fresh(self, seed: int, split: str) -> Data:
        return self.named(self.tests, seed, split)

    def named(self, n: int, seed: int, split: str) -> Data:
        clip, label, _ = films(self.world, n, seed, split)
        return clip, joint(label, self.kinds)

    @property
    def kinds(self) -> dict[str, int]:
        return {"colour": len(self.world.colours), "motion": len(self.world.motions)}

    def measure(self, model: nn.Module, seed: int, split: str) -> dict[str, Estimate]:
        report = evaluate(model, *self.fresh(seed, split), kinds=self.kinds)
        return dict(zip(self.columns, (report.hit1, *report.kinds.values()), strict=True))


@lru_cache(maxsize=4)
def taught_by_stills(world: World, clips: int, stills: str, seed: int, steps: int = 400) -> dict[str, Tensor]:
    """The backbone of an image network that names the colour of stills."""
    if stills == "own":
        clip, label, _ = films(world, clips, seed, "train")
        images = rearrange(clip, "b t c h w -> (b t) 1 c h w")
        colour = repeat(label["colour"], "b -> (b t)", t=clip.shape[1])
    else:
        drawn = World(frames=1).sample(4096, seed=seed, split="stills")
        images, colour = drawn.clip, drawn.label["colour"]
    torch.manual_seed(seed)
    net = models.SingleFrame(len(world.colours))
    fit(net, images, colour, steps=steps, seed=seed, augment=roll, progress=False, device="cpu")
    return {name: value.clone() for name, value in net.backbone.state_dict().items()}


@dataclass(frozen=True)
class Order(Name):
    """Say which of two events came first: red (0), or blue (1).

    An event is an object that is seen in one frame only; the world's onset says in which it may be, and the two are at
    least `gap` frames apart. A 3D network that sees k frames at once, k ≤ gap, never sees both; but unless k - 1 frames
    lie before the first and after the last, it sees how near an event is to the end of the clip, by the zeros of its
    padding, and so which came first.
    """

    label: str = "colour"
    world: World = World(
        frames=16, objects=2, colours=("red", "blue"), differ=("colour",), visible="event", duration=0, onset=(4, 11)
    )
    clips: int = 1024
    gap: int = 5

    @property
    def columns(self) -> tuple[str, ...]:
        return "order", "reversed"

    def training(self, seed: int, n: int | None = None) -> Data:
        return self.events(n or self.clips, seed, "train")

    def fresh(self, seed: int, split: str) -> Data:
        return self.events(self.tests, seed, split)

    def events(self, n: int, seed: int, split: str) -> Data:
        """Of the world's clips, the first n whose events are far enough apart."""
        return far_events(self.world, self.gap, n, seed, split)

    def measure(self, model: nn.Module, seed: int, split: str) -> dict[str, Estimate]:
        clips, first = self.fresh(seed, split)
        looks = (clips, first), (reverse(clips), 1 - first)
        return {name: evaluate(model, *look).hit1 for name, look in zip(self.columns, looks, strict=True)}


@lru_cache(maxsize=2)
def far_events(world: World, gap: int, n: int, seed: int, split: str) -> Data:
    """Clips of two events, at least `gap` frames apart, and the colour of the first."""
    drawn = world.sample(20 * n, seed=seed, split=split)  # drawn, not rendered: most of them are not wanted
    apart = drawn.actors.onset.diff(dim=1)[:, 0].abs()
    enough = (apart >= gap).nonzero()[:n, 0]
    if len(enough) < n:
        raise ShapeError(
            f"{len(enough)} of {20 * n} clips with events {gap} frames apart", wanted=f"{n}", mend="a smaller gap"
        )
    scenes = drawn.only(enough)
    first = scenes.actors.onset.argmin(dim=1, keepdim=True)
    return scenes.clip, scenes.label["colour"].gather(1, first)[:, 0]


@dataclass(frozen=True)
class Foretell(Name):
    """Say the next frame at every moment, and the eight frames after the clip; errors are shares of the error of
    copying the last frame that was seen, which counts as known exactly. Frames 1 and 2 are not asked for: a motion that
    was seen for a step or two is hard to know.
    """

    label: str = "next"
    world: World = World(frames=18, background=0.0, noise=0.0)
    clips: int = 1024
    tests: int = 400
    seen: int = 10

    augment = None
    # a field, as a function that is only an attribute would be taken for a method
    loss: Callable[..., Tensor] = models.forecast.next_frame_error

    @property
    def columns(self) -> tuple[str, ...]:
        return "next frame", *(f"{ahead} ahead" for ahead in (2, 4, 8))

    def build(self, model: type[nn.Module], seed: int, **options: Any) -> nn.Module:
        torch.manual_seed(seed)
        return model(**options)

    def training(self, seed: int, n: int | None = None) -> Data:
        clip = films(self.world, n or self.clips, seed, "train")[0][:, : self.seen]
        return clip, torch.zeros(len(clip), dtype=torch.int64)  # nobody names anything

    def measure(self, model: nn.Module, seed: int, split: str) -> dict[str, Estimate]:
        clips = films(self.world, self.tests, seed, split)[0]
        errors = torch.cat([self.errors(model, as_floats(part)) for part in clips.split(BATCH)])
        mine, copied = errors.unbind(1)
        return dict(zip(self.columns, bootstrap(mine / copied.mean(0)), strict=True))

    @torch.no_grad()
    def errors(self, model: nn.Module, clip: Tensor) -> Tensor:
        """Of each clip, by the model and by copying: n 2 columns."""
        told, after = clip[:, : self.seen], clip[:, self.seen :]
        said, last = model.rollout(told, after.shape[1]), told[:, -1:]
        square = lambda a, b: reduce((a - b) ** 2, "n t c h w -> n t", "mean")  # noqa: E731
        next_one = [square(guess, told[:, 3:]).mean(1) for guess in (model(told)[:, 2:-1], told[:, 2:-1])]
        ahead = [square(guess, after)[:, [1, 3, 7]] for guess in (said, last)]
        return torch.stack([torch.cat([a[:, None], b], 1) for a, b in zip(next_one, ahead, strict=True)], dim=1)
