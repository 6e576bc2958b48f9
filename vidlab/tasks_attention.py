"""The tasks behind the tables of lesson 10: far pairs that must be compared, and where a transformer looks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from einops import reduce
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import avg_pool3d

from . import models
from .errors import ShapeError
from .evaluation import Estimate, as_floats, bootstrap, evaluate
from .models.attention import PlaceByPlace
from .tasks import Data, Direction, Name, films
from .torus import World
from .training import fit, number_for, roll

BATCH = 64  # clips that are asked about at once


@dataclass(frozen=True)
class Pairs(Name):
    """Two objects are never nearer to each other than `far` pixels: say whether they are of one colour (1) or not (0).

    A network learns to name the colour of a single object first; then a block is inserted, and it learns to compare.
    """

    label: str = "same colour"
    world: World = World(frames=2, size=48, radius=(3.0, 3.6))
    tests: int = 600
    far: float = 23.0

    classes = 2

    def build(
        self, model: type[nn.Module], seed: int, *, after: int = 0, alone: bool = False, hidden: int = 0
    ) -> nn.Module:
        """after: the stage behind which a block is inserted. alone: one that treats each place by itself. hidden: units
        of a layer between the pooled vector and the answer."""
        net = model(len(self.world.colours))
        net.load_state_dict(taught_to_name(model, self.world, seed))
        torch.manual_seed(seed)
        if after:
            width = models.backbone.WIDTHS[after - 1]
            net.blocks.insert(after + 1, (PlaceByPlace if alone else models.NonLocal)(width))
        d = net.classify.in_features
        end = [nn.Linear(d, hidden), nn.ReLU(), nn.Linear(hidden, 2)] if hidden else [nn.Linear(d, 2)]
        net.classify = nn.Sequential(*end)
        return net

    def training(self, seed: int, n: int | None = None) -> Data:
        return far_pairs(self.world, self.far, n or self.clips, seed, "train")

    def fresh(self, seed: int, split: str) -> Data:
        return far_pairs(self.world, self.far, self.tests, seed, split)


@lru_cache(maxsize=4)
def taught_to_name(model: type[nn.Module], world: World, seed: int, steps: int = 100) -> dict[str, Tensor]:
    """A network that names the colour of one object."""
    clips, label, _ = films(world, 1024, seed, "train")
    torch.manual_seed(seed)
    net = model(len(world.colours))
    fit(net, clips, label["colour"], steps=steps, seed=seed, augment=roll, progress=False, device="cpu")
    return {name: value.clone() for name, value in net.state_dict().items()}


@lru_cache(maxsize=2)
def far_pairs(world: World, far: float, n: int, seed: int, split: str) -> Data:
    """Clips of two objects, half of them of one colour, in random order."""
    clips = []
    for k, how in enumerate(({"differ": ("colour",)}, {"share": ("colour",)})):
        drawn = replace(world, objects=2, **how).sample(6 * n, seed=seed, split=f"{split}, {k}")
        away = (drawn.position[:, :, 0] - drawn.position[:, :, 1]).abs()
        nearest = torch.minimum(away, world.size - away).norm(dim=-1).amin(1)
        enough = (nearest >= far).nonzero()[: n // 2, 0]
        if len(enough) < n // 2 or n % 2:
            came = f"{len(enough)} of {6 * n} clips whose objects are {far} pixels apart"
            raise ShapeError(came, wanted=f"half of {n}, an even number", mend="a smaller distance")
        clips.append(drawn.only(enough).clip)
    order = torch.randperm(2 * len(clips[0]), generator=torch.Generator().manual_seed(number_for(seed, split, "pairs")))
    return torch.cat(clips)[order], (order >= len(clips[0])).long()


@dataclass(frozen=True)
class Looking(Direction):
    """Name the direction; and where the attention lies that the answer is made of, as a multiple of the share of the
    clip that the moving object covers: 1 is what a blind look has.

    rollout: through all layers. last layer: what the class token takes from each place in the last layer over space.
    """

    @property
    def columns(self) -> tuple[str, ...]:
        return "direction", "rollout", "last layer"

    def measure(self, model: nn.Module, seed: int, split: str) -> dict[str, Estimate]:
        scenes = self.world.sample(self.tests, seed=seed, split=split)
        gains = []
        for stored, mask in zip(scenes.clip.split(BATCH), scenes.mask.split(BATCH), strict=True):
            clip, covered = as_floats(stored), avg_pool3d(mask[:, :, 0].float(), model.tubelets.tubelet)
            looks = model.look(clip), last_look(model, clip)
            gains.append(torch.stack([gain(look, covered) for look in looks], dim=1))
        right = evaluate(model, scenes.clip, scenes.label["motion"]).hit1
        return dict(zip(self.columns, (right, *bootstrap(torch.cat(gains))), strict=True))


def gain(look: Float[Tensor, "b t h w"], covered: Float[Tensor, "b t h w"]) -> Float[Tensor, " b"]:
    """The share of attention on the object, over the share of the clip that it covers.

    look: attention on each patch, sums to 1. covered: how much of each patch the object covers.
    """
    on_it = reduce(look * covered, "b t h w -> b", "sum")
    return on_it / reduce(covered, "b t h w -> b", "mean")


def last_look(model: nn.Module, clip: Tensor) -> Float[Tensor, "b t h w"]:
    """The class token's attention in the last layer over space, the mean of all heads; it sums to 1."""
    maps = model.attention(clip)
    if "joint" in maps:
        row = reduce(maps["joint"][:, -1], "b head q k -> b q k", "mean")[:, 0, 1:]
    else:
        row = reduce(maps["space"][:, -1], "b t head q k -> b t q k", "mean")[:, :, 0, 1:].flatten(1)
    return (row / row.sum(1, keepdim=True)).reshape(len(clip), *model.grid)
