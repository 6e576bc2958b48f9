"""Actors: what moves through the course's world. Four shapes, four colours of one brightness, eight motions.

Everything is a formula of place and time, evaluated for many clips at once: where an actor is, how it is turned, how
large it is, and what colour each point of it has. So positions, masks and flow are exact.
"""

import math
from dataclasses import dataclass

import torch
from einops import einsum, rearrange
from jaxtyping import Float, Int
from torch import Tensor

from .textures import OPPONENT

COLOURS = ("red", "blue", "green", "yellow")
SHAPES = ("disk", "square", "triangle", "cross")
MOTIONS = ("right", "down", "left", "up", "clockwise", "anticlockwise", "grow", "shrink")
REACH = (1.0, 1.253, 1.555, 1.226)  # from the centre to the farthest point, for a shape as large as a disk of radius 1
HEADINGS = torch.tensor([(1, 0), (0, 1), (-1, 0), (0, -1)] + 4 * [(0, 0)])  # (u, v) of each motion, for a speed of 1
GROWTH = 0.04  # a speed of 1 px/frame is a growth of 4 % a frame


@dataclass(frozen=True)
class Actors:
    """One or more actors in each of b clips; every field is `b o`.

    colour, shape, motion: places in COLOURS, SHAPES and MOTIONS. speed: pixels per frame; of a turning actor, that of a
    point at `radius`. onset, duration: it moves from frame `onset` to frame `onset + duration`. x, y: its place before
    it moves, in pixels. angle: of its own axes then, in radians. radius: of the disk of the same area, in pixels.
    stripes: the phase of its pattern.
    """

    colour: Int[Tensor, "b o"]
    shape: Int[Tensor, "b o"]
    motion: Int[Tensor, "b o"]
    speed: Float[Tensor, "b o"]
    onset: Int[Tensor, "b o"]
    duration: Int[Tensor, "b o"]
    x: Float[Tensor, "b o"]
    y: Float[Tensor, "b o"]
    angle: Float[Tensor, "b o"]
    radius: Float[Tensor, "b o"]
    stripes: Float[Tensor, "b o"]

    def rows(self, start: int, end: int) -> "Actors":
        """Those of some of the clips."""
        return Actors(**{name: value[start:end] for name, value in vars(self).items()})

    def velocity(self) -> Float[Tensor, "b o 2"]:
        """(u, v) in pixels per frame while the actor moves; (0, 0) for those that turn or grow."""
        return HEADINGS.to(self.speed)[self.motion] * self.speed[..., None]

    def turning(self) -> Float[Tensor, "b o"]:
        """Radians per frame, clockwise on the screen."""
        return _signed(self.motion, "clockwise", "anticlockwise") * self.speed / self.radius

    def growth(self) -> Float[Tensor, "b o"]:
        """The change of log size per frame."""
        return _signed(self.motion, "grow", "shrink") * self.speed * GROWTH

    def moved(self, frames: int) -> Float[Tensor, "b t o"]:
        """For how many frames each actor has moved when frame t is taken."""
        t = torch.arange(frames, device=self.speed.device)[:, None]
        return (t - self.onset[:, None]).clamp_min(0).minimum(self.duration[:, None]).to(self.speed)

    def pose(self, frames: int) -> tuple[Float[Tensor, "b t o 2"], Float[Tensor, "b t o"], Float[Tensor, "b t o"]]:
        """Place (x, y), angle and size (1 half-way through the motion) in every frame, on an endless stage."""
        moved = self.moved(frames)
        place = torch.stack([self.x, self.y], dim=-1)[:, None] + self.velocity()[:, None] * moved[..., None]
        angle = self.angle[:, None] + self.turning()[:, None] * moved
        size = (self.growth()[:, None] * (moved - self.duration[:, None] / 2)).exp()
        return place, angle, size


def _signed(motion: Tensor, plus: str, minus: str) -> Tensor:
    return (motion == MOTIONS.index(plus)).float() - (motion == MOTIONS.index(minus)).float()


def outside(shape: Int[Tensor, "b"], x: Float[Tensor, "b *n"], y: Float[Tensor, "b *n"]) -> Float[Tensor, "b *n"]:
    """How far (x, y) lies outside a shape of area π round the origin; negative inside. Units of that disk's radius.

    Exact along straight edges; near outer corners it is the distance to the nearer edge's line.
    """
    far = torch.empty_like(x)
    for k, distance in enumerate((_disk, _square, _triangle, _cross)):
        chosen = (shape == k).nonzero()[:, 0]
        far[chosen] = distance(x[chosen], y[chosen])
    return far


def _disk(x: Tensor, y: Tensor) -> Tensor:
    return torch.hypot(x, y) - 1


def _square(x: Tensor, y: Tensor) -> Tensor:
    return torch.maximum(x.abs(), y.abs()) - math.sqrt(math.pi) / 2


def _triangle(x: Tensor, y: Tensor) -> Tensor:
    slanted = x.abs() * math.sqrt(3) / 2 - y / 2  # the two upper edges, mirror images
    return torch.maximum(slanted, y) - math.sqrt(math.pi / math.sqrt(27))


def _cross(x: Tensor, y: Tensor) -> Tensor:
    long, half = 1.153, 0.415  # of an arm; the area is 8 long half - 4 half² = π
    wide, tall = torch.maximum(x.abs() - long, y.abs() - half), torch.maximum(x.abs() - half, y.abs() - long)
    return torch.minimum(wide, tall)


def skin(
    colour: Int[Tensor, "b"], x: Float[Tensor, "b *n"], y: Float[Tensor, "b *n"], stripes: Float[Tensor, "b"]
) -> tuple[Float[Tensor, "b 3"], Float[Tensor, "b *n"]]:
    """An actor's colour, and how bright each point of it is (in its own coordinates): RGB is their sum.

    The brightness, ITU-R BT.601 luma, is the same for every colour: who sees only brightness cannot tell them apart.
    """
    hue = 2 * math.pi * colour / len(COLOURS)
    axes = torch.stack([hue.cos(), hue.sin()], dim=-1).float()
    rgb = 0.36 * einsum(axes, OPPONENT[1:].to(axes), "b axes, axes c -> b c")
    phase = rearrange(stripes, f"b -> b {' '.join('1' * (x.ndim - 1))}")
    light = 0.56 + 0.07 * torch.sin(4.2 * x + phase) - 0.06 * (x.square() + y.square()).clamp_max(2)
    return rgb, light
