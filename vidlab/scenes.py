"""Scenes: clips of a world (torus.py), rendered from what its actors (actors.py) do, and the answers to them."""

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from einops import rearrange
from jaxtyping import Bool, Float, Int64, UInt8
from torch import Tensor

from .actors import COLOURS, MOTIONS, SHAPES, Actors, outside, skin
from .textures import drifting_waves

if TYPE_CHECKING:
    from .torus import World

WAVES = 20  # of the background
CHUNK = 128  # clips rendered at once
RIM = 0.6  # how much darker an actor's outline is


@dataclass(frozen=True)
class Scenes:
    """Clips of a world with their answers, each rendered when it is first asked for."""

    world: "World"
    actors: Actors
    waves: Float[Tensor, "b k"]
    grain: torch.Generator = field(repr=False)

    def __len__(self) -> int:
        return len(self.waves)

    def only(self, rows: Int64[Tensor, " k"]) -> "Scenes":
        """Some of the clips, by their numbers; the others need never be rendered."""
        grain = torch.Generator(self.grain.device)
        grain.set_state(self.grain.get_state())
        actors = Actors(**{name: value[rows] for name, value in vars(self.actors).items()})
        return Scenes(self.world, actors, self.waves[rows], grain)

    @cached_property
    def label(self) -> dict[str, Tensor]:
        """Name → int64, `b`, or `b o` of two objects: colour, shape, motion (places in the world's lists), onset."""
        lists = {"colour": (self.world.colours, COLOURS), "shape": (self.world.shapes, SHAPES)}
        lists["motion"] = (self.world.motions, MOTIONS)
        labels = {"onset": self.actors.onset}
        for name, (allowed, all_there_are) in lists.items():
            places = [allowed.index(each) if each in allowed else -1 for each in all_there_are]
            labels[name] = torch.tensor(places, device=self.waves.device)[getattr(self.actors, name)]
        return {name: value[:, 0] if self.world.objects == 1 else value for name, value in labels.items()}

    @cached_property
    def position(self) -> Float[Tensor, "b t o 2"]:
        """(x, y) of each actor's centre, in pixels, inside the frame; with the camera's motion."""
        time = torch.arange(self.world.frames, device=self.waves.device)
        shift = rearrange(self._camera(), "b d -> b 1 1 d") * time[:, None, None]
        return (self.actors.pose(self.world.frames)[0] + shift).remainder(self.world.size)

    @cached_property
    def visible(self) -> Bool[Tensor, "b t o"]:
        """Whether an actor is on the stage in frame t."""
        time = torch.arange(self.world.frames, device=self.waves.device)[:, None]
        first, last = self.actors.onset[:, None], (self.actors.onset + self.actors.duration)[:, None]
        return (time >= first) & (time <= last) | (self.world.visible == "always")

    @cached_property
    def clip(self) -> UInt8[Tensor, "b t c h w"]:
        """The clips as stored; `clip.float() / 255` is what models see."""
        return torch.cat([self._film(i, i + CHUNK) for i in range(0, len(self), CHUNK)])

    @cached_property
    def mask(self) -> Bool[Tensor, "b t o h w"]:
        """The pixels of which an actor covers half or more; the second stands in front of the first."""
        parts = range(0, len(self), CHUNK)
        covers = [torch.cat([self._stand(o, i, i + CHUNK)[0] >= 0.5 for i in parts]) for o in range(self.world.objects)]
        if self.world.objects == 2:
            covers[0] &= ~covers[1]
        return torch.stack(covers, dim=2)

    @cached_property
    def flow(self) -> Float[Tensor, "b steps 2 h w"]:
        """(u, v) in pixels per frame from t to t+1, of what each pixel of frame t shows."""
        world, actors = self.world, self.actors
        camera = rearrange(self._camera(), "b d -> b 1 d 1 1")
        flow = camera.expand(-1, world.frames - 1, -1, world.size, world.size)
        steps = actors.moved(world.frames).diff(dim=1)  # 1 while it moves, b t-1 o
        turn, grow = actors.turning()[:, None] * steps, (actors.growth()[:, None] * steps).exp()
        walk = rearrange(actors.velocity()[:, None] * steps[..., None], "b t o d -> b t o d 1 1")
        for o in range(world.objects):
            x, y = (axis[:, :-1] for axis in self._away(o, 0, len(self)))
            cos, sin = (rearrange(grow * each, "b t o -> o b t 1 1")[o] for each in (turn.cos(), turn.sin()))
            bend = torch.stack([cos * x - sin * y - x, sin * x + cos * y - y], dim=2)
            flow = torch.where(self.mask[:, :-1, o, None], camera + walk[:, :, o] + bend, flow)
        return flow

    def _camera(self) -> Float[Tensor, "b 2"]:
        angle = 2 * math.pi * self.waves[:, 0]
        return self.world.camera * torch.stack([angle.cos(), angle.sin()], dim=1)

    def _away(self, o: int, start: int, end: int) -> tuple[Float[Tensor, "b t h w"], Float[Tensor, "b t h w"]]:
        """From the nearest image of the actor's centre on the torus to every pixel, in x and y."""
        size, place = self.world.size, self.position[start:end, :, o]
        grid = torch.arange(size, device=place.device)
        near = [(grid - place[..., axis, None] + size / 2).remainder(size) - size / 2 for axis in (0, 1)]
        shape = (*place.shape[:2], size, size)
        return near[0][:, :, None].expand(shape), near[1][..., None].expand(shape)

    def _stand(self, o: int, start: int, end: int) -> tuple[Float[Tensor, "b t h w"], Float[Tensor, "b t c h w"]]:
        """Of actor o: the share of each pixel that it covers, and what it looks like there."""
        actors = self.actors.rows(start, end)
        x, y = self._away(o, start, end)
        _, angle, size = (each[:, :, o] for each in actors.pose(self.world.frames))
        unit = actors.radius[:, None, o] * size
        cos, sin = ((each / unit)[..., None, None] for each in (angle.cos(), angle.sin()))
        x, y = cos * x + sin * y, cos * y - sin * x  # the actor's own axes, in units of its radius
        distance = outside(actors.shape[:, o], x, y) * unit[..., None, None]
        cover = (0.5 - distance).clamp(0, 1) * self.visible[start:end, :, o, None, None]
        rgb, light = skin(actors.colour[:, o], x, y, actors.stripes[:, o])
        rim = 1 - RIM * (1.5 + distance).clamp(0, 1)  # within a pixel of its edge it is darker
        return cover, rim.unsqueeze(2) * (light.unsqueeze(2) + rearrange(rgb, "b c -> b 1 c 1 1"))

    def _film(self, start: int, end: int) -> UInt8[Tensor, "b t c h w"]:
        world = self.world
        numbers = self.waves[start:end, 1:].reshape(-1, 3, WAVES)
        cycles = (numbers[:, :2] * 13).floor() - 6  # whole in the frame: the torus closes
        cycles[:, 0] += (cycles == 0).all(1)
        moving = world.frames if world.camera else 1
        waves = drifting_waves(cycles, 2 * math.pi * numbers[:, 2], self._camera()[start:end], moving, world.size)
        clip = (0.42 + world.background * torch.tanh(waves)).expand(-1, world.frames, 3, -1, -1)
        for o in range(world.objects):
            cover, actor = self._stand(o, start, end)
            clip = torch.lerp(clip, actor, cover.unsqueeze(2))
        if world.flicker:
            gain = torch.rand(clip.shape[:2], generator=self.grain, device=clip.device)
            clip = clip * (1 + world.flicker * (2 * gain - 1))[..., None, None, None]
        if world.noise:
            clip = clip + world.noise * torch.randn(clip.shape, generator=self.grain, device=clip.device)
        return (255 * clip + 0.5).clamp(0, 255).byte()
